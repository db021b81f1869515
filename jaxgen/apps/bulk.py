"""Drawn digits by the million, in shards that any number of processes make without a word, or the
workers of a cluster.

Shard k holds the digits at places k SHARD to (k + 1) SHARD - 1 of the seed, and of N processes
number i makes the shards k with k % N = i. Digits hang on seed and place alone, so whoever makes a
shard makes the same one, and a shard that has its name is whole: the same command, with however
many processes, makes those that are missing. Whoever finds that none is writes what makes of them a
data set of TensorFlow Datasets.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import config as configs
from jaxgen import devices, images, sampling
from jaxgen.apps import origin
from jaxgen.config import Config
from jaxgen.data import Split, files, tfds_writer, writers
from jaxgen.training import trained
from jaxgen.training.folder import RunFolder
from jaxgen.training.trained import Trained

# Whole chunks, so that a digit has the place in its chunk that it has in any other drawing.
SHARD = 80 * sampling.CHUNK
MOST = 2**32  # places in a seed
STATE = "sample.json"


class Share(NamedTuple):
    """What falls to a process."""

    process: int
    processes: int


class Bulk:
    """``count`` digits of a seed in a folder; ``cycle`` int32 [n] are the digits asked for, in
    turn."""

    def __init__(
        self, count: int, cycle: np.ndarray, seed: int, folder: Path, model: Trained, config: Config
    ):
        configs.require("count", count, count <= MOST, f"{MOST} or less of one seed")
        self._count, self._cycle, self._seed = count, cycle, seed
        self._folder, self._model = folder, model
        order = {"count": count, "digit": cycle.tolist(), "seed": seed, "shard": SHARD}
        self._origin = origin.of(order, model, config)
        self._writer = tfds_writer.Shards(folder)

    @property
    def shards(self) -> int:
        """How many there are in all."""
        return -(-self._count // SHARD)

    def missing(self) -> list[int]:
        """The shards that are not there yet."""
        return [n for n in range(self.shards) if not self._writer.has("train", n)]

    def begin(self) -> None:
        """Note in the folder what is made there. Raises UserError where it holds something else."""
        with writers.errors_as_sentences(self._folder):
            if origin.read(self._folder / STATE, self._origin) is None:
                text = json.dumps(self._origin, indent=1) + "\n"
                files.write(self._folder / STATE, text)

    def make(self, number: int) -> None:
        """Make a shard."""
        with writers.errors_as_sentences(self._folder):
            self._writer.write("train", number, self._digits(number))

    def make_share(self, share: Share, tell: Callable[[str], None]) -> None:
        """Make the missing shards that fall to a process."""
        own = [n for n in self.missing() if n % share.processes == share.process]
        for done, number in enumerate(own):
            tell(f"shard {number} of {self.shards}; {len(own) - done} are left to make here")
            self.make(number)

    def end(self) -> int:
        """Describe the data set once all shards are there; returns how many are missing."""
        missing = len(self.missing())
        if not missing:
            with writers.errors_as_sentences(self._folder):
                self._writer.describe({"train": [self._length(n) for n in range(self.shards)]})
                files.remove_drafts(self._folder, f"{tfds_writer.NAME}-train*")
        return missing

    def _length(self, number: int) -> int:
        return min(SHARD, self._count - number * SHARD)

    def _digits(self, number: int) -> Split:
        places = number * SHARD + np.arange(self._length(number))
        labels = self._cycle[places % len(self._cycle)]
        family, variables, *_ = self._model
        drawn = sampling.draw(family, variables, labels, self._seed, places)
        return Split(images.to_uint8(drawn), labels)


class Order(NamedTuple):
    """What the workers of a cluster are given, to make a ``Bulk`` of their own."""

    count: int
    cycle: tuple[int, ...]
    seed: int
    run: Path
    config: Config


def make_shard(folder: Path, order: Order, number: int) -> None:
    """Make a shard, by a worker."""
    devices.start()
    _bulk(folder, order).make(number)


@functools.lru_cache(1)
def _bulk(folder: Path, order: Order) -> Bulk:
    model = trained.load(RunFolder(order.run), order.config, lambda line: None)
    cycle = np.array(order.cycle, np.int32)
    return Bulk(order.count, cycle, order.seed, folder, model, order.config)
