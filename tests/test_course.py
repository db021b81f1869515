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
from jaxgen.experiments import course, runs
from jaxgen.experiments import course_measures as measures
from jaxgen.experiments.claims import COURSE
from jaxgen.training import costs, loop
from jaxgen.training.folder import RunFolder
from tests import browser, conftest


def test_a_plan_has_every_family_and_seed():
    full = course.make((), 2, None, None, False)
    assert full.models == ("ae", "vae", "cvae", "vqvae", "gan", "ddpm_full")
    assert len(full.entries) == 12
    short = course.make((), 1, 1000, None, False)
    assert short.models == tuple(COURSE)
    assert {entry.config.steps for entry in short.entries} == {1000}
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


def test_a_run_that_is_being_trained_is_waited_for(here):
    config = configs.recipe("gan")
    there = trained(here / "runs" / "mine", config, 40)
    with there.lock():
        with pytest.raises(UserError, match=r"runs/mine is still being trained, and has 40 of"):
            runs.find(Path("nowhere")).require_at_rest(config)
        runs.find(Path("nowhere")).require_at_rest(replace(config, seed=1))
        assert runs.find(Path("nowhere")).finished(config) is None
    runs.find(Path("nowhere")).require_at_rest(config)
    trained(here / "more" / "other", config, config.steps)
    assert str(runs.find(Path("more")).finished(config)) == "more/other"


def test_a_run_that_cannot_be_read_is_told(here):
    trained(here / "runs" / "good", configs.recipe("gan"), 40)
    trained(here / "runs" / "bad", configs.recipe("gan"), 40).config.write_text("{")
    found = runs.find(Path("nowhere"))
    assert [str(folder) for folder, _ in found.known] == ["runs/good"]
    (told,) = found.unreadable
    assert told.startswith("runs/bad/config.json cannot be read")


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
    patch.setattr(configs, "recipe", little)
    patch.setattr(measures, "COUNT", 100)
    patch.setattr(measures, "GLANCE", 80)
    patch.setattr(measures, "BATCH", 8)  # as the recipes have it: no second program
    patch.setattr(measures, "REDRAWN", 1)
    patch.setattr(measures, "LOOKS", (0.5, 1))
    patch.setattr(measures, "PLANE", 40)
    patch.setattr(measures, "CURVED", 4)
    patch.setattr(measures, "SAMPLER_STEPS", (1, 2))
    patch.setattr(costs, "REPETITIONS", 2)
    patch.setattr(costs, "STEPS", 2)
    few = {name: settings | {"steps": 2} for name, settings in measures.OTHERS.items()}
    patch.setattr(measures, "OTHERS", few)
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
    assert "Real digits new to the judge: " in page
    assert "are by population 1 of MNIST's writers" in html.unescape(page)
    for text in ("bin/compare --models ae,ddpm --steps 4", told["judge"], "ddpm &gt; ae"):
        assert text in page
    assert (compared / "compare" / "report.md").exists()


