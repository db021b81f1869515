"""Drawn digits by the million, in shards that any number of processes make without a word.

Shard k holds the digits at places k SHARD to (k + 1) SHARD - 1 of the seed, and of N processes
number i makes the shards k with k % N = i. Digits hang on seed and place alone, so whoever makes a
shard makes the same one, and a shard that has its name is whole: the same command, with however
many processes, makes those that are missing. Whoever finds that none is writes what makes of them a
data set of TensorFlow Datasets.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import config as configs
from jaxgen import images, sampling
from jaxgen.apps import origin
from jaxgen.config import Config
from jaxgen.data import Split, files, tfds_writer, writers
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
        self._drawer = sampling.Drawer(model.family)
        self._writer = tfds_writer.Shards(folder)

    def make(self, share: Share, tell: Callable[[str], None]) -> int:
        """Make what is missing of a share; returns how many shards of all are missing then."""
        with writers.told(self._folder):
            if origin.read(self._folder / STATE, self._origin) is None:
                text = json.dumps(self._origin, indent=1) + "\n"
                files.write(self._folder / STATE, text.encode())
            shards = -(-self._count // SHARD)
            own = range(share.process, shards, share.processes)
            for done, number in enumerate(own):
                if not self._writer.has("train", number):
                    tell(f"shard {number} of {shards}; {len(own) - done} are left to make here")
                    self._writer.write("train", number, self._digits(number))
            missing = sum(not self._writer.has("train", number) for number in range(shards))
            if not missing:
                self._writer.describe({"train": [self._length(n) for n in range(shards)]})
                for draft in self._folder.glob(f"{tfds_writer.DRAFT}*"):  # of one that was killed
                    shutil.rmtree(draft, ignore_errors=True)
            return missing

    def _length(self, number: int) -> int:
        return min(SHARD, self._count - number * SHARD)

    def _digits(self, number: int) -> Split:
        places = number * SHARD + np.arange(self._length(number))
        labels = self._cycle[places % len(self._cycle)]
        drawn = self._drawer.draw(self._model.variables, labels, self._seed, places)
        return Split(images.to_uint8(drawn), labels)
