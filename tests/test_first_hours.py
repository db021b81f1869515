"""What somebody new types: numbers as people write them, names of other programs, and what is said
where it cannot be."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import jaxgen
from jaxgen import config, images
from jaxgen.cli import flags as reading
from jaxgen.cli import main
from jaxgen.errors import UserError
from tests import runs
from tests.faults import training


@dataclasses.dataclass(frozen=True)
class Settings:
    count: int | None = None
    """How many,
    in two lines."""
    rate: float = 0.5
    """How fast."""
    fresh: bool = False
    """Whether."""


@pytest.mark.parametrize(
    ("text", "number"),
    [("10000", 10_000), ("10,000", 10_000), ("10_000", 10_000), ("1e4", 10_000), ("1.0", 1)],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert reading.parse(Settings(), "x", "", ["--count", text]).count == number


@pytest.mark.parametrize("text", ["1.5", "ten", "1,5", "1e", "", "nan"])
def test_what_is_no_number_is_said(text):
    said = rf"^--count: {text or 'nothing'} is not a (whole )?number; bin/x --help"
    with pytest.raises(UserError, match=said):
        reading.parse(Settings(), "x", "", ["--count", text])
    if text not in ("1.5", "nan"):
        with pytest.raises(UserError, match=r"^--rate: .*is not a number; bin/x --help"):
            reading.parse(Settings(), "x", "", ["--rate", text])


def test_help_is_as_a_person_would_write_it(capsys):
    with pytest.raises(SystemExit):
        reading.parse(Settings(), "x", "What it does.", ["--help"])
    told = capsys.readouterr().out
    assert "How many, in two lines." in told and "--count N" in told
    assert "(default: 0.5)" in told
    for wrong in ("None", "STR", "INT", "False"):
        assert wrong not in told


def test_the_help_of_training_says_whose_flags_it_shows(capsys):
    for model in ("ddpm", "ae"):
        with pytest.raises(SystemExit):
            main.run(["train", "--model", model, "--help"])
        told = capsys.readouterr().out
        assert f"belong to {model};" in " ".join(told.split())
        assert all(name in told for name in [*config.names(), *config.papers()])


def test_names_of_models_and_flags_of_other_programs_are_understood():
    meant = ["--model", "VAE", "--lr=1e-3", "--batch-size", "9", "--latent_dim", "2", "--n=3"]
    assert reading.normalised(meant) == [
        *("--model", "vae", "--optim.rate=1e-3", "--batch", "9", "--net.latents", "2", "--count=3")
    ]
    assert reading.normalised(["--model=DDPM-full"]) == ["--model=ddpm_full"]
    assert reading.normalised(["--model", "my/VAE"]) == ["--model", "my/VAE"]
    with pytest.raises(UserError, match=r"there is no flag --epochs, .*430 steps"):
        reading.normalised(["--epochs", "3"])
    for name in set(reading.SYNONYMS.values()):
        assert name not in reading.SYNONYMS


def test_a_model_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(UserError, match=r"'nothing': there is ae, cvae, ddpm, .*vqvae; --recipe"):
        config.recipe("nothing")
    with pytest.raises(UserError, match="did you mean cvae"):
        config.recipe("cvea")


@pytest.fixture
def ddpm(here):
    runs.tiny("ddpm")


def test_the_flag_that_was_given_is_blamed(ddpm):
    with pytest.raises(UserError, match=r"^--steps 0 cannot be"):
        main.run(["sample", "--model", "ddpm", "--steps=0"])
    with pytest.raises(UserError, match=r"^--sampling\.steps 0 cannot be"):
        main.run(["train", "--model", "ddpm", "--sampling.steps=0"])


@pytest.mark.parametrize("columns", [40, 60, 79, 80, 81, 120])
def test_a_choice_is_told_alike_in_every_width_of_the_terminal(columns, ddpm, monkeypatch):
    monkeypatch.setenv("COLUMNS", f"{columns}")
    with pytest.raises(UserError) as caught:
        main.run(["sample", "--model=ddpm", "--ink=red"])
    assert f"{caught.value}" == (
        "--ink red cannot be: it must be one of dark, light; bin/sample --help lists every flag"
    )


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["sample", "--modle", "cvae"], "there is no flag --modle: did you mean --model?"),
        (["evaluate", "-run=x"], "there is no flag -run: did you mean --run?"),
        (["sample", "VAE"], "which model? did you mean bin/sample --model vae?"),
        (["bench"], "which model? bin/bench --model ae | cvae"),
        (
            ["train", "--model=vae", "--net.layers=5,x"],
            "--net.layers: x is not a number; bin/train",
        ),
        (["apply", "augment", "--study", "--sizes=ten"], "--sizes: ten is not a number; bin/apply"),
        (
            ["train", "--model=vae", "--net.network=conf"],
            "--net.network conf cannot be: it must be one of conv, dense; bin/train",
        ),
    ],
)
def test_what_seems_to_be_meant_is_said(args, says, here):
    with pytest.raises(UserError) as caught:
        main.run(args)
    assert f"{caught.value}".startswith(says)


def test_a_run_that_is_not_there_is_told_with_those_that_are(ddpm, here):
    with pytest.raises(UserError, match=rf"{here}/runs/vae: there is runs/ddpm, and bin/train"):
        main.run(["sample", "--run", "vae"])


def test_nothing_is_replaced_that_is_there(ddpm, capsys):
    commands = [
        ["sample", "--model=ddpm", "--count=3", "--out=x.npz"],
        ["sample", "--model=ddpm", "--count=3", "--out=x.idx.gz"],
        ["sample", "--model=ddpm", "--count=3", "--out=y.png", "--trajectory=x.gif"],
        ["reconstruct", "--model=ddpm", "--count=3", "--out=z.png"],
        ["interpolate", "--model=ddpm", "--from=1", "--to=2", "--frames=2", "--out=w.png"],
        ["apply", "figure", "--model=ddpm", "--what=training", "--out=v.png"],
    ]
    for command in commands:
        assert main.run(command) == 0
        before = {path: path.read_bytes() for path in Path().glob("*.*")}
        with pytest.raises(UserError, match="exists already: name another path, or remove it"):
            main.run(command)
        assert {path: path.read_bytes() for path in Path().glob("*.*")} == before


def test_too_many_for_a_picture_are_refused_at_once(ddpm):
    for count, way in (("20000", "digits.npz, or --out digits/"), ("2e6", "--out digits/")):
        with pytest.raises(UserError, match=f"more than a picture shows, 10000: .*{way}"):
            main.run(["sample", "--model=ddpm", f"--count={count}"])


def test_digits_of_a_number_are_joined(ddpm):
    assert main.run(["sample", "--model=ddpm", "--digits=2024", "--out=n.png"]) == 0
    assert main.run(["sample", "--model=ddpm", "--digits=2024", "--cells", "--out=c.png"]) == 0
    with Image.open("n.png") as number, Image.open("c.png") as cells:
        assert number.width > 1.2 * number.height and cells.width == cells.height
        assert number.width > 500


def test_a_number_is_as_wide_as_its_ink():
    digits = np.zeros((3, 28, 28, 1), np.uint8)
    digits[0, 4:24, 13:15] = 255  # narrow
    digits[1, 4:24, 4:24] = 255  # wide
    picture = images.number(digits)  # the third shows nothing
    scale = picture.shape[0] // 28
    assert picture.shape[1] == scale * (2 + 20 + 9 + 3 * 2 + 6)
    rows = images.number(digits[:1].repeat(81, 0))
    assert rows.shape[0] % (3 * 28) == 0


def called(*args: str, bin: bool) -> subprocess.CompletedProcess:
    environment = training.environment()
    environment.pop("JAXGEN_BIN", None)
    if bin:
        environment["JAXGEN_BIN"] = "1"
    command = [sys.executable, "-P", "-m", "jaxgen", *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_commands_are_told_as_they_are_called(tmp_path):
    run = f"{tmp_path}/run"
    for bin, told in ((True, "bin/train makes one"), (False, "jaxgen train makes one")):
        done = called("sample", "--run", run, bin=bin)
        assert done.returncode == 2 and told in done.stderr
    assert "jaxgen train --model ddpm" in called("train", "--help", bin=False).stdout


@pytest.mark.parametrize("args", [["--version"], ["-V"], ["sample", "--version"]])
def test_the_version_is_told(args, capsys):
    assert main.run(args) == 0
    assert capsys.readouterr().out == f"jaxgen {jaxgen.__version__}\n"


def test_a_python_without_packages_is_told_what_to_do():
    command = [sys.executable, "-S", "-m", "jaxgen", "sample", "--model", "ae"]
    environment = {"PYTHONPATH": str(training.ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.match(r"jaxgen: this Python has no package \w+: install jaxgen", done.stderr)
