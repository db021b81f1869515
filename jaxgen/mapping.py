"""One map over images: a function of some variables, applied to any number of images by one
compiled program.

Image i has the key ``fold_in(key(seed), i)`` and a place in a chunk of fixed shape, the last chunk
padded: so what is computed for it is the same, to the bit, however many images there are. Over
another chunk shape or other devices its noise is still bit-equal, and other numbers agree to about
1e-4 (sums are taken in another order).
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxgen import devices, distributed
from jaxgen.images import to_float

CHUNK = 128  # images at once
FEW = 32  # the same where few are asked for, and each costs much


def few(count: int) -> int:
    """The chunk for ``count`` images each of which costs much: one that is alone does not wait for
    a full chunk of copies."""
    return FEW if count > 2 else 1


def map_images(
    function: Callable,
    variables: Any,
    *,
    seed: int = 0,
    indices: np.ndarray | None = None,
    chunk: int = CHUNK,
    progress: Callable[[int], None] = lambda done: None,
    **arrays: Any,
) -> Any:
    """Return what a function makes of n images, as NumPy's arrays, chunk by chunk and on all
    devices.

    ``function(variables, **arrays)`` takes and returns arrays, or trees of them, with the images
    along their first axis; ``variables``, a tree too, are for all images. Bytes among the arrays
    reach it as floats in [0, 1]. Where it has an argument ``keys``, it also gets a key for each
    image: the keys ``indices`` [n] of the seed, the first ones when not given. ``progress`` takes
    how many images are done.

    A function is compiled once in a process for each ``chunk``: the methods of equal families, and
    of families that differ in their guidance alone, are one function. A function that is defined
    anew for a call is compiled for that call.
    """
    indices = np.arange(len(jax.tree.leaves(arrays)[0])) if indices is None else indices
    chunk, done = devices.even(chunk), []
    owner, function = getattr(function, "__self__", None), getattr(function, "__func__", function)
    for start in range(0, len(indices), chunk):
        count = min(chunk, len(indices) - start)
        rows = start + np.arange(chunk).clip(max=count - 1)  # the last image fills the chunk
        part = jax.tree.map(
            lambda leaf, rows=rows: np.asarray(leaf)[rows], (indices.astype(np.uint32), arrays)
        )
        placed = jax.device_put(part, devices.split())
        found = distributed.fetch(_run(function, owner, variables, np.uint32(seed), *placed))
        done.append(jax.tree.map(lambda leaf, count=count: leaf[:count], found))
        progress(start + count)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *done)


@functools.partial(jax.jit, static_argnums=0)
def _run(function, owner, variables, seed, indices, arrays):
    given = jax.tree.map(lambda leaf: to_float(leaf) if leaf.dtype == np.uint8 else leaf, arrays)
    if "keys" in inspect.signature(function).parameters:
        given["keys"] = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), indices)
    return function(*() if owner is None else (owner,), variables, **given)
