"""The training loop: blocks of steps, and between them the log, checkpoints, pictures and
signals."""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jaxgen import data, devices, distributed, images, sampling
from jaxgen.classes import ANY, nouns
from jaxgen.config import Config
from jaxgen.data import partition
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Fits
from jaxgen.training import collapse, manifest
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.collapse import COUNT
from jaxgen.training.console import Console, duration, plural
from jaxgen.training.folder import RunFolder
from jaxgen.training.interrupts import Interrupts
from jaxgen.training.log import Records
from jaxgen.training.stack import BLOCK, Stack, with_stats
from jaxgen.training.trainer import State, Trainer

SECONDS = 1.0  # longest time of a block, since signals wait for its end
UNSAVED = 45.0  # seconds between saves: a process that is killed loses these, and one block
ROWS = 8  # of a picture of samples
# Digits for the fit before an early picture: a fit to all digits takes ten times as long.
FITTED = 5000


class Start(NamedTuple):
    """What a training begins with that goes on from another model."""

    variables: Variables
    train: data.Split  # the examples that it sees
    learned: tuple[int, ...]  # the digits of that model


def train(
    config: Config,
    folder: RunFolder,
    console: Console,
    shard_params: bool = False,
    start: Start | None = None,
) -> int:
    """Train up to ``config.steps`` in a prepared and locked ``folder``; returns the exit status.

    Goes on from the newest sound checkpoint. If training fails it raises ``UserError``; earlier
    checkpoints stay. Of several processes only the first writes logs and pictures. With
    ``shard_params`` large arrays of the state are split over the devices (``devices.split_large``).
    """
    devices.check_batch(config.batch)
    source = data.load(config.data, console.say)
    config = dataclasses.replace(config, classes=source.names)
    with contextlib.ExitStack() as exits:
        checkpoints = exits.enter_context(Checkpoints(folder.checkpoints, config))
        if not distributed.is_first():  # only the first writes
            folder = RunFolder(Path(exits.enter_context(tempfile.TemporaryDirectory())))
            console = Console(quiet=True)
        run = Stack([config]), [folder], [checkpoints]
        ended = _train(*run, source, console, shard_params, start)
    if ended.failed[0]:
        raise UserError(ended.failed[0])
    return ended.status


def train_apart(
    recipes: Sequence[Config],
    folders: Sequence[RunFolder],
    console: Console,
    say: Callable[[str], None] = lambda line: None,
) -> list[str | None]:
    """Train the recipes of one group (``stack.groups``) in one program, each in a folder of an
    experiment; returns for each recipe why it failed, or None.

    If a folder holds a run of another recipe, that run is moved to another folder, and
    ``say(line)`` reports it. Raises SystemExit if a signal interrupts training.
    """
    devices.check_batch(recipes[0].batch)
    source = data.load(recipes[0].data)
    recipes = [dataclasses.replace(recipe, classes=source.names) for recipe in recipes]
    with contextlib.ExitStack() as exits:
        saving = []
        for folder, recipe in zip(folders, recipes, strict=True):
            exits.enter_context(folder.lock())
            for line in folder.prepare_or_replace(recipe):
                say(line)
            saving.append(exits.enter_context(Checkpoints(folder.checkpoints, recipe)))
        ended = _train(Stack(recipes), folders, saving, source, console)
    if ended.status:
        raise SystemExit(ended.status)
    return ended.failed


class Ended(NamedTuple):
    """The end of the training of one or several runs."""

    status: int  # exit status of the process: 0, or 128 and the number of a signal
    failed: list[str | None]  # why each run failed


