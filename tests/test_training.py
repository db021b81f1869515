"""The loop: run folders, signals, what stops a run, the optimisers, and the counting of work."""

import dataclasses
import errno
import functools
import os
import shutil
import signal
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

import jaxgen
from jaxgen import config as configs
from jaxgen import data, devices, families, kept
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.nn import conv
from jaxgen.training import checkpoint, costs, feeds, loop, manifest, optimisers, published, trained
from jaxgen.training.console import duration
from jaxgen.training.folder import RunFolder, locate
from jaxgen.training.interrupts import Interrupts
from jaxgen.training.log import Records
from jaxgen.training.stack import Stack
from jaxgen.training.trainer import Trainer
from tests.conftest import small
from tests.runs import Listener, final, metrics, run, same


class At(Listener):
    """Calls ``act()`` once training is at a step."""

    def __init__(self, step, act):
        super().__init__()
        self._step, self._act = step, act

    def progress(self, step, *rest, **named):
        if step == self._step:
            self._act()


def kill(number):
    os.kill(os.getpid(), number)


def test_a_recipe_that_never_ran_does_not_stand_in_the_way(tmp_path):
    with pytest.raises(UserError, match="--batch 7"):
        run(small("ae", batch=7), tmp_path)
    assert run(small("ae", steps=1), tmp_path) == 0
    assert RunFolder(tmp_path).load().batch == 8


def test_fresh_moves_the_old_run_aside(tmp_path):
    config = small("ae", steps=2)
    run(config, tmp_path / "run")
    mine = (tmp_path / "run" / "metrics.jsonl").read_text()
    listener = Listener()
    run(dataclasses.replace(config, seed=1), tmp_path / "run", listener, fresh=True)
    assert (tmp_path / "run.1" / "metrics.jsonl").read_text() == mine
    assert (tmp_path / "run" / "metrics.jsonl").read_text() != mine
    assert "run.1" in listener.lines[0]


