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

DECAY = 0.99  # of Adam's second moments, per step


def best_of(
    energies: Callable[[Any], jax.Array],
    candidate: Callable[[jax.Array], Any],
    images: int,
    count: int,
    starts: int,
) -> Any:
    """The ``starts`` candidates of least energy among ``count``: a tree of [starts, n, ...].

    ``candidate(numbers)`` takes a number for each image [n] and returns these candidates;
    ``energies(candidates)`` returns their energies [n].
    """
    numbers = jnp.arange(count)
    first = lax.map(lambda number: energies(candidate(jnp.full(images, number))), numbers)
    return jax.vmap(candidate)(lax.top_k(-first.T, starts)[1].T)


def descend(
    energies: Callable[[Any], jax.Array], starts: Any, steps: int, rate: float
) -> tuple[Any, jax.Array]:
    """Descend from a tree of [starts, n, ...]; returns the ends and their energies [starts, n].
    ``energies(candidates)`` returns energies [n]."""
    adam = optax.adam(optax.cosine_decay_schedule(rate, steps), b2=DECAY)
    slopes = jax.grad(lambda candidates: energies(candidates).sum())

    def descend_one(start):
        def step(carry, _):
            candidates, opt = carry
            updates, opt = adam.update(slopes(candidates), opt)
            return (optax.apply_updates(candidates, updates), opt), None

        (end, _), _ = lax.scan(step, (start, adam.init(start)), length=steps)
        return end, energies(end)

    return jax.vmap(descend_one)(starts)


def pick(ends: Any, chosen: jax.Array) -> Any:
    """For each image, the end of number ``chosen`` [n] in a tree of [starts, n, ...]."""
    return jax.tree.map(lambda parts: parts[chosen, jnp.arange(chosen.shape[0])], ends)