def _train(
    stack: Stack,
    folders: Sequence[RunFolder],
    checkpoints: Sequence[Checkpoints],
    source: data.Digits,
    console: Console,
    shard_params: bool = False,
    start: Start | None = None,
) -> Ended:
    config, count = stack.recipes[0], len(folders)
    also = start.learned if start else ()

    distributed.on_first(lambda: [folder.note_digits(source, also) for folder in folders])
    variables = start and start.variables
    source = source._replace(train=start.train, stream=None) if start else source
    state = stack.restore(checkpoints, source.train, console, shard_params, variables)
    noted = zip(folders, stack.recipes, strict=True)
    distributed.on_first(lambda: [folder.note_recipe(recipe) for folder, recipe in noted])
    first = stack.of(state, 0)
    step, last = int(first.step), config.steps
    if step >= last:
        console.say(
            f"{folders[0]} has its {plural(step, 'step')}: --steps {2 * step} trains on, "
            "--fresh starts over"
        )
        return Ended(0, [None] * count)
    console.say(banner(config, first, source.count, folders[0]))
    del first  # with several runs it is a copy that takes memory of the device

    with contextlib.ExitStack() as exits:
        runs: list[_Run] = []

        def message() -> str:
            saved = runs[0].saved if runs else step
            lost = f"all after step {saved}" if saved else "all of this run"
            return f"stopping, and saving first; Ctrl-C again stops at once and loses {lost}"

        interrupts = exits.enter_context(Interrupts(None if console.quiet else message))
        for folder in folders:
            for line in folder.begin_session(step, devices.describe()):
                console.say(line)
        each = zip(stack.trainers, folders, checkpoints, strict=True)
        runs += [_Run(*one, source, step, exits) for one in each]
        for saving in checkpoints:
            exits.enter_context(_reporting_losses(saving, console))
        exits.enter_context(console.bar(step, last))
        block = stack.compile(state, source.examples, console)
        exits.callback(block.close)
        size, started = 2, time.perf_counter()  # two steps first, to measure their time
        saved_at = time.monotonic()
        signal, size, _ = distributed.agree(interrupts.signal or 0, size)
        while step < last and not signal:
            stop = min(step + size, last, next_stop(step, config))
            began = time.perf_counter()
            state, metrics = block(state, step, stop)
            seconds = time.perf_counter() - began
            means = [
                run.add(step + 1, of_run, seconds / count)
                for run, of_run in zip(runs, metrics, strict=True)
            ]
            if all(run.failed for run in runs):
                break
            step, speed = stop, (stop - step) / seconds
            size = int(np.clip(SECONDS * speed, 1, BLOCK))
            console.progress(
                step, last, means[0], speed, line=step % config.log_every == 0 or step == last
            )
            is_due = time.monotonic() - saved_at > UNSAVED
            signal, size, is_due = distributed.agree(interrupts.signal or 0, size, is_due)
            saves = step % config.save_every == 0 or step == last or bool(signal)
            if saves or is_due or step == next_picture(step - 1, config.sample_every):
                for index, run in enumerate(runs):
                    if not run.failed:
                        run.keep(stack.of(state, index), saves, is_due, console)
                saved_at = time.monotonic() if saves or is_due else saved_at
        for saving in checkpoints:
            saving.wait()
    failed = [run.failed for run in runs]
    if signal:
        result = "saved; the same command goes on from there" if step else "nothing is lost"
        console.say(f"stopped at step {step}: {result}")
        return Ended(128 + signal, failed)
    if not failed[0]:
        console.say(
            f"{plural(step, 'step')} in {duration(time.perf_counter() - started)}; "
            f"samples in {folders[0].samples}/{step}.png"
        )
    return Ended(0, failed)


