"""The loop around the step: blocks of steps, and between them the log, checkpoints, pictures and
signals."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgen import data, devices, families, hosts, images, sampling
from jaxgen.arrays import NO_DIGIT, Key
from jaxgen.config import Config
from jaxgen.data import batches, partition
from jaxgen.errors import UserError
from jaxgen.families.base import Family
from jaxgen.training import checkpoint, optimisers, seals, traffic
from jaxgen.training.console import Console, duration, plural
from jaxgen.training.folder import RunFolder
from jaxgen.training.interrupts import Interrupts
from jaxgen.training.log import Records
from jaxgen.training.optimisers import Optimisers
from jaxgen.training.step import State, init, make_advance, make_step
from jaxgen.training.watch import COUNT, Watch

BLOCK = 50  # steps that one call of the device can take
SECONDS = 1.0  # that a block lasts at most, so that signals are answered
UNSAVED = 45.0  # seconds of work that may be lost, and a block, where a process is killed
PICTURE = 80  # digits in a picture of samples, ten a row
FITTED = (
    5000  # digits whose codes a picture on the way is drawn by: all of them take ten times as long
)
INIT = (
    2**32 - 1
)  # what the run's key is folded with for the first weights; steps fold in their number


class Diverged(UserError):
    """A training that came to a metric that is not finite."""


def train(config: Config, folder: RunFolder, console: Console, shard_params: bool = False) -> int:
    """Train up to ``config.steps`` in a prepared and locked ``folder``; returns the exit status.

    Goes on from the newest sound checkpoint. Raises ``UserError`` for a mishap; what was saved
    before stays. Of several processes the first alone writes logs and pictures. With
    ``shard_params`` the devices share the state out, as ``devices.shared`` has it.
    """
    check_batch(config.batch)
    with contextlib.ExitStack() as stack:
        checkpoints = stack.enter_context(checkpoint.Checkpoints(folder.checkpoints, config))
        if not hosts.is_first():  # what it would write is written by the first
            folder = RunFolder(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            console = Console(quiet=True)
        return _train(config, folder, checkpoints, console, shard_params)


def train_apart(
    config: Config, folder: RunFolder, console: Console, say: Callable[[str], None]
) -> None:
    """Train in a folder that a larger undertaking keeps for itself: a run of another recipe there
    is moved aside, and told to ``say``. Exits where training is interrupted."""
    with folder.lock():
        for line in folder.prepare_anew(config):
            say(line)
        if status := train(config, folder, console):
            raise SystemExit(status)


def _train(
    config: Config,
    folder: RunFolder,
    checkpoints: checkpoint.Checkpoints,
    console: Console,
    shard_params: bool,
) -> int:
    source = data.load(config.data, console.say)
    with hosts.told_to_all():
        if hosts.is_first():
            folder.learns_from(source)
    digits = source.train
    family = families.build(config)
    players = optimisers.players(config, family)
    key = jax.random.key(config.seed)
    state = first_state(family, players, key, checkpoints, console, shard_params)
    step, last = int(state.step), config.steps
    if step >= last:
        console.say(
            f"{folder} has its {plural(step, 'step')}: --steps {2 * step} trains on, "
            "--fresh starts over"
        )
        return 0
    console.say(banner(config, state, len(digits.labels), folder))
    for line in folder.began(step, devices.describe()):
        console.say(line)

    drawer = sampling.Drawer(family)
    picture = picture_taker(config, drawer, folder, source.learned)
    watch = Watch(source) if family.may_collapse else None
    records = Records(folder.metrics, step, config.log_every)
    saved, saved_at = step, time.monotonic()

    def stopping() -> str:
        lost = f"all after step {saved}" if saved else "all of this run"
        return f"stopping, and saving first; Ctrl-C again stops at once and loses {lost}"

    with contextlib.ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts(None if console.quiet else stopping))
        stack.enter_context(told_what_is_lost(checkpoints, console))
        stack.enter_context(records)
        stack.enter_context(console.bar(step, last))
        block = compile_block(config, family, players, key, state, digits, console)
        size, started = (
            2,
            time.perf_counter(),
        )  # a first block of two steps shows how long they take
        signal, size, _ = hosts.agree(interrupts.signal or 0, size)
        while step < last and not signal:
            stop = min(step + size, last, next_stop(step, config))
            began = time.perf_counter()
            state, metrics = block(state, step, stop)
            seconds = time.perf_counter() - began
            means = records.add(step + 1, metrics, seconds)
            checkpoints.check()
            check_finite(metrics, step + 1, checkpoints.steps)
            step, speed = stop, (stop - step) / seconds
            size = int(np.clip(SECONDS * speed, 1, BLOCK))
            console.progress(
                step, last, means, speed, line=step % config.log_every == 0 or step == last
            )
            is_due = time.monotonic() - saved_at > UNSAVED
            signal, size, is_due = hosts.agree(interrupts.signal or 0, size, is_due)
            saves = step % config.save_every == 0 or step == last or signal
            if saves:
                state = fitted(family, state, digits)
            if step == last or step == next_picture(step - 1, config.sample_every):
                shown = state
                if family.has("fit") and not saves:
                    few = partition.subset(digits, min(FITTED, len(digits.labels)))
                    shown = fitted(family, state, few)
                records.picture(step, picture(shown))
                if watch and (step == last or step % config.sample_every == 0):
                    seen = watch.see(any_digits(config, drawer, state))
                    records.watch(step, *seen)
                    if collapse := watch.collapse(seen):
                        console.say(f"mode collapse at step {step}: {collapse}")
            if saves or is_due:  # last, so that what goes on from there lacks nothing before it
                records.flush()
                checkpoints.save(state, fitted=bool(saves) or not family.has("fit"))
                saved, saved_at = step, time.monotonic()
        checkpoints.wait()
    if signal:
        there = "saved; the same command goes on from there" if step else "nothing is lost"
        console.say(f"stopped at step {step}: {there}")
        return 128 + signal
    console.say(
        f"{plural(step, 'step')} in {duration(time.perf_counter() - started)}; "
        f"samples in {folder.samples}/{step}.png"
    )
    return 0


@contextlib.contextmanager
def told_what_is_lost(checkpoints: checkpoint.Checkpoints, console: Console) -> Iterator[None]:
    """Say which step is kept where a second Ctrl-C comes, which waits for no more than a save that
    is going on."""
    try:
        yield
    except KeyboardInterrupt:
        console.say(
            f"stopped at once: {seals.kept(checkpoints.steps())}, what came after it is lost"
        )
        raise


def first_state(
    family: Family,
    players: Optimisers,
    key: Key,
    checkpoints: checkpoint.Checkpoints,
    console: Console,
    shard_params: bool = False,
) -> State:
    """The newest sound checkpoint, or else fresh weights; damaged checkpoints are set aside."""

    def begin() -> State:
        return init(family, players, jax.random.fold_in(key, INIT))

    def damaged(step: int, reason: str) -> None:
        aside = checkpoints.set_aside(step)
        console.say(f"the checkpoint of step {step} is damaged ({reason}): moved to {aside}")

    like = checkpoint.abstract(begin, devices.shared if shard_params else None)
    found = checkpoint.restore(checkpoints.folder, checkpoints.config, like, damaged)
    if found is None:
        return jax.jit(begin, out_shardings=places(like))()
    return found


def places(state: State) -> Any:
    """Where the arrays of a state lie, as a tree of the same form."""
    return jax.tree.map(lambda leaf: leaf.sharding, state)


def fitted(family: Family, state: State, digits: data.Split) -> State:
    """The state with what the family fits to the codes of its averaged weights, which is what a
    checkpoint is to hold and a picture to show."""
    stats = family.fit(state.averaged, digits).stats
    stats = jax.device_put(hosts.fetch(stats), places(state).variables.stats)
    return state.replace(variables=state.variables.replace(stats=stats))


class Block:
    """The compiled program that takes steps."""

    def __init__(self, compiled, arrays, rows):
        self._compiled, self._arrays, self._rows = compiled, arrays, rows

    def __call__(self, state: State, step: int, stop: int) -> tuple[State, dict[str, np.ndarray]]:
        """Take the steps from ``step`` to ``stop``; metrics are on the host, one value a step."""
        state, metrics = self._compiled(state, *self._arrays, *self._rows(step, stop))
        return state, {
            name: values[: stop - step] for name, values in jax.device_get(metrics).items()
        }

    @property
    def memory(self) -> int:
        """Bytes on each device: arguments, results, and what is between."""
        sizes = self._compiled.memory_analysis()
        given = sizes.argument_size_in_bytes - sizes.alias_size_in_bytes
        return given + sizes.output_size_in_bytes + sizes.temp_size_in_bytes

    @property
    def sent(self) -> float:
        """Bytes that each device sends to others in a step, by its program."""
        return traffic.sent(self._compiled.as_text(), devices.count())


def compile_block(config, family, players, key, state, digits, console) -> Block:
    """Compile the train steps of a recipe for the arrays at hand."""
    arrays = jax.device_put(tuple(digits), devices.whole())

    def rows(step: int, stop: int):
        indices = np.zeros((BLOCK, config.batch), np.int32)
        indices[: stop - step] = batches.indices(
            config.seed, step, stop, config.batch, len(digits.labels)
        )
        return jax.device_put(indices, devices.split(1)), jax.device_put(
            np.int32(stop - step), devices.whole()
        )

    began = time.perf_counter()
    gather = not all(leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(state))
    step = make_step(family, players, key, config.optim.ema, gather)
    advance = make_advance(step, places(state))
    compiled = advance.lower(state, *arrays, *rows(0, 1)).compile()
    console.say(f"compiled in {time.perf_counter() - began:.1f} s")
    return Block(compiled, arrays, rows)


def picture_taker(
    config: Config, drawer: sampling.Drawer, folder: RunFolder, digits: Sequence[int]
) -> Callable[[State], np.ndarray]:
    """Build ``picture(state)``, which draws ``digits`` in turn, the same each time, from the
    averaged weights and saves them."""
    labels = sampling.balanced(PICTURE, digits)

    def picture(state: State) -> np.ndarray:
        drawn = drawer.draw(state.averaged, labels, config.seed)
        grid = images.grid(drawn, columns=10)
        images.save_picture(folder.samples / f"{int(state.step)}.png", grid)
        return grid

    return picture


def any_digits(config: Config, drawer: sampling.Drawer, state: State) -> np.ndarray:
    """What the watch looks at: the same digits each time, drawn from the averaged weights."""
    return drawer.draw(state.averaged, np.full(COUNT, NO_DIGIT, np.int32), config.seed)


def banner(config: Config, state: State, count: int, folder: RunFolder) -> str:
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    step = int(state.step)
    steps = f"steps {step + 1} to {config.steps}" if step else plural(config.steps, "step")
    return (
        f"{config.model}: {parameters:,} parameters, {devices.describe()}, "
        f"{count:,} digits of {config.data}, {steps} of {config.batch}, in {folder}"
    )


def check_batch(batch: int) -> None:
    """Raise a ``UserError`` if a batch cannot be split over the devices."""
    count = devices.count()
    if over := batch % count:
        raise UserError(
            f"--batch {batch} cannot be split over {count} devices: "
            f"{batch - over or count} or {batch - over + count} can"
        )


def check_finite(
    metrics: dict[str, np.ndarray], first: int, steps: Callable[[], list[int]]
) -> None:
    """Raise ``Diverged``, which names the first step, from ``first`` on, with a metric that is not
    finite, and the newest of the saved ``steps``."""
    for row, values in enumerate(zip(*metrics.values(), strict=True)):
        for name, value in zip(metrics, values, strict=True):
            if not np.isfinite(value):
                raise Diverged(
                    f"{name} is {value} at step {first + row}: training stops, "
                    f"{seals.kept(steps())}; a smaller --optim.rate may help (with --fresh)"
                )


def next_stop(step: int, config: Config) -> int:
    """The first step after ``step`` at which there is something to do besides training."""
    return min(
        next_multiple(step, config.log_every),
        next_multiple(step, config.save_every),
        next_picture(step, config.sample_every) or config.steps,
    )


def next_picture(step: int, every: int) -> int | None:
    """The first step after ``step`` with a picture: more of them at the beginning, where digits
    change most, at 10, 20, 50, 100, 200 and so on, and then at the multiples of ``every``; None
    where that is 0."""
    if not every:
        return None
    power = 10 ** max(len(f"{step}") - 1, 1)
    early = next(n for n in (power, 2 * power, 5 * power, 10 * power) if n > step)
    return min(early, every) if step < every else next_multiple(step, every)


def next_multiple(step: int, every: int) -> int:
    return (step // every + 1) * every
