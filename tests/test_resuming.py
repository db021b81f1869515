"""Runs of every family, stopped, harmed and resumed: the same bits, as compiled for users."""

import dataclasses
import shutil

import jax
import numpy as np
import pytest

from jaxgen import config as configs
from jaxgen import data, families
from jaxgen.data import batches
from jaxgen.errors import UserError
from jaxgen.training import manifest, trained
from jaxgen.training.folder import RunFolder
from tests.conftest import small
from tests.runs import Listener, final, metrics, run, same

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.fixture(scope="module", params=families.names())
def straight(request, tmp_path_factory):
    """A run of eight steps, never stopped, of each family."""
    config = small(request.param)
    config = dataclasses.replace(config, optim=dataclasses.replace(config.optim, horizon=8))
    path = tmp_path_factory.mktemp(request.param) / "straight"
    assert run(config, path) == 0
    return config, path


def test_a_run_leaves_everything_in_its_folder(straight):
    config, path = straight
    assert RunFolder(path).load() == config
    assert [line["step"] for line in metrics(path)] == list(range(1, 9))
    assert all(np.isfinite(list(line.values())).all() for line in metrics(path))
    assert {p.name for p in (path / "samples").iterdir()} == {"4.png", "8.png"}
    assert manifest.steps(path / "checkpoints") == [8, 4]
    assert list(path.glob("events.*"))
    sitting = RunFolder(path).sittings()[0]
    assert sitting["jax"] == jax.__version__
    assert sitting["devices"] == "2 cpu devices"


def test_resuming_equals_not_stopping_bit_for_bit(straight, tmp_path):
    config, path = straight
    run(dataclasses.replace(config, steps=3), tmp_path / "parts")
    assert int(final(config, tmp_path / "parts").step) == 3
    run(dataclasses.replace(config, steps=5, log_every=3), tmp_path / "parts")
    run(config, tmp_path / "parts")
    assert same(final(config, path), final(config, tmp_path / "parts"))
    assert metrics(path) == metrics(tmp_path / "parts")


def test_lines_past_the_restored_step_are_cut(straight, tmp_path):
    """As after a kill: the newest checkpoint is older than the last line of the log."""
    config, path = straight
    run(dataclasses.replace(config, steps=6), tmp_path / "killed")
    (tmp_path / "killed" / "checkpoints" / "6" / manifest.NAME).unlink()
    run(config, tmp_path / "killed")
    assert same(final(config, path), final(config, tmp_path / "killed"))
    assert metrics(path) == metrics(tmp_path / "killed")


def test_a_finished_run_says_so_and_changes_nothing(straight):
    config, path = straight
    before = {
        p: p.stat().st_mtime_ns for p in path.rglob("*") if "checkpoints" in p.parts and p.is_file()
    }
    listener = Listener()
    assert run(config, path, listener) == 0
    assert "has its 8 steps" in listener.lines[-1]
    assert all(p.stat().st_mtime_ns == time for p, time in before.items())


def test_another_recipe_is_refused_by_its_fields(straight):
    config, path = straight
    other = dataclasses.replace(config, batch=16, optim=dataclasses.replace(config.optim, rate=0.5))
    with pytest.raises(UserError, match=r"--optim.rate 0.5 .*--batch 16 \(was 8\)"):
        run(other, path)
    assert RunFolder(path).load() == config


def test_a_harmed_checkpoint_is_passed_over_and_said(straight, tmp_path):
    """However it is harmed: see test_manifest.py for all the ways."""
    config, path = straight
    work = tmp_path / "run"
    shutil.copytree(path, work)
    newest = work / "checkpoints" / "8"
    assert configs.from_dict(manifest.check(newest).recipe or {}) == config
    (newest / manifest.NAME).unlink()
    said = []
    model = trained.load(RunFolder(work), config, said.append)
    assert model.step == 4
    assert "checkpoint of step 8 is damaged" in said[0]
    assert newest.exists()  # a reader moves nothing
    assert run(config, work) == 0
    assert (work / "checkpoints" / "damaged" / "8").is_dir()
    assert same(final(config, work), final(config, path))


def test_a_run_without_sound_checkpoints_cannot_be_used(straight, tmp_path):
    config, _ = straight
    with pytest.raises(UserError, match="no sound checkpoint"):
        trained.load(RunFolder(tmp_path), config, lambda _: None)


def test_batches_of_a_run_are_those_of_the_data(straight):
    """The indices that the loop uploads lie within the training digits."""
    config, _ = straight
    count = len(data.load(config.data).train.labels)
    rows = batches.indices(config.seed, 0, 8, config.batch, count)
    assert rows.min() >= 0 and rows.max() < count
