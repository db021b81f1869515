"""Data sets of any size, written piece by piece in memory for one piece.

A writer of FORMATS puts training digits into a folder, a piece after the other. Between two pieces
the folder is a sound data set of what there is so far; a piece that fails, for want of room or
because the process is stopped, leaves it as it was. The test digits of a real data set stand beside
them, so that what learns from the folder can be measured:

    idx     train-images-idx3-ubyte and train-labels-idx1-ubyte, t10k likewise: as MNIST has them
    npz     train-00000.npz and so on, and test.npz, as ``tables`` has them; csv and parquet alike
    png     train/3/0000007.png: a folder for each digit, as ImageFolder of many libraries reads
    tfds    a prepared data set of TensorFlow Datasets, in array_record

The same pieces give the same files, to the bit.
"""

import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from jaxgen.data import files, idx, pictures, tables
from jaxgen.data.split import Split
from jaxgen.errors import UserError

PIECE = 10_000  # digits in a piece


class Writer(Protocol):
    """Writes one data set."""

    def begin(self, test: Split) -> None:
        """Write what there is but once: the test digits."""

    def put(self, place: int, digits: Split) -> None:
        """Write training digits that come at ``place``, a multiple of PIECE, over what an attempt
        that failed may have left from there on."""


class Idx:
    """Files that grow: first the digits are added, and then the header says that they are there."""

    def __init__(self, folder: Path):
        self._folder = folder

    def begin(self, test: Split) -> None:
        for name, array in _arrays(test).items():
            idx.write(self._folder / f"t10k-{name}", array)

    def put(self, place: int, digits: Split) -> None:
        arrays = {self._folder / f"train-{name}": a for name, a in _arrays(digits).items()}
        try:
            for path, array in arrays.items():
                _cut(path, array, place)
                with path.open("ab") as file:
                    file.write(array.tobytes())
                    file.flush()
                    os.fsync(file.fileno())
            for path in arrays:
                _count(path, place + len(digits.labels))
        except BaseException:  # also where the process is asked to stop
            with contextlib.suppress(OSError):  # the next attempt cuts it all the same
                for path, array in arrays.items():
                    _cut(path, array, place)
            raise


def _arrays(digits: Split) -> dict[str, np.ndarray]:
    return {
        "images-idx3-ubyte": digits.images[..., 0],
        "labels-idx1-ubyte": digits.labels.astype(np.uint8),
    }


def _cut(path: Path, array: np.ndarray, count: int) -> None:
    """Leave the first ``count`` items of a file; with none, a header alone."""
    header = idx.content(array[:0], packed=False)
    if count == 0:
        path.write_bytes(header)
        return
    _count(path, count)
    os.truncate(path, len(header) + count * array[0].nbytes)


def _count(path: Path, count: int) -> None:
    """Let the header say how many items there are."""
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack(">I", count))


class Pieces:
    """A file a piece, of a kind of ``tables``."""

    def __init__(self, folder: Path, ending: str):
        self._folder, self._ending = folder, ending

    def begin(self, test: Split) -> None:
        self._write("test", test)

    def put(self, place: int, digits: Split) -> None:
        self._write(f"train-{place // PIECE:05}", digits)

    def _write(self, name: str, digits: Split) -> None:
        content = tables.CONTENTS[self._ending](digits.images[..., 0], digits.labels)
        files.write(self._folder / f"{name}{self._ending}", content)


class Png:
    """A file a digit."""

    def __init__(self, folder: Path):
        self._folder = folder

    def begin(self, test: Split) -> None:
        self._write("test", 0, test)

    def put(self, place: int, digits: Split) -> None:
        self._write("train", place, digits)

    def _write(self, part: str, place: int, digits: Split) -> None:
        folders = [self._folder / part / f"{digit}" for digit in range(10)]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / ".draft.png"
        try:
            for number, (image, label) in enumerate(zip(*digits, strict=True), place):
                draft.write_bytes(pictures.png(image[..., 0]))
                draft.replace(folders[label] / f"{number:07}.png")
            os.sync()  # all at once: a call of fsync for each of them takes many times as long
        finally:
            draft.unlink(missing_ok=True)


def _tfds(folder: Path) -> Writer:
    from jaxgen.data import tfds_writer  # imports TensorFlow Datasets, half a second

    return tfds_writer.Tfds(folder)


FORMATS: dict[str, Callable[[Path], Writer]] = {
    "idx": Idx,
    "npz": lambda folder: Pieces(folder, ".npz"),
    "csv": lambda folder: Pieces(folder, ".csv"),
    "parquet": lambda folder: Pieces(folder, ".parquet"),
    "png": Png,
    "tfds": _tfds,
}


@contextlib.contextmanager
def errors_as_sentences(folder: Path):
    """Tell what goes wrong with a file as a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot write into {folder}: {error.strerror or error}; what is there is sound: make "
            "room, and the same command goes on"
        ) from None
