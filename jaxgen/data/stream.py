"""The training images of a source of too many for memory, as ``data.large`` keeps them on the disk.

The steps of training read theirs from there, through Grain, whose threads read those of the next
steps meanwhile. The batches, and with the same parts the weights, are those of a source in memory
(``batches``)."""

import functools
import os
import weakref
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxgen.data.batches import Order
from jaxgen.data.split import SIDE, Contents, Split
from jaxgen.errors import UserError

PIXELS = SIDE * SIDE
_THREADS = 2
_ENDLESS = 2**40  # steps
_TOGETHER = 10  # steps whose images are read at once: to wake a thread takes as long as to read


@dataclass(frozen=True, repr=False)
class Stream:
    """The training images of a source, which lie on the disk."""

    path: Path
    rows: np.ndarray  # int32 [n]: where in the file each of them is
    labels: np.ndarray  # uint8 [n]
    contents: Contents

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image."""
        return SIDE, SIDE, 1

    def read(self, indices: np.ndarray) -> Split:
        """The images of ``indices`` int [k]. Raises UserError where the file is no more."""
        try:
            images = _images(self._file, self.rows[indices])
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is cut off"
            raise UserError(
                f"cannot read {self.path}: {reason}; the same command makes it anew"
            ) from None
        return Split(images, self.labels[indices].astype(np.int32))

    def steps(self, seed: int, batch: int, start: int, ahead: int) -> Generator[Split, None, None]:
        """The batches of the steps from ``start`` on, without an end; those of ``ahead`` steps are
        read meanwhile. To be closed."""
        import grain  # here, because it imports JAX

        source = _Groups(self, Order(seed, len(self.rows)), batch)
        options = grain.ReadOptions(
            num_threads=_THREADS, prefetch_buffer_size=max(1, ahead // _TOGETHER)
        )
        first, skipped = divmod(start, _TOGETHER)
        groups = iter(grain.MapDataset.source(source)[first:].to_iter_dataset(options))
        try:
            for images, labels in groups:
                for begin in range(skipped * batch, len(labels), batch):
                    yield Split(images[begin : begin + batch], labels[begin : begin + batch])
                skipped = 0
        finally:
            groups.close()

    @functools.cached_property
    def _file(self) -> int:
        """The open file, which stays what it is where the data set is read anew meanwhile."""
        number = os.open(self.path, os.O_RDONLY)
        weakref.finalize(self, os.close, number)
        if hasattr(os, "posix_fadvise"):  # else the system reads more than is asked for
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_RANDOM)
        return number


@dataclass(frozen=True, repr=False)
class _Groups:
    """The batches of _TOGETHER steps at a time: a data source of Grain."""

    stream: Stream
    order: Order
    batch: int

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, index: int) -> Split:
        step = int(index) * _TOGETHER
        return self.stream.read(self.order.indices(step, step + _TOGETHER, self.batch).ravel())


def _images(file: int, rows: np.ndarray) -> np.ndarray:
    """Some images of an open file: uint8 [k, 28, 28, 1]. They are not mapped into memory, where up
    to a megabyte around each of them would stay. Raises OSError or ValueError where some are
    missing."""
    places = (rows.astype(np.int64) * PIXELS).tolist()
    found = b"".join([os.pread(file, PIXELS, place) for place in places])
    return np.frombuffer(found, np.uint8).reshape(len(rows), SIDE, SIDE, 1)


@dataclass(frozen=True)
class OnDisk:
    """The images uint8 [n, 28, 28] of a file, of which only those are read that are asked for."""

    path: Path
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        with self.path.open("rb") as file:
            return _images(file.fileno(), rows)[..., 0]
