"""Fine-tuning: training goes on from other weights, on few digits, and forgets little."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgen
from jaxgen import config as configs
from jaxgen import data
from jaxgen.apps import finetuning, publish
from jaxgen.cli import main
from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.images import save, to_uint8
from jaxgen.training.folder import RunFolder
from tests import runs
from tests.conftest import SMALL, text
from tests.test_apps import DIGITS


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with tiny runs, and few digits of a person: none is above 4."""
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, tmp_path_factory.mktemp("tuned"))
        patch.setattr(finetuning, "EXAMPLES", 80)
        for name in SMALL:
            runs.tiny(name)
        low = DIGITS.train.labels < 5
        save(
            "mine/", DIGITS.train.images[low][:40] / np.float32(255), DIGITS.train.labels[low][:40]
        )
        yield patch


def train(name: str, *args: str) -> int:
    return main.run(["train", "--from", name, "--data", "mine/", "--steps=2", "--quiet", *args])


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_family_goes_on_from_its_weights(place, name):
    before = jaxgen.load(f"runs/{name}")
    assert train(name, "--optim.rate=1e-9") == 0
    after = jaxgen.load(f"runs/{name}-mine")
    assert after.step == 2 and after.config.net == before.config.net
    pairs = zip(*(jax.tree.leaves(m.variables.params) for m in (before, after)), strict=True)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in pairs)
    assert after.learned == before.learned  # the digits of the model, too
    assert after.sample(digit=7, count=2).shape == (2, 28, 28, 1)
    assert train(name, "--optim.rate=1e-9", "--steps=4") == 0  # the same command goes on
    assert jaxgen.load(f"runs/{name}-mine").step == 4


def test_weights_learn_the_few_digits(place):
    assert train("cvae", "--run=learned", "--steps=60", "--optim.rate=5e-3") == 0
    own = jaxgen.load("runs/learned").digits.train
    before, after = (jaxgen.load(f"runs/{name}") for name in ("cvae", "learned"))
    errors = [
        np.square(own.images / 255 - model.reconstruct(own.images, own.labels)).mean()
        for model in (before, after)
    ]
    assert errors[1] < 0.9 * errors[0]


def test_examples_are_of_three_kinds(place):
    model = jaxgen.load("runs/cvae")
    low = DIGITS.train.labels < 5
    own = Split(DIGITS.train.images[low][:10], DIGITS.train.labels[low][:10])
    made = finetuning.examples(model, own, seed=3)
    assert len(made.images) == len(made.labels) == 80 and made.images.dtype == np.uint8
    parts = np.split(made.labels, np.cumsum([48, 24]))
    assert set(parts[0]) == set(own.labels)
    assert set(parts[1]) == set(range(10)) and len(parts[2]) == 8
    same = finetuning.examples(model, own, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(made, same, strict=True))
    # The first image is one of the first digit's, distorted a little.
    first = own.images[own.labels == parts[0][0]][0]
    assert 0 < np.abs(made.images[0] / 255.0 - first / 255.0).mean() < 0.1
    drawn = to_uint8(model.sample(digits=parts[2], seed=3))
    np.testing.assert_array_equal(made.images[72:], drawn)


def test_a_published_model_still_knows_the_other_digits(place):
    synthetic = data.load("synthetic:1500").train
    low = synthetic.labels < 5
    save("many/", synthetic.images[low] / np.float32(255), synthetic.labels[low])
    assert train("ae", "--data=many/", "--run=shown") == 0
    model = jaxgen.load("runs/shown")
    publish.publish(model, model.config, model.folder, model.digits, Path("public"), True, count=70)
    assert json.loads(Path("public/data.json").read_text())["also"] == [5, 6, 7, 8, 9]
    assert jaxgen.load("./public").learned == tuple(range(10))


def test_a_model_of_few_digits_is_published_without_figures(place, capsys):
    assert train("cvae", "--run=few") == 0
    capsys.readouterr()
    main.run(["publish", "--run=few", "--out=public-few"])
    assert "not measured: " in capsys.readouterr().out
    assert json.loads(Path("public-few/card.json").read_text())["judged"] is None
    card = Path("public-few/README.md").read_text()
    assert "This was not measured" in card and "goes on from the weights of `runs/cvae`" in card
    assert "model-index" not in card and "Frechet" not in card
    assert jaxgen.load("./public-few").sample(digit=7, count=2).shape == (2, 28, 28, 1)


def test_a_run_goes_on_from_what_it_began_with_alone(place):
    assert train("ae", "--run=begun") == 0
    begun = RunFolder(Path("runs/begun"))
    examples = begun.examples.read_bytes()
    assert begun.start["from"] == "runs/ae"
    with pytest.raises(UserError, match="goes on from runs/ae, and not from runs/ae-other"):
        main.run(["train", "--model=ae", "--run=ae-other", *runs.TINY, *runs.flags("ae")])
        train("ae-other", "--run=begun", "--steps=4")
    settings = configs.flat(dataclasses.replace(begun.load(), steps=4))
    args = [f"--{name}={text(value)}" for name, value in settings if value is not None]
    with pytest.raises(UserError, match="goes on from runs/ae: give --from again"):
        main.run(["train", "--run=begun", *args])
    assert begun.examples.read_bytes() == examples


def test_python_does_as_the_command(place):
    assert train("cvae", "--run=by-command") == 0
    model = jaxgen.load("runs/cvae")
    tuned = model.fine_tune("mine/", "by-python", steps=2, quiet=True)
    assert f"{tuned.folder}" == "runs/by-python" and tuned.step == 2
    theirs = jaxgen.load("runs/by-command")
    np.testing.assert_array_equal(tuned.sample("7", 3), theirs.sample("7", 3))
    with pytest.raises(UserError, match="is the run runs/cvae itself"):
        model.fine_tune("mine/", "cvae")


def test_damaged_notes_and_examples(place):
    assert train("ae", "--run=damaged") == 0
    run = RunFolder(Path("runs/damaged"))
    examples = run.examples.read_bytes()
    run.examples.write_bytes(examples[:100])  # which are made again
    assert train("ae", "--run=damaged", "--steps=4") == 0
    assert run.examples.read_bytes() == examples
    (run.path / "start.json").write_text("{")
    with pytest.raises(UserError, match=r"start\.json cannot be read .* or --fresh"):
        train("ae", "--run=damaged", "--steps=6")


def test_what_was_only_begun_may_begin_otherwise(place):
    run = RunFolder(Path("runs/only-begun"))
    run.path.mkdir()
    run.note_start({"from": "runs/elsewhere", "weights": "x"})
    run.note_recipe(RunFolder(Path("runs/ae")).load())
    assert train("ae", "--run=only-begun") == 0
    assert run.start["from"] == "runs/ae"


def test_help_needs_no_digits(capsys):
    with pytest.raises(SystemExit) as ended:
        main.run(["train", "--from", "cvae", "--help"])
    assert ended.value.code == 0 and "--optim.rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--from", "ae"], "on which digits"),
        (["--from", "nowhere", "--data", "mine/"], "there is no run in"),
        (["--from", "ae", "--model", "cvae", "--data", "mine/"], "leave out --model"),
        (["--from", "ae", "--run", "ae", "--data", "mine/"], "is the run runs/ae itself"),
        (["--from", "ae", "--run", "x", "--data", "mine/", "--net.latents", "7"], "leave out the"),
        (["--from", "ae", "--data", "none/"], "is not a source"),
    ],
)
def test_mistakes_are_one_sentence(place, args, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        main.run(["train", *args])
    assert "\n" not in f"{caught.value}"
