"""The codes of a digit that is hidden in part or damaged, drawn from the prior over grids of codes.

The prior says each code c_i from those before it, and what is seen says how likely each code is at
its place, so that

    p(codes | seen, y)  ~  prod_i p(c_i | c_1 .. c_i-1, y) p(seen_i | c_i)                      (1)

with p(seen_i | c) = 1 for one known code, the same for all codes where all is hidden, and a
Gaussian about the codebook's row where it is damaged. A code that is drawn cannot know the codes
after it. Sequential Monte Carlo mends that (Gordon, Salmond and Smith 1993): many grids are drawn
side by side, and those that made what comes next likely are drawn again in place of the others.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Images, Keys, Labels
from jaxgen.families.base import Variables, split
from jaxgen.families.capabilities import Quantises

GRIDS = 24  # drawn side by side
ROUNDS = 2
NEVER = -1e9  # the logarithm of no probability
# The variance of a damaged code's vector about its row, as a share of the mean squared distance of
# two rows. Between 0.1 and 0.3, the best of four on 200 validation digits: less leaves the damage
# as it is, more leaves little of the image.
LOOSE = 0.2


def complete(
    family: Quantises,
    variables: Variables,
    images: Images,
    visible: Images,
    labels: Labels,
    keys: Keys,
) -> Images:
    """Draw what is hidden, where ``visible`` is 0, given what is not; as whole images."""
    side, size = family.config.grid, family.quantiser.size
    cells = visible.reshape(len(images), side, visible.shape[1] // side, side, -1)
    known = (cells.min((2, 4)) == 1)[..., None]  # [n, side, side, 1]: no pixel of it is hidden
    filled = images * visible
    # An encoder sees beyond the pixels of its code, so the codes next to the hidden part are read
    # once more when it has been filled in.
    for number in range(ROUNDS):
        codes = jax.nn.one_hot(family.encode(variables, filled, labels), size)
        here = jax.vmap(jax.random.fold_in, (0, None))(keys, number)
        drawn = fill(family, variables, jnp.where(known & (codes == 0), NEVER, 0.0), labels, here)
        filled = jnp.where(visible == 1, images, family.decode(variables, drawn, labels, keys))
    return filled


def mend(
    family: Quantises, variables: Variables, seen: Images, labels: Labels, keys: Keys
) -> Images:
    """Draw images whose codes are near the codes of damaged images."""
    vectors, table = family.vectors(variables, seen), family.rows(variables)
    squares = jnp.square(vectors[..., None, :] - table).sum(-1)  # [n, side, side, k]
    apart = jnp.square(table[:, None] - table).sum(-1).mean()  # of two rows
    codes = fill(family, variables, -squares / (2 * LOOSE * apart), labels, keys)
    return family.decode(variables, codes, labels, keys)


def fill(
    family: Quantises, variables: Variables, likely: jax.Array, labels: Labels, keys: Keys
) -> jax.Array:
    """Draw (1): codes int32 [n, side, side], given ``likely`` [n, side, side, k], log p(seen|c)."""
    prior, table, side = family.prior_net, family.rows(variables), family.config.grid
    params, n = variables.params["prior"], len(labels)
    asked = labels.repeat(GRIDS)
    keys, keys_end = split(keys)

    def draw(carry, row):
        (framed, caches, grids, weights), (position, likely) = carry, row
        logits, caches = prior.apply(params, framed, caches, position, asked, method="step")
        said = jax.nn.log_softmax(logits).reshape(n, GRIDS, -1) + likely[:, None]
        weights = weights + jax.nn.logsumexp(said, axis=-1)
        here, again = split(jax.vmap(jax.random.fold_in, (0, None))(keys, position))
        drawn = jax.vmap(jax.random.categorical)(here, said)  # [n, grids]
        grids = grids.at[:, :, position].set(drawn)
        at = (0, position // side + 1, position % side + 1, 0)
        rows = table[drawn.reshape(-1)][:, None, None]
        framed = lax.dynamic_update_slice(framed, rows, at)
        return _again((framed, caches, grids, weights), again), None

    framed = jnp.zeros((n * GRIDS, side + 1, side + 2, table.shape[-1]))
    caches = prior.apply(params, n * GRIDS, method="begin")
    grids, weights = jnp.zeros((n, GRIDS, side**2), jnp.int32), jnp.zeros((n, GRIDS))
    rows = jnp.arange(side**2), likely.reshape(n, side**2, -1).swapaxes(0, 1)
    carry, _ = lax.scan(draw, (framed, caches, grids, weights), rows)
    grids, weights = carry[2:]
    chosen = jax.vmap(jax.random.categorical)(keys_end, weights)
    return grids[jnp.arange(n), chosen].reshape(n, side, side)


def _again(carry, keys):
    """Where few grids have all the weight, draw as many again among them, and weigh all alike."""
    framed, caches, grids, weights = carry
    n, count = weights.shape
    shares = jax.nn.softmax(weights)
    few = 1 / jnp.square(shares).sum(1) < count / 2  # the effective sample size
    spread = (jnp.arange(count) + jax.vmap(jax.random.uniform)(keys)[:, None]) / count
    picked = jax.vmap(jnp.searchsorted)(shares.cumsum(1), spread).clip(max=count - 1)
    picked = jnp.where(few[:, None], picked, jnp.arange(count))
    flat = (jnp.arange(n)[:, None] * count + picked).reshape(-1)
    framed, caches = jax.tree.map(lambda leaf: leaf[flat], (framed, caches))
    grids = jnp.take_along_axis(grids, picked[..., None], 1)
    return framed, caches, grids, jnp.where(few[:, None], 0, weights)