class _Run:
    """The log, pictures and checkpoints of a run while it is trained."""

    def __init__(
        self,
        trainer: Trainer,
        folder: RunFolder,
        checkpoints: Checkpoints,
        source: data.Digits,
        step: int,
        exits: contextlib.ExitStack,
    ):
        self.failed: str | None = None  # the reason
        self.saved = step
        self._config, self._family = trainer.config, trainer.family
        self._folder, self._checkpoints, self._digits = folder, checkpoints, source.train
        self._records = exits.enter_context(Records(folder, step, self._config.log_every))
        self._columns = sampling.columns(len(source.learned))
        self._labels = sampling.balanced(ROWS * self._columns, source.learned)
        self._monitor = collapse.monitor(source) if self._family.may_collapse else None

    def add(
        self, first: int, metrics: Mapping[str, np.ndarray], seconds: float
    ) -> Mapping[str, float]:
        """Log a block of steps that begins with ``first``; returns the means since the last line.
        A metric that is not finite sets ``failed``."""
        if self.failed:
            return {}
        means = self._records.add(first, metrics, seconds)
        self._checkpoints.check()
        if wrong := not_finite(metrics, first):
            saved = manifest.describe_saved(self._checkpoints.steps())
            self.failed = (
                f"{wrong}: training stops, {saved}; a smaller --optim.rate may help (with --fresh)"
            )
        return means

    def keep(self, state: State, saves: bool, is_due: bool, console: Console) -> None:
        """Draw a picture if this step has one. Save the state if this step ``saves`` or a save
        ``is_due`` because the last one is long ago; only for ``saves`` the family is fitted."""
        config, family, step = self._config, self._family, int(state.step)
        if saves:
            state = fitted(family, state, self._digits)
        if step == config.steps or step == next_picture(step - 1, config.sample_every):
            shown = state
            if isinstance(family, Fits) and not saves:
                few = partition.subset(self._digits, min(FITTED, len(self._digits.labels)))
                shown = fitted(family, state, few)
            grid = images.grid(self._drawn(shown, self._labels), self._columns)
            images.save_picture(self._folder.samples / f"{step}.png", grid)
            self._records.picture(step, grid)
            regular = config.sample_every and step % config.sample_every == 0
            if self._monitor and (step == config.steps or regular):
                any_digit = np.full(COUNT, ANY, np.int32)
                look = self._monitor.look(self._drawn(state, any_digit))
                self._records.look(step, *look, self._config.classes)
                if why := self._monitor.collapse(look):
                    console.say(f"mode collapse at step {step}: {why}")
        if saves or is_due:  # last, so that the log is complete up to every checkpoint
            self._records.flush()
            self._checkpoints.save(state, fitted=saves or not isinstance(family, Fits))
            self.saved = step

    def _drawn(self, state: State, labels: np.ndarray) -> np.ndarray:
        """Draw digits with the averaged weights, with the same keys at each call."""
        return sampling.draw(self._family, state.averaged, labels, self._config.seed)


@contextlib.contextmanager
def _reporting_losses(checkpoints: Checkpoints, console: Console) -> Iterator[None]:
    """After a second Ctrl-C wait for the current save, and say which step is kept."""
    try:
        yield
    except KeyboardInterrupt:
        saved = manifest.describe_saved(checkpoints.steps())
        console.say(f"stopped at once: {saved}, later steps are lost")
        raise


def fitted(family: Family, state: State, digits: data.Split) -> State:
    """The state for a checkpoint or a picture: after ``Family.fit`` with the averaged weights, if
    the family has it."""
    if not isinstance(family, Fits):
        return state
    return with_stats(state, family.fit(state.averaged, digits).stats)


def banner(config: Config, state: State, count: int, folder: RunFolder) -> str:
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    step, (_, many) = int(state.step), nouns(config.classes)
    steps = f"steps {step + 1} to {config.steps}" if step else plural(config.steps, "step")
    return (
        f"{config.model}: {parameters:,} parameters, {devices.describe()}, "
        f"{count:,} {many} of {config.data}, {steps} of {config.batch}, in {folder}"
    )


def not_finite(metrics: Mapping[str, np.ndarray], first: int) -> str | None:
    """The first metric that is not finite and its step, in words; ``metrics`` has one value for
    each step, from the step ``first`` on."""
    for step, values in enumerate(zip(*metrics.values(), strict=True), first):
        for name, value in zip(metrics, values, strict=True):
            if not np.isfinite(value):
                return f"{name} is {value} at step {step}"
    return None


def next_stop(step: int, config: Config) -> int:
    """The first step after ``step`` with a log line, a checkpoint or a picture."""
    return min(
        next_multiple(step, config.log_every),
        next_multiple(step, config.save_every),
        next_picture(step, config.sample_every) or config.steps,
    )


def next_picture(step: int, every: int) -> int | None:
    """The first step after ``step`` with a picture: 10, 20, 50, 100, 200 and so on, since digits
    change most at the beginning, then the multiples of ``every``; None if that is 0."""
    if not every:
        return None
    power = 10 ** max(len(f"{step}") - 1, 1)
    early = next(n for n in (power, 2 * power, 5 * power, 10 * power) if n > step)
    return min(early, every) if step < every else next_multiple(step, every)


def next_multiple(step: int, every: int) -> int:
    return (step // every + 1) * every
