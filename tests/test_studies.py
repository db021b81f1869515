"""Studies: what is planned, trained and said; and many runs in one program."""

import csv
import math
import shutil
from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxgen import config, devices, families
from jaxgen.cli import flags as reading
from jaxgen.cli import main, study
from jaxgen.data import Split, mnist
from jaxgen.errors import UserError
from jaxgen.experiments import grid as grids
from jaxgen.experiments import measures, questions, train, views
from jaxgen.experiments import study as studies
from jaxgen.experiments.findings import along, decided, difference
from jaxgen.experiments.grid import Axis
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.questions import QUESTIONS, Claim
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context
from jaxgen.training import loop, manifest, stack
from jaxgen.training.folder import RunFolder
from tests.conftest import small
from tests.runs import QUIET, final, metrics, same

VAE = config.recipe("vae")


def resolve(base, args=()):
    usual = study.Study(base)
    return lambda flags: reading.parse(usual, "study", "", [*args, *flags]).config


# Plans.


@pytest.mark.parametrize(
    "text, said",
    [
        ("net.bta=1,2", "did you mean net.beta?"),
        ("net.beta=1", "one value"),
        ("net.beta=1,1", "one value"),
        ("net.beta", "gives no values"),
        ("seed=1,2", "what --seeds does"),
        ("model=ae,vae", "no setting 'model'"),
    ],
)
def test_an_axis_that_makes_no_sense_is_one_sentence(text, said):
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        grids.axis(text, VAE)


@pytest.mark.parametrize(
    "name, value, flag",
    [
        ("net.layers", "8-16-32", "--net.layers=8,16,32"),  # numbers that belong together
        ("optim.rate", "1e-3", "--optim.rate=1e-3"),
    ],
)
def test_a_value_is_a_flag(name, value, flag):
    assert grids.flags(Axis(name, (value,)), value, VAE) == [flag]


def test_a_grid_has_all_combinations_and_each_one_thing_at_a_time():
    axes = grids.axis("net.beta=0.5,1,2", VAE), grids.axis("net.latents=10,20", VAE)
    grid = grids.make(VAE, axes, "grid", 2, resolve(VAE))
    assert len(grid.settings) == grids.count(axes, "grid") == 6
    assert [len(line) for line in grid.along(axes[0])] == [3, 3]
    each = grids.make(VAE, axes, "each", 1, resolve(VAE))
    assert len(each.settings) == grids.count(axes, "each") == 4
    assert each.settings[0].config == VAE  # 1 is 1.0, and 10 is what the recipe has
    (line,) = each.along(axes[0])
    assert [(one.of("net.beta"), one.of("net.latents")) for one in line] == [
        (beta, "10") for beta in ("0.5", "1", "2")
    ]
    other = grids.make(VAE, (grids.axis("net.beta=2,4", VAE),), "each", 1, resolve(VAE))
    assert [one.of("net.beta") for one in other.settings] == ["1.0", "2", "4"]


@pytest.mark.parametrize(
    "texts, said",
    [
        (["net.beta=0.1,0.10"], "is the same as"),
        (["net.beta=1,2", "net.beta=3,4"], "names net.beta twice"),
    ],
)
def test_one_setting_written_twice_is_refused(texts, said):
    axes = tuple(grids.axis(text, VAE) for text in texts)
    with pytest.raises(UserError, match=said):
        grids.make(VAE, axes, "grid", 1, resolve(VAE))


def test_what_is_only_drawn_otherwise_is_trained_once():
    ddpm = config.recipe("ddpm")
    axes = grids.axis("sampling.steps=2,5,10", ddpm), grids.axis("net.width=8,16", ddpm)
    grid = grids.make(ddpm, axes, "grid", 3, resolve(ddpm))
    assert len(grid.settings) == 6
    assert len({grid.trained(setting, 0) for setting in grid.settings}) == 2


@pytest.mark.parametrize("steps, kept", [("2,5,20", 2), ("2,10,20", 10)])
def test_a_training_draws_as_the_study_does_and_not_as_the_recipe(steps, kept):
    # The recipe draws by Gaussians, which this network does not have.
    ddpm = config.recipe("ddpm")
    args = ("--net.gaussian=0", "--sampling.sampler=dpmpp", "--sampling.steps=10")
    base = resolve(ddpm, args)([])
    axes = (grids.axis(f"sampling.steps={steps}", base),)
    grid = grids.make(base, axes, "grid", 1, resolve(ddpm, args))
    [trained] = {grid.trained(setting, 0) for setting in grid.settings}
    assert (trained.sampling.sampler, trained.sampling.steps) == ("dpmpp", kept)


