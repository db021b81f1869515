"""What the README, the documents and the help of the commands tell people to type: each command
is understood as far as where it begins to compute, and with --all runs to its end, in a folder
that has the runs it speaks of."""

import dataclasses
import re
import shlex
import subprocess
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import config, data, devices, own
from jaxgen.apps import exercises, sheet
from jaxgen.cli import main
from jaxgen.data import downloads, sets
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.training import hub, loop, published
from tests import letters, runs
from tests.conftest import flags

ROOT = Path(__file__).parents[1]
APPLIED = ("augment", "complete", "convert", "correct", "figure", "restyle", "sheet")
PLAIN = ("sample", "train", "reconstruct", "interpolate", "evaluate", "compare", "study")
HELPED = [
    *PLAIN,
    "publish",
    "export",
    "reproduce",
    "bench",
    "verify",
    "launch",
    *(f"apply.{name}" for name in APPLIED),
    "digits.check",
    "digits.judge",
    "digits.read",
    "digits.writers",
    "digits.form",
]
# What these compute takes minutes, and is in other tests.
LONG = ("train", "compare", "study", "reproduce", "bench", "evaluate")
MAX_DRAWN = 1000  # digits that a command here may draw for real
PICTURES = ("mine.png", "hand.png", "scan.png", "a.png", "mine/1.png", "folder/1.png")
SHORT = ("--data=synthetic:4000", "--steps=2", "--batch=8")  # with a thousand test digits


def commands(text: str) -> list[str]:
    """What is to be typed: lines of code, and code within lines, but for those that are no whole
    commands: that have places for other words, or name no model."""
    lines = re.findall(r"^ *(bin/\w.*?)(?: {2,}.*)?$", text, re.MULTILINE)
    found = [*lines, *re.findall(r"`(bin/[^`]+)`", text)]
    found = [re.sub(r"\s+#.*|\\$", "", command).strip() for command in found]
    parts = r"\b[A-Z]+\b|\$|--help|--seeds$|^bin/(_run|test)\b|^bin/\w+$"
    of_a_run = (
        r"bin/(sample|evaluate|reconstruct|interpolate|apply)\b(?!.*--(model|run|study|train-))"
    )
    return [
        command
        for command in dict.fromkeys(found)
        if not re.search(parts, command) and not re.match(of_a_run, command)
    ]


def written() -> list[str]:
    pages = {*ROOT.glob("docs/**/*.md")} - {ROOT / "docs" / "reference" / "commands.md"}
    texts = [path.read_text() for path in (ROOT / "README.md", *sorted(pages))]
    for name in HELPED:
        module = import_module(f"jaxgen.cli.{name}")
        texts += [value for value in vars(module).values() if isinstance(value, str)]
    recipes = [f"{name}.py" for name in (*config.names(), "papers/" + config.papers()[0])]
    texts += [(ROOT / "configs" / name).read_text() for name in recipes]
    return [command for text in texts for command in commands(text)]


COMMANDS = [*dict.fromkeys(written())]