def test_a_run_goes_on_to_more_steps_and_not_to_fewer(tmp_path):
    """Without a horizon the schedule of the learning rate changes."""
    config = small("ae", steps=2)
    run(config, tmp_path)
    run(dataclasses.replace(config, steps=4), tmp_path, listener := Listener())
    assert "the schedule of the learning rate changes" in listener.lines[0]
    assert len(metrics(tmp_path)) == 4
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"has 4 steps already, .*--steps 3: --steps 8 trains on"):
        run(dataclasses.replace(config, steps=3), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_two_writers_are_one_too_many(tmp_path):
    with RunFolder(tmp_path / "run").lock(), pytest.raises(UserError, match="another process"):
        RunFolder(tmp_path / "run").lock()


def test_no_room_for_a_checkpoint_is_one_sentence_and_keeps_those_that_are(tmp_path, monkeypatch):
    config = small("ae", save_every=2)
    run(dataclasses.replace(config, steps=2), tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        UserError, match=r"step 4 .*no space left\), the checkpoint of step 2 is kept"
    ):
        run(config, tmp_path)
    monkeypatch.undo()
    assert manifest.steps(tmp_path / "checkpoints") == [2]
    assert run(config, tmp_path) == 0


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_what_is_good(tmp_path, monkeypatch):
    config = small("ae", steps=8, save_every=2)
    family = type(families.build(config))
    sound = family.loss

    def poisoned(self, variables, batch, key, *, player):
        value, aux = sound(self, variables, batch, key, player=player)
        return value * jnp.nan, aux  # the loss that is logged is sound, its gradient is not

    assert run(dataclasses.replace(config, steps=2), tmp_path) == 0
    monkeypatch.setattr(family, "loss", poisoned)
    with pytest.raises(
        UserError, match=r"grad_norm is nan at step 3: .*checkpoint of step 2 is kept"
    ):
        run(config, tmp_path)
    assert manifest.steps(tmp_path / "checkpoints") == [2]


def test_first_signal_saves_and_second_is_as_before(tmp_path):
    heard = []
    signal.signal(signal.SIGTERM, lambda *_: heard.append("ours"))
    with Interrupts() as interrupts:
        kill(signal.SIGTERM)
        assert interrupts.signal == signal.SIGTERM
        assert interrupts.status == 143
        assert heard == []
        kill(signal.SIGTERM)
        assert heard == ["ours"]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_the_first_signal_is_answered_at_once_and_nohup_is_heeded(capfd):
    with Interrupts(lambda: "stopping") as interrupts:
        kill(signal.SIGHUP)
        assert interrupts.signal == signal.SIGHUP
    assert capfd.readouterr().err.split() == ["stopping"]
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with Interrupts() as interrupts:
        kill(signal.SIGHUP)
        assert interrupts.signal is None
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_pictures_are_many_at_first():
    def pictures(last, every):
        steps = [step for step in range(last) if step + 1 == loop.next_picture(step, every)]
        return [step + 1 for step in steps]

    assert pictures(1000, 250) == [10, 20, 50, 100, 200, 250, 500, 750, 1000]
    assert pictures(5000, 2000) == [10, 20, 50, 100, 200, 500, 1000, 2000, 4000]
    assert pictures(12, 4) == [4, 8, 12]
    assert loop.next_picture(3, 0) is None


def test_a_picture_on_the_way_changes_nothing(tmp_path):
    """Not even of a family that is fitted to codes, for each picture and for each checkpoint."""
    for every, steps in ((15, [10, 12]), (0, [12])):
        folder = tmp_path / f"{every}"
        recipe = small("ae", steps=12, sample_every=every, save_every=12)
        assert run(recipe, folder) == 0
        assert sorted(int(path.stem) for path in folder.glob("samples/*")) == steps
    assert same(*(final(recipe, tmp_path / f"{every}") for every in (15, 0)))


@pytest.mark.parametrize("name", ["ae", "cvae"])
def test_what_a_power_cut_takes_is_a_minute_of_work(name, tmp_path, monkeypatch):
    def cut():
        raise KeyError("the power")

    recipe = small(name, log_every=1, save_every=8, sample_every=8)
    monkeypatch.setattr(loop, "UNSAVED", -1)
    with pytest.raises(KeyError):
        run(recipe, tmp_path / "cut", At(7, cut))
    assert manifest.steps(tmp_path / "cut" / "checkpoints") == [6, 5]
    monkeypatch.undo()
    # What a family fits to its codes is fitted where it is needed.
    said = []
    model = trained.load(RunFolder(tmp_path / "cut"), recipe, said.append)
    assert model.step == 6 and len(said) == (name == "ae")
    if name == "ae":
        fitted = model.family.fit(model.variables, data.load(recipe.data).train)
        assert same(fitted, model.variables)
    assert run(recipe, tmp_path / "cut") == run(recipe, tmp_path / "straight") == 0
    assert same(*(final(recipe, tmp_path / place) for place in ("cut", "straight")))


def test_a_second_ctrl_c_says_what_it_costs(tmp_path, capfd):
    class Loud(At):
        quiet = False

    def twice():
        kill(signal.SIGINT)
        kill(signal.SIGINT)

    console = Loud(5, twice)
    with pytest.raises(KeyboardInterrupt):
        run(small("ae", log_every=1, save_every=4), tmp_path, console)
    assert "Ctrl-C again stops at once and loses all after step 4" in capfd.readouterr().err
    assert console.lines[-1] == (
        "stopped at once: the checkpoint of step 4 is kept, later steps are lost"
    )


def test_a_signal_saves_and_the_run_goes_on_from_there(tmp_path):
    config = small("ae", log_every=1)
    for at, number, status in (
        (3, signal.SIGINT, 130),
        (5, signal.SIGTERM, 143),
        (6, signal.SIGHUP, 129),
    ):
        console = At(at, functools.partial(kill, number))
        assert run(config, tmp_path, console) == status
        assert manifest.steps(tmp_path / "checkpoints")[0] == at
        assert "goes on from there" in console.lines[-1]
    assert run(config, tmp_path) == 0
    assert len(metrics(tmp_path)) == 8


def test_a_signal_while_compiling_ends_the_run_before_its_first_step(tmp_path, monkeypatch):
    compiled = Stack.compile

    def interrupted(*args):
        kill(signal.SIGTERM)
        return compiled(*args)

    monkeypatch.setattr(Stack, "compile", interrupted)
    assert run(small("ae"), tmp_path, console := Listener()) == 143
    assert console.lines[-1] == "stopped at step 0: nothing is lost"
    assert manifest.steps(tmp_path / "checkpoints") == []


def test_a_cpu_has_as_many_devices_as_divide_the_batch():
    for name in configs.names():
        assert configs.recipe(name).batch % devices.BATCH == 0
    batches = 64, 96, 100, 128, 7, 13
    assert [devices._dividing(batch, 12) for batch in batches] == [8, 12, 10, 8, 7, 1]


def test_a_run_takes_no_place_of_what_is_no_run(here):
    recipe = configs.recipe("ae")
    shutil.copytree(published.SHIPPED / "ae", "public")
    for name in ("config.json", "data.json", "start.json", "metrics.jsonl"):
        Path(name[:4]).mkdir()
        Path(name[:4], name).write_text('{"mine": 1}')
    told = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="public holds a published model: give --run another"):
        RunFolder(Path("public")).prepare(recipe, fresh=False)
    for name in ("conf", "data", "star", "metr"):
        with pytest.raises(UserError, match=rf"{name} has a {name}\S+ that is of no run"):
            RunFolder(Path(name)).prepare(recipe, fresh=False)
    assert told == {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    [line] = RunFolder(Path("public")).prepare(recipe, fresh=True)
    assert line == "the run that was in public is now in public.1"
    assert locate(None, "./").path == here


def test_a_batch_that_cannot_be_split_leaves_nothing(here):
    with pytest.raises(UserError, match="--batch 7 cannot be split"):
        main.run(["train", "--model=ae", "--data=synthetic:200", "--batch=7", "--run=r/"])
    with pytest.raises(UserError, match="--batch 7 cannot be split"):
        jaxgen.train("ae", "r/", batch=7, data="synthetic:200")
    assert not Path("r/config.json").exists()


def test_what_a_tuned_run_has_kept_is_what_its_steps_see(tmp_path):
    run, recipe = RunFolder(tmp_path), configs.changed(configs.recipe("ae"), {"data": "synthetic"})
    assert len(run.examples_of(recipe).labels) > 9
    seen = data.Split(np.zeros((3, 28, 28, 1), np.uint8), np.arange(3, dtype=np.int32))
    run.note_start({"from": "x", "weights": "y"})
    run.examples.write_bytes(kept.to_bytes(seen._asdict()))
    assert run.examples_of(recipe).labels.tolist() == [0, 1, 2]


def test_batches_must_divide_by_the_devices(monkeypatch):
    with pytest.raises(UserError, match="--batch 7 cannot be split over 2 devices: 6 or 8 can"):
        devices.check_batch(7)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(devices, "count", lambda: 8)
    with pytest.raises(UserError, match=r"104 can, and so .* CUDA_VISIBLE_DEVICES=0,1,2,3,4$"):
        devices.check_batch(100)


@pytest.mark.parametrize(
    ("settings", "turn", "share"),
    [
        ({}, 0, 0.1),
        ({}, 9, 1.0),
        ({}, 60, 0.5),
        ({}, 110, 0.0),
        ({"decay": "linear", "horizon": 210}, 110, 0.5),
        ({"decay": "none"}, 5000, 1.0),
    ],
)
def test_rate_rises_falls_and_ends_at_the_horizon(settings, turn, share):
    optim = dataclasses.replace(small("ddpm").optim, warmup=10, decay="cosine", rate=2.0)
    rate = optimisers.rate(dataclasses.replace(optim, **settings), steps=110)
    assert float(rate(turn)) == pytest.approx(2 * share, abs=1e-6)


@pytest.mark.parametrize("name", ["adam", "muon"])
def test_each_optimiser_moves_every_weight(name):
    config = small("ddpm")
    config = dataclasses.replace(
        config, optim=dataclasses.replace(config.optim, name=name, warmup=0)
    )
    optimiser = optimisers.build(config.optim, 100)
    params = {"kernel": jnp.ones((3, 3, 4, 8)), "matrix": jnp.ones((8, 6)), "bias": jnp.ones(6)}
    grads = jax.tree.map(lambda p: jax.random.normal(jax.random.key(p.size), p.shape), params)
    updates, _ = optimiser.update(grads, optimiser.init(params), params)
    assert all((jnp.abs(u) > 0).all() for u in jax.tree.leaves(updates))


def test_muon_on_stacks_is_muon_on_each_matrix():
    """Tall, wide and square matrices, kernels, and vectors, two of some shapes."""
    config = dataclasses.replace(small("ddpm").optim, name="muon", weight_decay=0.1)
    shapes = [(3, 3, 4, 8), (36, 8), (8, 36), (8, 8), (5,), (1,), (6, 7)]
    params = {f"{i}": jax.random.normal(jax.random.key(i), s) for i, s in enumerate(shapes)}
    grads = {name: jnp.sin(5 * leaf) for name, leaf in params.items()}

    def axes(params):
        def of(leaf):
            last = leaf.ndim - 1
            return optax.contrib.MuonDimensionNumbers(tuple(range(last)), last) if last else None

        return jax.tree.map(of, params)

    theirs = optax.contrib.muon(
        optimisers.rate(config, 100),
        adam_b1=config.b1,
        adam_b2=config.b2,
        weight_decay=config.weight_decay,
        consistent_rms=0.2,
        muon_weight_dimension_numbers=axes,
    )
    ours = optimisers.build(dataclasses.replace(config, clip=0.0), 100)
    ours_state, theirs_state = ours.init(params), theirs.init(params)
    for _ in range(3):
        ours_updates, ours_state = ours.update(grads, ours_state, params)
        theirs_updates, theirs_state = theirs.update(grads, theirs_state, params)
        for name, update in theirs_updates.items():
            assert jnp.abs(update).max() > 0
            assert np.allclose(ours_updates[name], update, rtol=1e-4, atol=1e-7), name


def test_flops_are_those_of_the_shapes():
    images, kernel = jnp.zeros((4, 14, 14, 8)), jnp.zeros((3, 3, 8, 16))
    product = costs.operations(lambda a, b: a @ b, jnp.zeros((5, 7)), jnp.zeros((7, 11)))
    assert product == 2 * 5 * 7 * 11

    def convolve(x, k):
        return jax.lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=conv.LAYOUT)

    def looped(x):
        return jax.lax.scan(lambda c, _: (c @ c, None), x, None, length=6)[0]

    assert costs.operations(convolve, images, kernel) == 2 * 4 * 14 * 14 * 9 * 8 * 16
    assert costs.operations(looped, jnp.zeros((3, 3))) == 6 * 2 * 27
    sometimes = functools.partial(
        costs.operations, lambda a: jax.lax.cond(a[0, 0] > 0, looped, abs, a)
    )
    assert sometimes(jnp.zeros((3, 3)), condition_rate=0.25) == 6 * 2 * 27 // 4


