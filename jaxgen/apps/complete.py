"""Completing a digit that is hidden in part: p(image given its visible pixels), on every family.

    AE, VAE, GAN   the latent that explains what is visible (``search``)
    CVAE           the same; or its own conditional form, if it was trained with
                   --net.part quadrants and whole quadrants are hidden
    VQ-VAE         the prior over the codes that are hidden (``fill``)
    diffusion      sampling that is held to what is visible (``diffuse``)

The digit is not given: a classifier (``reader``) reads it off what is visible. It is the most
likely one; or, for several completions, one by chance for each.
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
    digits: np.ndarray  # int32 [n, ways], read off what is visible


def complete(
    family: Family,
    variables: Variables,
    reading: Any,
    images: np.ndarray,
    visible: np.ndarray,
    ways: int,
    seed: int,
) -> Completed:
    """Complete images float32 [n, 28, 28, 1] where ``visible`` is 0, each in so many ways; what is
    visible stays as it is, bit for bit. ``reading`` are the variables of the reader."""
    chance = ways > 1
    fill_in = _method(family, visible, chance)

    def one(both, keys, images, visible):
        variables, reading = both
        keys_digit, keys_image = split(keys)
        log_probs = reader.read(reading, images, visible)
        digits = log_probs.argmax(-1)
        if chance:
            digits = jax.vmap(jax.random.categorical)(keys_digit, log_probs)
        whole = fill_in(variables, images, visible, digits, keys_image)
        return jnp.where(visible == 1, images, whole), digits

    found, digits = map_images(
        one,
        (variables, reading),
        seed=seed,
        chunk=few(ways * len(images)),
        images=images.repeat(ways, 0),
        visible=visible.repeat(ways, 0),
    )
    return Completed(found.reshape(len(images), ways, *images.shape[1:]), digits.reshape(-1, ways))


def _method(family: Family, visible: np.ndarray, chance: bool) -> Callable[..., Images]:
    """A function of (variables, images, visible, labels, keys) that returns whole images."""
    if isinstance(family, Diffuses):
        return functools.partial(diffuse.complete, family)
    if isinstance(family, Quantises):
        return functools.partial(fill.complete, family)
    if isinstance(family, Completes) and family.completes(visible):
        return family.complete

    def searched(variables, images, visible, labels, keys):
        def nats(observed, images):
            return (visible * damage.gaussian(observed, images)).sum((1, 2, 3))

        return search.explain(family, nats, variables, images * visible, labels, keys, chance)

    return searched


def nearest(images: np.ndarray, visible: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Completion without a model: the hidden part of the training digit uint8 [m, 28, 28, 1] that
    is nearest where an image is visible."""
    flat = to_float(learned).reshape(len(learned), -1)
    squares = np.square(flat)
    found = []
    for start in range(0, len(images), FEW):
        rows = slice(start, start + FEW)
        mask = visible[rows].reshape(-1, flat.shape[1])
        known = images[rows].reshape(mask.shape) * mask
        found.append((mask @ squares.T - 2 * known @ flat.T).argmin(1))
    hidden = flat[np.concatenate(found)].reshape(images.shape)
    return np.where(visible == 1, images, hidden)
