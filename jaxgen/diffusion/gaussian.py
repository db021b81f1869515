"""The best denoiser of Gaussian images, which a network corrects.

If the images of a digit y were N(mu, C), the mean of x_0 given x_t would be linear in x_t:

    E[x_0 | x_t, y] = mu + alpha C (alpha^2 C + sigma^2 I)^-1 (x_t - alpha mu)                  (1)

At high noise levels a trained denoiser is nearly (1) (Wang and Vastola 2024). A network that adds
its output to (1) has only the rest to learn. With mu = 0 and C = I, (1) is alpha x_t, and nothing
is added to the prediction of v; with another multiple of I it is the skip connection of Karras et
al. 2022.

C is a probabilistic PCA (Tipping and Bishop 1999): r principal axes V with a variance each, and one
variance for all other directions.

    C = V^T diag(variances) V + rest (I - V^T V)                                                (2)
"""

import math
from typing import TypedDict

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen.arrays import IMAGE, SoftLabels
from jaxgen.data import Split

PIXELS = math.prod(IMAGE)
POOLED = 100  # images of all digits that count as images of each, so that few images do no harm
LEAST_VARIANCE = 1e-3  # of pixels in [-1, 1]


class Gaussians(TypedDict):
    """A Gaussian (2) for each class, and one for any class, y in all, of images in [-1, 1]."""

    means: jax.Array  # [y, 784]
    axes: jax.Array  # [y, r, 784], orthonormal
    variances: jax.Array  # [y, r]
    rest: jax.Array  # [y]


def standard(classes: int, rank: int) -> Gaussians:
    """N(0, I) for every class, and for any."""
    axes = jnp.eye(rank, PIXELS)
    return Gaussians(
        means=jnp.zeros((classes + 1, PIXELS)),
        axes=jnp.tile(axes, (classes + 1, 1, 1)),
        variances=jnp.ones((classes + 1, rank)),
        rest=jnp.ones(classes + 1),
    )


def fit(digits: Split, classes: int, rank: int) -> Gaussians:
    """Fit the Gaussians to training digits, on the host; a second for MNIST."""
    import scipy.linalg
    import threadpoolctl

    def principal(covariance):
        """The principal axes [r, 784], their variances [r], and the mean variance of the rest."""
        values, vectors = scipy.linalg.eigh(covariance, subset_by_index=[PIXELS - rank, PIXELS - 1])
        rest = np.maximum((np.trace(covariance) - values.sum()) / (PIXELS - rank), LEAST_VARIANCE)
        return vectors.T, np.maximum(values, rest), rest

    pixels = digits.images.reshape(-1, PIXELS).astype(np.float32) / 127.5 - 1
    # One thread: beside other work, several take ten times as long, waiting for each other.
    with threadpoolctl.threadpool_limits(1):
        every = _moments(pixels)
        found = []
        for digit in range(classes):
            mean, covariance = every
            if len(own := pixels[digits.labels == digit]):
                mean, covariance = _moments(own)
                t = POOLED / (len(own) + POOLED)
                covariance = (1 - t) * covariance + t * every[1]
            found.append((mean, *principal(covariance)))
        found.append((every[0], *principal(every[1])))
    means, axes, variances, rest = (
        jnp.asarray(np.stack(part), jnp.float32) for part in zip(*found, strict=True)
    )
    return Gaussians(means=means, axes=axes, variances=variances, rest=rest)


def _moments(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean [784] and the covariance [784, 784]."""
    mean = pixels.mean(0)
    away = pixels - mean
    return mean, away.T @ away / len(away)


def denoise(
    gaussians: Gaussians, xt: jax.Array, alpha: jax.Array, sigma: jax.Array, labels: SoftLabels
) -> jax.Array:
    """The mean (1) of x_0 [n, 28, 28, 1]; for soft labels, the weighted mean of the digits' own.

    ``alpha`` and ``sigma`` are [n, 1, 1, 1]. The result is linear in the labels.
    """
    pixels = xt.reshape(-1, PIXELS)
    alpha, var = alpha.reshape(-1, 1), sigma.reshape(-1, 1) ** 2  # [n, 1]
    rest = _gain(gaussians["rest"], alpha, var)  # [n, y]
    along = _gain(gaussians["variances"], alpha[..., None], var[..., None])  # [n, y, r]
    centres = jnp.einsum("yp,yrp->yr", gaussians["means"], gaussians["axes"])
    offsets = jnp.einsum("np,yrp->nyr", pixels, gaussians["axes"]) - alpha[..., None] * centres
    offsets = (labels[..., None] * (along - rest[..., None])) * offsets
    x0 = jnp.einsum("nyr,yrp->np", offsets, gaussians["axes"])
    x0 += (labels * rest).sum(1, keepdims=True) * pixels
    x0 += (labels * (1 - alpha * rest)) @ gaussians["means"]
    return x0.reshape(xt.shape)


def flow(
    gaussians: Gaussians, noise: jax.Array, alpha: float, sigma: float, labels: SoftLabels
) -> jax.Array:
    """Take noise [n, 28, 28, 1] to x_t, along the probability flow of Gaussian images (Wang and
    Vastola 2024): where DDIM with (1) arrives in many steps. ``alpha`` and ``sigma`` are those of
    t; for soft labels, the weighted mean."""
    pixels = noise.reshape(-1, PIXELS)
    rest, along = (
        jnp.sqrt(alpha**2 * variance + sigma**2)
        for variance in (gaussians["rest"], gaussians["variances"])
    )
    codes = jnp.einsum("np,yrp->nyr", pixels, gaussians["axes"])
    codes = labels[..., None] * (along - rest[:, None]) * codes
    xt = alpha * (labels @ gaussians["means"]) + jnp.einsum("nyr,yrp->np", codes, gaussians["axes"])
    xt += (labels @ rest)[:, None] * pixels
    return xt.reshape(noise.shape)


def _gain(variance, alpha, var):
    return alpha * variance / (alpha**2 * variance + var)
