"""A disk that is full, or that may not be written to: one sentence, and nothing is lost."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from jaxgen.cli import main
from tests.faults import training

ROOM = 64  # KiB that are too little for anything


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own, mounted: ``disk(options)`` mounts it anew with other options."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        try:
            return subprocess.run(command, capture_output=True).returncode == 0
        except OSError:
            return False

    if not mount(f"size={ROOM}k"):
        pytest.skip("a disk can be mounted by root alone")
    yield place, lambda *options: mount("remount", *options)
    subprocess.run(["umount", "-l", str(place)], check=True)


def told(capsys, args: list[str]) -> tuple[int, str]:
    """The status of a command in this process, and what it says of a mistake."""
    capsys.readouterr()
    try:
        main.main(args)
    except SystemExit as status:
        return int(status.code or 0), capsys.readouterr().err
    raise AssertionError("a command exits")


def require_one_sentence(status: int, said: str) -> None:
    assert status == 2, said
    assert said.startswith("jaxgen: ") and said.count("\n") == 1, said


def test_a_disk_that_is_full_is_one_sentence_at_every_write(often, tmp_path, disk, capsys):
    """Of all sizes from nothing to enough; with room, the same command goes on to the end."""
    place, remount = disk
    config = training.recipe("ae", 4)
    whole, run, dice = tmp_path / "whole", place / "run", random.Random(8)
    assert told(capsys, training.command(config, whole))[0] == 0
    needed = sum(p.stat().st_size for p in whole.rglob("*") if p.is_file()) // 1024
    count, failed = often(4, 40), 0
    for size in sorted(dice.uniform(0, 2 * needed) for _ in range(count)):
        assert remount(f"size={ROOM + int(size)}k")
        status, said = told(capsys, training.command(config, run))
        if status:
            failed += 1
            require_one_sentence(status, said)
        training.require_sound(run)
    assert failed > count / 4
    assert remount("size=100m")
    assert told(capsys, training.command(config, run))[0] == 0
    training.require_same(config, run, whole)


def test_a_run_that_may_not_be_written_to_is_one_sentence(tmp_path, disk, capsys):
    place, remount = disk
    assert remount("size=100m")
    run = place / "run"
    assert told(capsys, training.command(training.recipe("ae", 2), run))[0] == 0
    before = _content(run)
    assert remount("ro")
    require_one_sentence(*told(capsys, training.command(training.recipe("ae", 4), run)))
    require_one_sentence(*told(capsys, training.command(training.recipe("ae", 4), place / "new")))
    out = tmp_path / "digits.png"  # reading is still allowed
    assert told(capsys, ["sample", f"--run={run}", f"--out={out}", "--count=4"])[0] == 0
    require_one_sentence(*told(capsys, ["sample", f"--run={run}", f"--out={place / 'x.png'}"]))
    assert _content(run) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root has every permission")
def test_a_permission_that_is_lost_is_one_sentence(tmp_path, capsys):
    run = tmp_path / "run"
    assert told(capsys, training.command(training.recipe("ae", 2), run))[0] == 0
    folders = [run, *(p for p in run.rglob("*") if p.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        require_one_sentence(*told(capsys, training.command(training.recipe("ae", 4), run)))
    finally:
        for folder in folders:
            folder.chmod(0o700)


def _content(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
