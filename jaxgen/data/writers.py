"""Data sets of any size, written piece by piece: one piece is in memory at a time.

A writer of FORMATS puts training digits into a folder. After each piece the folder is a sound data
set of the digits so far; a piece that fails, because the disk is full or the process is stopped,
leaves the folder unchanged. Beside them are the real test digits, to measure what learns from the
folder:

    idx     train-images-idx3-ubyte and train-labels-idx1-ubyte, t10k likewise: MNIST's format
    npz     train-00000.npz and so on, and test.npz, as in ``tables``; csv and parquet alike
    png     train/3/0000007.png: a folder for each class, for the ImageFolder of many libraries
    tfds    a prepared data set of TensorFlow Datasets, in array_record

The same pieces give the same files, to the bit. ``images.save`` writes the same contents as single
files.
"""

import contextlib
import functools
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from jaxgen.classes import in_paths
from jaxgen.data import files, idx, tables
from jaxgen.data.pictures import png
from jaxgen.data.split import Split
from jaxgen.errors import UserError

PIECE = 10_000  # digits in a piece


class Writer(Protocol):
    """Writes one data set."""

    def begin(self, test: Split) -> None:
        """Write the test digits, once."""

    def put(self, start: int, digits: Split) -> None:
        """Write training digits from the index ``start`` on, a multiple of PIECE; replaces what a
        failed attempt has left there."""


class Idx:
    """Files that grow: first the digits are added, and then the header counts them."""

    def __init__(self, folder: Path, names: Sequence[str]):
        self._folder = folder

    def begin(self, test: Split) -> None:
        for path, array in self._arrays("t10k", test).items():
            idx.write(path, array)

    def put(self, start: int, digits: Split) -> None:
        arrays = self._arrays("train", digits)
        try:
            for path, array in arrays.items():
                _cut(path, array, start)
                with path.open("ab") as file:
                    file.write(array.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
            for path in arrays:
                _write_count(path, start + len(digits.labels))
        except BaseException:  # also a signal that stops the process
            with contextlib.suppress(OSError):  # the next attempt cuts the files too
                for path, array in arrays.items():
                    _cut(path, array, start)
            raise

    def _arrays(self, part: str, digits: Split) -> dict[Path, np.ndarray]:
        pair = zip(idx.NAMES, (digits.images[..., 0], digits.labels.astype(np.uint8)), strict=True)
        return {self._folder / f"{part}-{name}": array for name, array in pair}


def _cut(path: Path, array: np.ndarray, count: int) -> None:
    """Keep the first ``count`` items of a file; with 0, write a header alone."""
    header = idx.content(array[:0], packed=False)
    if count == 0:
        path.write_bytes(header)
        return
    _write_count(path, count)
    os.truncate(path, len(header) + count * array[0].nbytes)


def _write_count(path: Path, count: int) -> None:
    """Write the number of items into the header."""
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack(">I", count))


class Pieces:
    """A file for each piece, in a format of ``tables``."""

    def __init__(self, ending: str, folder: Path, names: Sequence[str]):
        self._folder, self._ending, self._names = folder, ending, names

    def begin(self, test: Split) -> None:
        self._write("test", test)

    def put(self, start: int, digits: Split) -> None:
        self._write(f"train-{start // PIECE:05}", digits)

    def _write(self, name: str, digits: Split) -> None:
        arrays = digits.images[..., 0], digits.labels
        content = tables.CONTENTS[self._ending](*arrays, self._names)
        files.write(self._folder / f"{name}{self._ending}", content)


class Png:
    """A file for each image."""

    def __init__(self, folder: Path, names: Sequence[str]):
        self._folder, self._names = folder, names
        files.remove_drafts(folder)

    def begin(self, test: Split) -> None:
        self._write("test", 0, test)

    def put(self, start: int, digits: Split) -> None:
        self._write("train", start, digits)

    def _write(self, part: str, start: int, digits: Split) -> None:
        folders = [self._folder / part / name for name in in_paths(self._names)]
        for folder in folders:  # also for classes without images: the order of folders gives labels
            folder.mkdir(parents=True, exist_ok=True)
        numbered = enumerate(zip(*digits, strict=True), start)
        files.write_all(
            {folders[label] / f"{n:07}.png": png(image[..., 0]) for n, (image, label) in numbered}
        )


class Tfds:
    """A file of records for each piece, and metadata, which count the records."""

    def __init__(self, folder: Path, names: Sequence[str]):
        from jaxgen.data import tfds_writer  # imports TensorFlow Datasets, half a second

        self._shards = tfds_writer.Shards(folder, names)

    def begin(self, test: Split) -> None:
        self._shards.write("test", 0, test)
        self._shards.describe({"test": [len(test.labels)]})

    def put(self, start: int, digits: Split) -> None:
        self._shards.write("train", start // PIECE, digits)
        before, test = [PIECE] * (start // PIECE), self._shards.records("test", 0)
        self._shards.describe({"train": [*before, len(digits.labels)], "test": [test]})


# Each takes the folder and the names of the classes.
FORMATS: dict[str, Callable[[Path, Sequence[str]], Writer]] = {
    "idx": Idx,
    "npz": functools.partial(Pieces, ".npz"),
    "csv": functools.partial(Pieces, ".csv"),
    "parquet": functools.partial(Pieces, ".parquet"),
    "png": Png,
    "tfds": Tfds,
}


@contextlib.contextmanager
def errors_as_sentences(folder: Path):
    """Turn an OSError about a file of the folder into a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}: {error.strerror or error}; the data set so far is sound: "
            "make room, and the same command goes on"
        ) from None
