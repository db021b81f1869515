"""From settings to optax: a learning rate over time, and one optimiser a player."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from jaxgen.config import Config, Optim

Optimisers = dict[str, optax.GradientTransformation]  # by player


def players(config: Config, turns: Iterable[str]) -> Optimisers:
    """An optimiser for each player that has a turn."""
    return dict.fromkeys(turns, build(config.optim, config.steps))


def rate(config: Optim, steps: int) -> optax.Schedule:
    """The learning rate at each step: a rise over ``warmup`` steps, then a fall to 0 at the
    horizon."""
    horizon = config.horizon or steps
    warmup = min(config.warmup, horizon // 2)
    fall = {
        "cosine": lambda share: 0.5 * (1 + jnp.cos(jnp.pi * share)),
        "linear": lambda share: 1 - share,
        "none": lambda share: jnp.ones_like(share),
    }[config.decay]

    def at(step):
        rise = jnp.minimum((step + 1) / max(warmup, 1), 1.0)
        share = jnp.clip((step - warmup) / max(horizon - warmup, 1), 0.0, 1.0)
        return config.rate * rise * fall(share)

    return at


def build(config: Optim, steps: int) -> optax.GradientTransformation:
    """The optimiser of one player, the gradient's norm clipped first."""
    clip = optax.clip_by_global_norm(config.clip) if config.clip else optax.identity()
    return optax.chain(
        clip, {"adam": _adam, "muon": _muon}[config.name](config, rate(config, steps))
    )


def _adam(config: Optim, rate: optax.Schedule) -> optax.GradientTransformation:
    return optax.adamw(rate, config.b1, config.b2, weight_decay=config.weight_decay)


def _muon(config: Optim, rate: optax.Schedule) -> optax.GradientTransformation:
    """Muon (Jordan et al. 2024): the momentum of a matrix is made orthogonal; scaled to the size of
    Adam's updates."""

    def axes(params):  # of the last axis against all others; no matrix, no Muon

        def of(leaf):
            last = leaf.ndim - 1
            return (
                optax.contrib.MuonDimensionNumbers(tuple(range(last)), last) if last > 0 else None
            )

        return jax.tree.map(of, params)

    return optax.contrib.muon(
        rate,
        adam_b1=config.b1,
        adam_b2=config.b2,
        weight_decay=config.weight_decay,
        consistent_rms=0.2,
        muon_weight_dimension_numbers=axes,
    )
