"""The lowest places of an energy: the best few of many that are tried go down, and all are told.

What is looked for is a tree of arrays for each of n images, image by image along their first axis.
Adam goes down from all starts at once, in one ``lax.scan``.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax


def best_of(
    energies: Callable[[Any], jax.Array],
    tried: Callable[[jax.Array], Any],
    images: int,
    count: int,
    starts: int,
) -> Any:
    """The ``starts`` places of the least energy [n] among ``count``, of which ``tried`` gives one
    for each image by its number [n]: a tree of [starts, n, ...]."""
    first = lax.map(lambda number: energies(tried(jnp.full(images, number))), jnp.arange(count))
    return jax.vmap(tried)(lax.top_k(-first.T, starts)[1].T)


def descend(
    energies: Callable[[Any], jax.Array], starts: Any, steps: int, rate: float
) -> tuple[Any, jax.Array]:
    """Go down from a tree of [starts, n, ...]; the ends, and their energies [starts, n]."""
    adam = optax.adam(optax.cosine_decay_schedule(rate, steps), b2=0.99)
    slopes = jax.grad(lambda places: energies(places).sum())

    def one(start):
        def step(carry, _):
            places, opt = carry
            moves, opt = adam.update(slopes(places), opt)
            return (optax.apply_updates(places, moves), opt), None

        (end, _), _ = lax.scan(step, (start, adam.init(start)), length=steps)
        return end, energies(end)

    return jax.vmap(one)(starts)


def pick(ends: Any, chosen: jax.Array) -> Any:
    """Of a tree of ends [starts, n, ...], the one that is ``chosen`` [n] for each image."""
    return jax.tree.map(lambda parts: parts[chosen, jnp.arange(len(chosen))], ends)
