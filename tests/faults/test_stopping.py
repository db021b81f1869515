"""Training that is killed or told to stop, at any moment: what goes on from there is what would
have been."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxgen import families
from jaxgen.training import manifest
from tests.conftest import small, swept
from tests.faults import training

STOPS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]  # and the status that each gives
# Makes what it is given for its input the terminal of its session, and becomes another program.
IN_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_a_training_that_is_killed_loses_nothing(often, tmp_path):
    """100 times in full, most often while it saves."""
    dice, names = random.Random(8), often(["gan"], families.names())
    for name in names:
        config = training.recipe(name, often(20, 60))
        straight, run = tmp_path / name, tmp_path / f"{name}-killed"
        training.finish(config, straight)
        for _ in range(often(1, -(-100 // len(names)))):
            process = training.start(config, run)
            training.wait_for_a_moment(process, run, dice)
            process.kill()
            _, wrong = process.communicate()
            assert process.returncode in (-signal.SIGKILL, 0), wrong
            training.require_sound(run)
        training.finish(config, run)
        training.require_same(config, run, straight)


@pytest.fixture(scope="module")
def straight(often, tmp_path_factory):
    """A run that was never stopped."""
    config, run = training.recipe("ae", often(20, 60)), tmp_path_factory.mktemp("ae") / "straight"
    training.finish(config, run)
    return config, run


@pytest.mark.parametrize(
    ("number", "status", "twice"),
    swept(
        [(*stop, twice) for stop in STOPS for twice in (False, True)],
        [(signal.SIGTERM, 143, False), (signal.SIGINT, 130, True)],
    ),
)
def test_a_training_that_is_told_to_stop_goes_on(often, straight, tmp_path, number, status, twice):
    """Told once, it saves; told twice, it stops at once."""
    dice, (config, whole), run = random.Random(number), straight, tmp_path / "told"
    for _ in range(often(1, 10)):
        process = training.start(config, run)
        training.wait_for_a_moment(process, run, dice)
        process.send_signal(number)
        if twice:
            time.sleep(dice.uniform(0, 0.1))
            process.send_signal(number)
        said, wrong = process.communicate(timeout=60)
        at_once = [-signal.SIGTERM] if twice and number == signal.SIGTERM else []
        assert process.returncode in (0, status, *at_once), wrong
        assert "Traceback" not in wrong
        if process.returncode and not twice:
            assert "the same command goes on from there" in said or "nothing is lost" in said
        training.require_sound(run)
    training.finish(config, run)
    training.require_same(config, run, whole)


def require_saved(run: Path) -> None:
    [step] = manifest.steps(run / "checkpoints")
    assert step > 0
    training.require_sound(run)


def test_a_training_whose_output_nobody_reads_saves(tmp_path):
    """As after ``bin/train | head -1``."""
    config = small("ae", steps=100_000, save_every=100_000, sample_every=0, log_every=1)
    run = tmp_path / "run"
    process = training.start(config, run)
    assert process.stdout and process.stderr
    while "steps/s" not in process.stdout.readline():
        assert process.poll() is None
    process.stdout.close()
    with process.stderr:
        wrong = process.stderr.read()
    assert process.wait() == 128 + signal.SIGHUP
    assert wrong.strip() == (
        "stopping, and saving first; Ctrl-C again stops at once and loses all of this run"
    )
    require_saved(run)


def test_a_training_whose_terminal_is_closed_saves(tmp_path):
    config = small("ae", steps=100_000, save_every=100_000, sample_every=100_000)
    run = tmp_path / "run"
    terminal, theirs = os.openpty()
    command = [sys.executable, "-c", IN_A_TERMINAL, *training.JAXGEN]
    process = subprocess.Popen(
        [*command, *training.command(config, run)],
        env=training.environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while b"steps/s" not in shown:
            shown += os.read(terminal, 1000)
    os.close(terminal)
    assert process.wait() == 128 + signal.SIGHUP, shown
    require_saved(run)
