"""Drawn digits by the million, in shards: by any number of processes that need not communicate, or
by the workers of a cluster.

Shard k holds the digits at indices k SHARD to (k + 1) SHARD - 1 of the seed, and process i of N
makes the shards k with k % N = i. A digit depends on seed and index alone, so every process would
make the same shard, and a file gets the name of its shard only when it is whole: the same command,
with any number of processes, makes the missing shards. The process that finds no shard missing
writes the metadata of TensorFlow Datasets.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import config as configs
from jaxgen import devices, images, mapping, sampling
from jaxgen.apps import provenance
from jaxgen.config import Config
from jaxgen.data import Split, files, tfds_writer, writers
from jaxgen.training import published, trained
from jaxgen.training.trained import Trained

# A multiple of CHUNK, so that a digit has the same position in its chunk as in any other drawing.
SHARD = 80 * mapping.CHUNK
INDICES = 2**32  # of a seed
STATE = "sample.json"


class Bulk:
    """``count`` digits of a seed in a folder; ``cycle`` int32 [n] are their labels in turn."""

    def __init__(
        self, count: int, cycle: np.ndarray, seed: int, folder: Path, model: Trained, config: Config
    ):
        configs.require("count", count, count <= INDICES, f"{INDICES} or less of one seed")
        self._lengths = [min(SHARD, count - start) for start in range(0, count, SHARD)]
        self._cycle, self._seed, self._folder, self._model = cycle, seed, folder, model
        order = {"count": count, "digit": cycle.tolist(), "seed": seed, "shard": SHARD}
        self._provenance = provenance.of(order, model, config)
        self._writer = tfds_writer.Shards(folder, model.names)

    def missing(self) -> list[int]:
        """The numbers of the shards that do not exist yet."""
        return [n for n in range(len(self._lengths)) if not self._writer.has("train", n)]

    def begin(self) -> None:
        """Write into the folder how its data set is made. Raises UserError where the folder holds
        something else."""
        with writers.errors_as_sentences(self._folder):
            if provenance.read(self._folder / STATE, self._provenance) is None:
                text = json.dumps(self._provenance, indent=1) + "\n"
                files.write(self._folder / STATE, text)

    def make(self, number: int) -> None:
        """Make a shard."""
        with writers.errors_as_sentences(self._folder):
            self._writer.write("train", number, self._digits(number))

    def make_part(self, process: int, processes: int, progress: Callable[[str], None]) -> None:
        """Make the missing shards of one of ``processes`` processes."""
        numbers = [n for n in self.missing() if n % processes == process]
        for left, number in zip(range(len(numbers), 0, -1), numbers, strict=True):
            progress(f"shard {number} of {len(self._lengths)}; {left} are left to make here")
            self.make(number)

    def end(self) -> int:
        """Describe the data set once all shards exist; returns how many are missing."""
        missing = len(self.missing())
        if not missing:
            with writers.errors_as_sentences(self._folder):
                self._writer.describe({"train": self._lengths})
                files.remove_drafts(self._folder, f"{tfds_writer.NAME}-train*")
        return missing

    def _digits(self, number: int) -> Split:
        indices = number * SHARD + np.arange(self._lengths[number])
        labels = self._cycle[indices % len(self._cycle)]
        family, variables = self._model.family, self._model.variables
        drawn = sampling.draw(family, variables, labels, self._seed, indices)
        return Split(images.to_uint8(drawn), labels)


def make_shard(number: int, *order: Any) -> None:
    """Make a shard in a worker; ``order`` are the arguments of ``_bulk``."""
    devices.start()
    _bulk(*order).make(number)


@functools.lru_cache(1)
def _bulk(
    count: int, cycle: tuple[int, ...], seed: int, folder: Path, run: Path, config: Config
) -> Bulk:
    model = trained.load(published.at(run), config, lambda line: None)
    return Bulk(count, np.array(cycle, np.int32), seed, folder, model, config)
