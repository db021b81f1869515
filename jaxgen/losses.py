"""Losses and divergences: one number per image, in nats, summed over pixels and latents, never
averaged over them.

Only sums make two terms of a bound comparable: with an average over 784 pixels the reconstruction
would count 784 times less than the divergence. ``counts`` is 1 for each pixel that is summed, else
0.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Float

from jaxgen.arrays import Images

PerImage = Float[Array, " n"]
Logits = Float[Array, "n 28 28 1"]
Vectors = Float[Array, "... z"]  # latents, their means or log variances


def squared_error(images: Images, targets: Images, counts: Images | float = 1.0) -> PerImage:
    """|x - x'|^2: minus the log-likelihood of a Gaussian of variance 1/2, up to a constant."""
    return _sum(jnp.square(images - targets), counts)


def gaussian(
    means: Images,
    images: Images,
    log_sigma: Float[Array, ""] | float,
    counts: Images | float = 1.0,
) -> PerImage:
    """Minus the log-density of images under Gaussian pixels with one standard deviation for all."""
    constant = log_sigma + 0.5 * math.log(2 * math.pi)
    return _sum(constant + 0.5 * jnp.exp(-2 * log_sigma) * jnp.square(means - images), counts)


def discretised_gaussian(
    means: Images, images: Images, sigma: Float[Array, ""] | float
) -> PerImage:
    """Minus the log-probability of images of 256 greys from -1 to 1 under Gaussian pixels with one
    standard deviation for all. A grey has the mass of its interval, black and white also the mass
    of the tail (Ho et al. 2020, equation 13)."""
    distance, half = images - means, 1 / 255
    upper = jnp.where(images > 1 - half, jnp.inf, (distance + half) / sigma)
    lower = jnp.where(images < half - 1, -jnp.inf, (distance - half) / sigma)
    # The mirrored interval has the same mass; the logarithms are exact in the tail below the mean.
    mirrored = lower > 0
    lower, upper = jnp.where(mirrored, -upper, lower), jnp.where(mirrored, -lower, upper)
    log_lower, log_upper = log_ndtr(lower), log_ndtr(upper)
    return -_sum(log_upper + jnp.log1p(-jnp.exp(log_lower - log_upper)), 1.0)


def bernoulli(logits: Logits, images: Images, counts: Images | float = 1.0) -> PerImage:
    """Minus the log-probability of black and white images. For grey images this is the
    cross-entropy: the expectation if each pixel is white with the probability of its grey."""
    return _sum(nn.softplus(logits) - images * logits, counts)


def continuous_bernoulli(logits: Logits, images: Images, counts: Images | float = 1.0) -> PerImage:
    """Minus the log-density of grey images under continuous Bernoulli pixels: the cross-entropy,
    normalised to a density on [0, 1] (Loaiza-Ganem and Cunningham 2019)."""
    return bernoulli(logits, images, counts) - _sum(_log_normaliser(logits), counts)


def _sum(pixels, counts):
    return (pixels * counts).sum((1, 2, 3))


def continuous_bernoulli_mean(logits: Logits) -> Images:
    """The mean of continuous Bernoulli pixels, nearer to 1/2 than the sigmoid of the logits."""
    near = jnp.abs(logits) < _NEAR
    safe = jnp.where(near, 1.0, logits)
    # With lambda = sigmoid(l): lambda / (2 lambda - 1) + 1 / (2 artanh(1 - 2 lambda))
    exact = 1 / (-jnp.expm1(-safe)) - 1 / safe
    return jnp.where(near, 0.5 + logits / 12 - logits**3 / 720, exact)


_NEAR = 0.1  # logits nearer to 0 use a series, since the formulas are 0 / 0 at 0


def _log_normaliser(logits):
    """log C(lambda) = log(2 artanh(1 - 2 lambda) / (1 - 2 lambda)) = log(l / tanh(l / 2))."""
    size = jnp.abs(logits)  # the function is even
    near = size < _NEAR
    safe = jnp.where(near, 1.0, size)
    exact = jnp.log(safe / jnp.tanh(safe / 2))
    return jnp.where(near, math.log(2) + jnp.square(size) / 12, exact)


def kl_normal(
    means: Vectors,
    log_vars: Vectors,
    prior_means: Vectors | float = 0.0,
    prior_log_vars: Vectors | float = 0.0,
) -> Vectors:
    """KL(N(mean, var) || N(prior mean, prior var)) of each latent, not summed over the latents.

    In closed form (Kingma and Welling 2014, appendix B); the default prior is N(0, 1).
    """
    ratio = jnp.exp(log_vars - prior_log_vars)
    distance = jnp.square(means - prior_means) * jnp.exp(-prior_log_vars)
    return 0.5 * (ratio + distance - 1 - (log_vars - prior_log_vars))


def log_normal(
    latents: Vectors, means: Vectors | float = 0.0, log_vars: Vectors | float = 0.0
) -> Float[Array, "..."]:
    """The log-density of latents under independent Gaussians, summed over them."""
    terms = log_vars + jnp.square(latents - means) * jnp.exp(-log_vars) + math.log(2 * math.pi)
    return -0.5 * terms.sum(-1)


class Likelihood(NamedTuple):
    """The distribution of pixels given the logits of a decoder."""

    # nats(logits, images, log_sigma, counts); only a Gaussian uses log_sigma
    nats: Callable[[Logits, Images, Float[Array, ""] | float, Images | float], PerImage]
    mean: Callable[[Logits], Images]


LIKELIHOODS = {
    "bernoulli": Likelihood(
        lambda logits, images, _, counts: bernoulli(logits, images, counts), nn.sigmoid
    ),
    "continuous-bernoulli": Likelihood(
        lambda logits, images, _, counts: continuous_bernoulli(logits, images, counts),
        continuous_bernoulli_mean,
    ),
    "gaussian": Likelihood(
        lambda logits, images, log_sigma, counts: gaussian(
            nn.sigmoid(logits), images, log_sigma, counts
        ),
        nn.sigmoid,
    ),
}
