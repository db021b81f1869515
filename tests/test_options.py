"""Every option of every family can be traced: its first weights, a step and a drawing. Some, and
all with --all, train for two steps with finite losses, and then draw."""

import dataclasses
import typing
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, families, sampling
from jaxgen.arrays import Batch
from jaxgen.training.trainer import Trainer
from tests.conftest import small, swept

# Settings of ``net`` that are numbers, or go together; all that are a choice are found by the test.
MORE: dict[str, list[dict[str, Any]]] = {
    "ae": [{"noise": 0.3}, {"components": 2}, {"layers": ()}],
    "vae": [
        {"likelihood": "gaussian", "sigma": 0.0},
        {"beta": 4.0, "beta_warmup": 10},
        {"free_bits": 0.5},
        {"network": "dense"},
        {"samples": 3},
        {"objective": "iwae", "samples": 3},
        {"components": 2},
    ],
    "cvae": [
        {"likelihood": "gaussian", "sigma": 0.0},
        {"beta": 4.0, "beta_warmup": 10},
        {"free_bits": 0.5},
        {"label_drop": 0.0},
        {"part": "quadrants", "network": "dense"},
    ],
    "gan": [
        {"objective": "wasserstein", "penalty": "gp"},
        {"objective": "relativistic", "blocks": 0, "critic_blocks": 0},
        {"critic_turns": 2, "critic_pace": 0.5, "label_drop": 0.5},
        {"network": "dense", "layers": (), "label_drop": 1.0, "penalty": "none"},
    ],
    "ddpm": [{"gaussian": 0}],
    "vqvae": [
        {"quantiser": "fsq", "levels": (16,)},
        {"blocks": 2, "prior_depth": 2, "prior_heads": 1, "prior_pace": 0.5},
        {"codes": 500, "features": 1, "decay": 0.0, "label_drop": 0.0},
        {"restart": 0.9, "commitment": 0.0},
    ],
}

# Those that have arithmetic of their own.
COMPILED = [
    ("ae", {"loss": "cross-entropy"}),
    ("vae", {"likelihood": "gaussian", "sigma": 0.0}),
    ("vae", {"objective": "iwae", "samples": 3}),
    ("cvae", {"part": "quadrants", "network": "dense"}),
    ("gan", {"critic_turns": 2, "critic_pace": 0.5, "label_drop": 0.5}),
    ("ddpm", {"predict": "eps"}),
]
NEEDS = {"gradient": {"objective": "iwae"}}  # what a choice belongs to


def options():
    seen = set()  # what several families inherit is tried with the first of them
    for name in families.names():
        net = small(name).net
        hints = typing.get_type_hints(type(net))
        for field in dataclasses.fields(net):
            owner = next(k for k in type(net).__mro__ if field.name in k.__annotations__)
            if (owner, field.name) in seen:
                continue
            seen.add((owner, field.name))
            kind = hints[field.name]
            values = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
            values = (True, False) if kind is bool else values
            for value in values:
                if value != getattr(net, field.name):
                    yield name, NEEDS.get(field.name, {}) | {field.name: value}
        for changes in MORE.get(name, []):
            yield name, changes


def label(case) -> str:
    return ",".join(f"{k}={v}" for k, v in case.items()) if isinstance(case, dict) else case


def made(name: str, changes: dict[str, Any]):
    """A family with other settings, what begins its training, and a step of it."""
    recipe = small(name)
    if changes.get("network") == "conv":
        changes = {"layers": (4, 8, 16), **changes}
    recipe = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, **changes))
    if changes.get("gaussian") == 0:
        recipe = dataclasses.replace(recipe, sampling=type(recipe.sampling)(steps=3))
    trainer = Trainer(recipe)
    return trainer.family, trainer.init, trainer.step


def some() -> Batch:
    images = jax.random.uniform(jax.random.key(2), (8, 28, 28, 1))
    return Batch(images, jnp.arange(8, dtype=jnp.int32))


@pytest.mark.parametrize(("name", "changes"), list(options()), ids=label)
def test_every_option_can_be_traced(name, changes):
    family, init, take = made(name, changes)
    before = jax.eval_shape(init)
    after, metrics = jax.eval_shape(take, before, some())
    assert jax.tree.map(lambda a: (a.shape, a.dtype), after) == jax.tree.map(
        lambda a: (a.shape, a.dtype), before
    )
    assert all(metric.shape == () for metric in metrics.values())
    keys, labels = jax.random.split(jax.random.key(3), 4), jnp.arange(4)
    drawn = jax.eval_shape(family.sample, before.variables, keys, labels)
    assert drawn.shape == (4, 28, 28, 1) and drawn.dtype == jnp.float32


@pytest.mark.parametrize(("name", "changes"), swept(options(), COMPILED), ids=label)
def test_an_option_trains(name, changes):
    family, init, take = made(name, changes)
    take, state, batch = jax.jit(take), jax.jit(init)(), some()
    before = state.variables.params
    for _ in range(2):
        state, metrics = take(state, batch)
        assert all(jnp.isfinite(value) for value in metrics.values()), metrics
    for player in family.update_order:
        leaves = zip(
            jax.tree.leaves(before[player]),
            jax.tree.leaves(state.variables.params[player]),
            strict=True,
        )
        assert any(not jnp.array_equal(a, b) for a, b in leaves)
    drawn = sampling.draw(family, state.variables, np.arange(4, dtype=np.int32), 0, chunk=8)
    assert np.isfinite(drawn).all()


def test_the_sweep_finds_choices():
    found = [changes for name, changes in options() if name == "ddpm"]
    assert {"predict": "eps"} in found and {"attention": True} in found
    assert ("vae", {"objective": "iwae"}) in list(options())
    assert ("ae", {"activation": "tanh"}) in list(options())
    assert all(case in list(options()) for case in COMPILED)


@pytest.mark.parametrize("name", config.names())
def test_settings_that_are_listed_exist(name):
    fields = {field.name for field in dataclasses.fields(config.recipe(name).net)}
    assert all(set(changes) <= fields for changes in MORE.get(name, []))
