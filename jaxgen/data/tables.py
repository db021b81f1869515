"""Digits in single files that other programs read.

    .npz        arrays images uint8 [n, 28, 28] and labels int32 [n], and the names of classes that
                are no digits
    .csv        a line for each digit, label,pixel0,...,pixel783, below a line of these names
    .parquet    columns image, a struct of a PNG file and no path, and label, with the features that
                Hugging Face datasets read

A label is the number of a class, or -1 for a drawing of any class, as in Hugging Face datasets.
"""

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxgen.classes import are_digits
from jaxgen.data.pictures import png


def npz(images: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> bytes:
    """The contents of a .npz file of images uint8 [n, h, w] and labels [n]."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {"images": images, "labels": labels.astype(np.int32)}
    if not are_digits(names):
        arrays["names"] = np.array(names)
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def to_csv(images: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> bytes:
    pixels = images.reshape(len(images), -1)
    head = ",".join(["label", *(f"pixel{index}" for index in range(pixels.shape[1]))])
    rows = (",".join(map(str, row)) for row in np.column_stack([labels, pixels]).tolist())
    return "\n".join([head, *rows, ""]).encode()


def to_parquet(images: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    pictures = [{"bytes": png(image), "path": None} for image in images]
    label = {"names": list(names), "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, "label": label}
    table = pa.table(
        {
            "image": pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": pa.array(labels, pa.int64()),
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    file = io.BytesIO()
    parquet.write_table(table, file)
    return file.getvalue()


# By the ending of the name: the contents of a file of images uint8 [n, h, w] and labels int [n],
# with the names of the classes.
CONTENTS: dict[str, Callable[[np.ndarray, np.ndarray, Sequence[str]], bytes]] = {
    ".npz": npz,
    ".csv": to_csv,
    ".parquet": to_parquet,
}
