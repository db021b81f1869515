"""What a person brings and moves: folders, data, and paths as their shell leaves them."""

import dataclasses
import json
import os
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import config, data
from jaxgen.cli import flags as reading
from jaxgen.cli import main
from jaxgen.data import idx, synthetic, user_images
from jaxgen.data.split import Contents
from jaxgen.errors import UserError
from jaxgen.training import folder as folders
from jaxgen.training import manifest
from jaxgen.training.folder import RunFolder
from tests import runs
from tests.conftest import flags, small

SHORT = ["--steps=2", "--batch=8", "--sample-every=2", "--save-every=2"]
CLUTTER = ["._4.png", ".DS_Store", "Icon\r", "Thumbs.db", "Desktop.ini", ".directory"]


def write_digits(
    folder: Path, keep=lambda labels: labels >= 0, change=lambda images: images
) -> Path:
    """A folder of IDX files with some of 300 and 60 crude digits."""
    folder.mkdir(parents=True)
    for name, split in zip(("train", "t10k"), synthetic.raw(300), strict=True):
        kept = keep(split.labels)
        idx.write(folder / f"{name}-images-idx3-ubyte", change(split.images[kept][..., 0]))
        idx.write(folder / f"{name}-labels-idx1-ubyte", split.labels[kept].astype(np.uint8))
    return folder


def train(model: str, *args: str) -> None:
    assert main.run(["train", "--model", model, *SHORT, *flags(model), *args]) == 0


