"""Digits in single files that other programs read and write.

    .npz        arrays images uint8 [n, 28, 28] and labels int32 [n]
    .csv        a line for each digit, label,pixel0,...,pixel783, below a line of these names
    .parquet    columns image, a struct of a PNG file and no path, and label, with the features that
                Hugging Face datasets read

A label is 0 to 9, or 10 for a drawing of any digit; in Parquet that is -1, as in Hugging Face
datasets.
"""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgen.data.idx import MOST_BYTES
from jaxgen.data.pictures import png
from jaxgen.data.split import DIGITS

_LABELS = ("label", "labels", "class", "digit", "target", "y")


def npz(images: np.ndarray, labels: np.ndarray) -> bytes:
    """The contents of a .npz file of images uint8 [n, h, w] and labels [n]."""
    file = io.BytesIO()
    np.savez_compressed(file, images=images, labels=labels.astype(np.int32))
    return file.getvalue()


def to_csv(images: np.ndarray, labels: np.ndarray) -> bytes:
    pixels = images.reshape(len(images), -1)
    head = ",".join(["label", *(f"pixel{index}" for index in range(pixels.shape[1]))])
    rows = (",".join(map(str, row)) for row in np.column_stack([labels, pixels]).tolist())
    return "\n".join([head, *rows, ""]).encode()


def to_parquet(images: np.ndarray, labels: np.ndarray) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    pictures = [{"bytes": png(image), "path": None} for image in images]
    labels = np.where(labels == DIGITS, -1, labels)
    names = [f"{digit}" for digit in range(DIGITS)]
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    table = pa.table(
        {
            "image": pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": pa.array(labels, pa.int64()),
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


# By the ending of the name: the contents of a file of images uint8 [n, h, w] and labels int [n].
CONTENTS: dict[str, Callable[[np.ndarray, np.ndarray], bytes]] = {
    ".npz": npz,
    ".csv": to_csv,
    ".parquet": to_parquet,
}


def from_csv(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a file with a line for each digit: images [n, h, w], and labels int [n] if it has them,
    in a column with such a name, or without names in the first of 1 + h * w columns. Raises
    ValueError for other files."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        first = next(csv.reader(file), [])
        has_names = any(not _is_number(name) for name in first)
        if not has_names:
            file.seek(0)
        if len(first) < 2:
            raise ValueError("it has no numbers with commas between them")
        values = np.loadtxt(file, np.float32, delimiter=",", ndmin=2)
    if has_names:
        columns = [i for i, name in enumerate(first) if name.strip().lower() in _LABELS]
    else:
        columns = [0] if math.isqrt(len(first) - 1) ** 2 == len(first) - 1 else []
    pixels = np.delete(values, columns, axis=1)
    side = math.isqrt(pixels.shape[1])
    if side * side != pixels.shape[1]:
        raise ValueError(f"it has {pixels.shape[1]} pixels a line, which are not a square")
    if (values[:, columns] % 1).any():
        raise ValueError("its labels are not whole numbers")
    labels = values[:, columns[0]].astype(int) if columns else None
    if not (pixels % 1).any():
        pixels = pixels.astype(np.int32)
    return pixels.reshape(-1, side, side), labels


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def from_parquet(path: str) -> tuple[list[bytes], np.ndarray | None]:
    """Read the column ``image``, the contents of image files, and the labels int [n] of the column
    ``label`` if there is one. Raises ValueError for other files."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        if "image" not in names:
            raise ValueError(f"it has the columns {', '.join(names)}, and no image")
        groups = (file.metadata.row_group(group) for group in range(file.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > MOST_BYTES:
            raise ValueError(f"it would take {size} bytes, more than {MOST_BYTES}")
        table = file.read([name for name in names if name in ("image", "label")])
    rows: list[Any] = table["image"].to_pylist()
    pictures: list[Any] = [
        row["bytes"] if isinstance(row, dict) and "bytes" in row else row for row in rows
    ]
    if not all(isinstance(picture, bytes) for picture in pictures):
        raise ValueError("its images are not image files")
    labels = np.array(table["label"].to_pylist(), int) if "label" in names else None
    return pictures, labels
