"""The likelihood of real digits under a model, where there is one.

Bernoulli pixels are black or white, so each grey becomes white with the probability of the grey,
else black: with one fixed seed (static binarisation, Salakhutdinov and Murray 2008), or with any
seed (dynamic).

    - log p(x)  <=  - log 1/k sum_i p(x, z_i) / q(z_i|x)                                        (1)

More codes z_i make the bound tighter (Burda et al. 2016); thousands of codes are usual.
"""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen import images as pixels
from jaxgen import losses
from jaxgen.arrays import IMAGE, Images, Keys, Labels
from jaxgen.data import Split
from jaxgen.families.base import Variables, Variational, draw, split
from jaxgen.families.capabilities import HasBound
from jaxgen.mapping import CHUNK, map_images

Binarisation = Literal["static", "dynamic"]
STATIC = 2008  # the seed of static binarisation


def binarised(images: Images, keys: Keys) -> Images:
    """Images of pixels 0 or 1; a pixel is 1 with the probability of its grey in [0, 1]."""
    u = jax.vmap(lambda key: jax.random.uniform(key, images.shape[1:]))(keys)
    return (u < images).astype(images.dtype)


def importance(
    family: Variational,
    variables: Variables,
    digits: Split,
    samples: int,
    binarisation: Binarisation,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """(1) of each digit in nats [n], with ``samples`` codes, one after another, so that memory does
    not depend on their number. ``progress(done)`` gets the number of digits that are done."""

    def bound(variables, keys, images, labels):
        keys_pixels, keys_codes = split(keys)
        images = binarised(images, keys_pixels)
        return importance_bound(family, variables, images, labels, keys_codes, samples)

    return _each(bound, variables, digits, STATIC if binarisation == "static" else seed, progress)


def of_greys(
    family: HasBound,
    variables: Variables,
    digits: Split,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """The family's bound of each grey digit, in bits per pixel [n], for families that give 256
    greys a probability. ``progress(done)`` gets the number of digits that are done."""
    nats = _each(family.bound, variables, digits, seed, progress)
    return nats / math.log(2) / math.prod(IMAGE)


def _each(function, variables, digits, seed, progress):
    """``function(variables, images, labels, keys)`` of each digit."""
    return map_images(
        function,
        variables,
        seed=seed,
        chunk=min(CHUNK, len(digits.labels)),
        progress=progress,
        images=pixels.to_float(digits.images),
        labels=digits.labels,
    )


def importance_bound(
    family: Variational,
    variables: Variables,
    images: Images,
    labels: Labels,
    keys: Keys,
    samples: int,
) -> jax.Array:
    """(1) of images [n, 28, 28, 1], not binarised, in nats [n]."""
    posterior = family.posterior(variables, images, labels)

    def add(total, number):
        codes = draw(posterior, jax.vmap(jax.random.fold_in, (0, None))(keys, number))
        log_q = losses.log_normal(codes, *posterior)
        log_weight = family.log_joint(variables, images, labels, codes) - log_q
        return jnp.logaddexp(total, log_weight), None

    nothing = jnp.full(len(images), -jnp.inf)
    total, _ = lax.scan(add, nothing, jnp.arange(samples))
    return jnp.log(samples) - total
