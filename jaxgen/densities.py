"""Densities of codes, fitted after training: a Gaussian or a mixture of them for each digit.

A decoder turns any code into an image, but only codes like those of real digits give digits. So
what is drawn from is a density of these (Ghosh et al. 2020, who call it ex-post). Any digit is a
draw from all of them, each as often as its digit occurs.
"""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax

from jaxgen.arrays import DIGITS, NO_DIGIT, Keys, Labels

# Of ``moved``. On 200 validation digits, each made another one, 91 % were recognised without a
# pull, 97.5 % with 3 and 98 % with 5, where less of the hand is left (autoencoder; VAE alike).
PULLS, PULL = 3, 0.05
LEAST_VARIANCE = 1e-4  # added to each, as a share of the mean variance, so that no Gaussian is flat


class Densities(struct.PyTreeNode):
    """A mixture of k Gaussians in z dimensions for each digit."""

    shares: jax.Array  # [10], how often each digit occurs
    weights: jax.Array  # [10, k], of the Gaussians of a digit
    means: jax.Array  # [10, k, z]
    factors: jax.Array  # [10, k, z, z], lower triangular: their product with the transpose is the
    # covariance


def standard(components: int, latents: int) -> Densities:
    """N(0, I) for every digit, which stands where nothing was fitted yet."""
    return Densities(
        shares=jnp.full(DIGITS, 1 / DIGITS),
        weights=jnp.full((DIGITS, components), 1 / components),
        means=jnp.zeros((DIGITS, components, latents)),
        factors=jnp.tile(jnp.eye(latents), (DIGITS, components, 1, 1)),
    )


def fit(codes: np.ndarray, labels: np.ndarray, components: int) -> Densities:
    """Fit to codes [n, z] and their digits [n], on the host; the same codes give the same fit.

    A digit with fewer codes than Gaussians gets one Gaussian, one without codes stays N(0, I).
    """
    found = jax.tree.map(np.array, standard(components, codes.shape[1]))
    counts = np.bincount(labels, minlength=DIGITS)
    found.shares[:] = counts / counts.sum()
    for digit in np.flatnonzero(counts):
        own = codes[labels == digit].astype(np.float64)
        least = LEAST_VARIANCE * own.var(0).mean() + 1e-12
        if components == 1 or len(own) <= 2 * components:
            weights, means = np.ones(1), own.mean(0)[None]
            centred = own - means
            covariances = (centred.T @ centred / len(own))[None]
            covariances = covariances + least * np.eye(codes.shape[1])
        else:
            weights, means, covariances = _mixture(own, components, least)
        found.weights[digit] = 0
        found.weights[digit, : len(weights)] = weights
        found.means[digit, : len(weights)] = means
        found.factors[digit, : len(weights)] = np.linalg.cholesky(covariances)
    return jax.tree.map(jnp.asarray, found)


def _mixture(codes, components, least):
    import threadpoolctl
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(components, reg_covar=least, max_iter=30, random_state=0)
    # One thread: on matrices this small two take ten times as long, waiting for each other.
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # more rounds gain little
        mixture.fit(codes)
    found: Any = mixture  # its attributes are there once it is fitted
    return found.weights_, found.means_, found.covariances_


def draw(densities: Densities, keys: Keys, labels: Labels) -> jax.Array:
    """Draw a code [n, z] for each key, of the digit in ``labels`` or of any for NO_DIGIT."""

    def one(key, label):
        key_digit, key_component, key_noise = jax.random.split(key, 3)
        any_digit = jax.random.categorical(key_digit, jnp.log(densities.shares))
        digit = jnp.where(label == NO_DIGIT, any_digit, label)
        place = jax.random.categorical(key_component, jnp.log(densities.weights[digit]))
        noise = jax.random.normal(key_noise, densities.means.shape[-1:])
        return densities.means[digit, place] + densities.factors[digit, place] @ noise

    return jax.vmap(one)(keys, labels)


def log_density(densities: Densities, codes: jax.Array, labels: Labels) -> jax.Array:
    """log p(code | digit) of codes [n, z] in nats [n]; of any digit for NO_DIGIT."""
    latents = codes.shape[-1]
    inverse = _inverse(densities.factors)
    offsets = jnp.einsum("dkij,dkj->dki", inverse, densities.means, precision="highest")
    # Products alone for each code: solving for each would take a hundred times as long.
    white = jnp.einsum("dkij,nj->ndki", inverse, codes, precision="highest") - offsets
    scale = jnp.log(jnp.diagonal(inverse, axis1=-2, axis2=-1)).sum(-1)  # [d, k]
    parts = scale - 0.5 * (jnp.square(white).sum(-1) + latents * math.log(2 * math.pi))
    known = jax.nn.one_hot(labels, DIGITS)
    digits = jnp.where((labels == NO_DIGIT)[:, None], densities.shares, known)
    weights = digits[:, :, None] * densities.weights
    return jax.nn.logsumexp(parts, b=weights, axis=(1, 2))


def _inverse(factors: jax.Array) -> jax.Array:
    """The inverses of lower triangular matrices [..., z, z], row by row.

    XLA would call LAPACK for them, and a call to it inside a loop that runs on several virtual
    devices of a CPU never comes back.
    """
    size = factors.shape[-1]
    diagonal = jnp.diagonal(factors, axis1=-2, axis2=-1)

    def row(found, place):
        here = lax.dynamic_index_in_dim(factors, place, -2, keepdims=False)
        below = jnp.einsum("...j,...jk->...k", here, found, precision="highest")
        new = (jax.nn.one_hot(place, size) - below) / diagonal[..., place, None]
        return lax.dynamic_update_index_in_dim(found, new, place, -2), None

    return lax.scan(row, jnp.zeros_like(factors), jnp.arange(size))[0]


def moved(densities: Densities, codes: jax.Array, sources: Labels, targets: Labels) -> jax.Array:
    """Codes [n, z] that lie among those of the digits ``targets`` as they lie among those of the
    digits ``sources``: mu_t + L_t L_s^-1 (z - mu_s), with the moments of each whole mixture.

    A digit's codes are no Gaussian, so some end where it has none: PULLS small steps up the
    mixture's own density lead back, each in the metric of its covariance.
    """
    weights = densities.weights[..., None]
    means = (weights * densities.means).sum(1)  # [10, z]
    off = densities.means - means[:, None]
    covariances = densities.factors @ densities.factors.mT + off[..., None] * off[..., None, :]
    covariances = (weights[..., None] * covariances).sum(1)  # [10, z, z]
    factors = jnp.linalg.cholesky(covariances)
    white = jnp.einsum("nij,nj->ni", _inverse(factors)[sources], codes - means[sources])
    start = means[targets] + jnp.einsum("nij,nj->ni", factors[targets], white)

    def pull(codes, _):
        slopes = jax.grad(lambda codes: log_density(densities, codes, targets).sum())(codes)
        return codes + PULL * jnp.einsum("nij,nj->ni", covariances[targets], slopes), None

    return lax.scan(pull, start, length=PULLS)[0]
