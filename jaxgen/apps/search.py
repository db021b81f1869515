"""The latent that best explains the observed pixels, for families with a density of latents.

With the decoder g, the observed image s, and nats(s, x) = - log p(s | x), the posterior of the
latent is

    p(z | s, y)  ~  exp(- E(z)),    E(z) = nats(s, g(z, y)) - log p(z | y)                      (1)

CANDIDATES draws of the prior are evaluated. Adam descends (1) from the best few, and from the code
of the observed image where the family has an encoder, all at once (``descent``). The result is the
end with the least E, the most probable latent; or, from draws alone, a random end, with a
probability in proportion to exp(- E).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen import descent
from jaxgen.arrays import Images, Keys, Labels
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Encodes, HasPriorDensity, able

CANDIDATES = 64
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
    draws: bool = False,
) -> Images:
    """Images of the digits ``labels`` that explain the ``observed`` images: random ``draws``, or
    the most probable ones. ``nats(observed, clean)`` [n] is nats(s, x) of (1)."""
    keys_prior, keys_end = split(keys)
    prior = able(family, HasPriorDensity)

    def energies(latents):
        images = family.decode(variables, latents, labels, keys)
        return nats(observed, images) + prior.prior_nll(variables, latents, labels)

    def candidates(numbers):  # [n], of a draw for each image
        keys = jax.vmap(jax.random.fold_in)(keys_prior, numbers)
        return family.prior(variables, family.noise(keys), labels)

    starts = descent.best_of(energies, candidates, len(labels), CANDIDATES, STARTS)
    # Random ends would otherwise be the code of the observed image again and again.
    if isinstance(family, Encodes) and not family.encodes_iteratively and not draws:
        code = family.encode(variables, observed, labels)
        starts = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), starts, code)
    ends, last = descent.descend(energies, starts, STEPS, RATE)
    chosen = jax.vmap(jax.random.categorical)(keys_end, -last.T) if draws else last.argmin(0)
    return family.decode(variables, descent.pick(ends, chosen), labels, keys)