def test_settings_that_are_on_or_off_or_have_no_value_can_be_varied():
    ddpm = config.recipe("ddpm")
    axis = grids.axis("net.attention=true,false", ddpm)
    grid = grids.make(ddpm, (axis,), "grid", 1, resolve(ddpm))
    assert [setting.config.net.attention for setting in grid.settings] == [True, False]
    axes = axis, grids.axis("optim.horizon=500,1000", ddpm)
    grid = grids.make(ddpm, axes, "each", 1, resolve(ddpm))
    found = [(one.config.net.attention, one.config.optim.horizon) for one in grid.settings]
    assert found == [(False, None), (True, None), (False, 500), (False, 1000)]
    with pytest.raises(UserError, match="attention takes the values true and false, not yes"):
        grids.make(ddpm, (grids.axis("net.attention=yes,no", ddpm),), "grid", 1, resolve(ddpm))


def test_a_setting_that_cannot_be_is_told_before_any_training(tmp_path):
    ddpm = config.recipe("ddpm")
    axis = grids.axis("sampling.guidance=1,2,4", ddpm)
    grid = grids.make(ddpm, (axis,), "grid", 1, resolve(ddpm))
    with pytest.raises(UserError, match=r"sampling.guidance 4: --guidance 4 cannot be with"):
        studies.carry_out(grid, tmp_path / "a", QUIET, yes=True)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_of_one_question(tmp_path):
    def made(text, *args):
        base = resolve(VAE, args)([])
        return grids.make(base, (grids.axis(text, base),), "grid", 1, resolve(VAE, args))

    studies.claim_folder(tmp_path / "a", made("net.beta=1,2"))
    studies.claim_folder(tmp_path / "a", made("net.beta=1,2", "--steps=7"))  # nothing trained yet
    studies.claim_folder(tmp_path / "a", made("net.beta=1,2"))
    (tmp_path / "a" / "runs").mkdir()
    studies.claim_folder(tmp_path / "a", made("net.beta=1,2,3", "--seed=5"))
    for other in (made("net.latents=1,2"), made("net.beta=1,2", "--steps=7")):
        with pytest.raises(UserError, match=rf"another question .*beta of vae, {VAE.steps} steps"):
            studies.claim_folder(tmp_path / "a", other)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_named_question_makes_a_plan_of_each_of_its_models(question):
    for model in question.models:
        args = study._flags(question, ["--model", model])
        base = resolve(config.recipe(model), args)([])
        axes = tuple(grids.axis(text, base) for text in question.vary)
        found = grids.make(
            base, axes, question.design, question.seeds, resolve(config.recipe(model), args)
        )
        trained = {found.trained(setting, 0) for setting in found.settings}
        assert question.seeds * len(trained) <= 40
        for one in trained | {setting.config for setting in found.settings}:
            families.build(one)
        names = {axis.name: axis.values for axis in axes}
        for claim in question.claims:
            assert {*claim.left, claim.right} <= set(names[claim.setting])
            assert FIGURES[claim.figure].better
        assert {name for group in question.plots for name in group} <= set(FIGURES)


def test_a_question_that_does_not_exist_is_suggested():
    with pytest.raises(UserError, match="did you mean latent"):
        questions.named("latents")


@pytest.mark.parametrize(
    "args, said",
    [
        (["beta", "--model", "gan"], "not for gan, but for vae, cvae"),
        (["--model", "vae"], "what is varied"),
        (["--model", "vae", "--vary", "net.beta=1,x"], "--net.beta: x is not a number"),
        (["--model", "vae", "--vary", "net.beta=1,-2"], "--net.beta -2.0 cannot be"),
        (["latent", "--seeds", "0"], "--seeds 0 cannot be"),
    ],
)
def test_a_study_that_cannot_be_is_one_sentence(args, said, here):
    with pytest.raises(UserError, match=said):
        main.run(["study", *args])
    assert not list(here.iterdir())


