"""Correcting damaged handwriting, p(clean image given the damaged one), for a known damage.

    AE, VAE, CVAE, GAN   the latent whose damaged image explains the observed one (``search``)
    AE with --net.noise  the reconstruction of a denoising autoencoder
    VQ-VAE               codes near the codes of the observed image, drawn with the prior (``fill``)
    diffusion            for noise, the mean of the posterior; for other damage, sampling that is
                         conditioned on the observed image (``diffuse``)

The label is unknown: a classifier (``reader``) reads it from the damaged image.
"""

import functools
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
    digits: np.ndarray  # int32 [n], as the reader reads the damaged images


def harm(damage: Damage, images: np.ndarray, seed: int) -> np.ndarray:
    """Damage images float32 [n, 28, 28, 1]; the damage of image i depends on ``seed`` and i."""

    def apply(nothing, images, keys):
        return damage.apply(images, keys)

    return map_images(apply, (), seed=seed, chunk=FEW, images=images)


def correct(
    family: Family,
    variables: Variables,
    reader_variables: Any,
    observed: np.ndarray,
    damage: Damage,
    seed: int,
) -> Corrected:
    """Correct damaged images float32 [n, 28, 28, 1]."""
    mend = _method(family, damage)

    def correct_batch(both, observed, keys):
        variables, reader_variables = both
        digits = reader.read(reader_variables, observed, jnp.ones_like(observed)).argmax(-1)
        return mend(variables, observed, digits, keys), digits

    both, chunk = (variables, reader_variables), few(len(observed))
    return Corrected(*map_images(correct_batch, both, seed=seed, chunk=chunk, observed=observed))


def _method(family: Family, damage: Damage) -> Callable[..., Images]:
    """A function (variables, observed, labels, keys) -> corrected images."""
    if isinstance(family, Diffuses):
        if damage.sigma is None:
            return functools.partial(diffuse.mend, family, damage)
        sigma = damage.sigma
        return lambda variables, observed, labels, keys: diffuse.denoise(
            family, variables, observed, sigma, labels
        )
    if isinstance(family, Quantises):
        return functools.partial(fill.mend, family)
    if family.removes_noise:
        return family.reconstruct
    return functools.partial(search.explain, family, damage.nats)
