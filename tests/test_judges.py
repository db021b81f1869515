"""Judges of other data than MNIST: trained by one command, kept, and used for all figures."""

import json
from pathlib import Path

import numpy as np
import pytest

import jaxgen
from jaxgen import data
from jaxgen.cli import main
from jaxgen.evaluation import judge
from tests import runs
from tests.conftest import flags
from tests.data.told import sentence


@pytest.fixture(scope="module")
def place(tmp_path_factory, optimised):
    """A model of digits whose halves are exchanged, which the judge of MNIST cannot read."""
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, tmp_path_factory.mktemp("judges"))
        Path("set").mkdir()
        for part, split in zip(("train", "test"), data.raw("mnist"), strict=True):
            images = np.roll(split.images[:1500, ..., 0], 14, (1, 2))
            np.savez(f"set/{part}.npz", images=images, labels=split.labels[:1500])
        args = ["--data=files:set", "--steps=2", "--batch=8", "--sample-every=0", *flags("ae")]
        assert main.run(["train", "--model=ae", *args]) == 0
        yield


def evaluated(capsys) -> tuple[str, dict]:
    capsys.readouterr()
    assert main.run(["evaluate", "--model=ae", "--count=100"]) == 0
    found = json.loads(next(Path("runs/ae").rglob("report.json")).read_text())
    return capsys.readouterr().out, found


def test_a_judge_is_trained_for_data_that_mnists_cannot_read(place, capsys):
    assert "bin/digits judge files:" in sentence(main.run, ["evaluate", "--model=ae"])
    assert "bin/digits judge" in jaxgen.load("./runs/ae").caution
    assert main.run(["digits", "judge", "files:set", "--steps=250"]) == 0
    said = capsys.readouterr().out
    assert "test images are recognised" in said and " N of them" in said
    model = jaxgen.load("./runs/ae")
    assert model.caution is None and model.judge.hash != judge.SHA256
    real = model.digits.test
    assert (model.classify(real.images) == real.labels).mean() > 0.7
    said, report = evaluated(capsys)
    assert "recognised as the digit asked for" in said
    assert report["judge"] == model.judge.hash != judge.SHA256
    assert main.run(["digits", "judge", "files:set"]) == 0
    assert "there is a judge that reads these images, their own" in capsys.readouterr().out


def test_other_data_get_one_of_their_own(here, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", f"{here}/cache")
    assert main.run(["digits", "judge", "synthetic:200"]) == 0
    said = capsys.readouterr().out
    assert "that of MNIST" in said and "too few for a Frechet distance" in said
    # Trained too briefly, it does not replace the judge that reads these digits.
    assert "more --steps" in sentence(
        main.run, ["digits", "judge", "synthetic:200", "--steps=1", "--fresh"]
    )
    assert not judge.own(data.load("synthetic:200")).exists()
    assert "which data set?" in sentence(main.run, ["digits", "judge"])
    assert "--steps 0" in sentence(main.run, ["digits", "judge", "mnist", "--steps=0"])
