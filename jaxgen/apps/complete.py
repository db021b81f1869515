"""Completing a digit that is hidden in part: p(image given its visible pixels), on every family.

    AE, VAE, GAN   the latent that explains the visible pixels (``search``)
    CVAE           the same; or its own conditional form, if it was trained with
                   --net.part quadrants and whole quadrants are hidden
    VQ-VAE         the prior over the hidden codes (``fill``)
    diffusion      sampling conditioned on the visible pixels (``diffuse``)

The label is unknown: a classifier (``reader``) gives the probability of each digit from the visible
pixels. One completion takes the most probable digit; of several, each draws one.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.apps import damage, diffuse, fill, reader, search
from jaxgen.arrays import Images
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Completes, Diffuses, Quantises
from jaxgen.images import to_float
from jaxgen.mapping import FEW, few, map_images


class Completed(NamedTuple):
    images: np.ndarray  # float32 [n, ways, 28, 28, 1]
    digits: np.ndarray  # int32 [n, ways], as the reader reads the visible pixels


def complete(
    family: Family,
    variables: Variables,
    reader_variables: Any,
    images: np.ndarray,
    visible: np.ndarray,
    ways: int,
    seed: int,
) -> Completed:
    """Complete images float32 [n, 28, 28, 1] where ``visible`` is 0, each ``ways`` times. Visible
    pixels do not change, bit for bit."""
    draws = ways > 1
    fill_in = _method(family, visible, draws)

    def complete_batch(both, keys, images, visible):
        variables, reader_variables = both
        keys_digit, keys_image = split(keys)
        log_probs = reader.read(reader_variables, images, visible)
        digits = log_probs.argmax(-1)
        if draws:
            digits = jax.vmap(jax.random.categorical)(keys_digit, log_probs)
        whole = fill_in(variables, images, visible, digits, keys_image)
        return jnp.where(visible == 1, images, whole), digits

    completed, digits = map_images(
        complete_batch,
        (variables, reader_variables),
        seed=seed,
        chunk=few(ways * len(images)),
        images=images.repeat(ways, 0),
        visible=visible.repeat(ways, 0),
    )
    shape = (len(images), ways, *images.shape[1:])
    return Completed(completed.reshape(shape), digits.reshape(-1, ways))


def _method(family: Family, visible: np.ndarray, draws: bool) -> Callable[..., Images]:
    """A function (variables, images, visible, labels, keys) -> whole images. ``draws`` is whether
    completions differ by chance."""
    if isinstance(family, Diffuses):
        return functools.partial(diffuse.complete, family)
    if isinstance(family, Quantises):
        return functools.partial(fill.complete, family)
    if isinstance(family, Completes) and family.completes(visible):
        return family.complete

    def searched(variables, images, visible, labels, keys):
        def nats(observed, images):
            return (visible * damage.gaussian(observed, images)).sum((1, 2, 3))

        return search.explain(family, nats, variables, images * visible, labels, keys, draws)

    return searched


def nearest(images: np.ndarray, visible: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Completion without a model: the hidden part is copied from the training digit, of ``learned``
    uint8 [m, 28, 28, 1], whose visible part is nearest."""
    flat = to_float(learned).reshape(len(learned), -1)
    squares = np.square(flat)
    indices = []
    for start in range(0, len(images), FEW):
        rows = slice(start, start + FEW)
        mask = visible[rows].reshape(-1, flat.shape[1])
        observed = images[rows].reshape(mask.shape) * mask
        indices.append((mask @ squares.T - 2 * observed @ flat.T).argmin(1))
    hidden = flat[np.concatenate(indices)].reshape(images.shape)
    return np.where(visible == 1, images, hidden)