def test_runs_of_the_former_split_are_not_compared(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = replace(configs.recipe("ae"), steps=4)
    for name, data in (("former", "strided:mnist"), ("todays", "mnist"), ("few", "mnist:7")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        written = json.dumps(configs.to_dict(replace(config, data=data)))
        (tmp_path / "runs" / name / "config.json").write_text(written)
    assert runs.find(tmp_path / "compare").strided([config]) == ["runs/former"]


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


def test_a_comparison_goes_on_with_the_same_curve(compared, here, monkeypatch, capsys):
    """It is stopped between two looks at a training; and a run that cannot be read is skipped."""
    small(monkeypatch)
    keep(compared, here, "cost-ae.json", "measure-ae-0-4.json", "measure-ae-0-4.npz")
    trained(here / "runs" / "bad", configs.recipe("ae"), 4).config.write_text("{")
    train, calls = loop.train, []

    def stopped(*args):
        calls.append(args)
        return 130 if len(calls) == 2 else train(*args)

    monkeypatch.setattr(loop, "train", stopped)
    command = ["compare", "--models", "ae", "--steps", "4"]
    with pytest.raises(SystemExit):
        main.run(command)
    assert "stopped: the same command goes on" in capsys.readouterr().out
    assert main.run(command) == 2
    assert len(calls) == 3  # one for the first half, two for the second
    told = json.loads((here / "compare" / "report.json").read_text())
    before = json.loads((compared / "compare" / "report.json").read_text())
    for one, other in zip(*map(curve, (told, before)), strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    assert "skipped runs/bad/config.json cannot be read" in capsys.readouterr().err
    assert told["skipped"]


def keep(compared, here, *parts):
    """Some findings of the comparison are there already."""
    (here / "compare" / "parts").mkdir(parents=True)
    for name in parts:
        shutil.copy(compared / "compare" / "parts" / name, here / "compare" / "parts" / name)


def test_a_run_whose_weights_are_others_by_now_is_skipped(compared, here, monkeypatch, capsys):
    small(monkeypatch)
    keep(compared, here, "cost-ae.json")
    found = json.loads((compared / "compare" / "parts" / "train-ae-0-4.json").read_text())
    shutil.copytree(compared / "compare" / "runs" / "ae-0-4", here / "gone")
    shutil.rmtree(here / "gone" / "checkpoints" / "4")
    found["figures"]["run"] = "gone"
    (here / "compare" / "parts" / "train-ae-0-4.json").write_text(json.dumps(found))
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 2
    told = capsys.readouterr().err
    assert "skipped measuring ae-0: gone is at step 2 and not 4" in told


def test_a_run_of_another_recipe_is_moved_aside(compared, here, monkeypatch):
    small(monkeypatch)
    keep(compared, here, "cost-ae.json", "measure-ae-0-4.json", "measure-ae-0-4.npz")
    other = replace(little("ae"), steps=4, batch=24)
    was = trained(here / "compare" / "runs" / "ae-0-4", other, 2)
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 0
    assert RunFolder(was.path.with_name("ae-0-4.1")).load() == other
    assert RunFolder(was.path).load().batch == little("ae").batch


def curve(told):
    """The looks at the training of the autoencoder."""
    return told["models"]["ae"]["seeds"]["0"]["training"]["curve"]


def test_a_training_that_fails_is_a_finding(compared, here, monkeypatch):
    """It has no weights to be measured, and that is no mistake of the person."""
    small(monkeypatch)
    keep(compared, here, "cost-ae.json")

    def fails(*args):
        raise loop.Diverged("loss is nan at step 1: training stops, nothing was saved before")

    monkeypatch.setattr(loop, "train", fails)
    assert main.run(["compare", "--models", "ae", "--steps", "4"]) == 0
    found = json.loads((here / "compare" / "report.json").read_text())
    seed = found["models"]["ae"]["seeds"]["0"]
    assert "loss is nan" in seed["training"]["failed"] and seed["measured"] is None
    assert "loss is nan at step 1" in (here / "compare" / "report.html").read_text()


def test_a_run_that_is_there_is_used(compared, monkeypatch):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    found = runs.find(Path("compare/runs")).finished(replace(configs.recipe("ae"), steps=4))
    assert found is not None and found.path == Path("compare/runs/ae-0-4")
    assert runs.find(Path("compare/runs")).finished(replace(configs.recipe("ae"), steps=5)) is None
    assert runs.find(Path("nowhere")).finished(replace(configs.recipe("ae"), steps=4)) is None


def test_a_quiz_is_made_of_what_was_compared(compared, monkeypatch, capsys):
    monkeypatch.chdir(compared)
    small(monkeypatch)
    assert main.run(["compare", "--models", "ae,ddpm", "--steps", "4", "--quiz"]) == 0
    assert "quiz.html" in capsys.readouterr().out
    assert "ddpm" in (compared / "compare" / "quiz.html").read_text()


@pytest.mark.parametrize("width", browser.WIDTHS)
def test_the_numbers_of_the_page_are_those_of_the_json(compared, chromium, width):
    """Every cell of the tables of quality and cost, as a person reads it."""
    told = json.loads((compared / "compare" / "report.json").read_text())
    complaints = []
    page = chromium.new_page(viewport={"width": width, "height": 844})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((compared / "compare" / "report.html").as_uri())
    rows = page.evaluate(
        "[...document.querySelectorAll('table tr')].map("
        "row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
    shown = {}
    for name, *cells in rows:
        shown.setdefault(name.replace("\N{NO-BREAK SPACE}", " "), []).append(cells)
    page.close()
    assert not complaints
    for name, model in told["models"].items():
        measured = model["seeds"]["0"]["measured"]
        drawn = measured["generated"]
        overview, *_ = shown[name]
        assert overview[2:5] == [
            f"{drawn['frechet_in_noise_units']:.3f} N",
            f"{drawn['recognised']['value']:.2%}",
            f"{drawn['coverage']:.3f}",
        ]
        again = [drawn["frechet_in_noise_units"], *measured["frechet_again"]]
        assert any(cells[:2] == [f"{one:.4f}" for one in again] for cells in shown[name])
        assert any(cells[0] == f"{model['cost']['own']['parameters']:,}" for cells in shown[name])
    families = [model["family"] for model in told["models"].values()]
    for claim in told["claims"]:
        (figure,) = (cells for cells in shown[claim["by"]] if cells[-1].count(" > "))
        assert figure[-1] == " > ".join(claim["found"])
        for family, cell in zip(families, figure, strict=False):
            value = claim["figures"][family]["value"]
            text = cell.replace(",", "").split()[0]
            last = 10.0 ** -len(text.partition(".")[2])  # of the digits that are shown
            assert abs(float(text) - value) <= 0.5001 * last
        verdicts = [cells for cells in shown["ddpm > ae"] + shown["ddpm >> ae"]]
        (statement,) = claim["statements"]
        assert any(statement["verdict"] in cells for cells in verdicts)
