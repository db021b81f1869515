"""A causal transformer over grids of codes (Vaswani et al. 2017), told the digit.

Positions are read row by row. Each is said from the codes before it, of which the four that touch
it come straight into its first vector, as in a PixelCNN's first layer (van den Oord et al. 2016).
``Prior.__call__`` says the logits of all positions of known grids, as training wants it;
``Prior.draw`` draws a grid, each position once, keeping the keys and values of those before.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.arrays import Keys
from jaxgen.nn.blocks import ZEROS, Digit

Cache = tuple[jax.Array, jax.Array]  # keys and values of a layer, each [n, positions, heads, e]


class Layer(nn.Module):
    """Attention to the positions up to one's own, then two dense layers, each beside a shortcut."""

    width: int
    heads: int

    def setup(self):
        self.norms = [nn.RMSNorm() for _ in range(2)]
        self.project = nn.Dense(3 * self.width)
        self.mix = nn.Dense(self.width, kernel_init=ZEROS)
        self.widen = nn.Dense(4 * self.width)
        self.narrow = nn.Dense(self.width, kernel_init=ZEROS)

    def __call__(self, hidden):  # [n, positions, width]
        query, key, value = self.split(hidden)
        mixed = jax.nn.dot_product_attention(query, key, value, is_causal=True)
        return self.finish(hidden, mixed)

    def step(self, hidden, cache: Cache, position):
        """The same for one ``position`` alone, [n, 1, width], and the cache with it."""
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


class Prior(nn.Module):
    """The distribution of grids of codes, each in 0 .. codes - 1, of a digit."""

    codes: int
    side: int
    width: int
    depth: int
    heads: int

    def setup(self):
        # A table for each neighbour: left, above left, above, above right. The last row is "none".
        self.tables = [nn.Embed(self.codes + 1, self.width) for _ in range(4)]
        positions = (self.side**2, self.width)
        self.positions = self.param("positions", nn.initializers.normal(0.02), positions)
        self.digit = Digit(self.width)
        self.layers = [Layer(self.width, self.heads) for _ in range(self.depth)]
        self.norm = nn.RMSNorm()
        self.head = nn.Dense(self.codes, kernel_init=ZEROS)

    def __call__(self, grids, labels):
        """The logits of each code given those before it: [n, side, side] -> [n, side^2, codes]."""
        n, side = len(grids), self.side
        framed = lax.dynamic_update_slice(self.frame(n), grids, (0, 1, 1))
        windows = [framed[:, 1:, :side], *(framed[:, :side, i : i + side] for i in range(3))]
        neighbours = jnp.stack(windows, axis=-1).reshape(n, side**2, 4)
        hidden = self.first(neighbours, self.positions, labels)
        for layer in self.layers:
            hidden = layer(hidden)
        return self.head(self.norm(hidden))

    def begin(self, n: int) -> tuple[jax.Array, list[Cache]]:
        """What ``step`` keeps, before the first position."""
        empty = jnp.zeros((n, self.side**2, self.heads, self.width // self.heads))
        return self.frame(n), [(empty, empty)] * self.depth

    def step(self, framed, caches: list[Cache], position, labels):
        """The logits [n, codes] of one ``position``, given a frame with the codes before it."""
        window = lax.dynamic_slice(framed, (0, *self.place(position)), (len(framed), 2, 3))
        neighbours = jnp.concatenate([window[:, 1, :1], window[:, 0]], axis=-1)
        hidden = self.first(neighbours[:, None], self.positions[position], labels)
        kept = []
        for layer, cache in zip(self.layers, caches, strict=True):
            hidden, cache = layer.step(hidden, cache, position)
            kept.append(cache)
        return self.head(self.norm(hidden))[:, 0], kept

    def first(self, neighbours, positions, labels):  # [n, t, 4] -> [n, t, width]
        hidden = sum(table(neighbours[..., i]) for i, table in enumerate(self.tables))
        return hidden + positions + self.digit(labels)[:, None]

    def frame(self, n: int):
        """Grids of "none" with a row above and a column on each side, so that every position has
        its four neighbours: [n, side + 1, side + 2]."""
        return jnp.full((n, self.side + 1, self.side + 2), self.codes, jnp.int32)

    def place(self, position):
        return position // self.side, position % self.side


def sample(prior: Prior, params, keys: Keys, labels, temperature: float) -> jax.Array:
    """Draw a grid [n, side, side] for each key and label, position by position."""

    def draw(carry, position):
        framed, caches = carry
        logits, caches = prior.apply(params, framed, caches, position, labels, method="step")
        keys_here = jax.vmap(jax.random.fold_in, (0, None))(keys, position)
        codes = jax.vmap(jax.random.categorical)(keys_here, logits / temperature)
        row, column = prior.place(position)
        codes = codes.astype(jnp.int32)[:, None, None]
        framed = lax.dynamic_update_slice(framed, codes, (0, row + 1, column + 1))
        return (framed, caches), None

    start = prior.apply(params, len(labels), method="begin")
    (framed, _), _ = lax.scan(draw, start, jnp.arange(prior.side**2))
    return framed[:, 1:, 1:-1]
