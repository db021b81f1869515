"""What every family promises, whatever it is: the sweep that a new family joins by being in the
folder."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, devices, families, sampling
from jaxgen.arrays import NO_DIGIT, Batch
from jaxgen.families.base import Family
from jaxgen.training import optimisers
from jaxgen.training.trainer import State, Trainer
from tests.conftest import small

KEY = jax.random.key(7)


@pytest.fixture(scope="module", params=families.names())
def recipe(request) -> config.Config:
    return small(request.param)


@pytest.fixture(scope="module")
def trainer(recipe) -> Trainer:
    return Trainer(recipe)


@pytest.fixture(scope="module")
def family(trainer) -> Family:
    return trainer.family


@pytest.fixture(scope="module")
def state(trainer) -> State:
    return jax.jit(trainer.init)()


@pytest.fixture(scope="module")
def batch() -> Batch:
    images = jax.random.uniform(jax.random.key(1), (8, 28, 28, 1))
    return Batch(images, jnp.arange(8, dtype=jnp.int32))


@pytest.fixture(scope="module")
def after(trainer, state, batch) -> State:
    """The state after a step."""
    return jax.jit(trainer.step)(state, batch)[0]


def equal(a, b) -> bool:
    return all(
        jnp.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def test_every_family_has_a_recipe_and_every_recipe_a_family():
    assert set(families.names()) <= set(config.names())
    assert {config.recipe(name).family for name in config.names()} == set(families.names())


def test_players_have_params(family, state):
    assert set(state.variables.params) == set(family.update_order) == set(state.opt)
    assert set(family.lr_scale) <= set(family.update_order)


def test_losses_are_finite_scalars_and_metrics_have_names_of_their_own(family, state, batch):
    seen = set()
    for player in set(family.update_order):
        loss, (stats, metrics) = jax.jit(family.loss, static_argnames="player")(
            state.variables, batch, KEY, player=player
        )
        assert loss.shape == ()
        assert all(jnp.isfinite(value) for value in (loss, *metrics.values()))
        assert jax.tree.structure(stats) == jax.tree.structure(state.variables.stats)
        assert not seen & set(metrics)
        seen |= set(metrics)


def test_a_turn_changes_its_own_player_only(family, trainer, state, batch):
    turn = jax.jit(trainer.turn, static_argnames="player")
    for player in set(family.update_order):
        after, _ = turn(state, batch, KEY, player=player)
        for other in family.update_order:
            same = equal(after.variables.params[other], state.variables.params[other])
            assert same == (other != player)
            assert equal(after.opt[other], state.opt[other]) == (other != player)


def test_the_loss_falls_on_one_batch(family, recipe, state, batch):
    for player in set(family.update_order):  # the others stand still

        def loss_of(own, player=player):
            params = state.variables.params | {player: own}
            return family.loss(state.variables.replace(params=params), batch, KEY, player=player)[0]

        optimiser = optimisers.build(dataclasses.replace(recipe.optim, rate=2e-3, warmup=0), 100)
        own = state.variables.params[player]

        @jax.jit
        def learn(own, opt, optimiser=optimiser, loss_of=loss_of):
            updates, opt = optimiser.update(jax.grad(loss_of)(own), opt, own)
            return jax.tree.map(jnp.add, own, updates), opt

        loss_now = jax.jit(loss_of)
        first, opt = loss_now(own), optimiser.init(own)
        for _ in range(30):
            own, opt = learn(own, opt)
        assert loss_now(own) < first - 1e-3 * abs(first)


def test_many_steps_in_a_call_are_the_same_steps(trainer, state):
    """Four steps in one call, four calls of one step, and two of two: equal to the bit."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 28, 28, 1), np.uint8)
    labels = rng.integers(0, 10, 40, np.int32)
    indices = rng.integers(0, 40, (4, 8), np.int32)
    whole = devices.whole()  # as training has it
    advance = jax.jit(trainer.advance, donate_argnums=0, out_shardings=whole)

    def place(tree):
        return jax.tree.map(lambda a: jax.device_put(np.array(a), devices.whole()), tree)

    images, labels = place((images, labels))

    def walk(*counts):
        now, logs, begin = place(state), [], 0
        for count in counts:
            rows = np.zeros_like(indices)
            rows[:count] = indices[begin : begin + count]
            now, metrics = advance(
                now, images, labels, jax.device_put(rows, devices.split(1)), place(np.int32(count))
            )
            logs.append(
                jax.tree.map(lambda values, count=count: np.asarray(values)[:count], metrics)
            )
            begin += count
        return now, jax.tree.map(lambda *parts: np.concatenate(parts), *logs)

    whole, logs = walk(4)
    assert int(whole.step) == 4
    assert not equal(whole.variables.params, state.variables.params)
    for counts in ((1, 1, 1, 1), (2, 2), (3, 1)):
        parts, part_logs = walk(*counts)
        assert equal(whole, parts)
        assert equal(logs, part_logs)


def test_the_average_follows_the_weights(after):
    assert equal(after.ema, after.variables.params)  # one step old, the average is the weights


def test_samples_are_images_and_depend_on_seed_and_index_alone(family, state):
    draw = functools.partial(sampling.draw, family, state.variables, chunk=8)
    labels = np.array([0, 1, 2, 3, NO_DIGIT] * 3, np.int32)
    many = draw(labels, seed=5)
    assert many.shape == (15, 28, 28, 1)
    assert many.dtype == np.float32
    assert many.min() >= 0 and many.max() <= 1
    assert np.array_equal(draw(labels[:3], seed=5), many[:3])
    assert np.array_equal(draw(labels[8:], 5, np.arange(8, len(labels))), many[8:])
    assert not np.array_equal(draw(labels, seed=6), many)


def test_samples_agree_over_chunk_shapes(family, state):
    labels = sampling.balanced(12)
    wide, narrow = (
        sampling.draw(family, state.variables, labels, 5, chunk=chunk) for chunk in (12, 4)
    )
    assert np.abs(wide - narrow).max() < 1e-4
