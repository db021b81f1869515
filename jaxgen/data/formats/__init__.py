"""Files of images as others publish them, each known by its contents and not by its name.

    table      what a file holds, as it lies there (Table)
    arrays     IDX, NumPy, MATLAB, HDF5
    text       tables of numbers, ARFF, libsvm
    pens       strokes: pendigits, InkML, SVG
    archives   Parquet; tar and zip, which are unpacked into a folder

``sets`` joins the files of a data set, and brings its images to MNIST's form.
"""

import bz2
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator

from jaxgen.data.formats import archives, arrays, pens, text
from jaxgen.data.formats.archives import ParquetImages
from jaxgen.data.formats.table import (
    LABEL_COLUMNS,
    MOST_BYTES,
    Table,
    part_of,
    role_of,
    stem_of,
)
from jaxgen.errors import UserError

__all__ = [
    "LABEL_COLUMNS",
    "MOST_BYTES",
    "ParquetImages",
    "Table",
    "errors",
    "in_memory",
    "part_of",
    "read",
    "role_of",
    "stem_of",
]

_PARQUET = b"PAR1"
_PACKED: dict[bytes, Callable] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_STARTS: dict[bytes, Callable[[bytes, str], list[Table]]] = {
    b"\x93NUMPY": arrays.npy,
    b"MATLAB 5.0": arrays.mat,
    b"\x89HDF\r\n": arrays.hdf5,
    _PARQUET: archives.parquet,
    b"PK": arrays.npz,
}


_KINDS: dict[Callable[[bytes, str], list[Table]], str] = {
    arrays.idx: "IDX",
    arrays.npy: "NumPy",
    arrays.npz: "NumPy",
    arrays.mat: "MATLAB",
    arrays.hdf5: "HDF5",
    archives.parquet: "Parquet",
    pens.inkml: "InkML",
    pens.svg: "SVG",
    text.arff: "ARFF",
    text.libsvm: "libsvm",
    text.table: "table of numbers",
}


def read(path: str) -> list[Table]:
    """The tables of a file, plain or packed; the images of Parquet stay in the file until they are
    asked for (``in_memory``). Raises UserError, which names the file and where it can the row, for
    a file that is damaged or of no known kind."""
    with errors(path):
        with open(path, "rb") as file:
            if file.read(len(_PARQUET)) == _PARQUET:
                tables = archives.parquet(path, path)
                return [table._replace(kind=_KINDS[archives.parquet]) for table in tables]
        content = _content(path)
        reader = _reader(content)
        return [table._replace(kind=_KINDS[reader]) for table in reader(content, path)]


def in_memory(table: Table) -> Table:
    """A table with its images in memory. Raises UserError as ``read``, and for more than 2 GiB."""
    if not isinstance(table.images, ParquetImages):
        return table
    with errors(table.name):
        return table._replace(images=table.images.all())


@contextlib.contextmanager
def errors(path: str) -> Iterator[None]:
    """Turn the errors of libraries about a file into a UserError."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # libraries raise any class for damaged files
        reason = getattr(error, "strerror", None) or " ".join(f"{error}".split())
        reason = reason.rstrip(".") or type(error).__name__
        raise UserError(f"cannot read {path}: {reason}; give a sound file") from None


def _content(path: str) -> bytes:
    """The bytes of a file, unpacked."""
    with open(path, "rb") as file:
        start = file.read(6)
    opened = next((way for mark, way in _PACKED.items() if start.startswith(mark)), open)
    try:
        with opened(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{error}") from None
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return content


def _reader(content: bytes) -> Callable[[bytes, str], list[Table]]:
    """The reader of such contents."""
    for start, reader in _STARTS.items():
        if content.startswith(start):
            return reader
    if content[:2] == b"\0\0" and content[2:4] > b"\x08":
        return arrays.idx
    start = content[:1000].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start.startswith(b"<"):
        return pens.inkml if b"<ink" in start or b":ink" in start else pens.svg
    if b"\0" in start:
        raise ValueError("it is of no known kind")
    return text.reader(content)
