"""From settings to optax: the schedule of the learning rate, and the optimiser of a player."""

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jax import lax

from jaxgen import devices
from jaxgen.config import Optim


def rate(config: Optim, steps: int, turns: int = 1, pace: float = 1.0) -> optax.Schedule:
    """The learning rate at each update of a player with ``turns`` updates per step: a rise over
    ``warmup`` steps to ``pace`` times the set rate, then a fall to 0 at the horizon."""
    horizon = config.horizon or steps
    warmup = min(config.warmup, horizon // 2)
    fall = {
        "cosine": lambda fraction: 0.5 * (1 + jnp.cos(jnp.pi * fraction)),
        "linear": lambda fraction: 1 - fraction,
        "none": lambda fraction: jnp.ones_like(fraction),
    }[config.decay]

    def at(turn):
        step = turn // turns
        rise = jnp.minimum((step + 1) / max(warmup, 1), 1.0)
        fraction = jnp.clip((step - warmup) / max(horizon - warmup, 1), 0.0, 1.0)
        return pace * config.rate * rise * fall(fraction)

    return at


def build(
    config: Optim, steps: int, turns: int = 1, pace: float = 1.0
) -> optax.GradientTransformation:
    """The optimiser of one player, after clipping the norm of the gradient."""
    clip = optax.clip_by_global_norm(config.clip) if config.clip else optax.identity()
    rates = rate(config, steps, turns, pace)
    return optax.chain(clip, {"adam": _adam, "muon": _muon}[config.name](config, rates))


def _adam(config: Optim, rate: optax.Schedule) -> optax.GradientTransformation:
    return optax.adamw(rate, config.b1, config.b2, weight_decay=config.weight_decay)


def _muon(config: Optim, rate: optax.Schedule) -> optax.GradientTransformation:
    """Muon (Jordan et al. 2024): orthogonalises the momentum of each matrix and scales it to the
    size of Adam's updates. A kernel is a matrix of its other axes by its last axis."""

    def axes(stacks):  # None: Adam
        matrix = optax.contrib.MuonDimensionNumbers(1, 2)
        return jax.tree.map(lambda stack: matrix if stack.ndim == 3 else None, stacks)

    return stacked(
        optax.contrib.muon(
            rate,
            adam_b1=config.b1,
            adam_b2=config.b2,
            weight_decay=config.weight_decay,
            consistent_rms=0.2,
            muon_weight_dimension_numbers=axes,
        )
    )


def stacked(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Give ``inner`` the matrices of each shape as one stack, and all other weights as one vector.

    With this Muon computes a few products of stacks instead of hundreds of small products.
    """

    def init(params):
        return inner.init(_stack(params))

    def update(updates, state, params=None):
        stacks, state = inner.update(_stack(updates), state, _stack(params))
        return _unstack(jax.tree.map(_divided, stacks), updates), state

    return optax.GradientTransformation(init, update)


def _stack(tree) -> dict[str, jax.Array]:
    groups = {}
    for leaf in jax.tree.leaves(tree):
        groups.setdefault(_group(leaf), []).append(_flat(leaf))
    return {group: jnp.concatenate(parts) for group, parts in groups.items()}


def _divided(stack):
    """The same stack, but each device computes a part of its matrices, and all get the result."""
    if stack.ndim < 3 or len(stack) % devices.count():
        return stack
    part = lax.with_sharding_constraint(stack, devices.split())
    return lax.with_sharding_constraint(part, devices.whole())


def _unstack(stacks, like):
    """The inverse of ``_stack``, for a tree with the shapes of ``like``."""
    start = dict.fromkeys(stacks, 0)

    def take(leaf):
        group, length = _group(leaf), 1 if leaf.ndim > 1 else leaf.size
        part = stacks[group][start[group] : start[group] + length]
        start[group] += length
        return (part[0].T if _is_tall(leaf) else part).reshape(leaf.shape)

    return jax.tree.map(take, like)


def _flat(leaf) -> jax.Array:
    """A matrix as [1, short side, long side], since Muon treats a matrix like its transpose; a
    vector as [size]."""
    if leaf.ndim < 2:
        return leaf.ravel()
    matrix = leaf.reshape(-1, leaf.shape[-1])
    return (matrix.T if _is_tall(leaf) else matrix)[None]


def _group(leaf) -> str:
    sides = sorted((leaf.size // leaf.shape[-1], leaf.shape[-1])) if leaf.ndim > 1 else []
    return "x".join(map(str, sides)) or "vectors"


def _is_tall(leaf) -> bool:
    return leaf.ndim > 1 and leaf.size // leaf.shape[-1] > leaf.shape[-1]
