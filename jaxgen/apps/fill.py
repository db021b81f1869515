"""The codes of what is hidden, drawn from the prior over grids of codes given those that are known.

The prior reads a grid position by position, so a code that is drawn cannot know the codes after it.
Sequential Monte Carlo mends that (Gordon, Salmond and Smith 1993): many grids are drawn side by
side; where a code is known it is put in, and the grids that made it likely are drawn again in place
of the others. An encoder sees beyond the pixels of its code, so the codes next to the hidden part
are read once more when it has been filled in.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Images, Keys, Labels
from jaxgen.families.base import Variables, split
from jaxgen.families.vqvae import VQVAE

GRIDS = 24  # drawn side by side
ROUNDS = 2


def complete(
    family: VQVAE, variables: Variables, images: Images, visible: Images, labels: Labels, keys: Keys
) -> Images:
    """Draw what is hidden, where ``visible`` is 0, given what is not; as whole images."""
    side = family.config.grid
    cells = visible.reshape(len(images), side, visible.shape[1] // side, side, -1)
    known = cells.min((2, 4)) == 1  # [n, side, side]: no pixel of the code is hidden
    filled = images * visible
    for number in range(ROUNDS):
        codes = family.encode(variables, filled, labels)
        here = jax.vmap(jax.random.fold_in, (0, None))(keys, number)
        codes = _fill(family, variables, codes, known, labels, here)
        filled = jnp.where(visible == 1, images, family.decode(variables, codes, labels, keys))
    return filled


def _fill(family, variables, codes, known, labels, keys):
    """Grids whose known codes are these, one for each key: [n, side, side]."""
    prior, table, side = family.prior_net, family.rows(variables), family.config.grid
    params, n = variables.params["prior"], len(codes)
    asked = labels.repeat(GRIDS)
    keys, keys_end = split(keys)

    def draw(carry, row):
        framed, caches, grids, weights = carry
        position, code, is_known = row
        logits, caches = prior.apply(params, framed, caches, position, asked, method="step")
        said = jax.nn.log_softmax(logits).reshape(n, GRIDS, -1)
        here = jax.vmap(jax.random.fold_in, (0, None))(keys, position)
        halves = jax.vmap(jax.random.split)(here)
        drawn = jax.vmap(lambda key, said: jax.random.categorical(key, said))(halves[:, 0], said)
        drawn = jnp.where(is_known[:, None], code[:, None], drawn)  # [n, grids]
        likely = jnp.take_along_axis(said, code[:, None, None], 2)[..., 0]
        weights = weights + jnp.where(is_known[:, None], likely, 0)
        grids = grids.at[:, :, position].set(drawn)
        at = (0, position // side + 1, position % side + 1, 0)
        rows = table[drawn.reshape(-1)][:, None, None]
        framed = lax.dynamic_update_slice(framed, rows, at)
        return _again((framed, caches, grids, weights), halves[:, 1]), None

    framed = jnp.zeros((n * GRIDS, side + 1, side + 2, table.shape[-1]))
    caches = prior.apply(params, n * GRIDS, method="begin")
    grids, weights = jnp.zeros((n, GRIDS, side**2), jnp.int32), jnp.zeros((n, GRIDS))
    rows = jnp.arange(side**2), codes.reshape(n, -1).T, known.reshape(n, -1).T
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
