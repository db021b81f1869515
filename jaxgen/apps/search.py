"""The latent that best explains the observed pixels, for families that know the density of theirs.

With the decoder g, the observed image s, and nats(s, x) = - log p(s | x), the posterior of the
latent is

    p(z | s, y)  ~  exp(- E(z)),    E(z) = nats(s, g(z, y)) - log p(z | y)                      (1)

TRIED draws of the prior are evaluated. From the best few, and from the image's own latent where the
family has an encoder, Adam descends (1), from all of them at once (``descent``). The result is the
end with the least E, the most probable latent; or, from draws alone, one of the ends by chance,
with a probability in proportion to exp(- E).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen import descent
from jaxgen.arrays import Images, Keys, Labels
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Encodes, HasPriorDensity, able

TRIED = 64
STARTS = 6
STEPS = 150
RATE = 0.1


def explain(
    family: Family,
    nats: Callable[[Images, Images], jax.Array],
    variables: Variables,
    observed: Images,
    labels: Labels,
    keys: Keys,
    chance: bool = False,
) -> Images:
    """Images of the digits ``labels`` that explain the ``observed`` images; by ``chance``, or the
    most probable ones. ``nats(observed, clean)`` [n] is the s and x of (1)."""
    keys_tried, keys_end = split(keys)
    prior = able(family, HasPriorDensity)

    def energies(latents):
        images = family.decode(variables, latents, labels, keys)
        return nats(observed, images) + prior.prior_nll(variables, latents, labels)

    def tried(numbers):  # [n], of a draw for each image
        drawn = jax.vmap(jax.random.fold_in)(keys_tried, numbers)
        return family.prior(variables, drawn, labels)

    starts = descent.best_of(energies, tried, len(labels), TRIED, STARTS)
    # By chance, an image's own latent would win again and again.
    if isinstance(family, Encodes) and not family.encodes_iteratively and not chance:
        own = family.encode(variables, observed, labels)
        starts = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), starts, own)
    ends, last = descent.descend(energies, starts, STEPS, RATE)
    chosen = jax.vmap(jax.random.categorical)(keys_end, -last.T) if chance else last.argmin(0)
    return family.decode(variables, descent.pick(ends, chosen), labels, keys)
