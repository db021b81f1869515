"""The comparison: what is planned, and one carried out in small."""

import html
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jaxgen import config as configs
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.evaluation import suite
from jaxgen.experiments import (
    course,
    course_results,  # noqa: F401 - reads BATCH when it is imported, before a test changes it
    runs,
)
from jaxgen.experiments import course_measures as measures
from jaxgen.experiments.claims import COURSE
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context, Result
from jaxgen.training import costs, loop
from jaxgen.training.folder import RunFolder
from tests import conftest


def test_a_plan_has_every_family_and_seed():
    full = course.make((), 2, None, None, False)
    assert full.models == ("ae", "vae", "cvae", "vqvae", "gan", "ddpm_full")
    assert [recipe.seed for recipe in full.recipes] == [0, 1] * 6
    short = course.make((), 1, 1000, None, False)
    assert short.models == tuple(COURSE)
    assert {recipe.steps for recipe in short.recipes} == {1000}
    assert course.make(("gan",), 1, None, "2m", False).budget == 120


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
        (["--out", "/proc/nothing"], "/proc/nothing"),
        (["--out", "file/there"], "cannot write file/there/report.json"),
    ],
)
def test_what_cannot_be_compared_is_said(args, says, here):
    Path("file").write_text("")
    with pytest.raises(UserError) as refused:
        main.run(["compare", *args])
    assert says in str(refused.value)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("1.5m", 90), ("2h", 7200), ("3 s", 3)])
def test_a_budget_has_units(text, value):
    assert course.seconds(text) == value


def trained(folder, config, steps):
    """What a run leaves in its folder, as far as the plan looks at it."""
    found = RunFolder(folder)
    found.checkpoints.joinpath(str(steps)).mkdir(parents=True)
    found.config.write_text(json.dumps(configs.to_dict(config)))
    return found


def test_a_finished_run_is_found_and_one_in_training_is_waited_for(here):
    config, nowhere = replace(configs.recipe("gan"), steps=50), Path("nowhere")
    with trained(here / "runs" / "mine", config, 40).lock():
        with pytest.raises(UserError, match=r"runs/mine is still being trained, and has 40 of"):
            runs.find(nowhere).require_at_rest(config)
        runs.find(nowhere).require_at_rest(replace(config, seed=1))
    there = runs.find(nowhere)
    there.require_at_rest(config)
    assert there.finished(config) is None
    trained(here / "more" / "other", config, config.steps)
    assert str(runs.find(Path("more")).finished(config)) == "more/other"
    assert runs.find(Path("more")).finished(replace(config, steps=config.steps + 1)) is None


def test_the_model_that_ships_is_taken_where_there_is_no_run_of_its_recipe(here):
    config, nowhere = configs.recipe("cvae"), Path("nowhere")
    assert str(runs.find(nowhere).finished(config)) == "jaxgen/weights/cvae"
    assert runs.find(nowhere).finished(replace(config, seed=1)) is None
    context = Context(Store(nowhere, print), print, print)
    training = measures.train_with_looks(context, config, None)
    assert training.figures["steps"] == config.steps and not training.figures["curve"]
    elsewhere = "/another/machine/jaxgen/weights/cvae"  # where the process that found it has it
    for found in (training, Result(training.figures | {"run": elsewhere})):
        model = measures._load(found, config)
        assert model is not None and model.step == config.steps
    trained(here / "runs" / "mine", config, 40)
    assert runs.find(nowhere).finished(config) is None


def test_a_run_that_cannot_be_read_is_told(here):
    trained(here / "runs" / "good", configs.recipe("gan"), 40)
    trained(here / "runs" / "bad", configs.recipe("gan"), 40).config.write_text("{")
    mine = trained(here / "runs" / "mine", configs.recipe("ae"), 40).config
    mine.write_text(mine.read_text().replace('"model": "ae"', '"model": "flow"'))  # of --recipe
    found = runs.find(Path("nowhere"))
    assert [str(folder) for folder, _ in found.known] == ["runs/good"]
    (reason,) = found.unreadable
    assert reason.startswith("runs/bad/config.json cannot be read")


def test_runs_of_the_former_split_are_not_compared(here):
    config = configs.recipe("ae")
    for name, data in (("former", "strided:mnist"), ("todays", "mnist"), ("few", "mnist:7")):
        trained(here / "runs" / name, replace(config, data=data), 4)
    assert runs.find(Path("nowhere")).strided([config]) == ["runs/former"]


