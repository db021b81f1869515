"""Saved steps, harmed in every way: noticed, said, and passed over; and steps of other formats.

``golden/format-2`` is a run as a version of jaxgen wrote it whose manifests were of that format.
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
from jaxgen.training import manifest, trained
from jaxgen.training.folder import RunFolder
from tests import runs

GOLDEN = Path(__file__).parent / "golden" / "format-2"
STEP = "2"


@pytest.fixture
def run(tmp_path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "runs" / "golden"))


@pytest.fixture
def step(run) -> Path:
    return run / "checkpoints" / STEP


def files(step: Path) -> list[Path]:
    return sorted(p for p in step.rglob("*") if p.is_file())


def test_a_run_of_an_earlier_version_is_loaded(run):
    model = trained.load(RunFolder(run), RunFolder(run).load(), print)
    assert model.step == 2
    size = sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(model.variables.params))
    assert size == pytest.approx(1414.867, abs=0.01)


def test_each_bit_of_a_byte_counts(step):
    """Of each file the first byte, the last and some between; and of the manifest each third."""
    choose = random.Random(0)
    for file in files(step):
        content = file.read_bytes()
        middle = len(content) // 2
        places = {0, len(content) - 1, *(choose.randrange(len(content)) for _ in range(3))}
        if file.name == manifest.NAME:
            places |= set(range(0, len(content), 3))
        flips = [(place, choose.randrange(8)) for place in sorted(places)]
        for place, bit in (*flips, *((middle, bit) for bit in range(8))):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            file.write_bytes(flipped)
            with pytest.raises(manifest.Damage):
                print(manifest.check(step), f"in spite of bit {bit} of byte {place} of {file}")
        file.write_bytes(content)
    manifest.check(step)


def test_what_is_shorter_longer_gone_or_new_is_noticed(step):
    def harms(file: Path):
        """Ways to harm a file, and what belongs to each."""
        content = file.read_bytes()
        for harmed in (b"", content[:-1], content + b"\0"):
            yield lambda harmed=harmed: file.write_bytes(harmed)
        yield lambda: None  # gone
        yield file.mkdir
        yield lambda: file.symlink_to("nowhere")

    for file in files(step):
        content = file.read_bytes()
        for number, harm in enumerate(harms(file)):
            file.unlink()
            harm()
            with pytest.raises(manifest.Damage):
                print(manifest.check(step), f"in spite of harm {number} to {file}")
            file.rmdir() if file.is_dir() else file.unlink(missing_ok=True)
            file.write_bytes(content)
        stranger = file.with_name("stranger")
        stranger.touch()
        with pytest.raises(manifest.Damage, match="does not belong"):
            manifest.check(step)
        stranger.unlink()
    (step / "default" / manifest.NAME).touch()  # no manifest where none is looked for
    with pytest.raises(manifest.Damage, match="does not belong"):
        manifest.check(step)


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", '"x"', "{}", '{"format": 3}', "\0"])
def test_what_is_no_manifest_is_damage(step, text):
    (step / manifest.NAME).write_text(text)
    with pytest.raises(manifest.Damage, match=manifest.NAME):
        manifest.check(step)


def test_an_empty_or_half_deleted_step_was_not_finished(step):
    (step / manifest.NAME).unlink()
    with pytest.raises(manifest.Unfinished):
        manifest.check(step)
    shutil.rmtree(step)
    step.mkdir()
    with pytest.raises(manifest.Unfinished):
        manifest.check(step)


def test_all_of_a_step_is_on_the_disk_before_its_manifest(step, monkeypatch):
    """As far as the system can be asked: every file and folder, then the manifest, then its
    name."""
    forced, real = [], os.fsync

    def fsync(handle):
        forced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    (step / manifest.NAME).unlink()
    inside = set(step.rglob("*"))
    monkeypatch.setattr(os, "fsync", fsync)
    manifest.write(step, {"model": "ae"})
    assert set(forced[:-2]) == inside
    assert forced[-2:] == [step / manifest.NAME, step]
    assert manifest.check(step).recipe == {"model": "ae"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"format": manifest.FORMAT + 1, "jaxgen": "9.9", "all": "new"}, r"written by jaxgen 9\.9"),
        ({"default/_METADATA": "0" * 64}, "written by an early version of jaxgen"),  # format 1
    ],
)
def test_a_step_of_another_format_names_the_version_that_reads_it(run, step, content, says):
    """It is no damage: nothing is moved away."""
    text = manifest._text(content) if "format" in content else json.dumps(content)
    (step / manifest.NAME).write_text(text)
    folder = RunFolder(run)
    for use in (trained.load, lambda folder, config, say: runs.run(config, folder.path)):
        with pytest.raises(UserError, match=says):
            use(folder, folder.load(), print)
    assert step.is_dir()


def test_weights_of_another_recipe_are_not_taken_for_those_of_the_run(run):
    recipe = RunFolder(run).load()
    other = dataclasses.replace(recipe, optim=dataclasses.replace(recipe.optim, rate=0.5))
    (run / "config.json").write_text(json.dumps(configs.to_dict(other)))
    with pytest.raises(UserError, match=r"another recipe .*--optim\.rate 0\.5 \(was 0\.002\)"):
        trained.load(RunFolder(run), RunFolder(run).load(), print)


def test_a_run_of_the_former_split_goes_on_with_it_alone(run):
    """The run is of that time."""
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

    # While it is trained, what has no manifest yet is no damage.
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
