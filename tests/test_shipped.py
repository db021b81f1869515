"""The models that come with jaxgen: one of each recipe, as it is now, and what they draw."""

import doctest
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgen
import jaxgen.model
from jaxgen import config as configs
from jaxgen.cli import main
from jaxgen.evaluation import judge
from jaxgen.training import published, weights
from tests import runs

LARGEST = 20_000_000  # bytes of all weights
SHIPPED = configs.names()


def test_one_of_each_family_ships():
    folders = published.shipped()
    assert [folder.path.name for folder in folders] == SHIPPED
    assert sum(folder.weights.stat().st_size for folder in folders) <= LARGEST


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_of_the_recipe_and_draws_digits(name, here):
    model = jaxgen.load(name)
    assert model.config == configs.recipe(name)
    assert jax.tree.structure(model.variables) == jax.tree.structure(weights.abstract(model.family))
    weights.require(model.family, weights.flatten(model.variables), name)
    images = model.sample(count=60)
    read = judge.look(judge.load(), np.rint(images * 255).astype(np.uint8))[0].argmax(1)
    assert (read == np.arange(60) % 10).mean() > 0.85
    facts = published.Published(published.SHIPPED / name).facts()
    assert facts["judged"]["judge"] == judge.load().hash
    assert facts["judged"]["n"] == 10_000 and "dirty" not in facts["training"]["commit"]
    assert facts["steps"] == model.config.steps


def test_the_command_says_that_it_ships_and_a_run_comes_first(here, capsys):
    assert main.run(["sample", "--model", "cvae", "--digit", "3"]) == 0
    told = capsys.readouterr()
    assert "so this is the cvae that comes with jaxgen; bin/train --model cvae" in told.err
    assert Path("runs/published/cvae/drawn/digit-3-seed-0.png").exists()
    runs.tiny("cvae")
    assert main.run(["sample", "--model", "cvae", "--digit", "3"]) == 0
    told = capsys.readouterr()
    assert told.err == "" and "after 2 steps of training" in told.out
    with pytest.raises(jaxgen.UserError, match="there is no run in"):
        main.run(["sample", "--run", "gan"])


def test_other_commands_take_it_too(here, capsys):
    for args in (
        ["interpolate", "--from=3", "--to=8", "--count=1", "--frames=3"],
        ["reconstruct", "--count=2"],
        ["apply", "restyle", "--style=test:7", "--digits=20"],
        ["apply", "figure"],
        ["export", "--to=x.stablehlo"],
    ):
        assert main.run([*args, "--model=cvae"]) == 0


def test_the_examples_of_the_documentation_run(here):
    names = {"jaxgen": jaxgen, "model": jaxgen.load("cvae")}
    found = doctest.DocTestFinder().find(jaxgen.model, globs=names)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in found:
        runner.run(test)
    assert runner.summarize(verbose=False).attempted >= 4
    assert runner.summarize(verbose=False).failed == 0
