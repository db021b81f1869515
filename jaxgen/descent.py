"""Multi-start gradient descent: evaluate many candidates, and refine the best few with Adam.

A candidate is a tree of arrays with the n images along the first axis. All starts of all images
descend at once, in one ``lax.scan``.
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
    """The ``starts`` candidates of least energy among ``count``: a tree of [starts, n, ...].

    ``tried(numbers)`` gives for each image the candidate of that number [n]; ``energies`` takes
    candidates and returns their energies [n]."""
    first = lax.map(lambda number: energies(tried(jnp.full(images, number))), jnp.arange(count))
    return jax.vmap(tried)(lax.top_k(-first.T, starts)[1].T)


def descend(
    energies: Callable[[Any], jax.Array], starts: Any, steps: int, rate: float
) -> tuple[Any, jax.Array]:
    """Descend from a tree of [starts, n, ...]; returns the ends and their energies [starts, n]."""
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
    """For each image the end that is ``chosen`` [n] of a tree of ends [starts, n, ...]."""
    return jax.tree.map(lambda parts: parts[chosen, jnp.arange(len(chosen))], ends)
