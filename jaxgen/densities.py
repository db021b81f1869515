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

# For ``transferred``. Of 3,000 validation digits, each made another one by two autoencoders, 94.1 %
# are recognised without a pull, 97.2 % with 2, 98.0 % with 3 and 99.0 % with 5, and their slant
# goes with the style's with r = 0.68, 0.60, 0.56 and 0.52 (of 1,200).
PULLS, PULL = 2, 0.05
MEANS = 24  # of which 12 are enough where the largest variance is a thousand times the least
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


def transferred(
    densities: Densities, codes: jax.Array, sources: Labels, targets: Labels
) -> jax.Array:
    """Codes [n, z] that lie among those of the digits ``targets`` as they lie among those of the
    digits ``sources``: mu_t + A (z - mu_s), with the moments of each whole mixture, where A is the
    map between their covariances that moves least (Knott and Smith 1984).

    Codes that lie farther out than those of their digit do in the root mean square come in to
    there first, since the decoder has seen few beyond. A digit's codes are no Gaussian, so some end
    where it has none: PULLS small steps up the mixture's own density lead back, each in the metric
    of its covariance.
    """
    weights = densities.weights[..., None]
    means = (weights * densities.means).sum(1)  # [10, z]
    off = densities.means - means[:, None]
    # In full precision: rounded as products are on some devices, they would be none.
    within = jnp.einsum("dkij,dklj->dkil", *[densities.factors] * 2, precision="highest")
    covariances = (weights[..., None] * (within + off[..., None] * off[..., None, :])).sum(1)
    maps = _least_maps(covariances)[sources, targets]
    away = _come_in(codes - means[sources], _inverse_symmetric(covariances)[sources])
    start = means[targets] + jnp.einsum("nij,nj->ni", maps, away, precision="highest")

    def pull(codes, _):
        slopes = jax.grad(lambda codes: log_density(densities, codes, targets).sum())(codes)
        return codes + PULL * jnp.einsum("nij,nj->ni", covariances[targets], slopes), None

    return lax.scan(pull, start, length=PULLS)[0]


def _come_in(away: jax.Array, inverses: jax.Array) -> jax.Array:
    """Differences [n, z] from a mean, shortened where they are longer, by the inverse of the
    covariance, than the root mean square of that length, sqrt(z)."""
    # Of 3,000 validation digits, each made another one with three pulls, two autoencoders' are
    # recognised in 98.0 % so and in 97.3 % else; of the twentieth farthest out in 98 and 94 %, and
    # a VAE's in 97 and 84 %.
    square = jnp.einsum("ni,nij,nj->n", away, inverses, away, precision="highest")
    mean = away.shape[-1]
    return away * jnp.sqrt(mean / jnp.maximum(square, mean))[:, None]


def _least_maps(covariances: jax.Array) -> jax.Array:
    """For each two of covariances [d, z, z], S and T, the symmetric A with A S A = T: [d, d, z, z].

    It is the geometric mean of T and S^-1, to which their arithmetic mean and their harmonic one
    come nearer when taken again and again (Ando, Li and Mathias 2004); the latter is kept inverted.
    """

    def nearer(means, _):
        arithmetic, harmonic = means
        inverses = _inverse_symmetric(arithmetic), _inverse_symmetric(harmonic)
        return ((arithmetic + inverses[1]) / 2, (harmonic + inverses[0]) / 2), None

    shape = (len(covariances), *covariances.shape)
    start = (jnp.broadcast_to(one, shape) for one in (covariances, covariances[:, None]))
    return lax.scan(nearer, tuple(start), length=MEANS)[0][0]


def _inverse_symmetric(matrices: jax.Array) -> jax.Array:
    """The inverses of symmetric, positive definite matrices [..., z, z], by sweeps over one place
    after the other (Goodnight 1979); without LAPACK, as ``_inverse``."""
    size = matrices.shape[-1]

    def sweep(swept, place):
        column = lax.dynamic_index_in_dim(swept, place, -1, keepdims=False)
        pivot = lax.dynamic_index_in_dim(column, place, -1)[..., None]  # [..., 1, 1]
        here = jax.nn.one_hot(place, size)
        others = 1 - here
        rest = swept - column[..., :, None] * column[..., None, :] / pivot
        beside = others * column
        cross = here[:, None] * beside[..., None, :] + beside[..., :, None] * here
        new = (cross - jnp.outer(here, here)) / pivot
        return others[:, None] * others * rest + new, None

    return -lax.scan(sweep, matrices, jnp.arange(size))[0]
