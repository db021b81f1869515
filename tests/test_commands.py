"""Every command as a person gives it: what it makes, what it says, and how it refuses."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import config
from jaxgen.cli import main
from jaxgen.errors import UserError
from tests.conftest import flags

ROOT = Path(__file__).parent.parent
TINY = ["--data=synthetic:600", "--steps=4", "--batch=8", "--sample-every=4", "--save-every=2"]


def command(*args, **options) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "jaxgen", *args],
        env=environment,
        text=True,
        capture_output=True,
        **options,
    )


@pytest.fixture(scope="module", params=config.names())
def trained(request, tmp_path_factory):
    """A folder in which each model was trained by the command, for four steps."""
    folder = tmp_path_factory.mktemp(request.param)
    done = command("train", "--model", request.param, *TINY, *flags(request.param), cwd=folder)
    assert done.returncode == 0, done.stderr
    return request.param, folder, done


def test_train_says_what_it_does_and_what_to_do_next(trained):
    model, folder, done = trained
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(f"{model}: ")
    assert "parameters, 2 cpu devices, 550 digits of synthetic:600, 4 steps of 8" in first
    assert "compiled in" in done.stdout
    assert last == f"next: bin/sample --model {model} --digit 3"
    assert done.stderr == ""
    assert (folder / "runs" / model / "samples" / "4.png").exists()


@pytest.fixture
def there(trained, monkeypatch):
    model, folder, _ = trained
    monkeypatch.chdir(folder)
    return model


def test_sample_makes_pictures_and_arrays(there, capsys):
    assert main.run(["sample", "--model", there, "--digit", "3", "--out", "three.png"]) == 0
    assert "three.png" in capsys.readouterr().out
    with Image.open("three.png") as picture:
        assert picture.mode == "L"
    assert main.run(["sample", "--model", there, "--count", "25", "--out", "all.npz"]) == 0
    with np.load("all.npz") as found:
        assert found["images"].shape == (25, 28, 28)
        assert found["images"].dtype == np.uint8
        assert found["labels"].tolist() == [*range(10), *range(10), *range(5)]
        assert found["labels"].dtype == np.int32
        everything = found["images"]
    assert main.run(["sample", "--model", there, "--count", "7", "--out", "few.npz"]) == 0
    with np.load("few.npz") as found:
        assert np.array_equal(found["images"], everything[:7])
    assert main.run(["sample", "--model", there, "--digits", "2024"]) == 0
    told = capsys.readouterr().out
    assert Path(told.split()[-1]).exists()


def test_a_trajectory_shows_every_step(there):
    if there != "ddpm":
        with pytest.raises(UserError, match="no trajectory"):
            main.run(["sample", "--model", there, "--trajectory", "x.gif"])
        return
    assert main.run(["sample", "--model", there, "--digits", "12", "--trajectory", "x.gif"]) == 0
    with Image.open("x.gif") as film:
        assert film.n_frames == 4  # the noise, and three steps


def test_evaluate_reports_figures(there, capsys):
    assert main.run(["evaluate", "--model", there, "--count", "70"]) == 0
    told = capsys.readouterr().out
    assert "Frechet" in told
    report = json.loads(Path("runs", there, "report.json").read_text())
    assert report["n"] == 70
    assert report["step"] == 4
    assert 0 <= report["generated"]["recognised"]["value"] <= 1


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["trian"], "did you mean train"),
        (["train"], "which model"),
        (["train", "--model", "dpm"], "did you mean ddpm"),
        (["train", "--model", "ddpm", "--stepz", "3"], "--steps"),
        (["train", "--model", "ddpm", "--steps", "0"], "--steps 0"),
        (["train", "--model", "ddpm", "--steps", "-5"], "--steps -5"),
        (["train", "--model", "ddpm", "--steps", "many"], "'many'"),
        (["train", "--model", "ddpm", "--optim.decay", "steep"], "'steep'"),
        (["train", "--model", "ddpm", "--net.width", "30"], "--net.width 30"),
        (["train", "--model", "ddpm", "--data", "mnits"], "mnist"),
        (["train", "--model", "ddpm", "--data", "idx:nowhere"], "nowhere"),
        (["train", "--model", "ddpm", "--batch", "7"], "--batch 7"),
        (["sample", "--model", "ddpm"], "there is no run"),
        (["sample", "--run", "elsewhere", "--digit", "3"], "elsewhere"),
        (["evaluate", "--model", "ddpm"], "there is no run"),
        (["evaluate"], "which model"),
        (["bench", "--model", "none"], "no model"),
    ],
)
def test_mistakes_are_one_sentence(args, says, here):
    with pytest.raises(UserError) as refused:
        main.run(args)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--digit", "12"], "--digit 12"),
        (["--digits", "20x4"], "'20x4'"),
        (["--count", "0"], "--count 0"),
        (["--out", "x.jpg"], "x.jpg"),
        (["--steps", "5000"], "--steps 5000"),
        (["--trajectory", "x.png"], "--trajectory x.png"),
        (["--digits", "2024", "--digit", "3"], "--digits"),
    ],
)
def test_sample_refuses_what_cannot_be_drawn(args, says, there):
    if "steps" in args[0] and there != "ddpm":
        pytest.skip("only diffusion draws in steps")
    with pytest.raises(UserError, match=says):
        main.run(["sample", "--model", there, *args])


def test_a_run_of_another_model_is_refused(there):
    with pytest.raises(UserError, match="no model is called"):
        main.run(["sample", "--model", "other", "--run", there])


def test_a_mistake_exits_with_2_and_no_traceback(here):
    done = command("train", "--model", "ddpm", "--steps", "0", cwd=here)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "jaxgen: --steps 0 cannot be: it must be 1 or more\n"
    assert not list(here.iterdir())


def test_no_room_exits_with_2_and_no_traceback(monkeypatch, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device", "digits.npz")

    monkeypatch.setattr(main, "run", full)
    with pytest.raises(SystemExit, match="2"):
        main.main()
    told = capsys.readouterr().err
    assert told == "jaxgen: no space left for digits.npz: make room and start again\n"


@pytest.mark.parametrize("verb", main.VERBS)
def test_help_is_there_with_examples(verb, here):
    done = command(verb, "--help", cwd=here)
    assert done.returncode == 0
    assert f"bin/{verb} --model ddpm" in done.stdout


def test_ctrl_c_saves_and_exits_with_130(here):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jaxgen",
            "train",
            "--model",
            "ddpm",
            *TINY,
            "--steps=100000",
            *flags("ddpm"),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=here,
        stdout=subprocess.PIPE,
        text=True,
    )
    metrics = here / "runs" / "ddpm" / "checkpoints" / "2"
    for _ in range(600):
        if metrics.exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "saved; the same command goes on from there" in told
