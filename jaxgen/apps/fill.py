"""The codes of a digit that is hidden in part or damaged, drawn from the prior over grids of codes.

The prior gives each code c_i from the codes before it, and the observed image s gives a likelihood
of each code at its position, so that

    p(codes | s, y)  ~  prod_i p(c_i | c_1 .. c_i-1, y) p(s_i | c_i)                            (1)

with p(s_i | c) = 1 for the code of a visible cell, the same value for all codes of a hidden cell,
and a Gaussian about the codebook's row for a damaged cell. A code is drawn before the codes after
it are known. Sequential Monte Carlo corrects for that (Gordon, Salmond and Smith 1993): many grids
are drawn side by side, and grids with likely next codes replace the others.
"""

import jax
import jax.numpy as jnp
from jax import lax

from jaxgen.arrays import Images, Keys, Labels, Noise
from jaxgen.families.base import Variables, split
from jaxgen.families.capabilities import Quantises

GRIDS = 24  # drawn side by side
ROUNDS = 2
NEVER = -1e9  # the logarithm of no probability
# The variance of a damaged code's vector about its row, as a fraction of the mean squared distance
# of two rows. 0.1 and 0.3 are the best of four values on 200 validation digits: with less the
# damage stays, with more little of the image stays.
LOOSE = 0.2


def complete(
    family: Quantises,
    variables: Variables,
    images: Images,
    visible: Images,
    labels: Labels,
    keys: Keys,
) -> Images:
    """Draw the hidden pixels, where ``visible`` is 0, given the others; returns whole images."""
    filled = images * visible
    # A code also depends on pixels around its cell, so the codes next to the hidden part are
    # encoded again after that part is filled in.
    for number in range(ROUNDS):
        here = jax.vmap(jax.random.fold_in, (0, None))(keys, number)
        filled = once(family, variables, images, visible, filled, labels, noise(family, here))
    return filled


def once(
    family: Quantises,
    variables: Variables,
    images: Images,
    visible: Images,
    filled: Images,
    labels: Labels,
    noise: Noise,
) -> Images:
    """One round of ``complete``, from images that are ``filled`` in somehow."""
    side, size, n = family.config.grid, family.quantiser.size, labels.shape[0]
    cells = visible.reshape(n, side, visible.shape[1] // side, side, -1)
    whole = (cells.min((2, 4)) == 1)[..., None]  # [n, side, side, 1]: no pixel is hidden
    codes = jax.nn.one_hot(family.encode(variables, filled, labels), size)
    likely = jnp.where(whole & (codes == 0), NEVER, 0.0)
    drawn = fill(family, variables, likely, labels, noise)
    keys = jax.vmap(jax.random.key)(jnp.zeros(n, jnp.uint32))  # this decoder draws nothing
    return jnp.where(visible == 1, images, family.decode(variables, drawn, labels, keys))


def mend(
    family: Quantises, variables: Variables, observed: Images, labels: Labels, keys: Keys
) -> Images:
    """Draw images whose codes are near the codes of damaged images."""
    codes = fill(family, variables, near(family, variables, observed), labels, noise(family, keys))
    return family.decode(variables, codes, labels, keys)


def near(family: Quantises, variables: Variables, observed: Images) -> jax.Array:
    """log p(s_i | c) [n, side, side, k] of damaged images."""
    vectors, table = family.vectors(variables, observed), family.rows(variables)
    squares = jnp.square(vectors[..., None, :] - table).sum(-1)  # [n, side, side, k]
    between_rows = jnp.square(table[:, None] - table).sum(-1).mean()
    return -squares / (2 * LOOSE * between_rows)


def noise(family: Quantises, keys: Keys) -> Noise:
    """The random numbers for ``fill``, for each key."""
    positions, size = family.config.grid**2, family.quantiser.size
    keys, keys_end = split(keys)

    def draw(key, position):
        here, again = jax.random.split(jax.random.fold_in(key, position))
        return jax.random.gumbel(here, (GRIDS, size)), jax.random.uniform(again)

    gumbels, uniforms = jax.vmap(jax.vmap(draw, (None, 0)), (0, None))(keys, jnp.arange(positions))
    ends = jax.vmap(lambda key: jax.random.gumbel(key, (GRIDS,)))(keys_end)
    return {"gumbel": gumbels, "uniform": uniforms, "gumbel_end": ends}


def fill(
    family: Quantises, variables: Variables, likely: jax.Array, labels: Labels, noise: Noise
) -> jax.Array:
    """Turn ``noise`` into codes int32 [n, side, side], drawn from (1) given the log-likelihoods
    log p(s_i | c) of all codes, ``likely`` [n, side, side, k]."""
    prior, table, side = family.prior_net, family.rows(variables), family.config.grid
    params, n = variables.params["prior"], labels.shape[0]
    repeated = labels.repeat(GRIDS)

    def draw(carry, row):
        (framed, caches, grids, weights), (i, j, likely, gumbel, uniform) = carry, row
        position = i * side + j
        logits, caches = prior.apply(params, framed, caches, i, j, repeated, table, method="step")
        log_probs = jax.nn.log_softmax(logits).reshape(n, GRIDS, -1) + likely[:, None]
        weights = weights + jax.nn.logsumexp(log_probs, axis=-1)
        drawn = (gumbel + log_probs).argmax(-1).astype(jnp.int32)  # [n, grids]
        grids = grids.at[:, :, position].set(drawn)
        at = (0, i + 1, j + 1, 0)
        rows = table[drawn.reshape(-1)][:, None, None]
        framed = lax.dynamic_update_slice(framed, rows, at)
        return _resample((framed, caches, grids, weights), uniform), None

    framed = jnp.zeros((n * GRIDS, side + 1, side + 2, table.shape[-1]))
    caches = prior.apply(params, n * GRIDS, method="begin")
    grids, weights = jnp.zeros((n, GRIDS, side**2), jnp.int32), jnp.zeros((n, GRIDS))
    each = likely.reshape(n, side**2, -1), noise["gumbel"], noise["uniform"]
    rows = *jnp.indices((side, side)).reshape(2, -1), *(part.swapaxes(0, 1) for part in each)
    carry, _ = lax.scan(draw, (framed, caches, grids, weights), rows)
    grids, weights = carry[2:]
    chosen = (noise["gumbel_end"] + weights).argmax(-1)
    return grids.reshape(n * GRIDS, -1)[jnp.arange(n) * GRIDS + chosen].reshape(n, side, side)


def _resample(carry, uniforms):
    """Systematic resampling of an image's grids, after which all have the same weight, where the
    effective sample size is below half of the grids."""
    framed, caches, grids, weights = carry
    n, count = weights.shape
    probs = jax.nn.softmax(weights)
    few = 1 / jnp.square(probs).sum(1) < count / 2
    spread = (jnp.arange(count) + uniforms[:, None]) / count
    below = probs.cumsum(1)[:, :, None] < spread[:, None]  # [n, grids, picked]
    picked = below.sum(1).clip(max=count - 1)
    picked = jnp.where(few[:, None], picked, jnp.arange(count))
    flat = (jnp.arange(n)[:, None] * count + picked).reshape(-1)
    framed, caches = jax.tree.map(lambda leaf: leaf[flat], (framed, caches))
    grids = grids.reshape(n * count, -1)[flat].reshape(grids.shape)
    return framed, caches, grids, jnp.where(few[:, None], 0, weights)