def test_how_a_run_is_shown_or_drawn_from_makes_no_other_run():
    recipe = configs.recipe("ddpm")
    shown = replace(
        recipe,
        log_every=7,
        optim=replace(recipe.optim, horizon=recipe.steps),
        sampling=replace(recipe.sampling, steps=3),
    )
    assert runs.same(recipe, shown)
    assert not runs.same(recipe, replace(recipe, seed=1))
    assert not runs.same(recipe, configs.recipe("ae"))


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
    changes = {
        configs: {"recipe": little},
        costs: {"REPETITIONS": 2, "STEPS": 2},
        suite: {"QUICK": suite.Amount(100, 8, 2, coded=8)},
        measures: {
            "COUNT": 100,
            "GLANCE": 80,
            "BATCH": 8,  # as the recipes have it: no second program
            "REDRAWN": 1,
            "LOOKS": (0.5, 1),
            "PLANE": 40,
            "CURVED": 4,
            "SAMPLER_STEPS": (1, 2),
            "OTHERS": {"LeNet": measures.OTHERS["LeNet"] | {"steps": 2}},
        },
    }
    for module, values in changes.items():
        for name, value in values.items():
            patch.setattr(module, name, value)


def found(folder):
    """The findings of the comparison in a folder."""
    return json.loads((folder / "compare" / "report.json").read_text())


def test_a_comparison_has_a_report_of_what_it_found(compared):
    told, page = found(compared), (compared / "compare" / "report.html").read_text()
    assert list(told["models"]) == ["ae", "ddpm"]
    for model in told["models"].values():
        seed = model["seeds"]["0"]
        assert [look["step"] for look in seed["training"]["curve"]] == [2, 4]
        assert seed["measured"]["n"] == 100
        assert len(seed["measured"]["frechet_again"]) == 1
        assert f"{seed['measured']['generated']['frechet_in_noise_units']:.4f}" in page
        assert model["cost"]["own"]["operations"] > 0 and model["cost"]["own"]["memory"] > 1e6
    assert [row["steps"] for row in told["sampler_steps"]] == [1, 2]
    assert told["models"]["ddpm"]["seeds"]["0"]["measured"]["bits_per_dimension"]["n"] == 8
    texts = "Real digits new to the judge: ", "are by population 1 of MNIST's writers"
    for text in (*texts, "bin/compare --models ae,ddpm --steps 4", told["judge"], "ddpm > ae"):
        assert text in html.unescape(page)


def test_a_comparison_trains_and_measures_nothing_twice(compared, monkeypatch, capsys):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    before = (compared / "compare" / "report.json").read_text()

    def never(*args, **kwargs):
        raise AssertionError("done already")

    monkeypatch.setattr(loop, "train_apart", never)
    monkeypatch.setattr(suite, "measure", never)
    assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4"]) == 0
    assert (compared / "compare" / "report.json").read_text() == before
    assert "left in all" not in capsys.readouterr().out


