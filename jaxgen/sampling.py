"""Drawing images from a trained family, any number of them with one compiled program.

Image i of a seed has the key ``fold_in(key(seed), i)`` and a place in a chunk of fixed shape, the
last chunk padded: so it is the same image, to the bit, however many are drawn. Over another chunk
shape or other devices its noise is still bit-equal, and its pixels agree to about 1e-4 (sums are
taken in another order).
"""

from collections.abc import Callable, Iterator

import jax
import numpy as np

from jaxgen import devices
from jaxgen.arrays import DIGITS, NO_DIGIT
from jaxgen.families.base import Family, Variables

CHUNK = 128  # images drawn at once


class Drawer:
    """A family's drawing program, compiled once.

    ``function(variables, keys, labels)`` is the family's ``sample`` unless another is given; what
    it returns has the images along its first axis.
    """

    def __init__(self, family: Family, function: Callable | None = None, chunk: int = CHUNK):
        self.chunk = chunk + -chunk % devices.count()
        function = function or family.sample

        def run(variables, seed, indices, labels):
            keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), indices)
            return function(variables, keys, labels)

        self._run = jax.jit(run)

    def draw(
        self, variables: Variables, labels: np.ndarray, seed: int, first: int = 0
    ) -> np.ndarray:
        """Draw an image for each of ``labels`` [n] (NO_DIGIT: any digit): float32 [n, 28, 28, 1] in
        [0, 1]."""
        return np.concatenate(list(self.chunks(variables, labels, seed, first)))

    def chunks(
        self, variables: Variables, labels: np.ndarray, seed: int, first: int = 0
    ) -> Iterator[np.ndarray]:
        """The same chunk by chunk, for the images from index ``first`` on (a multiple of the
        chunk)."""
        for start in range(0, len(labels), self.chunk):
            part = labels[start : start + self.chunk]
            padded = np.full(self.chunk, NO_DIGIT, np.int32)
            padded[: len(part)] = part
            indices = (first + start + np.arange(self.chunk)).astype(np.uint32)
            placed = jax.device_put((indices, padded), devices.split())
            yield np.asarray(self._run(variables, np.uint32(seed), *placed))[: len(part)]


def balanced(count: int) -> np.ndarray:
    """Labels that go round the ten digits: int32 [count]."""
    return (np.arange(count) % DIGITS).astype(np.int32)
