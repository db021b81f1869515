"""A seventh family is two files: with them all commands know it, and without them none does."""

import json
import sys
from pathlib import Path

import pytest

import jaxgen.configs
import jaxgen.families
from jaxgen import config
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.evaluation import suite
from jaxgen.experiments import course_measures
from jaxgen.training import costs
from tests import runs

HERE = Path(__file__).parent / "seventh"
SHORT = ("--steps=4", "--batch=8")


@pytest.fixture
def stencil(here, monkeypatch):
    """A folder in which there are seven families."""
    monkeypatch.setenv("XDG_CACHE_HOME", f"{here}/cache")
    for package in (jaxgen.configs, jaxgen.families):
        folder = HERE / package.__name__.rpartition(".")[2]
        monkeypatch.setattr(package, "__path__", [*package.__path__, f"{folder}"])
    yield here
    for name in ("jaxgen.configs.stencil", "jaxgen.families.stencil"):
        sys.modules.pop(name, None)


@pytest.fixture
def little(monkeypatch):
    """Few digits for what is measured."""
    few = suite.Amount(100, 8, 2, coded=8)
    other = {name: settings | {"steps": 2} for name, settings in course_measures.OTHERS.items()}
    changes = {
        course_measures: {
            "COUNT": 100,
            "GLANCE": 80,
            "REDRAWN": 1,
            "CURVED": 4,
            "OTHERS": other,
            "LOOKS": (0.5, 1),
        },
        costs: {"REPETITIONS": 2, "STEPS": 2},
        suite: {"QUICK": few},
    }
    for module, values in changes.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)


def test_without_its_files_there_is_none():
    assert "stencil" not in config.names()
    with pytest.raises(UserError, match="no model is called 'stencil'"):
        main.run(["train", "--model", "stencil"])


def test_a_seventh_family_is_trained_drawn_from_measured_and_shown(stencil, little, capsys):
    assert config.names()[5] == "stencil"
    train = ["train", "--model=stencil", f"--data={runs.SOURCE}", *SHORT, "--sample-every=2"]
    assert main.run(train) == 0
    assert main.run(["sample", "--model=stencil", "--digit=3"]) == 0
    assert main.run(["evaluate", "--model=stencil", "--count=70"]) == 0
    assert "nats" in capsys.readouterr().out  # of the bound that it has
    assert main.run(["apply", "figure", "--model=stencil", "--out=training.svg"]) == 0
    assert main.run(["interpolate", "--model=stencil", "--from=3", "--to=8"]) == 0
    assert main.run(["apply", "augment", "--model=stencil", "--count=80", "--out=set/"]) == 0
    assert main.run(["verify", "stencil"]) == 0
    for command in (["reconstruct"], ["apply", "restyle", "--style=test:3"]):
        with pytest.raises(UserError, match=r"^Stencil (has no way from an image|cannot tell)"):
            main.run([*command, "--model=stencil"])


def test_a_seventh_family_is_compared(stencil, little, capsys):
    """By a report that says nothing of what the course says, for it says nothing of this one."""
    assert main.run(["compare", "--models", "stencil", *SHORT[:1]]) == 0
    told = json.loads(Path("compare/report.json").read_text())
    assert told["models"]["stencil"]["seeds"]["0"]["measured"]["n"] == 100
    assert "stencil" in Path("compare/report.html").read_text()