def test_a_gan_counts_a_penalty_by_how_often_it_is_computed():
    def counted(**settings):
        recipe = configs.changed(configs.recipe("gan"), {"batch": 8, "net": settings})
        state = Trainer(data.with_classes(recipe)).init()
        return costs._operations(data.with_classes(recipe), state)

    often, rarely, never = (
        counted(**settings)
        for settings in ({"penalty_every": 2}, {"penalty_every": 8}, {"penalty": "none"})
    )
    assert often - never == pytest.approx(4 * (rarely - never), rel=1e-6) and often > never


def test_durations_read_as_people_write_them():
    assert [duration(s) for s in (0, 59.6, 61, 3661)] == ["0:00", "1:00", "1:01", "1:01:01"]


def test_records_give_means_over_the_log_interval(tmp_path):
    with Records(RunFolder(tmp_path), 0, every=4) as records:
        assert records.add(1, {"loss": np.array([1.0, 3.0])}, 1.0) == {"loss": 2.0}
        assert records.add(3, {"loss": np.array([5.0, 7.0])}, 1.0) == {"loss": 4.0}
        assert records.add(5, {"loss": np.array([9.0])}, 1.0) == {"loss": 9.0}
    assert records.seconds == pytest.approx(3.0)


def test_a_checkpoint_of_other_networks_is_told(tmp_path, monkeypatch):
    """As a run of an earlier version is, whose networks had other weights."""
    config = small("ae", steps=4)
    run(config, tmp_path)
    family = type(families.build(config))
    init, first = Trainer.init, family.init
    for change in (
        lambda model: {**model, "more": jnp.zeros(3)},
        lambda model: jax.tree.map(lambda leaf: jnp.zeros((*leaf.shape, 1)), model),
        lambda model: jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), model),
    ):

        def begin(trainer, change=change):
            state = init(trainer)
            params = {"model": change(state.variables.params["model"])}
            return state.replace(variables=state.variables.replace(params=params))

        monkeypatch.setattr(Trainer, "init", begin)
        with pytest.raises(UserError, match="holds other arrays"):
            checkpoint.restore(tmp_path / "checkpoints", Trainer(config), lambda *_: None)

        def fresh(self, key, change=change):
            variables = first(self, key)
            return variables.replace(params={"model": change(variables.params["model"])})

        with monkeypatch.context() as patch:
            patch.setattr(family, "init", fresh)
            with pytest.raises(UserError, match="holds other arrays"):
                trained.load(RunFolder(tmp_path), config, lambda _: None)


def test_images_too_many_for_each_device_are_sent_block_by_block(monkeypatch, tmp_path):
    recipe = small("ae", steps=8)
    digits = data.load(recipe.data).train
    assert isinstance(feeds.feed([recipe], digits, 3), feeds.Resident)
    assert run(recipe, tmp_path / "copied") == 0
    monkeypatch.setattr(feeds, "MOST_COPIED", 2 * digits.images.nbytes - 1)  # of two devices
    assert isinstance(feeds.feed([recipe], digits, 3), feeds.Sent)
    assert run(recipe, tmp_path / "sent") == 0
    assert same(final(recipe, tmp_path / "copied"), final(recipe, tmp_path / "sent"))
    twice = [recipe, dataclasses.replace(recipe, seed=1)]
    seen = []
    for kind in (feeds.Resident, feeds.Sent):
        images, labels, rows = map(np.asarray, kind(twice, digits, 4)(5, 8))
        assert rows.shape == (2, 4, recipe.batch)
        seen.append((images[rows][:, :3], labels[rows][:, :3]))
    assert same(*seen)
