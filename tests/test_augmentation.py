"""The study of augmentation: what it learns from, what it concludes, and that it goes on."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgen import config, data, devices
from jaxgen.cli import main
from jaxgen.data import Split, mnist, partition, populations
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.evaluation.distort import SHIFT, shift_and_rotate
from jaxgen.experiments import augmentation_measures as measures
from jaxgen.experiments import train
from jaxgen.experiments.augmentation import Augmentation
from jaxgen.experiments.augmentation_measures import CHANGED, REAL, Way, joined
from jaxgen.experiments.trial import Result
from jaxgen.training.console import Console
from tests.conftest import small


@pytest.fixture
def tiny(monkeypatch):
    """Generators, classifiers and test digits that take no time, all in this process."""
    monkeypatch.setattr(devices, "workers", lambda: 1)
    monkeypatch.setattr(measures, "STEPS", 3)
    monkeypatch.setattr(measures, "DRAWN", 40)
    monkeypatch.setattr(measures, "NETWORK", judge.Layered((), (16,)))
    monkeypatch.setattr(train, "measure_time", lambda *_: Result({"training": 1, "step": 1}))
    monkeypatch.setattr(measures, "time_classifier", lambda *_: Result(1.0))
    recipe = small("ae")
    monkeypatch.setattr(config, "recipe", lambda name: recipe)
    whole = mnist.raw()
    populations.of(whole[0].images[:1])  # which remembers all of MNIST, for later tests too
    few = Split(whole[0].images[:2000], whole[0].labels[:2000])
    monkeypatch.setattr(mnist, "raw", lambda: (few, Split(*(part[:200] for part in whole[1]))))


def carried_out(folder: Path) -> tuple[np.ndarray, list[float]]:
    """The digits that a generator drew, and the accuracies of classifiers."""
    found = Augmentation(("ae",), (2,), 1).carry_out(folder, Console(quiet=True))
    return found.drawn["ae", 2]["images"], list(found.accuracies.values())


def remembered(choose):
    """``partition.choose``, which goes by pixels, but with its first answer when they change."""
    masks = {}

    def function(split, counts, purpose):
        key = purpose, counts.tobytes(), split.labels.tobytes()
        if key not in masks:
            masks[key] = choose(split, counts, purpose)
        return masks[key]

    return function


def test_no_other_training_digit_is_seen(tiny, tmp_path, monkeypatch):
    """All but the chosen digits are made black: nothing changes. One of these is: all does."""
    ways = [REAL, Way("ae", changed=True)]  # one of real digits, one of both
    monkeypatch.setattr(Augmentation, "ways", lambda plan: ways)
    monkeypatch.setattr(partition, "choose", remembered(partition.choose))
    chosen = data.load("mnist:2:0").train.images
    before = carried_out(tmp_path / "a")
    learned, test = mnist.raw()
    kept = (learned.images[:, None] == chosen).all((2, 3, 4)).any(1)
    assert kept.sum() == 20
    images = np.where(kept[:, None, None, None], learned.images, 0)
    others = learned._replace(images=images)
    monkeypatch.setattr(mnist, "raw", lambda: (others, test))
    after = carried_out(tmp_path / "b")
    assert np.array_equal(before[0], after[0]) and before[1] == after[1]
    others.images[np.flatnonzero(kept)[0]] = 128
    assert not np.array_equal(before[0], carried_out(tmp_path / "c")[0])


def test_the_command_reports_and_goes_on(tiny, tmp_path, capsys):
    command = ["apply", "augment", "--study", "--models", "ae", "--sizes", "3", "--seeds", "2"]
    assert main.run([*command, "--out", f"{tmp_path}"]) == 0
    said = capsys.readouterr().out
    assert "2 generators, 10 classifiers, about 0:12 on this machine" in said
    assert "\nWith 3 real digits of each kind, adding digits of ae " in said
    told = json.loads((tmp_path / "report.json").read_text())
    assert len(told["accuracy"]["real + ae, shift and rotate"]["3"]) == 2
    assert "ae alone" in (tmp_path / "report.md").read_text()
    (tmp_path / f"parts/classifier {CHANGED}, 3 digits of each kind, seed 1.json").unlink()
    assert main.run([*command, "--out", f"{tmp_path}"]) == 0
    assert capsys.readouterr().out.startswith("1 classifier, about 0:01 on this machine")


def test_half_of_what_is_learned_is_real():
    real = Split(np.ones((10, 28, 28, 1), np.uint8), np.arange(10, dtype=np.int32))
    drawn = Split(np.zeros((100, 28, 28, 1), np.uint8), np.zeros(100, np.int32))
    both = joined(real, drawn)
    assert len(both.labels) == 200 and both.images.mean() == 0.5
    assert np.bincount(both.labels)[1:].tolist() == [10] * 9


def test_ways_are_named_as_the_report_names_them():
    names = [f"{way}" for way in (REAL, CHANGED, Way("ae"), Way("ae", changed=True))]
    assert names == ["real", "real, shift and rotate", "real + ae", "real + ae, shift and rotate"]
    assert f"{Way('ae', real=False)}" == "ae alone"


def test_shift_and_rotate_moves_a_digit_and_no_further():
    image = np.zeros((64, 28, 28, 1), np.float32)
    image[:, 12:16, 13:15] = 1
    moved = np.asarray(jax.jit(shift_and_rotate)(image, jax.random.key(0)))[..., 0]
    mass = moved.sum((1, 2))
    assert np.allclose(mass, 8, atol=0.5)
    rows, columns = (moved.sum(axis) @ np.arange(28) / mass - 13.5 for axis in (2, 1))
    assert np.hypot(rows, columns).max() < SHIFT * 2**0.5 + 0.05
    assert rows.std() == pytest.approx(SHIFT / 3**0.5, abs=0.3)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--models", "gann"], "did you mean gan?"),
        (["--sizes", "0"], "--sizes 0"),
        (["--seeds", "0"], "--seeds 0"),
    ],
)
def test_mistakes_are_one_sentence(here, args, says):
    with pytest.raises(UserError) as caught:
        main.run(["apply", "augment", "--study", *args])
    assert says in str(caught.value) and "\n" not in str(caught.value)