def test_a_comparison_goes_on_with_the_same_curve(compared, here, monkeypatch, capsys):
    """It is stopped between two looks at a training; and a run that cannot be read is skipped."""
    small(monkeypatch)
    keep(compared, here, "timing ae.json", "measurement ae-0-4.json", "measurement ae-0-4.npz")
    trained(here / "runs" / "bad", configs.recipe("ae"), 4).config.write_text("{")
    train, calls = loop.train_apart, []

    def stopped(*args):
        calls.append(args)
        if len(calls) == 2:
            raise SystemExit(130)
        return train(*args)

    monkeypatch.setattr(loop, "train_apart", stopped)
    command = ["compare", "--models", "ae", "--steps", "4"]
    with pytest.raises(SystemExit):
        main.run(command)
    assert "stopped: the same command goes on" in capsys.readouterr().out
    assert main.run(command) == 2
    assert len(calls) == 3  # one for the first half, two for the second
    looks = [
        found(folder)["models"]["ae"]["seeds"]["0"]["training"]["curve"]
        for folder in (here, compared)
    ]
    for one, other in zip(*looks, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    assert "skipped runs/bad/config.json cannot be read" in capsys.readouterr().err
    assert found(here)["skipped"]


def keep(compared, here, *parts):
    """Some findings of the comparison are there already, and the other judge."""
    (here / "compare" / "parts").mkdir(parents=True)
    for name in (
        "judge of LeNet.safetensors",
        *(f"parts/{x}" for x in (*parts, "judge LeNet.json")),
    ):
        shutil.copy(compared / "compare" / name, here / "compare" / name)


def test_a_training_whose_run_has_lost_its_weights_is_repeated(compared, here, monkeypatch):
    small(monkeypatch)
    keep(compared, here, "timing ae.json")
    part = json.loads((compared / "compare" / "parts" / "training ae-0-4.json").read_text())
    shutil.copytree(compared / "compare" / "runs" / "ae-0-4", here / "gone")
    shutil.rmtree(here / "gone" / "checkpoints" / "4")
    part["figures"]["run"] = "gone"
    (here / "compare" / "parts" / "training ae-0-4.json").write_text(json.dumps(part))
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 0
    part = json.loads((here / "compare" / "parts" / "training ae-0-4.json").read_text())
    assert part["figures"]["run"] == "compare/runs/ae-0-4"
    assert (here / "compare" / "runs" / "ae-0-4" / "checkpoints" / "4").exists()


def test_a_run_of_another_recipe_is_moved_aside(compared, here, monkeypatch):
    small(monkeypatch)
    keep(compared, here, "timing ae.json", "measurement ae-0-4.json", "measurement ae-0-4.npz")
    other = replace(little("ae"), steps=4, batch=24)
    was = trained(here / "compare" / "runs" / "ae-0-4", other, 2)
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 0
    assert RunFolder(was.path.with_name("ae-0-4.1")).load() == other
    assert RunFolder(was.path).load().batch == little("ae").batch


def test_a_training_that_fails_is_a_finding(compared, here, monkeypatch):
    """It has no weights to be measured, and that is no mistake of the person."""
    small(monkeypatch)
    keep(compared, here, "timing ae.json")

    why = "loss is nan at step 1: training stops, nothing was saved before"
    monkeypatch.setattr(loop, "train_apart", lambda *args: [why])
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 0
    seed = found(here)["models"]["ae"]["seeds"]["0"]
    assert "loss is nan" in seed["training"]["failed"] and seed["measured"] is None
    assert "loss is nan at step 1" in (here / "compare" / "report.html").read_text()


def test_a_quiz_is_made_of_what_was_compared(compared, monkeypatch, capsys):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4", "--quiz"]) == 0
    assert "quiz.html" in capsys.readouterr().out
    assert "ddpm" in (compared / "compare" / "quiz.html").read_text()


def test_the_numbers_of_the_report_are_those_of_the_json(compared):
    """Every cell of the tables of quality and cost, as a person reads it."""
    told, shown = found(compared), {}
    for line in (compared / "compare" / "report.md").read_text().splitlines():
        if line.startswith("| "):
            name, *cells = (
                line.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")[2:-2].split(" | ")
            )
            shown.setdefault(name, []).append(cells)
    for name, model in told["models"].items():
        measured = model["seeds"]["0"]["measured"]
        drawn = measured["generated"]
        assert shown[name][0][2:5] == [
            f"{drawn['frechet_in_noise_units']:.3f} N",
            f"{drawn['recognised']['value']:.2%}",
            f"{drawn['coverage']:.3f}",
        ]
        again = [drawn["frechet_in_noise_units"], *measured["frechet_again"]]
        assert any(cells[:2] == [f"{one:.4f}" for one in again] for cells in shown[name])
        assert any(cells[0] == f"{model['cost']['own']['parameters']:,}" for cells in shown[name])
    families = [model["family"] for model in told["models"].values()]
    for claim in told["claims"]:
        (figures,) = (cells for cells in shown[claim["by"]] if cells[-1].count(" > "))
        assert figures[-1] == " > ".join(claim["found"])
        for family, cell in zip(families, figures, strict=False):
            value = claim["figures"][family]["value"]
            text = cell.replace(",", "").split()[0]
            last = 10.0 ** -len(text.partition(".")[2])  # of the digits that are shown
            assert abs(float(text) - value) <= 0.5001 * last
        (statement,) = claim["statements"]
        relation = statement["relation"]
        assert any(statement["verdict"] in cells for cells in shown[f"ddpm {relation} ae"])
