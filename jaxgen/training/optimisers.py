"""From settings to optax: the schedule of the learning rate, and the optimiser of a player."""

import functools

import jax
import jax.numpy as jnp
import optax
import optax.contrib
from jax import lax

from jaxgen import devices
from jaxgen.config import Optim

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # a x + b x^3 + c x^5 (Jordan et al. 2024)
STEPS = 5


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
    matrix = optax.contrib.MuonDimensionNumbers(1, 2)

    def axes(stacks):
        return jax.tree.map(lambda stack: matrix, stacks)

    def kinds(stacks):
        return jax.tree.map(lambda stack: "muon" if stack.ndim == 3 else "adam", stacks)

    muon = optax.chain(
        optax.contrib.scale_by_muon(ns_steps=0, weight_dimension_numbers=axes),  # momentum alone
        optax.stateless(lambda stacks, _: jax.tree.map(orthogonal_update, stacks)),
        optax.add_decayed_weights(config.weight_decay),
        optax.scale_by_learning_rate(rate),
    )
    adam = optax.nadamw(rate, config.b1, config.b2, weight_decay=0.0)
    return stacked(optax.partition({"muon": muon, "adam": adam}, kinds))


def orthogonal_update(stack: jax.Array) -> jax.Array:
    """Orthogonal matrices with a root mean square of 0.2, as Adam's updates have (Liu et al.
    2025)."""
    return 0.2 * stack.shape[2] ** 0.5 * orthogonal(stack)


def orthogonal(stack: jax.Array) -> jax.Array:
    """Matrices X [k, m, n], m <= n, to U V^T of their singular value decompositions U S V^T,
    approximately: large singular values become 0.7 to 1.2, tiny ones stay smaller.

    Jordan et al. 2024 apply a polynomial to the singular values five times: X <- p(X X^T) X. Here
    the product of the p is computed first, from the m x m matrix X X^T alone, and multiplied by X
    at the end. A matrix of 256 x 3136 takes a third of the operations.
    """
    dot = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)
    stack = stack / (jnp.linalg.norm(stack, axis=(1, 2), keepdims=True) + 1e-8)
    gram = dot(stack, stack.mT)
    a, b, c = NEWTON_SCHULZ
    product = eye = jnp.eye(stack.shape[1])
    for i in range(STEPS):
        p = a * eye + b * gram + c * dot(gram, gram)
        product = dot(p, product) if i else p
        gram = dot(dot(p, gram), p)
    return dot(product, stack)


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
    """The same stack, but each device computes a part of its matrices, or else of their columns,
    and all get the result."""
    axes = [axis for axis in (0, 2) if stack.ndim == 3 and stack.shape[axis] % devices.count() == 0]
    if not axes:
        return stack
    part = lax.with_sharding_constraint(stack, devices.split(axes[0]))
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
