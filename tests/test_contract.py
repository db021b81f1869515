"""What every family promises: the clauses of ``jaxgen.testing``, for each family of the package and
one that is a file outside it; and that a clause finds the family that breaks it."""

import dataclasses
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import jaxgen
from jaxgen import config, families, own, testing
from jaxgen.cli import main
from jaxgen.configs import ae
from jaxgen.families.ae import AE
from jaxgen.testing import Subject
from jaxgen.training.trainer import Trainer
from tests import runs
from tests.conftest import small

FLOW = Path(__file__).parents[1] / "examples" / "flow.py"


@pytest.fixture
def flow(here, monkeypatch):
    """The recipe of the file in examples/."""
    monkeypatch.setenv(own.VARIABLE, "")
    yield jaxgen.register(FLOW)
    sys.modules.pop("jaxgen.own.flow", None)


@pytest.fixture(scope="module", params=families.names())
def subject(request) -> Subject:
    return Subject(small(request.param))


def test_every_family_has_a_recipe_and_every_recipe_a_family():
    assert set(families.names()) <= set(config.names())
    assert {config.recipe(name).family for name in config.names()} == set(families.names())


@pytest.mark.parametrize("clause", testing.CLAUSES, ids=lambda clause: clause.__name__)
def test_every_family_keeps_every_clause(subject, clause):
    clause(subject)


def test_the_average_follows_the_weights(subject):
    after, _ = jax.jit(subject.trainer.step)(subject.state, subject.batch)
    # One step old, the average is the weights.
    assert testing.same(after.ema, after.variables.params)


class NoPlayers(AE):
    @property
    def update_order(self):
        return ("model", "other")


class Listed(AE):
    def init(self, key):
        variables = super().init(key)
        return variables.replace(stats=variables.stats | {"seen": [jnp.zeros(3)]})


class Endless(AE):
    def loss(self, variables, batch, key, *, player):
        loss, (stats, metrics) = super().loss(variables, batch, key, player=player)
        return loss, (stats, metrics | {"more": jnp.float32(jnp.inf)})


class Still(AE):
    def loss(self, variables, batch, key, *, player):
        loss, aux = super().loss(variables, batch, key, player=player)
        return 0 * loss, aux


class Bright(AE):
    def decode(self, variables, latents, labels, keys):
        return 1.5 + super().decode(variables, latents, labels, keys)


class Together(AE):
    def decode(self, variables, latents, labels, keys):
        images = super().decode(variables, latents, labels, keys)
        return images * images.mean() / (images.mean() + 0.1)


class Counted(AE):
    def decode(self, variables, latents, labels, keys):
        return super().decode(variables, latents, labels, keys) * len(labels) / len(labels)


class Flat(AE):
    def encode(self, variables, images, labels):
        return super().encode(variables, images, labels).sum()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (NoPlayers, "Each player of update_order has its params, and lr_scale .*'other'"),
        (Listed, r"Params and stats are nested dictionaries.*the place .* is \['seen'\]\[0\]"),
        (Endless, "The loss of each player is one finite number, .*more of model is inf"),
        (Still, "(falls on one batch|changes its own params)"),
        (Bright, r"Samples are float32 \[n, 28, 28, 1\] in \[0, 1\].*they are in \[1\."),
        (Together, "A sample depends on the seed, its index and its label, and on no other"),
        (Counted, r"Sampling and encoding can be traced.*sample: "),
        (Flat, r"Latents have the images along their first axis.*encode gives|encode \("),
    ],
)
def test_the_clause_that_a_family_breaks_is_named(broken, said, monkeypatch):
    recipe = small("ae")
    assert isinstance(recipe.net, ae.Net)
    family = broken(recipe.net, recipe.sampling)
    monkeypatch.setattr(Trainer, "family", family)
    with pytest.raises(jaxgen.UserError, match=f"{broken.__name__} breaks the contract.*{said}"):
        testing.check_family(recipe)


def test_a_family_in_a_file_of_ones_own_keeps_the_contract(flow):
    recipe = jaxgen.recipe(flow)
    testing.check_family(dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, layers=2)))


def test_commands_take_a_family_in_a_file_of_ones_own(here, monkeypatch, capsys):
    monkeypatch.setenv(own.VARIABLE, "")
    short = [f"--data={runs.SOURCE}", "--steps=3", "--batch=8", "--net.layers=2"]
    assert main.run(["train", "--recipe", f"{FLOW}", *short]) == 0
    assert main.run(["sample", f"--recipe={FLOW}", "--digit=3", "--count=4"]) == 0
    assert main.run(["reconstruct", "--recipe", f"{FLOW}", "--count=3"]) == 0
    assert main.run(["verify", "runs/flow", "--recipe", f"{FLOW}"]) == 0  # has no --model
    model = jaxgen.load("flow")
    assert model.log_likelihood(model.digits.test.images[:2], 3).shape == (2,)
    monkeypatch.setenv(own.VARIABLE, "")
    with pytest.raises(jaxgen.UserError, match=r"no model is called 'flow'.*--recipe FILE\.py"):
        main.run(["sample", "--run", "flow"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.txt", "", "is no file of Python"),
        ("empty.py", "", r"has no get_config\(\)"),
        ("wrong.py", "1 / 0", "cannot be imported .ZeroDivisionError: division by zero.: correct"),
    ],
)
def test_a_file_that_is_no_recipe(name, content, said, here, monkeypatch):
    monkeypatch.setenv(own.VARIABLE, "")
    Path(name).write_text(content)
    with pytest.raises(jaxgen.UserError, match=said):
        main.run(["train", "--recipe", name])
