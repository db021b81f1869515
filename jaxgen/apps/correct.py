"""Correcting damaged handwriting: p(x given what is seen), where the damage is known by its kind.

    AE, VAE, CVAE, GAN   the latent whose image, damaged, explains what is seen (``search``)
    AE with --net.noise  a denoising autoencoder, once there and back
    VQ-VAE               codes near to those of what is seen, drawn with the prior (``fill``)
    diffusion            of noise the mean of what it may have been; of other damages, sampling that
                         is held to what is seen (``diffuse``)

The digit is never given: it is read off what is seen (``reader``).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen.apps import diffuse, fill, reader, search
from jaxgen.apps.damage import Damage
from jaxgen.arrays import Images
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Diffuses, Quantises
from jaxgen.mapping import FEW, few, map_images


class Corrected(NamedTuple):
    images: np.ndarray  # float32 [n, 28, 28, 1]
    digits: np.ndarray  # int32 [n], read off what is seen


def harm(damage: Damage, images: np.ndarray, seed: int) -> np.ndarray:
    """Damage images float32 [n, 28, 28, 1]; image i goes by ``seed`` and i."""

    def apply(nothing, keys, images):
        return damage.apply(images, keys)

    return map_images(apply, (), seed=seed, chunk=FEW, images=images)


def correct(
    family: Family,
    variables: Variables,
    reading: Any,
    seen: np.ndarray,
    damage: Damage,
    seed: int,
) -> Corrected:
    """Correct images float32 [n, 28, 28, 1]; ``reading`` are the variables of the reader."""
    mend = _method(family, damage)

    def one(both, keys, seen):
        variables, reading = both
        digits = reader.read(reading, seen, jnp.ones_like(seen)).argmax(-1)
        return mend(family, variables, seen, damage, digits, keys), digits

    both = variables, reading
    return Corrected(*map_images(one, both, seed=seed, chunk=few(len(seen)), seen=seen))


def _method(family: Family, damage: Damage) -> Callable[..., Images]:
    if isinstance(family, Diffuses):
        return diffused if damage.sigma is None else denoised
    if isinstance(family, Quantises):
        return filled
    if family.removes_noise:
        return there_and_back
    return searched


def searched(family, variables, seen, damage, labels, keys) -> Images:
    latents = search.search(family, variables, seen, damage.nats, labels, keys)
    return family.decode(variables, latents, labels, keys)


def filled(family, variables, seen, damage, labels, keys) -> Images:
    return fill.mend(family, variables, seen, labels, keys)


def there_and_back(family, variables, seen, damage, labels, keys) -> Images:
    return family.reconstruct(variables, seen, labels, keys)


def denoised(family, variables, seen, damage, labels, keys) -> Images:
    return diffuse.denoise(family, variables, seen, damage.sigma, labels)


def diffused(family, variables, seen, damage, labels, keys) -> Images:
    return diffuse.mend(family, variables, seen, damage, labels, keys)