@pytest.mark.parametrize(
    ("arg", "means"),
    [
        ("--out=~/x.npz", "--out=HOME/x.npz"),
        ("~/a/mine.png", "HOME/a/mine.png"),
        ("--data=idx:~/digits", "--data=idx:HOME/digits"),
        ("strided:idx:~/digits", "strided:idx:HOME/digits"),
        ("tfds:~", "tfds:HOME"),
        ("--out=./~/x.npz", "--out=./~/x.npz"),
        ("a~b", "a~b"),
        ("--out=~nobody-of-this-name/x", "--out=~nobody-of-this-name/x"),
    ],
)
def test_the_home_folder_is_meant_by_a_tilde(arg, means, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert reading.expanded(arg) == means.replace("HOME", "/home/somebody")


def test_every_verb_knows_the_home_folder(here, monkeypatch, capsys):
    monkeypatch.setenv("HOME", f"{here}/home")
    write_digits(here / "home" / "my digits")
    train("ae", "--data=idx:~/my digits", "--run=~/the run")
    said = capsys.readouterr().out
    following = shlex.split(said.partition("next: ")[2])
    assert following[:3] == ["bin/sample", "--run", f"{here}/home/the run"]
    assert main.run([*following[0].split("/")[1:], *following[1:], "--out=~/drawn/3.png"]) == 0
    assert (here / "home" / "drawn" / "3.png").exists()
    picture = ["reconstruct", "--run=~/the run", "--images", "~/drawn/3.png"]
    assert main.run([*picture, "--out=~/back.png"]) == 0
    assert (here / "home" / "back.png").exists()
    assert not (here / "~").exists()


@pytest.mark.parametrize(
    "run", ["my run", "r/my run", "./here", "a'b", "/abs/x", "runs/ae", "plain"]
)
def test_what_is_proposed_can_be_pasted(run):
    meant = folders.locate("ae", run)
    pasted = shlex.split(f"bin/sample --model ae{meant.run_flag('ae')}")
    assert folders.locate("ae", reading.peek(pasted, "run")[0]).path == meant.path


def test_a_source_has_a_whole_path(here):
    (here / "digits").mkdir()
    assert data.with_absolute_path("idx:digits") == f"idx:{here}/digits"
    assert data.with_absolute_path("strided:idx:../digits") == f"strided:idx:{here.parent}/digits"
    assert data.with_absolute_path("tfds:digits") == f"tfds:{here}/digits"
    for source in ("mnist", "mnist:100:1", "tfds:mnist", "tfds:mnist:3.0.1", "idx:", "synthetic:9"):
        assert data.with_absolute_path(source) == source


def test_digits_that_were_moved_are_known_again(here, monkeypatch, capsys):
    write_digits(here / "before" / "digits")
    monkeypatch.chdir("before")
    train("ae", "--data=idx:digits", f"--run={here}/run")
    run = RunFolder(here / "run")
    assert run.load().data == f"idx:{here}/before/digits"
    shutil.move("digits", here / "after")
    monkeypatch.chdir(here)

    assert main.run(["sample", "--run=./run", "--digit=3", "--out=3.png"]) == 0
    with pytest.raises(UserError, match=r"not a folder.*; or say with --data where the digits"):
        main.run(["reconstruct", "--run=./run", "--count=5"])
    for verb in (["reconstruct"], ["apply", "convert", "--to=3"]):
        assert main.run([*verb, "--run=./run", "--count=5", "--data=idx:after"]) == 0

    write_digits(here / "others", keep=lambda labels: labels < 9)
    with pytest.raises(UserError, match="are not the digits that run has learned from"):
        main.run(["reconstruct", "--run=./run", "--count=5", "--data=idx:others"])
    with pytest.raises(UserError, match="a run of another recipe: --data"):
        train("ae", "--data=idx:others", "--run=./run")
    capsys.readouterr()

    train("ae", "--data=idx:after", "--run=./run", "--steps=4")
    assert f"idx:{here}/after has the same digits as" in capsys.readouterr().out
    assert manifest.steps(run.checkpoints) == [4, 2]
    assert main.run(["reconstruct", "--run=./run", "--count=5"]) == 0
    train(
        "ae", "--data=idx:after", "--run=./run", "--steps=6"
    )  # from a step whose manifest says so
    assert run.learned and len(run.learned.sources) == 2


def test_digits_that_have_changed_where_they_were_are_noticed(here):
    write_digits(here / "digits")
    train("vae", "--data=idx:digits")
    shutil.rmtree("digits")
    write_digits(here / "digits", keep=lambda labels: labels < 9)
    with pytest.raises(UserError, match=r"are not the digits that runs/vae has learned from"):
        train("vae", "--data=idx:digits", "--steps=4")
    assert manifest.steps(Path("runs/vae/checkpoints")) == [2]


def test_a_run_that_has_noted_nothing_goes_on(here):
    """As runs of earlier versions, whose paths are as they were given too."""
    write_digits(here / "digits")
    run = RunFolder(here / "run")
    recipe = small("ae", data="idx:digits", steps=4)
    assert runs.run(recipe, run.path) == 0
    run.data.unlink()
    further = dataclasses.replace(recipe, steps=8, data=f"idx:{here}/digits")
    assert runs.run(further, run.path) == 0
    assert manifest.steps(run.checkpoints)[0] == 8


def test_a_note_that_cannot_be_read_is_one_sentence(here):
    train("ae", "--data=synthetic:200")
    for text in ("{", "[]", '{"sha256": 1}'):
        RunFolder(Path("runs/ae")).data.write_text(text)
        with pytest.raises(UserError, match=r"data\.json cannot be read .*delete it"):
            main.run(["sample", "--model=ae"])
    RunFolder(Path("runs/ae")).data.unlink()
    assert main.run(["sample", "--model=ae"]) == 0


def test_contents_are_what_is_in_every_part():
    digits = data.load("synthetic:200")
    found = Contents.of(digits)
    assert found == Contents.of(digits._replace(source="another name"))
    assert sum(found.train) == len(digits.train.labels)
    for name in ("train", "valid", "test"):
        split = getattr(digits, name)
        images = split.images.copy()
        images[0, 14, 14] ^= 1
        other = digits._replace(**{name: split._replace(images=images)})
        assert Contents.of(other).sha256 != found.sha256
        other = digits._replace(**{name: split._replace(labels=split.labels[::-1])})
        assert Contents.of(other).sha256 != found.sha256


def test_clutter_of_macos_and_windows_is_passed_over(here):
    train("ae", "--data=synthetic:200")
    pictures = here / "pictures"
    (pictures / "4").mkdir(parents=True)
    for place in (pictures, pictures / "4", Path("runs/ae"), *Path("runs/ae").rglob("*/")):
        for name in CLUTTER:
            (place / name).write_bytes(b"\0\5\26\7 no picture")
    Image.fromarray(synthetic.raw(100)[0].images[0, ..., 0]).save(pictures / "4" / "a.png")
    (found,) = user_images.find(str(pictures))
    assert [(item.label, Path(item.name).name) for item in found.items] == [(4, "a.png")]
    assert main.run(["verify", "runs/ae"]) == 0
    assert main.run(["reconstruct", "--model=ae", "--images", "pictures"]) == 0
    train("ae", "--data=synthetic:200", "--steps=4")
    assert manifest.steps(Path("runs/ae/checkpoints")) == [4, 2]
    out = here / "drawn"
    out.mkdir()
    (out / ".DS_Store").touch()
    assert main.run(["sample", "--model=ae", "--count=3", "--out=drawn/"]) == 0


def test_recipes_are_no_clutter(tmp_path, monkeypatch):
    (tmp_path / "._ae.py").write_bytes(b"\0")
    (tmp_path / "ae.py").touch()
    monkeypatch.setattr("jaxgen.configs.__path__", [str(tmp_path)])
    assert config.names() == ["ae"]


def test_the_note_is_beside_the_recipe(here):
    write_digits(here / "digits", keep=lambda labels: (labels == 3) | (labels == 7))
    train("ae", "--data=idx:digits")
    told = json.loads(Path("runs/ae/data.json").read_text())
    assert told["sources"] == [f"idx:{os.getcwd()}/digits"]
    assert [digit for digit, count in enumerate(told["train"]) if count] == [3, 7]
