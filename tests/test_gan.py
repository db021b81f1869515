"""The GAN: objectives and penalties at known answers, its turns, its search, and the monitor."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, data, families
from jaxgen.arrays import Batch
from jaxgen.classes import ANY
from jaxgen.errors import UserError
from jaxgen.families.gan import GAN, OBJECTIVES, Latent
from jaxgen.training import manifest, optimisers
from jaxgen.training.collapse import COUNT, Look, Monitor
from jaxgen.training.trainer import Trainer
from tests.conftest import small
from tests.runs import Listener, run
from tests.weights import begun

KEY = jax.random.key(3)
DENSE = {"network": "dense", "layers": (16,)}


def recipe(**net) -> config.Config:
    plain = small("gan")
    return dataclasses.replace(plain, net=dataclasses.replace(plain.net, **net))


def build(**net) -> GAN:
    family = families.build(recipe(**net))
    assert isinstance(family, GAN)
    return family


@pytest.fixture(scope="module")
def batch() -> Batch:
    images = jax.random.uniform(jax.random.key(1), (8, 28, 28, 1))
    return Batch(images, jnp.arange(8, dtype=jnp.int32))


@pytest.mark.parametrize(
    ("name", "real", "fake", "critic", "generator"),
    [
        ("minimax", 0, 0, math.log(4), -math.log(2)),  # D = 1/2, where the game ends
        ("minimax", math.log(3), -math.log(3), -2 * math.log(3 / 4), math.log(3 / 4)),
        ("minimax", -200, 200, 400, -200),  # log D of these would be -inf
        ("non-saturating", 0, 0, math.log(4), math.log(2)),
        ("non-saturating", math.log(3), -math.log(3), -2 * math.log(3 / 4), math.log(4)),
        ("non-saturating", -200, -200, 200, 200),
        ("hinge", 0, 0, 2, 0),
        ("hinge", 3, -2, 0, 2),
        ("hinge", -1, 1, 4, -1),
        ("wasserstein", 2, -3, -5, 3),
        ("relativistic", 7, 7, math.log(2), math.log(2)),
        ("relativistic", 7, 7 - math.log(3), -math.log(3 / 4), math.log(4)),
    ],
)
def test_objectives_at_known_scores(name, real, fake, critic, generator):
    scores = jnp.full(1, real, jnp.float32), jnp.full(1, fake, jnp.float32)
    assert OBJECTIVES[name].critic(*scores)[0] == pytest.approx(critic, rel=1e-5)
    assert OBJECTIVES[name].generator(*scores)[0] == pytest.approx(generator, rel=1e-5)


def test_only_the_non_saturating_generator_learns_from_a_critic_that_is_sure():
    def slope(name, score):
        return jax.grad(lambda s: OBJECTIVES[name].generator(s, s).sum())(jnp.full(1, score))[0]

    assert slope("minimax", 0.0) == pytest.approx(slope("non-saturating", 0.0)) == -0.5
    assert slope("minimax", -20.0) == pytest.approx(0, abs=1e-8)
    assert slope("non-saturating", -20.0) == pytest.approx(-1)


class Linear(GAN):
    """A critic whose score is <slope, x> for a slope of length 3."""

    def score(self, variables, images, labels):
        return (images * 3 / 28).sum((1, 2, 3))


class Quadratic(GAN):
    """A critic whose slope is the image itself."""

    def score(self, variables, images, labels):
        return 0.5 * jnp.square(images).sum((1, 2, 3))


def of(kind, **net):
    plain = recipe(**net)
    return kind(plain.net, plain.sampling)


def penalty(kind, batch, generated=None, **net):
    family = of(kind, **net)
    generated = 1 - batch.images if generated is None else generated
    return float(family.penalty(begun(family, KEY), batch.images, generated, batch.labels, KEY))


def test_penalties_of_a_linear_critic(batch):
    known = {"r1": 5 / 2 * 9, "gp": 5 * (3 - 1) ** 2, "none": 0}
    for name, value in known.items():
        found = penalty(Linear, batch, penalty=name, penalty_weight=5.0)
        assert found == pytest.approx(value, rel=1e-4)


def test_penalties_are_taken_at_the_images_they_should_be(batch):
    lengths = jnp.square(batch.images).sum((1, 2, 3))
    net = {"penalty_weight": 2.0}
    found = penalty(Quadratic, batch, penalty="r1", **net)
    assert found == pytest.approx(float(lengths.mean()), rel=1e-5)
    found = penalty(Quadratic, batch, generated=batch.images, penalty="gp", **net)
    assert found == pytest.approx(2 * float(jnp.square(lengths**0.5 - 1).mean()), rel=1e-5)
    # From x to -x lies a whole line of images, whose lengths are even from 0 to that of x.
    found = penalty(Quadratic, batch, generated=-batch.images, penalty="gp", **net)
    assert 0 < found < 2 * float(lengths.max())


def test_a_penalty_that_is_computed_sometimes_has_the_same_mean(batch):
    family = of(Linear, penalty_every=4, penalty_weight=5.0)
    variables = begun(family, KEY)

    @jax.jit
    def found(key):
        return family.loss(variables, batch, key, player="critic")[1][1]["critic/penalty"]

    penalties = jax.vmap(found)(jax.random.split(KEY, 400))
    assert {round(float(value), 3) for value in penalties} == {0.0, 4 * 5 / 2 * 9}
    due = float((penalties > 0).mean())  # a standard deviation is 0.022
    assert 0.16 < due < 0.34


def test_the_critic_has_its_turns_and_its_rate_lasts_to_the_horizon(batch):
    plain = recipe(critic_turns=2, critic_pace=0.5, **DENSE)
    trainer = Trainer(plain)
    assert trainer.family.update_order == ("critic", "critic", "generator")
    after, _ = jax.jit(trainer.step)(jax.jit(trainer.init)(), batch)
    turns = {
        player: {int(leaf) for leaf in jax.tree.leaves(opt) if leaf.shape == ()}
        for player, opt in after.opt.items()
    }
    assert turns == {"critic": {2}, "generator": {1}}

    optim = dataclasses.replace(plain.optim, decay="linear", warmup=0)
    once, twice = optimisers.rate(optim, 10), optimisers.rate(optim, 10, turns=2, pace=0.5)
    assert float(twice(19)) == pytest.approx(float(once(9)) / 2)
    assert float(twice(20)) == 0


@pytest.mark.parametrize("digit", ["projection", "concatenation"])
def test_both_players_hear_the_digit(batch, digit):
    family = build(critic_digit=digit)
    variables = begun(family, KEY)
    noise = jax.random.normal(KEY, (8, family.config.latents))
    drawn = family.generate(variables, noise, batch.labels)
    assert jnp.abs(drawn - family.generate(variables, noise, batch.labels + 1)).max() > 1e-4
    scores = family.score(variables, batch.images, batch.labels)
    assert jnp.abs(scores - family.score(variables, batch.images, batch.labels + 1)).min() > 1e-6


def test_any_digit_is_one_drawn_at_random_or_what_was_learned_without():
    keys, none = jax.random.split(KEY, 2000), jnp.full(2000, ANY)
    family = build()
    variables = begun(family, KEY)
    latents = family.prior(variables, family.noise(keys), none)
    digits = latents.digit.argmax(1)
    assert jnp.bincount(digits, length=10).min() > 150
    assert jnp.array_equal(
        family.decode(variables, latents, none, keys),
        family.decode(variables, latents, digits, keys),
    )
    hidden = build(label_drop=0.5)
    other = latents._replace(digit=latents.digit[::-1])
    assert jnp.array_equal(
        hidden.decode(variables, latents, none, keys), hidden.decode(variables, other, none, keys)
    )
    assert hidden.is_conditional and not build(label_drop=1.0).is_conditional


def test_blends_begin_and_end_at_the_latents():
    family = build()
    variables = begun(family, KEY)
    keys = jax.random.split(KEY, 6)
    start = family.prior(variables, family.noise(keys[:3]), jnp.full(3, ANY))
    end = family.prior(variables, family.noise(keys[3:]), jnp.full(3, 4))
    for share, there in ((0.0, start), (1.0, end)):
        mixed = family.blend(variables, start, end, jnp.full(3, share))
        assert isinstance(mixed, Latent)
        assert all(map(jnp.array_equal, mixed, there))
    mixed = family.blend(variables, start, end, jnp.full(3, 0.5))
    assert jnp.allclose(mixed.digit.sum(1), 1)


@pytest.mark.parametrize("known", [True, False])
def test_the_search_finds_an_image_that_was_generated(known):
    family = build()
    variables = begun(family, KEY)
    keys, labels = jax.random.split(KEY, 6), jnp.arange(6)
    images = family.sample(variables, keys, labels)
    told = labels if known else jnp.full(6, ANY)
    encode = jax.jit(family.encode)
    latents = encode(variables, images, told)
    found = family.decode(variables, latents, told, keys)
    errors = jnp.square(found - images).sum((1, 2, 3))
    apart = jnp.square(images - jnp.roll(images, 1, axis=0)).sum((1, 2, 3))
    assert (errors < 0.1 * apart.mean()).all()
    assert all(map(jnp.array_equal, latents, encode(variables, images, told)))
    # An image is found by itself, whatever is beside it.
    alone = encode(variables, images[2:3], told[2:3])
    assert jnp.abs(family.decode(variables, alone, told[2:3], keys[:1]) - found[2]).max() < 0.05


@pytest.mark.parametrize(
    ("net", "flag"),
    [
        ({"latents": 0}, "latents 0 "),
        ({"layers": (8,), "network": "conv"}, "layers 8 .*two numbers of channels"),
        ({"layers": (8, 0, 16)}, "layers 8,0,16 "),
        ({"blocks": -1}, "blocks -1 "),
        ({"penalty_weight": -0.1}, "penalty-weight -0.1 "),
        ({"critic_turns": 0}, "critic-turns 0 "),
        ({"critic_pace": 0.0}, "critic-pace 0.0 "),
        ({"label_drop": 1.5}, "label-drop 1.5 "),
    ],
)
def test_impossible_networks_are_refused(net, flag):
    with pytest.raises(UserError, match=f"--net.{flag}"):
        recipe(**net)


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    return Monitor(data.load("mnist"))


def test_a_collapsed_generator_is_told_and_real_digits_are_not(monitor):
    train = data.load("mnist").train
    real = train.images[:COUNT]
    look = monitor.look(real)
    assert sum(look.histogram) == COUNT and min(look.histogram) > 30
    assert look.coverage > 0.9
    assert monitor.collapse(look) is None
    assert monitor.look(real / np.float32(255)) == look

    one = np.repeat(real[:1], COUNT, axis=0)
    seven = monitor.look(np.concatenate([real[train.labels[:COUNT] != 7]] * 2)[:COUNT])
    few = monitor.look(np.tile(real[:25], (20, 1, 1, 1)))
    assert "0 look like" in str(monitor.collapse(monitor.look(one)))
    assert "look like 7" in str(monitor.collapse(seven)) and seven.coverage > 0.5
    assert "of the real digits have a drawn one near" in str(monitor.collapse(few))


def test_a_source_of_few_digits_can_be_monitored():
    digits = data.load("synthetic:20")
    assert len(digits.valid.labels) < 5
    assert Monitor(digits).look(digits.train.images).coverage == 1


def test_what_makes_a_collapse_of_figures(monitor):
    assert monitor.collapse(Look((50,) * 10, 0.8)) is None
    assert monitor.collapse(Look((92, 8, *(50,) * 8), 0.8)) == (
        "of 500 digits drawn, 8 look like 1"
    )
    assert monitor.collapse(Look((50,) * 10, 0.12)) == (
        "only 12% of the real digits have a drawn one near"
    )


def looks(path) -> list[dict]:
    return [json.loads(line) for line in (path / "watch.jsonl").read_text().splitlines()]


def test_a_run_is_monitored_and_goes_on_with_the_same_figures(tmp_path):
    plain = small("gan")
    plain = dataclasses.replace(plain, optim=dataclasses.replace(plain.optim, horizon=8))
    listener = Listener()
    assert run(plain, tmp_path / "straight", listener) == 0
    seen = looks(tmp_path / "straight")
    assert [look["step"] for look in seen] == [4, 8]
    assert all(sum(look["histogram"]) == COUNT and 0 <= look["coverage"] <= 1 for look in seen)
    assert sum(line.startswith("mode collapse at step") for line in listener.lines) == 2

    # As after a kill: the newest checkpoint is older than the last look.
    parts = tmp_path / "parts"
    assert run(plain, parts) == 0
    (parts / "checkpoints" / "8" / manifest.NAME).unlink()
    assert run(plain, parts) == 0
    assert looks(parts) == seen


def test_a_family_that_cannot_collapse_is_not_monitored(tmp_path):
    assert run(small("ddpm", steps=1), tmp_path) == 0
    assert not (tmp_path / "watch.jsonl").exists()