def test_thousands_of_runs_want_a_yes(here):
    many = ",".join(map(str, range(1, 201)))
    with pytest.raises(UserError, match=r"200 settings and 2,000 runs: give --yes"):
        main.run(["study", "--model", "ae", "--vary", f"net.latents={many}", "--seeds", "10"])


# What is said.


@pytest.mark.parametrize(("seeds", "values"), [(3, 2), (3, 3), (5, 2), (5, 4)])
def test_where_there_is_no_difference_one_is_claimed_for_one_figure_in_twenty(seeds, values):
    draws, claimed = 2000, 0
    axis = Axis("net.beta", tuple(map(str, range(values))))
    noise = np.random.default_rng(0).normal(10, 1, (draws, values, seeds))
    for figures in noise:
        found = {
            value: dict(enumerate(own)) for value, own in zip(axis.values, figures, strict=True)
        }
        claimed += "no difference is shown" not in along("error", axis, found)
    assert 0.03 < claimed / draws < 0.065


def test_a_claim_of_several_differences_is_true_of_all_together():
    """Of 2,000 claims about three values that are alike, one in twenty is decided."""
    claim = Claim("More is better", "net.beta", "distance", ("2", "3", "4"), "1")
    noise = np.random.default_rng(0).normal(10, 1, (2000, 4, 5))
    told = [
        decided(claim, {f"{place + 1}": dict(enumerate(own)) for place, own in enumerate(one)}, {})
        for one in noise
    ]
    assert 0.03 < np.mean(["is left open" not in text for text in told]) < 0.065


def test_seeds_are_paired():
    """A difference that all seeds show is seen, however much they differ among themselves."""
    one, other = {0: 1.0, 1: 100.0, 2: 50.0}, {0: 0.5, 1: 99.5, 2: 49.5, 7: 0.0}
    found = difference(one, other)
    assert found and found.value == pytest.approx(0.5) and found.sign == 1
    assert difference({0: 1.0}, {1: 1.0}) is None


AXIS = Axis("net.beta", ("0.1", "1", "10"))


def test_along_an_axis_the_best_the_alike_and_the_worst_are_named():
    found = {
        "0.1": {0: 5.0, 1: 6.0, 2: 7.0},
        "1": {0: 1.0, 1: 2.0, 2: 3.0},
        "10": {0: 1.1, 1: 1.9, 2: 3.3},
    }
    said = along("error", AXIS, found)
    assert "best at net.beta 1 (2), not separable from 10" in said
    assert "at 0.1 it is 6 (a difference of 4)" in said
    more = along("recognised", AXIS, found)
    assert "best at net.beta 0.1 (6)" in more and "at 1 it is 2" in more
    assert "rises from 2 at net.beta 0.1 to 5 at 10" in along(
        "rate", AXIS, {"0.1": {0: 1.0, 1: 3.0}, "10": {0: 4.0, 1: 6.0}}
    )


@pytest.mark.parametrize(
    "left, verdict",
    [
        ({"3": 1.0, "10": 2.0}, "holds ("),
        ({"3": 5.0, "10": 6.0}, "does not hold"),
        ({"3": 1.0, "10": 6.0}, "holds for some"),
        ({"3": 3.0, "10": 3.0}, "is left open"),
    ],
)
def test_a_claim_is_decided(left, verdict):
    claim = Claim("More is better", "net.beta", "distance", ("3", "10"), "1")
    found = {value: {0: x, 1: x + 0.1} for value, x in left.items()}
    assert verdict in decided(claim, found | {"1": {0: 3.0, 1: 3.1}}, {})
    assert decided(claim, found, {}) == ""


def test_a_claim_that_hangs_on_something_else_says_on_what():
    claim = Claim("More is better", "net.beta", "distance", ("3",), "1")
    small, large = {0: 1.0, 1: 1.1}, {0: 5.0, 1: 5.1}
    worse, better = {"1": small, "3": large}, {"1": large, "3": small}
    told = decided(claim, worse, {"steps 2": worse, "steps 5": better, "steps 9": better})
    assert told.startswith(
        "“More is better”: does not hold at steps 2; holds at steps 5 and steps 9 ("
    )
    assert "does not hold (" in decided(claim, worse, {"steps 2": worse})


