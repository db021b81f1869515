"""The comparison: what is planned, what is kept, and one carried out in small."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jaxgen import config as configs
from jaxgen.cli import main
from jaxgen.compare import plan, run
from jaxgen.compare.parts import Parts
from jaxgen.errors import UserError
from jaxgen.evaluation import suite
from jaxgen.training import costs, loop
from tests import conftest


def test_a_plan_has_every_family_and_seed():
    full = plan.make((), 2, None, None, False)
    assert full.models == plan.RECIPES and len(full.entries) == 12
    assert {entry.config.family for entry in full.entries} == set(plan.FAMILIES)
    short = plan.make((), 1, 1000, None, False)
    assert short.models == plan.FAMILIES
    assert {entry.config.steps for entry in short.entries} == {1000}
    assert plan.make(("gan",), 1, None, "2m", False).budget == 120


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--seeds", "0"], "--seeds 0"),
        (["--steps", "0"], "--steps 0"),
        (["--steps", "5", "--budget", "5s"], "exclude each other"),
        (["--budget", "soon"], "--budget soon"),
        (["--budget", "0s"], "--budget 0s"),
        (["--models", "gan,gann"], "did you mean gan"),
        (["--models", "ddpm,ddpm_full"], "names a family twice"),
        (["--quiz", "--models", "ae"], "holds no comparison"),
        (["--out", "file/there"], "file/there cannot be written"),
    ],
)
def test_what_cannot_be_compared_is_said(args, says, here):
    Path("file").write_text("")
    with pytest.raises(UserError) as refused:
        main.run(["compare", *args])
    assert says in str(refused.value)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("3 s", 3)])
def test_a_budget_has_units(text, value):
    assert plan.seconds(text) == value


def test_parts_are_found_only_as_what_they_are_of(tmp_path):
    parts = Parts(tmp_path / "parts")
    assert parts.get("cost", ["gan", 1]) is None
    parts.put("cost", ("gan", 1), {"seconds": [1.5]}, {"images": np.arange(3)})
    assert parts.get("cost", ["gan", 1]) == {"seconds": [1.5]}
    assert parts.get("cost", ["gan", 2]) is None
    assert parts.arrays("cost")["images"].tolist() == [0, 1, 2]
    (tmp_path / "parts" / "cost.json").write_text("{")  # what a full disk leaves
    assert parts.get("cost", ["gan", 1]) is None


def test_how_a_run_is_shown_or_drawn_from_makes_no_other_run():
    recipe = configs.recipe("ddpm")
    shown = replace(
        recipe,
        log_every=7,
        optim=replace(recipe.optim, horizon=recipe.steps),
        sampling=replace(recipe.sampling, steps=3),
    )
    assert plan.same(recipe, shown)
    assert not plan.same(recipe, replace(recipe, seed=1))
    assert not plan.same(recipe, configs.recipe("ae"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison of two models that have hardly been trained, by few digits."""
    there = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(there)
        small(patch)
        assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4"]) == 0
    return there


RECIPE = configs.recipe


def little(name):
    """A recipe with a tiny network, on real digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(configs, "recipe", RECIPE)
        return conftest.small(name, data="mnist")


def small(patch):
    patch.setattr(configs, "recipe", little)
    patch.setattr(run, "COUNT", 100)
    patch.setattr(run, "GLANCE", 80)
    patch.setattr(run, "REDRAWN", 1)
    patch.setattr(run, "CURVE", (0.5, 1))
    patch.setattr(run, "PLANE", 40)
    patch.setattr(run, "CURVED", 4)
    patch.setattr(run, "SAMPLER_STEPS", (1, 2))
    patch.setattr(costs, "REPETITIONS", 2)
    patch.setattr(costs, "STEPS", 2)
    patch.setattr(run, "OTHER", {"seed": 1, "steps": 2, "widths": (8, 8, 72)})
    patch.setattr(suite, "QUICK", suite.Amount(100, 8, 2, coded=8))


def test_a_comparison_has_a_report_of_what_it_found(compared):
    told = json.loads((compared / "compare" / "report.json").read_text())
    assert list(told["models"]) == ["ae", "ddpm"]
    for model in told["models"].values():
        found = model["seeds"]["0"]
        assert [look["step"] for look in found["training"]["curve"]] == [2, 4]
        assert found["measured"]["n"] == 100
        assert len(found["measured"]["frechet_again"]) == 1
        assert model["cost"]["own"]["operations"] > 0 and model["cost"]["own"]["memory"] > 1e6
    assert [row["steps"] for row in told["sampler_steps"]] == [1, 2]
    assert told["models"]["ddpm"]["seeds"]["0"]["measured"]["bits_per_dimension"]["n"] == 8
    page = (compared / "compare" / "report.html").read_text()
    for model in told["models"].values():
        distance = model["seeds"]["0"]["measured"]["generated"]["frechet_in_noise_units"]
        assert f"{distance:.4f}" in page
    for text in ("bin/compare --models ae,ddpm --steps 4", told["judge"], "ddpm &gt; ae"):
        assert text in page
    assert (compared / "compare" / "report.md").exists()


def test_a_comparison_trains_and_measures_nothing_twice(compared, monkeypatch, capsys):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    before = (compared / "compare" / "report.json").read_text()

    def never(*args, **kwargs):
        raise AssertionError("done already")

    monkeypatch.setattr(loop, "train", never)
    monkeypatch.setattr(suite, "measure", never)
    assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4"]) == 0
    assert (compared / "compare" / "report.json").read_text() == before
    assert "left in all" not in capsys.readouterr().out


def test_a_run_that_is_there_is_used(compared, monkeypatch):
    """And what is only of the run is measured anew for another folder."""
    monkeypatch.chdir(compared)
    small(monkeypatch)
    found = plan.find(replace(configs.recipe("ae"), steps=4), Path("compare/runs"))
    assert found is not None and found.path == Path("compare/runs/ae-0")
    assert plan.find(replace(configs.recipe("ae"), steps=5), Path("compare/runs")) is None
    assert plan.find(replace(configs.recipe("ae"), steps=4), Path("nowhere")) is None


def test_a_quiz_is_made_of_what_was_compared(compared, monkeypatch, capsys):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4", "--quiz"]) == 0
    assert "quiz.html" in capsys.readouterr().out
    assert "ddpm" in (compared / "compare" / "quiz.html").read_text()
