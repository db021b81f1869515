"""What the train steps learn from: the images of each block of steps, on the devices.

The images of a source that is held in memory are put on the devices once, and a block gets the
indices of its images. Those of a stream (``data.stream``) are put there block by block, and so are
those of which the virtual devices of a CPU would hold too many copies in the same memory.
"""

from collections.abc import Generator, Sequence

import jax
import numpy as np

from jaxgen import devices
from jaxgen.config import Config
from jaxgen.data import Split
from jaxgen.data.batches import Order
from jaxgen.data.stream import Stream

MOST_COPIED = 2 * 10**9  # bytes of images, of all virtual devices together
AHEAD = 100  # steps whose images are read ahead, of all runs together

Fed = tuple[jax.Array, jax.Array, jax.Array]  # images [n, h, w, c], labels [n] and indices


class Resident:
    """Training images that are on the devices; ``block`` is the most steps of a block."""

    def __init__(self, recipes: Sequence[Config], digits: Split, block: int):
        self._recipes, self._block = recipes, block
        self._orders = [Order(recipe.seed, len(digits.labels)) for recipe in recipes]
        self._images, self._labels = jax.device_put(tuple(digits), devices.whole())

    def __call__(self, step: int, stop: int) -> Fed:
        """The images, and their indices for the steps from ``step`` to ``stop``: [k, b], for
        several runs [r, k, b]."""
        rows = _chosen(self._recipes, self._orders, self._block, step, stop)
        return self._images, self._labels, _placed(rows)

    def close(self) -> None:
        """Nothing is to be closed."""


class Sent:
    """Training images in memory, of which those of a block are put on the devices."""

    def __init__(self, recipes: Sequence[Config], digits: Split, block: int):
        self._recipes, self._digits, self._block = recipes, digits, block
        self._orders = [Order(recipe.seed, len(digits.labels)) for recipe in recipes]

    def __call__(self, step: int, stop: int) -> Fed:
        """The images of the steps from ``step`` to ``stop``, and their indices, as ``Resident``."""
        chosen = _chosen(self._recipes, self._orders, self._block, step, stop)
        placed = jax.device_put(
            tuple(part[chosen.ravel()] for part in self._digits), devices.whole()
        )
        return *placed, _placed(np.arange(chosen.size, dtype=np.int32).reshape(chosen.shape))

    def close(self) -> None:
        """Nothing is to be closed."""


class Streamed:
    """Training images that are read while others are learned from."""

    def __init__(self, recipes: Sequence[Config], stream: Stream, block: int):
        self._recipes, self._stream, self._block = recipes, stream, block
        self._readers: list[Generator[Split, None, None]] = []
        self._step = -1  # that the readers give next

    def __call__(self, step: int, stop: int) -> Fed:
        """The images of the steps from ``step`` to ``stop``, and their indices, as ``Resident``."""
        if stop > step and (step != self._step or not self._readers):
            self.close()
            ahead = max(2, AHEAD // len(self._recipes))
            self._readers = [
                self._stream.steps(recipe.seed, recipe.batch, step, ahead)
                for recipe in self._recipes
            ]
        self._step = stop
        shape = len(self._recipes), self._block, self._recipes[0].batch
        images = np.zeros((*shape, *self._stream.shape), np.uint8)
        labels = np.zeros(shape, np.int32)
        for place in range(stop - step):
            for run, reader in enumerate(self._readers):
                images[run, place], labels[run, place] = next(reader)
        rows = np.arange(labels.size, dtype=np.int32).reshape(shape)
        placed = jax.device_put(
            (images.reshape(-1, *self._stream.shape), labels.ravel()), devices.whole()
        )
        return *placed, _placed(rows)

    def close(self) -> None:
        """Stop reading ahead."""
        for reader in self._readers:
            reader.close()
        self._readers = []


def feed(
    recipes: Sequence[Config], digits: Split | Stream, block: int
) -> Resident | Sent | Streamed:
    """The training images of some recipes, for blocks of at most ``block`` steps."""
    if isinstance(digits, Stream):
        return Streamed(recipes, digits, block)
    copies = devices.count() if jax.default_backend() == "cpu" else 1
    fits = digits.images.nbytes * copies <= MOST_COPIED
    return (Resident if fits else Sent)(recipes, digits, block)


def _chosen(
    recipes: Sequence[Config], orders: Sequence[Order], block: int, step: int, stop: int
) -> np.ndarray:
    """The images of the steps from ``step`` to ``stop`` of each run, int32 [r, k, b]."""
    rows = np.zeros((len(recipes), block, recipes[0].batch), np.int32)
    for own, order in zip(rows, orders, strict=True):
        own[: stop - step] = order.indices(step, stop, rows.shape[-1])
    return rows


def _placed(rows: np.ndarray) -> jax.Array:
    """Indices int32 [r, k, b] on the devices, which divide the batches; of one run [k, b]."""
    rows = rows[0] if len(rows) == 1 else rows
    return jax.device_put(rows, devices.split(rows.ndim - 1))
