"""Vectors to codes and back: three kinds of codebook, and how each learns from a batch.

A quantiser has ``size`` codes; each code stands for a row of ``features`` numbers. Vectors [m,
features] and codes [m] are of all positions of all images of a batch. A codebook that is trained by
a gradient is in ``params``, any other in ``stats``.
"""

import abc
import math
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Key

LLOYD = 10  # rounds of k-means


class Quantiser(abc.ABC):
    """A codebook of ``size`` rows of ``features`` numbers."""

    size: int
    features: int
    pulls_rows: ClassVar[bool] = False
    """Whether a gradient moves rows towards their vectors."""
    pulls_vectors: ClassVar[bool] = True
    """Whether a gradient moves vectors towards their rows."""

    @abc.abstractmethod
    def init(self, key: Key) -> tuple[dict, dict]:
        """Fresh params and stats."""

    @abc.abstractmethod
    def rows(self, params: dict, stats: dict) -> jax.Array:
        """The codebook [size, features]."""

    def bound(self, vectors: jax.Array) -> jax.Array:
        """Map vectors of an encoder into the range of the rows."""
        return vectors

    def start(self, stats: dict, vectors: jax.Array, key: Key) -> dict:
        """The stats of the first step, from the vectors of its batch."""
        return stats

    def learn(self, stats: dict, vectors: jax.Array, codes: jax.Array, key: Key) -> dict:
        """The stats after a step in which the vectors have these codes."""
        return stats


@dataclass(frozen=True)
class Gradient(Quantiser):
    """The paper's codebook: weights that are trained by the gradient of |sg[z_e] - e|^2."""

    size: int
    features: int
    pulls_rows: ClassVar[bool] = True

    def init(self, key: Key) -> tuple[dict, dict]:
        # Flat, since the codebook is no map from vectors to vectors: Muon must not take it for one.
        return {"rows": normal_rows(self, key).ravel()}, {}

    def rows(self, params: dict, stats: dict) -> jax.Array:
        return params["rows"].reshape(self.size, self.features)


@dataclass(frozen=True)
class Ema(Quantiser):
    """Each row is a running average of the vectors whose code it is (appendix A.1 of the paper).
    N_i is the running count of row i, n_i its count in the batch:

        N_i <- decay N_i + (1 - decay) n_i                                                      (6)
        m_i <- decay m_i + (1 - decay) sum of the vectors of code i                             (7)
        e_i <- m_i / N_i                                                                        (8)

    The sums m_i = N_i e_i are not stored: (8) is computed as an update of e_i. So sums and rows
    cannot disagree after a start or a restart, and a row without vectors does not move.

    The rows start as the k-means of the vectors of the first batch. A row whose count is below
    ``restart`` times the mean count is dead. It is replaced by a vector of the batch, with the mean
    count; a vector is chosen with a probability that grows with its distance from its row.
    """

    size: int
    features: int
    decay: float
    restart: float

    def init(self, key: Key) -> tuple[dict, dict]:
        return {}, {"rows": normal_rows(self, key), "counts": jnp.zeros(self.size)}

    def rows(self, params: dict, stats: dict) -> jax.Array:
        return stats["rows"]

    def start(self, stats: dict, vectors: jax.Array, key: Key) -> dict:
        rows, counts = k_means(vectors, self.size, key)
        # An empty cluster begins as dead, and is restarted in this step.
        return {"rows": rows, "counts": counts}

    def learn(self, stats: dict, vectors: jax.Array, codes: jax.Array, key: Key) -> dict:
        rows, counts = stats["rows"], stats["counts"]
        taken, sums = totals(vectors, codes, self.size)
        counts = self.decay * counts + (1 - self.decay) * taken
        step = (1 - self.decay) * (sums - taken[:, None] * rows)
        rows = rows + step / jnp.maximum(counts, 1e-12)[:, None]  # no vectors, no step

        mean_count = vectors.shape[0] / self.size
        dead = counts < self.restart * mean_count

        def restarted():
            errors = jnp.square(vectors - rows[codes]).sum(-1)
            fresh = vectors[draw(errors, self.size, key)]
            return jnp.where(dead[:, None], fresh, rows), jnp.where(dead, mean_count, counts)

        rows, counts = lax.cond(dead.any(), restarted, lambda: (rows, counts))
        return {"rows": rows, "counts": counts}


@dataclass(frozen=True)
class Fsq(Quantiser):
    """Finite scalar quantisation (Mentzer et al. 2023): each number of a vector is squashed to
    (-1, 1) and rounded to one of its levels. The codebook is the grid of all combinations; nothing
    is learnt, and no row can die."""

    levels: tuple[int, ...]
    pulls_vectors: ClassVar[bool] = False

    @property
    def size(self) -> int:
        return math.prod(self.levels)

    @property
    def features(self) -> int:
        return len(self.levels)

    def init(self, key: Key) -> tuple[dict, dict]:
        return {}, {}

    def rows(self, params: dict, stats: dict) -> jax.Array:
        axes = [jnp.linspace(-1, 1, level) for level in self.levels]
        return jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, self.features)

    def bound(self, vectors: jax.Array) -> jax.Array:
        return jnp.tanh(vectors)


def nearest(rows: jax.Array, vectors: jax.Array) -> jax.Array:
    """The index of the row [k, e] nearest to each vector [..., e]; of equals, the first."""
    inner = jnp.einsum("...e,ke->...k", vectors, rows, precision=lax.Precision.HIGHEST)
    # |z - e|^2 without |z|^2, which is the same for all rows
    return jnp.argmin(jnp.square(rows).sum(-1) - 2 * inner, axis=-1).astype(jnp.int32)


def totals(vectors: jax.Array, codes: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """The number of vectors of each code [size], and their sums [size, e]."""
    hot = jax.nn.one_hot(codes, size)
    return hot.sum(0), jnp.dot(hot.T, vectors, precision=lax.Precision.HIGHEST)


def k_means(vectors: jax.Array, size: int, key: Key) -> tuple[jax.Array, jax.Array]:
    """The means [size, e] of ``size`` clusters and their counts (Lloyd 1982), begun at vectors
    drawn at random; with fewer vectors than clusters, some clusters begin at the same vector."""

    def improve(rows, _):
        taken, sums = totals(vectors, nearest(rows, vectors), size)
        means = sums / jnp.maximum(taken, 1)[:, None]
        return jnp.where(taken[:, None] > 0, means, rows), None

    first = vectors[draw(jnp.ones(vectors.shape[0]), size, key)]
    rows, _ = lax.scan(improve, first, length=LLOYD)
    counts, _ = totals(vectors, nearest(rows, vectors), size)
    return rows, counts


def draw(weights: jax.Array, count: int, key: Key) -> jax.Array:
    """Draw ``count`` indices without replacement, with probabilities proportional to ``weights``
    [m]; where m is less than ``count``, the indices repeat."""
    gumbels = jax.random.gumbel(key, weights.shape) + jnp.log(jnp.maximum(weights, 1e-30))
    _, order = lax.top_k(gumbels, min(count, weights.shape[0]))
    return jnp.resize(order, (count,))


def normal_rows(quantiser: Quantiser, key: Key) -> jax.Array:
    return jax.random.normal(key, (quantiser.size, quantiser.features))


def perplexity(counts: jax.Array) -> jax.Array:
    """The perplexity of codes with these ``counts`` [k]: as many codes with equal counts would have
    the same entropy."""
    p = counts / jnp.maximum(counts.sum(), 1e-12)
    return jnp.exp(-(p * jnp.log(jnp.maximum(p, 1e-30))).sum())
