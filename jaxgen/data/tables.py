"""Digits in single files that other programs read.

    .npz        arrays images uint8 [n, 28, 28] and labels int32 [n]
    .csv        a line for each digit, label,pixel0,...,pixel783, below a line of these names
    .parquet    columns image, a struct of a PNG file and no path, and label, with the features that
                Hugging Face datasets read

A label is 0 to 9, or 10 for a drawing of any digit; in Parquet that is -1, as in Hugging Face
datasets.
"""

import io
import json
from collections.abc import Callable

import numpy as np

from jaxgen.data.pictures import png
from jaxgen.data.split import DIGITS


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
