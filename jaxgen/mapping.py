"""A map over images: one compiled program applies a function to any number of images.

Image i has the key ``fold_in(key(seed), i)``. All chunks have one shape, the last chunk is padded.
So the result for an image does not depend, to the bit, on the number of images. With another chunk
size or other devices the noise is still bit-equal, and the results agree to about 1e-4, since sums
have another order.
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
FEW = 32  # images at once, for few images that each take long


def few(count: int) -> int:
    """The chunk for ``count`` images that each take long: one or two do not wait for a full chunk
    of copies."""
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
    """Apply a function to n images, chunk by chunk on all devices; return NumPy arrays.

    ``function(variables, **arrays)`` takes and returns trees of arrays with the images along their
    first axis; the tree ``variables`` is the same for all images. uint8 arrays reach the function
    as floats in [0, 1]. If it has an argument ``keys``, it gets a key for each image: the keys of
    number ``indices`` [n] of the seed, 0 to n - 1 by default. ``progress(done)`` is called with the
    number of images done.

    A process compiles a function once for each ``chunk``. The same method of equal families, or of
    families that differ only in their guidance, counts as one function. A new function object, such
    as a lambda, is compiled again.
    """
    indices = np.arange(len(jax.tree.leaves(arrays)[0])) if indices is None else indices
    chunk, results = devices.round_up(chunk), []
    owner, function = getattr(function, "__self__", None), getattr(function, "__func__", function)
    for start in range(0, len(indices), chunk):
        count = min(chunk, len(indices) - start)
        rows = start + np.arange(chunk).clip(max=count - 1)  # the last image fills the chunk
        part = jax.tree.map(
            lambda leaf, rows=rows: np.asarray(leaf)[rows], (indices.astype(np.uint32), arrays)
        )
        part = jax.device_put(part, devices.split())
        result = distributed.fetch(_run(function, owner, variables, np.uint32(seed), *part))
        results.append(jax.tree.map(lambda leaf, count=count: leaf[:count], result))
        progress(start + count)
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *results)


@functools.partial(jax.jit, static_argnums=0)
def _run(function, owner, variables, seed, indices, arrays):
    arrays = jax.tree.map(lambda leaf: to_float(leaf) if leaf.dtype == np.uint8 else leaf, arrays)
    if "keys" in inspect.signature(function).parameters:
        arrays["keys"] = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), indices)
    return function(*() if owner is None else (owner,), variables, **arrays)