@pytest.fixture(scope="module")
def home(tmp_path_factory, often):
    """A folder with tiny runs of all models that the documents speak of, and a person's images.
    By default the runs are not trained."""
    folder = tmp_path_factory.mktemp("documents")
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, folder)
        plane = ["--run=vae-2d", *flags("vae"), "--net.latents=2"]
        patch.setenv(own.VARIABLE, "")
        models = [*(["--model", name, *flags(name)] for name in config.names())]
        ae = ["--run=ae-2d", *flags("ae"), "--net.latents=2"]
        models += [
            ["--model", "vae", *plane],
            ["--model", "ae", *ae],
            ["--recipe", f"{ROOT / 'examples/flow.py'}"],
        ]
        letters.write(Path("of-letters"), 520, 520)
        of_letters = ["--run=letters", *flags("cvae"), *SHORT, "--data=of-letters"]
        patch.setattr(loop, "train", often(untrained, loop.train))
        assert main.run(["train", "--model=cvae", *of_letters]) == 0
        for args in models:
            patch.setattr(loop, "train", often(untrained, loop.train))
            assert main.run(["train", *args, *SHORT]) == 0
        Path("cvae-of-mine").symlink_to(folder / "runs" / "cvae")
        Path("runs/gan-mine").symlink_to(folder / "runs" / "gan")
        sums = [sheet.Section("Sums", exercises.sums(4, ("plus",), 100, 0))]
        drawn = np.zeros((len(sheet.digits_of(sums)), 28, 28, 1), np.uint8) + 255
        Path("sheet.pdf").write_bytes(sheet.pdf(sums, drawn, sheet.Layout(marks=True)))
        Path("examples").symlink_to(ROOT / "examples")
        digits = data.load("mnist").test.images[..., 0]
        for place, name in enumerate(PICTURES):
            Path(name).parent.mkdir(exist_ok=True)
            Image.fromarray(digits[place]).resize((280, 280)).save(name)
        Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save("mask.png")
        Path("studies/x").mkdir(parents=True)
        Path("studies/x/y").symlink_to(folder / "runs" / "ae")
        yield folder


def untrained(config, folder, *_):
    digits = data.load(config.data)
    folder.note_digits(digits)
    folder.note_recipe(dataclasses.replace(config, classes=digits.names))
    return 0


class UnderstoodError(Exception):
    """A command has come to where it begins to compute."""


@pytest.fixture
def there(home, monkeypatch):
    runs.at_home(monkeypatch, home)
    monkeypatch.setattr(judge, "SURE", 0.0)  # what two steps of training draw is no digit
    # The hub has the model that is in the folder of its name.
    monkeypatch.setattr(hub, "fetch", lambda address: published.at(Path(Path(address).name)))
    monkeypatch.setattr(hub, "check", lambda address: None)
    monkeypatch.setattr(hub, "send", lambda model, address: model)
    return home


def test_the_documents_have_commands():
    assert len(COMMANDS) > 80
    verbs = {shlex.split(command)[0] for command in COMMANDS}
    assert len(verbs) == 16, verbs


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_documents_is_understood(command, there, often, monkeypatch, tmp_path):
    verb, *args = shlex.split(command, comments=True)
    args = [verb.removeprefix("bin/"), *args]
    if args[0] == "launch":
        args = args[args.index("--") + 1 :] if "--" in args else args[3:]
    counts = [int(count) for count in re.findall(r"--count[ =](\d+)", command)]
    many = [
        word
        for word in ("--study", "--real", "--filter", "populations", "check", "judge", "writers")
        if word in args
    ]
    monkeypatch.chdir(tmp_path)  # what it writes is new
    monkeypatch.setenv(own.VARIABLE, "")
    names = {"runs", "studies", "mask.png", *PICTURES[:4], "mine", "folder", "examples"}
    names |= {"cvae-of-mine"} | ({"sheet.pdf"} if "mark" in args else set())
    made = {"train": {"runs"}, "publish": {"cvae-of-mine"}, "digits": {"mine"}}
    names -= made.get(args[0], set())
    for name in names:  # those of runs have smaller networks than are trained here
        Path(name).symlink_to(there / name)
    long = args[0] in LONG or many or any(count > MAX_DRAWN for count in counts)
    if often(True, long):

        def begin(*_, **__):
            raise UnderstoodError

        monkeypatch.setattr(devices, "start", begin)
        monkeypatch.setattr(subprocess, "Popen", begin)  # of bench
        for name in ("read", "read_or_large"):  # of data that are not there
            monkeypatch.setattr(sets, name, begin)
        monkeypatch.setattr(downloads, "fetch", begin)
        try:
            assert main.run(args) == 0 or args[0] == "verify"  # which finds no checkpoint
        except UnderstoodError:
            return
        except UserError as error:
            assert "there is no run under" in f"{error}", error
        else:
            assert {"--list", "verify", "form"} & {*args}, "did not come to where it computes"
        return
    assert main.run(args) == 0
