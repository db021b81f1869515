"""The latent that best explains what is seen of an image, where a family says how likely one is.

With g the decoder, what is seen s, and nats(s, x) = - log p(s | x), the posterior of the latent is

    p(z | s, y)  ~  exp(- E(z)),    E(z) = nats(s, g(z, y)) - log p(z | y)                      (1)

Many draws of the prior are tried; from the best few, and from the image's own latent where there is
an encoder, Adam goes down (1), all of them at once (``descent``). The end with the least E is
the most probable; or, from draws alone, one of the ends is taken by chance, as often as exp(- E)
says.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgen import descent
from jaxgen.arrays import Images, Keys, Labels, Latents
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Encodes, HasPriorDensity, able

TRIED = 64
STARTS = 6
STEPS = 150
RATE = 0.1


def search(
    family: Family,
    variables: Variables,
    seen: Images,
    nats: Callable[[Images, Images], jax.Array],
    labels: Labels,
    keys: Keys,
    chance: bool = False,
) -> Latents:
    """Search for latents that explain the observed images ``seen`` of the digits ``labels``."""
    keys_tried, keys_end = split(keys)

    prior = able(family, HasPriorDensity)

    def energies(latents):
        images = family.decode(variables, latents, labels, keys)
        return nats(seen, images) + prior.prior_nll(variables, latents, labels)

    def tried(numbers):  # [n], of a draw for each image
        drawn = jax.vmap(jax.random.fold_in)(keys_tried, numbers)
        return family.prior(variables, drawn, labels)

    starts = descent.best_of(energies, tried, len(labels), TRIED, STARTS)
    # By chance, an image's own latent would win again and again.
    if isinstance(family, Encodes) and not family.encodes_iteratively and not chance:
        own = family.encode(variables, seen, labels)
        starts = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), starts, own)
    ends, last = descent.descend(energies, starts, STEPS, RATE)
    chosen = last.argmin(0)
    if chance:
        chosen = jax.vmap(jax.random.categorical)(keys_end, -last.T)
    return descent.pick(ends, chosen)
