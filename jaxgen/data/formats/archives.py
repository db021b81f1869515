"""Files of many others: Parquet with pictures, as on the Hugging Face hub; tar and zip."""

import io
import json
import os
import tarfile
import zipfile
from typing import Any

import numpy as np

from jaxgen.data.formats.table import MOST_BYTES, Table, part_of

_LABELS = ("label", "labels", "class", "digit", "cls", "character")
MOST_UNPACKED = 2**32  # bytes of all files of an archive
_BLOCK = 512  # bytes: a tar has more than one block
_PICTURES = ("image", "img", "jpg", "jpeg", "png", "webp", "bmp", "ppm", "pgm", "tif", "tiff")


def parquet(content: bytes, name: str) -> list[Table]:
    """Parquet: a column of encoded pictures, or of pixels, and one of labels, with the names of the
    classes in the metadata that Hugging Face's datasets write."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    with pq.ParquetFile(io.BytesIO(content)) as file:
        names = file.schema_arrow.names
        column = next((key for key in names if key.lower() in _PICTURES), None)
        if column is None:
            raise ValueError(f"it has the columns {', '.join(names)}, and no image")
        labelled = next((key for key in names if key.lower() in _LABELS), None)
        groups = (file.metadata.row_group(group) for group in range(file.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        if size > MOST_BYTES:
            raise ValueError(f"it would take {size} bytes, more than {MOST_BYTES}")
        table = file.read([column, *([labelled] if labelled else [])])
        metadata = file.schema_arrow.metadata or {}
    rows: list[Any] = table[column].to_pylist()
    if pa.types.is_list(table[column].type) or pa.types.is_large_list(table[column].type):
        images: Any = np.array(rows)
    else:
        images = [r["bytes"] if isinstance(r, dict) and "bytes" in r else r for r in rows]
        if not all(isinstance(picture, bytes) for picture in images):
            raise ValueError("its images are not image files")
    labels = np.array(table[labelled].to_pylist()) if labelled else None
    return [Table(name, images, labels, part_of(name), _class_names(metadata, labelled))]


def _class_names(metadata: dict[bytes, bytes], column: str | None) -> tuple[str, ...]:
    """The names of the classes that Hugging Face's datasets keep beside a table."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return tuple(map(str, features[column]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()


def is_archive(path: str) -> bool:
    """Whether a file is a zip or a tar, packed or not, of other files than arrays of NumPy."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return not all(name.endswith(".npy") for name in archive.namelist())
    return os.path.getsize(path) > _BLOCK and tarfile.is_tarfile(path)


def unpack(path: str, folder: str, start: str = "") -> None:
    """Write the files of an archive whose names begin with ``start`` into a folder, with their
    folders. Raises ValueError for more than 4 GiB."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if _is_wanted(m.filename, start)]
            _check_size(sum(member.file_size for member in members))
            archive.extractall(folder, members)
        return
    with tarfile.open(path) as archive:
        chosen = [m for m in archive if m.isfile() and _is_wanted(m.name, start)]
        _check_size(sum(member.size for member in chosen))
        archive.extractall(folder, chosen, filter="data")


def _is_wanted(name: str, start: str) -> bool:
    return not name.endswith("/") and name.rpartition("/")[2].startswith(start)


def _check_size(size: int) -> None:
    if size > MOST_UNPACKED:
        raise ValueError(f"it would take {size} bytes, more than {MOST_UNPACKED}")