def test_axes_of_numbers_are_known():
    def places(*values, name="net.layers"):
        scale = views.numbers(Axis(name, values))
        return scale and (scale[0], [scale[1](value) for value in values])

    assert places("8", "8-8", "8-8-8") == ("hidden layers of 8", [1, 2, 3])
    assert places("8-8", "32-32") == ("neurons in each of 2 hidden layers", [8, 32])
    assert places("8-16", "32") is None
    assert places("relu", "elu", name="net.activation") is None
    assert places("mnist:10", "mnist", name="data") == ("training digits", [100, 55_000])
    assert places("0.1", "1e1", name="net.beta") == ("net.beta", [0.1, 10])


# Many runs in one program.


def changed(recipe, part, **values):
    return replace(recipe, **{part: replace(getattr(recipe, part), **values)})


def tiny(seed):
    recipe = small("vae", steps=4, batch=8, seed=seed, save_every=4, sample_every=4)
    return changed(recipe, "net", network="dense", layers=(16,))


def test_runs_trained_together_are_those_trained_apart(tmp_path):
    made = [
        changed(changed(tiny(seed), "net", beta=beta), "optim", rate=rate)
        for seed, beta, rate in ((0, 1.0, 1e-3), (1, 4.0, 1e-2))
    ]
    assert stack.groups(made) == [[0, 1]]
    folders = [tmp_path / f"together-{place}" for place in range(2)]
    runs = [RunFolder(folder) for folder in folders]
    assert loop.train_apart(made, runs, QUIET) == [None] * 2
    for place, recipe in enumerate(made):
        apart = tmp_path / f"apart-{place}"
        assert loop.train_apart([recipe], [RunFolder(apart)], QUIET) == [None]
        one, other = final(recipe, folders[place]), final(recipe, apart)
        pairs = (jax.tree.leaves(state.averaged.params) for state in (one, other))
        assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(*pairs, strict=True))
        ours, theirs = ([row["loss"] for row in metrics(x)] for x in (folders[place], apart))
        assert ours == pytest.approx(theirs, rel=1e-3)
        assert (folders[place] / "samples/4.png").exists()
    again = final(made[0], folders[0])
    assert loop.train_apart(made, runs, QUIET) == [None] * 2  # there is nothing left to do
    assert same(again, final(made[0], folders[0]))


def test_a_number_that_decides_the_program_parts_the_group():
    """A sigma of 0 is learned: a branch in Python."""
    made = [
        changed(tiny(seed), "net", sigma=sigma, likelihood="gaussian")
        for sigma in (0.0, 0.5)
        for seed in (0, 1)
    ]
    assert stack.groups(made) == [[0, 1], [2, 3]]
    assert stack.groups([tiny(0), small("ae", steps=4)]) == [[0], [1]]


def test_a_run_that_diverges_leaves_the_others_alone(tmp_path):
    made = [changed(tiny(0), "optim", rate=rate, clip=0.0) for rate in (1e-3, 1e30)]
    runs = [RunFolder(tmp_path / name) for name in ("well", "ill")]
    well, ill = loop.train_apart(made, runs, QUIET)
    assert well is None
    assert "training stops" in ill
    assert final(made[0], tmp_path / "well") is not None
    losses = [row["loss"] for row in metrics(tmp_path / "well")]
    curve = train.curve(metrics(tmp_path / "well"))
    assert [step for step, _ in curve] == [1, 2, 3, 4]
    assert [loss for _, loss in curve] == losses
    assert final(made[1], tmp_path / "ill") is None


def test_a_group_goes_on_after_a_stop_whatever_each_run_has_saved(tmp_path):
    made = [
        changed(tiny(seed), "optim", rate=rate, clip=0.0)
        for seed, rate in enumerate((1e-3, 1e-3, 1e30))
    ]
    trials = [train.trial(recipe, name) for recipe, name in zip(made, "abc", strict=True)]
    context = Context(Store(tmp_path), print, print)
    first = dict(train.train_together(context, trials))
    assert [first[trial].figures["failed"] is None for trial in trials] == [True, True, False]
    saved = {name: tmp_path / "runs" / name / "checkpoints" / "4" for name in "ab"}
    shutil.rmtree(saved["b"])  # a stop between two of them
    before = saved["a"].stat().st_mtime_ns
    for together in (trials[1:], trials[:2]):  # at step 0 both; and both finished
        again = dict(train.train_together(context, trials))
        assert list(again) == together
        assert [again[trial].figures["failed"] is None for trial in together] == [
            first[trial].figures["failed"] is None for trial in together
        ]
        assert saved["a"].stat().st_mtime_ns == before
    assert saved["b"].exists()


