"""Files of many others: Parquet with pictures, as on the Hugging Face hub; tar and zip."""

import io
import itertools
import json
import os
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxgen.data.formats.table import LABEL_COLUMNS, MOST_BYTES, Table, part_of

MOST_UNPACKED = 2**32  # bytes of all files of an archive
_GROUPS = 20  # of rows, which a sample is taken from
_BLOCK = 512  # bytes: a tar has more than one block
_PICTURES = ("image", "img", "jpg", "jpeg", "png", "webp", "bmp", "ppm", "pgm", "tif", "tiff")


class ParquetImages:
    """The images of a Parquet file, which lie on the disk until they are asked for: an array, where
    a row holds pixels, or a list of the contents of image files."""

    def __init__(self, source: str | bytes, column: str, count: int):
        self.source, self._column, self._count = source, column, count

    def __len__(self) -> int:
        return self._count

    def all(self) -> Any:
        """All images. Raises ValueError for more than 2 GiB of them."""
        with _opened(self.source) as file:
            groups = (file.metadata.row_group(group) for group in range(file.num_row_groups))
            size = sum(group.total_byte_size for group in groups)
            if size > MOST_BYTES:
                raise ValueError(f"it would take {size} bytes, more than {MOST_BYTES}")
            return _images(file.read([self._column])[self._column])

    def pieces(self, size: int) -> Iterator[Any]:
        """All images in pieces of ``size`` at most."""
        with _opened(self.source) as file:
            for batch in file.iter_batches(size, columns=[self._column]):
                yield _images(batch[self._column])

    def sample(self, count: int) -> tuple[np.ndarray, Any]:
        """About so many of the images, the first of row groups from all over the file, and their
        rows int [k]."""
        if not self._count:
            return np.empty(0, int), []
        with _opened(self.source) as file:
            groups = range(file.num_row_groups)
            sizes = [file.metadata.row_group(group).num_rows for group in groups]
            starts, each = np.cumsum([0, *sizes]), -(-count // min(len(groups), _GROUPS))
            rows, parts = [], []
            for group in groups[:: max(1, len(groups) // _GROUPS)]:
                for batch in itertools.islice(file.iter_batches(each, [group], [self._column]), 1):
                    parts.append(_images(batch[self._column]))
                    rows.append(starts[group] + np.arange(len(parts[-1])))
        is_array = isinstance(parts[0], np.ndarray)
        images = np.concatenate(parts) if is_array else [*itertools.chain(*parts)]
        return np.concatenate(rows), images


def parquet(source: str | bytes, name: str) -> list[Table]:
    """Parquet, a path or contents: a column of encoded pictures, or of pixels, and one of labels,
    with the names of the classes in the metadata that Hugging Face's datasets write."""
    with _opened(source) as file:
        names = file.schema_arrow.names
        column = next((key for key in names if key.lower() in _PICTURES), None)
        if column is None:
            raise ValueError(f"it has the columns {', '.join(names)}, and no image")
        labelled = next((key for key in names if key.lower() in LABEL_COLUMNS), None)
        labels = _labels(file.read([labelled])[labelled]) if labelled else None
        names = _class_names(file.schema_arrow.metadata or {}, labelled)
        images = ParquetImages(source, column, file.metadata.num_rows)
    return [Table(name, images, labels, part_of(name), names)]


def _opened(source: str | bytes) -> Any:
    from pyarrow import parquet as pq

    return pq.ParquetFile(io.BytesIO(source) if isinstance(source, bytes) else source)


def _images(column: Any) -> Any:
    import pyarrow as pa

    rows: list[Any] = column.to_pylist()
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return np.array(rows)
    images = [row["bytes"] if isinstance(row, dict) and "bytes" in row else row for row in rows]
    if not all(isinstance(picture, bytes) for picture in images):
        raise ValueError("its images are not image files")
    return images


def _labels(column: Any) -> np.ndarray:
    import pyarrow as pa

    if pa.types.is_integer(column.type) and not column.null_count:
        return column.to_numpy()
    return np.array(column.to_pylist())


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
