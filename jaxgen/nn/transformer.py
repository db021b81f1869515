"""A causal transformer over grids of codes (Vaswani et al. 2017), conditioned on the digit.

Positions are read row by row. The code of a position is predicted from all codes before it; the
four codes that touch the position also enter its first vector directly, as in the first layer of a
PixelCNN (van den Oord et al. 2016). Training predicts all positions of known grids at once.
``sample`` predicts one position after the other, and keeps the keys and values of earlier
positions.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.arrays import Keys
from jaxgen.classes import ANY
from jaxgen.nn.blocks import ZEROS, Digit
from jaxgen.nn.dense import Dense
from jaxgen.nn.guidance import Weight, guided, is_guided

Cache = tuple[jax.Array, jax.Array]  # keys and values of a layer, each [n, positions, heads, e]


class Layer(nn.Module):
    """Causal attention, then two dense layers; each has a residual connection."""

    width: int
    heads: int

    def setup(self):
        self.norms = [nn.RMSNorm() for _ in range(2)]
        self.project = Dense(3 * self.width)
        self.mix = Dense(self.width, kernel_init=ZEROS)
        self.widen = Dense(4 * self.width)
        self.narrow = Dense(self.width, kernel_init=ZEROS)

    def __call__(self, hidden):  # [n, positions, width]
        return self.finish(hidden, attention(*self.split(hidden)))

    def step(self, hidden, cache: Cache, position):
        """The same for one ``position``, [n, 1, width]; returns its vectors and the new cache."""
        query, key, value = self.split(hidden)
        keys = lax.dynamic_update_slice_in_dim(cache[0], key, position, axis=1)
        values = lax.dynamic_update_slice_in_dim(cache[1], value, position, axis=1)
        known = (jnp.arange(keys.shape[1]) <= position)[None, None, None, :]
        mixed = jax.nn.dot_product_attention(query, keys, values, mask=known)
        return self.finish(hidden, mixed), (keys, values)

    def split(self, hidden):
        n, t, _ = hidden.shape
        parts = self.project(self.norms[0](hidden)).reshape(n, t, 3, self.heads, -1)
        return parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]

    def finish(self, hidden, mixed):
        hidden = hidden + self.mix(mixed.reshape(hidden.shape))
        return hidden + self.narrow(nn.silu(self.widen(self.norms[1](hidden))))


def attention(query, key, value):
    """Causal attention; all [n, positions, heads, e]. On CPUs this takes three quarters of the time
    of ``jax.nn.dot_product_attention``, with its gradient."""
    scores = jnp.einsum("nqhe,nkhe->nhqk", query * query.shape[-1] ** -0.5, key)
    after = jnp.triu(jnp.full(scores.shape[2:], -jnp.inf), 1)
    return jnp.einsum("nhqk,nkhe->nqhe", jax.nn.softmax(scores + after), value)


class Prior(nn.Module):
    """The distribution of grids of codes, given the digit. Inputs are the rows [e] of codes, so
    that what the network has learned stays valid while the codebook moves; outputs are logits of
    codes. With ``features``, the numbers of a row, a part of the logits is the product of a vector
    with the rows, so that codes with rows that are alike have like logits (weight tying, Press and
    Wolf 2017)."""

    codes: int
    side: int
    width: int
    depth: int
    heads: int
    classes: int
    features: int = 0

    def setup(self):
        self.neighbours = Dense(self.width)
        positions = (self.side**2, self.width)
        self.positions = self.param("positions", nn.initializers.normal(0.02), positions)
        self.digit = Digit(self.width, self.classes)
        self.layers = [Layer(self.width, self.heads) for _ in range(self.depth)]
        self.norm = nn.RMSNorm()
        self.head = Dense(self.codes, kernel_init=ZEROS)
        if self.features:
            self.aim = Dense(self.features, kernel_init=ZEROS)

    def __call__(self, grids, labels, table):
        """The logits of each code given the rows before it: [n, side, side, e] -> [n, side^2,
        codes]; ``table`` [codes, e] has the rows of all codes."""
        n, side, _, e = grids.shape
        framed = jnp.pad(grids, ((0, 0), (1, 0), (1, 1), (0, 0)))
        above = [framed[:, :side, i : i + side] for i in range(3)]
        near = jnp.concatenate([*above, framed[:, 1:, :side]], axis=-1)
        hidden = self.first(near.reshape(n, side**2, 4 * e), self.positions, labels)
        for layer in self.layers:
            hidden = layer(hidden)
        return self.logits(hidden, table)

    def begin(self, n: int) -> list[Cache]:
        """The caches before the first position."""
        empty = jnp.zeros((n, self.side**2, self.heads, self.width // self.heads))
        return [(empty, empty)] * self.depth

    def step(self, framed, caches: list[Cache], row, column, labels, table):
        """The logits [n, codes] of the position at ``row`` and ``column``, and the new caches.

        ``framed`` [n, side + 1, side + 2, e] has the rows of earlier positions, zeros at later
        ones, and a frame of zeros.
        """
        n, _, _, e = framed.shape
        position = row * self.side + column
        window = lax.dynamic_slice(framed, (0, row, column, 0), (n, 2, 3, e))
        near = window.reshape(n, 1, 6 * e)[..., : 4 * e]  # three above, and the one on the left
        hidden = self.first(near, self.positions[position], labels)
        kept = []
        for layer, cache in zip(self.layers, caches, strict=True):
            hidden, cache = layer.step(hidden, cache, position)
            kept.append(cache)
        return self.logits(hidden, table)[:, 0], kept

    def logits(self, hidden, table):  # [n, t, width] -> [n, t, codes]
        hidden = self.norm(hidden)
        logits = self.head(hidden)
        return logits + self.aim(hidden) @ table.T if self.features else logits

    def first(self, near, positions, labels):  # [n, t, 4e] -> [n, t, width]
        return self.neighbours(near) + positions + self.digit(labels)[:, None]


def noise(prior: Prior, keys: Keys) -> jax.Array:
    """The random numbers for ``sample``: Gumbel noise [n, side^2, codes]."""

    def draw(key, position):
        return jax.random.gumbel(jax.random.fold_in(key, position), (prior.codes,))

    return jax.vmap(jax.vmap(draw, (None, 0)), (0, None))(keys, jnp.arange(prior.side**2))


def sample(
    prior: Prior,
    params,
    table: jax.Array,
    gumbels: jax.Array,
    labels,
    temperature: float,
    guidance: Weight,
) -> jax.Array:
    """Turn Gumbel noise [n, side^2, codes] into a grid of codes [n, side, side] for each label,
    position by position; ``table`` [codes, e] has the rows of the codes. The logits for the digit
    are guided away from the logits for any digit (``nn.guidance``)."""
    n, side, both = labels.shape[0], prior.side, is_guided(guidance)
    asked = jnp.concatenate([labels, jnp.full_like(labels, ANY)]) if both else labels
    repeats = 2 if both else 1

    def draw(carry, here):
        (framed, caches), (row, column, gumbel) = carry, here
        shown = jnp.tile(framed, (repeats, 1, 1, 1))
        logits, caches = prior.apply(
            params, shown, caches, row, column, asked, table, method="step"
        )
        if both:
            logits = guided(logits, guidance)
        codes = (gumbel + logits / temperature).argmax(-1).astype(jnp.int32)
        at = (0, row + 1, column + 1, 0)
        framed = lax.dynamic_update_slice(framed, table[codes][:, None, None], at)
        return (framed, caches), codes

    framed = jnp.zeros((n, side + 1, side + 2, table.shape[-1]))
    caches = prior.apply(params, asked.shape[0], method="begin")
    rows, columns = jnp.indices((side, side)).reshape(2, -1)
    xs = rows, columns, gumbels.swapaxes(0, 1)
    _, codes = lax.scan(draw, (framed, caches), xs)
    return codes.T.reshape(n, side, side)
