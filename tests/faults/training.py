"""Trainings as processes of their own, and what is the same about two of them."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from jaxgen.config import Config
from jaxgen.errors import LOST
from jaxgen.training import manifest
from jaxgen.training.folder import RunFolder, read_log
from tests import runs
from tests.conftest import flags, small
from tests.runs import final, metrics, same

ROOT = Path(__file__).parents[2]
JAXGEN = (sys.executable, "-P", "-m", "jaxgen")
POLL = 0.0005  # seconds between two looks at a folder


def recipe(name: str, steps: int) -> Config:
    return small(name, steps=steps, save_every=2, sample_every=10, log_every=7)


def command(config: Config, run: Path) -> list[str]:
    """What trains ``recipe(...)`` in a folder, for ``jaxgen``."""
    settings = [
        f"--{field.replace('_', '-')}={getattr(config, field)}"
        for field in ("data", "batch", "steps", "log_every", "sample_every", "save_every")
    ]
    return ["train", f"--model={config.model}", f"--run={run}", *settings, *flags(config.model)]


def environment(**more: str) -> dict[str, str]:
    """The environment of these tests, and more."""
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def begin(*args: str) -> subprocess.Popen:
    """A command of jaxgen as a process, whose output can be read."""
    return subprocess.Popen(
        [*JAXGEN, *args],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(config: Config, run: Path) -> subprocess.Popen:
    """Begin to train in a process of its own."""
    return begin(*command(config, run))


def finish(config: Config, run: Path) -> None:
    """Train to the end, in this process: on its two devices, and optimised as little as others."""
    assert runs.run(config, run) == 0


def require_last_words(process: int, status: int, wrong: str) -> None:
    """A process that has lost the others, or waits for them in vain, says once how to go on."""
    assert status in (LOST, -signal.SIGABRT), wrong
    [said] = [line for line in wrong.splitlines() if line.startswith("jaxgen: ")]
    assert said.startswith(f"jaxgen: process {process} ")
    assert said.endswith("and they go on from the last saved step")


def wait_for_a_moment(process: subprocess.Popen, run: Path, dice: random.Random) -> None:
    """Until a random moment of a training: somewhere in a save, or anywhere; or until its end."""
    folder = RunFolder(run)
    before = len(folder.sessions())
    while process.poll() is None and len(folder.sessions()) == before:
        time.sleep(POLL)
    if dice.random() < 0.7:
        for _ in range(dice.randint(1, 2)):  # the first save, or the second
            saving = None
            while process.poll() is None and not saving:
                saving = next((run / "checkpoints").glob("*.partial"), None)
                time.sleep(POLL)
            if saving:
                time.sleep(dice.uniform(0, 0.1))
    else:
        time.sleep(dice.uniform(0, 2))


def require_sound(run: Path) -> None:
    """All steps that have their name are whole, whatever became of their writer."""
    for step in manifest.steps(run / "checkpoints"):
        manifest.check(run / "checkpoints" / str(step))


def require_same(config: Config, run: Path, straight: Path) -> None:
    """A run has all that one has that was never stopped, bit for bit, and no more; but for times,
    and what was noted of its sessions."""
    assert same(final(config, run), final(config, straight))
    assert metrics(run) == metrics(straight)
    assert read_log(RunFolder(run).looks) == read_log(RunFolder(straight).looks)
    assert _names(run) == _names(straight)
    for picture in (straight / "samples").iterdir():
        assert (run / "samples" / picture.name).read_bytes() == picture.read_bytes()


def _names(run: Path) -> set[str]:
    """The files of a run; those of Orbax by their folders, for it names some at random."""
    found = set()
    for path in run.rglob("*"):
        name = path.relative_to(run)
        if path.is_file() and not name.name.startswith("events."):
            inner = name.parts[0] == "checkpoints" and name.name != manifest.NAME
            found.add(str(name.parent if inner else name))
    return found
