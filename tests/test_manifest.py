"""Saved steps, harmed in every way: noticed, said, and passed over; and steps of earlier formats.

``golden/format-N`` is a run as a version of jaxgen wrote it whose seals were of that format.
"""

import dataclasses
import json
import os
import random
import shutil
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxgen import config as configs
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.training import seals, trained
from jaxgen.training.folder import RunFolder

GOLDEN = Path(__file__).parent / "golden"
FORMATS = sorted(int(p.name.partition("-")[2]) for p in GOLDEN.glob("format-*"))
STEP = "2"


@pytest.fixture(params=FORMATS)
def run(request, tmp_path) -> Path:
    """A copy of a run of each format."""
    return Path(shutil.copytree(GOLDEN / f"format-{request.param}", tmp_path / "runs" / "golden"))


@pytest.fixture
def step(run) -> Path:
    return run / "checkpoints" / STEP


def files(step: Path) -> list[Path]:
    return sorted(p for p in step.rglob("*") if p.is_file())


def test_every_format_so_far_has_a_run():
    assert list(range(1, seals.FORMAT + 1)) == FORMATS


def test_a_run_of_each_format_is_loaded(run):
    model = trained.load(RunFolder(run), RunFolder(run).load(), print)
    assert model.step == 2
    size = sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(model.variables.params))
    assert size == pytest.approx(1414.867, abs=0.01)


def test_each_bit_of_a_byte_counts(step):
    """Of each file the first byte, the last and some between; and of the seal each third."""
    choose = random.Random(0)
    for file in files(step):
        content = file.read_bytes()
        places = {0, len(content) - 1, *(choose.randrange(len(content)) for _ in range(3))}
        if file.name == seals.NAME:
            places |= set(range(0, len(content), 3))
        for place in places:
            flipped = bytearray(content)
            flipped[place] ^= 1 << choose.randrange(8)
            file.write_bytes(flipped)
            with pytest.raises(seals.Damage):
                print(seals.check(step), f"in spite of byte {place} of {file}")
        for bit in range(8):
            flipped = bytearray(content)
            flipped[len(content) // 2] ^= 1 << bit
            file.write_bytes(flipped)
            with pytest.raises(seals.Damage):
                print(seals.check(step), f"in spite of bit {bit} in the middle of {file}")
        file.write_bytes(content)
    seals.check(step)


def test_what_is_shorter_longer_gone_or_new_is_noticed(step):
    for file in files(step):
        content = file.read_bytes()
        for harmed in (b"", content[:-1], content + b"\0"):
            file.write_bytes(harmed)
            with pytest.raises(seals.Damage):
                print(seals.check(step), f"in spite of {len(harmed)} bytes of {file}")
        file.unlink()
        with pytest.raises(seals.Damage):
            print(seals.check(step), f"without {file}")
        file.mkdir()
        with pytest.raises(seals.Damage):
            print(seals.check(step), f"with {file} as a folder")
        file.rmdir()
        file.symlink_to("nowhere")
        with pytest.raises(seals.Damage):
            print(seals.check(step), f"with {file} as a link to nowhere")
        file.unlink()
        file.write_bytes(content)
        stranger = file.with_name("stranger")
        stranger.write_bytes(b"")
        with pytest.raises(seals.Damage, match="does not belong"):
            seals.check(step)
        stranger.unlink()
    (step / "default" / seals.NAME).write_bytes(b"")  # no seal where none is looked for
    with pytest.raises(seals.Damage, match="does not belong"):
        seals.check(step)


def test_an_empty_or_half_deleted_step_was_not_finished(step):
    (step / seals.NAME).unlink()
    with pytest.raises(seals.Unfinished):
        seals.check(step)
    shutil.rmtree(step)
    step.mkdir()
    with pytest.raises(seals.Unfinished):
        seals.check(step)


def test_all_of_a_step_is_on_the_disk_before_its_seal(step, monkeypatch):
    """As far as the system can be asked: every file and folder, then the seal, then its name."""
    forced, real = [], os.fsync

    def fsync(handle):
        forced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    (step / seals.NAME).unlink()
    monkeypatch.setattr(os, "fsync", fsync)
    seals.seal(step, {"model": "ae"})
    draft = forced.index(step / seals.DRAFT)
    inside = {p for p in step.rglob("*") if p.name != seals.NAME}
    assert set(forced[:draft]) == inside
    assert forced[draft + 1 :] == [step]
    assert seals.check(step).recipe == {"model": "ae"}


def test_a_step_of_a_newer_format_names_the_version_that_reads_it(run, step):
    """It is no damage: nothing is moved away."""
    newer = {"format": seals.FORMAT + 1, "jaxgen": "9.9", "all is": "different"}
    (step / seals.NAME).write_text(seals._text(newer))
    with pytest.raises(UserError, match=r"written by jaxgen 9\.9"):
        trained.load(RunFolder(run), RunFolder(run).load(), print)
    assert step.is_dir()


def test_weights_of_another_recipe_are_not_taken_for_those_of_the_run(tmp_path):
    run = Path(shutil.copytree(GOLDEN / f"format-{seals.FORMAT}", tmp_path / "golden"))
    recipe = RunFolder(run).load()
    other = dataclasses.replace(recipe, optim=dataclasses.replace(recipe.optim, rate=0.5))
    (run / "config.json").write_text(json.dumps(configs.to_dict(other)))
    with pytest.raises(UserError, match=r"another recipe .*--optim\.rate 0\.5 \(was 0\.002\)"):
        trained.load(RunFolder(run), RunFolder(run).load(), print)


def test_a_run_of_the_former_split_goes_on_with_it_alone(run):
    """Those of both formats are of that time."""
    folder = RunFolder(run)
    former = folder.load()
    assert former.data == "strided:synthetic:200"
    with pytest.raises(UserError, match="go on with --data strided:synthetic:200"):
        folder.prepare(dataclasses.replace(former, data="synthetic:200"), fresh=False)
    folder.prepare(former, fresh=False)
    assert folder.load() == former
    assert trained.load(folder, former, print).step == int(STEP)


# The command.


def test_verify_tells_of_every_step(run, capsys, monkeypatch):
    monkeypatch.chdir(run.parent.parent)
    shutil.copytree(run / "checkpoints" / STEP, run / "checkpoints" / "4")
    assert main.run(["verify", "golden"]) == 0
    assert capsys.readouterr().out.count("is sound") == 2
    file = run / "checkpoints" / "4" / "default" / "_METADATA"
    file.write_bytes(file.read_bytes()[:-1] + b" ")
    for args in (["golden"], [str(run)], ["--all"]):
        with pytest.raises(UserError, match="damaged: 1 of 2 saved steps;"):
            main.run(["verify", *args])
        out = capsys.readouterr().out
        assert "step 4 is damaged (default/_METADATA is not as it was written)" in out
        assert "step 2 is sound" in out
    assert file.exists()  # nothing is moved

    # While it is trained, what has no seal yet is no damage.
    shutil.rmtree(run / "checkpoints" / "4")
    (run / "checkpoints" / "6").mkdir()
    with RunFolder(run).lock():
        assert main.run(["verify", "golden"]) == 0
    assert "step 6 is being written" in capsys.readouterr().out


@pytest.mark.parametrize(
    "args, said",
    [
        ([], "which run"),
        (["x", "--all"], "which run"),
        (["nowhere"], "/runs/nowhere: bin/train makes one"),
        (["--all"], "there is no run under runs"),
    ],
)
def test_what_cannot_be_verified_is_one_sentence(args, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said):
        main.run(["verify", *args])
