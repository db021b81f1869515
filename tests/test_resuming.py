"""Runs that are stopped, harmed and resumed: the same bits, as compiled for users."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxgen import config as configs
from jaxgen import data, families
from jaxgen.data import batches
from jaxgen.errors import UserError
from jaxgen.training import manifest, trained
from jaxgen.training.folder import RunFolder
from tests.conftest import small, swept
from tests.runs import Listener, final, metrics, run, same

pytestmark = pytest.mark.usefixtures("optimised")
# A family that is fitted to codes, and one of two players with statistics. That many steps in a
# call are the same steps is tested of all families in test_contract.py.
FEW = ["ae", "vqvae"]


@pytest.fixture(scope="module", params=swept(families.names(), FEW))
def straight(request, tmp_path_factory):
    """A run of eight steps, never stopped."""
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
    assert configs.from_dict(manifest.check(path / "checkpoints" / "8").recipe) == config
    assert list(path.glob("events.*"))
    [session] = RunFolder(path).sessions()
    assert session["jax"] == jax.__version__
    assert session["devices"] == "2 cpu devices"


def test_what_draws_is_the_averaged_part_of_the_state(straight):
    """It is read in another way than the whole state."""
    config, path = straight
    model = trained.load(RunFolder(path), config, lambda _: None)
    assert model.step == 8
    whole = final(config, path).averaged
    assert jax.tree.structure(model.variables) == jax.tree.structure(whole)
    assert same(model.variables, whole)
    if config.optim.ema:  # else the weights are their own average
        assert not same(model.variables.params, final(config, path).variables.params)


def test_resuming_equals_not_stopping_bit_for_bit(straight, tmp_path):
    """Stopped twice; the second time as by a kill: the newest checkpoint is damaged (in any of the
    ways of test_manifest.py), and the log has lines of later steps."""
    config, path = straight
    run(dataclasses.replace(config, steps=3), tmp_path)
    assert int(final(config, tmp_path).step) == 3
    run(dataclasses.replace(config, steps=6, log_every=3), tmp_path)
    newest = tmp_path / "checkpoints" / "6"
    (newest / manifest.NAME).unlink()
    said = []
    assert trained.load(RunFolder(tmp_path), config, said.append).step == 4
    assert "checkpoint of step 6 is damaged (it was not finished): using the one before" in said[0]
    assert newest.exists()  # a reader moves nothing
    assert run(config, tmp_path) == 0
    assert (tmp_path / "checkpoints" / "damaged" / "6").is_dir()
    assert same(final(config, path), final(config, tmp_path))
    assert metrics(path) == metrics(tmp_path)


def test_a_finished_run_says_so_and_another_recipe_is_refused(straight):
    config, path = straight
    files = [p for p in path.rglob("*") if p.is_file()]
    before = {p: p.stat().st_mtime_ns for p in files if "checkpoints" in p.parts}
    assert run(config, path, listener := Listener()) == 0
    assert "has its 8 steps" in listener.lines[-1]
    other = dataclasses.replace(config, batch=16, optim=dataclasses.replace(config.optim, rate=0.5))
    with pytest.raises(UserError, match=r"--optim.rate 0.5 .*--batch 16 \(was 8\)"):
        run(other, path)
    assert RunFolder(path).load() == config
    assert all(p.stat().st_mtime_ns == time for p, time in before.items())


def test_a_run_without_sound_checkpoints_cannot_be_used(tmp_path):
    RunFolder(tmp_path).note_recipe(small("ae"))
    with pytest.raises(UserError, match="no sound checkpoint"):
        trained.load(RunFolder(tmp_path), small("ae"), lambda _: None)


def test_batches_of_a_run_are_those_of_the_data():
    """The indices that the loop uploads lie within the training digits."""
    config = small("ae")
    count = len(data.load(config.data).train.labels)
    rows = batches.indices(config.seed, 0, 8, config.batch, count)
    assert rows.min() >= 0 and rows.max() < count
