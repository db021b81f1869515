"""Drawing images from a trained family, any number of them with one compiled program.

Image i of a seed has the key ``fold_in(key(seed), i)`` and a place in a chunk of fixed shape, the last chunk padded: so it
is the same image, to the bit, however many are drawn. Over another chunk shape or other devices its noise is still
bit-equal, and its pixels agree to about 1e-4 (sums are taken in another order).
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import devices
from jaxgen.arrays import DIGITS, NO_DIGIT
from jaxgen.families.base import Family, Variables

CHUNK = 128  # images drawn at once


def draw(
    family: Family, variables: Variables, labels: np.ndarray, seed: int, chunk: int = CHUNK
) -> np.ndarray:
    """Draw one image for each of ``labels`` [n] (NO_DIGIT: any digit): float32 [n, 28, 28, 1] in [0, 1]."""
    return np.concatenate(list(chunks(family.sample, variables, labels, seed, chunk)))


def chunks(
    function: Callable, variables: Variables, labels: np.ndarray, seed: int, chunk: int = CHUNK, first: int = 0
) -> Iterator[np.ndarray]:
    """Call ``function(variables, keys, labels)`` on chunk after chunk, as ``draw`` does, and yield its results.

    The images are those with the indices from ``first`` on; results have the images along their first axis.
    """
    chunk += -chunk % devices.count()
    images = devices.split()

    @jax.jit
    def run(variables, indices, labels):
        keys = jax.vmap(lambda index: jax.random.fold_in(jax.random.key(seed), index))(indices)
        return function(variables, keys, labels)

    for start in range(0, len(labels), chunk):
        part = np.asarray(labels[start : start + chunk], np.int32)
        padded = np.full(chunk, NO_DIGIT, np.int32)
        padded[: len(part)] = part
        indices = first + start + np.arange(chunk, dtype=np.uint32)
        yield np.asarray(run(variables, *jax.device_put((indices, padded), images)))[: len(part)]


def balanced(count: int) -> np.ndarray:
    """``count`` labels that go round the ten digits: int32 [count]."""
    return (np.arange(count) % DIGITS).astype(np.int32)