def test_a_training_is_there_while_its_run_holds_its_last_step(tmp_path):
    context, recipe = Context(Store(tmp_path), print, print), tiny(0)
    trial = train.trial(recipe, "a")
    figures = train.train(context, recipe, "a").figures
    assert trial.is_there(figures)
    other = train.trial(changed(recipe, "optim", rate=0.5), "a")
    assert not other.is_there(figures)  # a run of another recipe is in its place
    shutil.rmtree(tmp_path / "runs/a/checkpoints/4")
    assert not trial.is_there(figures)
    shutil.rmtree(tmp_path / "runs/a")
    assert not trial.is_there(figures) and trial.is_there(figures | {"failed": "it diverged"})


def test_a_group_with_a_damaged_checkpoint_trains_anew(tmp_path):
    made, runs = [tiny(0), tiny(1)], [RunFolder(tmp_path / name) for name in "ab"]
    assert loop.train_apart(made, runs, QUIET) == [None] * 2
    weights = [final(recipe, run.path) for recipe, run in zip(made, runs, strict=True)]
    for path in (runs[0].checkpoints / "4").rglob("*"):
        if path.is_file() and path.name != manifest.NAME:
            path.write_bytes(path.read_bytes()[:-1])
    assert loop.train_apart(made, runs, QUIET) == [None] * 2
    for recipe, run, before in zip(made, runs, weights, strict=True):
        assert same(final(recipe, run.path), before)


# A whole study.


@pytest.fixture
def few(monkeypatch, here):
    """Few digits of MNIST, in one process."""
    monkeypatch.setattr(measures, "COUNT", 100)
    monkeypatch.setattr(train, "TIMED", 2)
    monkeypatch.setattr(devices, "workers", lambda: 1)
    learned, test = mnist.raw()
    cut = Split(learned.images[:2400], learned.labels[:2400])
    monkeypatch.setattr(mnist, "raw", lambda: (cut, test))
    measures._reference.cache_clear()


AE = [
    "--model=ae",
    "--net.layers=16",
    "--net.latents=4",
    "--net.components=1",
    "--steps=3",
    "--batch=8",
    "--optim.clip=0",
    "--out=s",
]


def test_a_study_from_beginning_to_end(few, here, capsys, monkeypatch):
    """One rate diverges; the two ways of drawing share a training."""
    vary = ["--vary=optim.rate=1e-3,1e30", "--vary=sampling.prior=fitted,normal"]
    command = ["study", *AE, *vary, "--seeds=1"]
    assert main.run(command) == 0
    out = capsys.readouterr().out
    assert "2 trainings, 4 measurements, about" in out
    assert "Trainings that diverged: optim.rate 1e30, sampling.prior fitted: 1 of 1" in out
    assert len(list((here / "s/runs").glob("*/config.json"))) == 2

    def results() -> list[dict[str, str]]:
        return list(csv.DictReader((here / "s/results.csv").read_text().splitlines()))

    rows = results()
    assert [(row["optim.rate"], row["sampling.prior"], row["seed"]) for row in rows] == [
        (rate, prior, "0") for rate in ("1e-3", "1e30") for prior in ("fitted", "normal")
    ]
    for row in rows[:2]:
        assert not row["failed"] and float(row["distance"]) > 0
        assert math.isfinite(float(row["error"]))
    for row in rows[2:]:
        assert "training stops" in row["failed"] and not row["error"]
    text = (here / "s/report.md").read_text()
    assert "What does optim.rate and sampling.prior change in ae?" in text
    assert "Drawn digits by optim.rate, with prior normal" in text
    assert "bin/study --model=ae" in (here / "s/report.html").read_text()

    # The same again trains nothing; one seed more trains that alone, and other figures stay.
    with monkeypatch.context() as patch:
        patch.setattr(loop, "train_apart", None)
        assert main.run(command) == 0
    assert results() == rows
    capsys.readouterr()
    assert main.run(["study", *AE, vary[0], vary[1], "--seeds=2"]) == 0
    assert "2 trainings, 4 measurements" in capsys.readouterr().out
    assert results()[::2] == rows
    with pytest.raises(UserError, match="another question"):
        main.run(["study", *AE, "--vary=net.latents=2,4"])
