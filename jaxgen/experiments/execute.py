"""Carry out trials, in the order of their dependencies, with an executor."""

import collections
import concurrent.futures
import contextlib
import functools
import graphlib
import math
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from jaxgen import devices
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.experiments import executors
from jaxgen.experiments.executors import Executor, Here
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context, Trial
from jaxgen.training.console import Console, duration, plural

Say = Callable[[str], None]  # prints a line
Work = TypeVar("Work")
POLL = 0.5  # seconds between two checks for a signal
GUESS = 60.0  # seconds of a trial whose timing is unknown
PRIOR = 120.0  # seconds of imagined earlier trials that took the estimated time


def carry_out(
    trials: Iterable[Trial],
    store: Store,
    console: Console,
    scheduler: str | None = None,
    most_seconds: float = math.inf,
) -> None:
    """Carry out trials and the trials that they need, if they have no valid result: on this machine
    or by the workers of a Dask ``scheduler``. The console first says how many trials there are, and
    the estimate of their time. Raises UserError if a trial fails, or if the estimate is above
    ``most_seconds``."""
    trials = list(dict.fromkeys(_with_needed(trials)))
    if not (waiting := _without_result(trials, store)):
        return
    at_first = sum(not set(waiting).intersection(trial.after) for trial in waiting)
    with executors.choose(at_first, scheduler, console.say) as executor:
        timings = dict.fromkeys(trial.timing for trial in waiting if trial.timing)
        _require_all(run(tuple(timings), store, executor, console))
        seconds = sum(_seconds(trial, store) for trial in waiting) / executor.slots
        kinds = collections.Counter(trial.kind for trial in waiting)
        counts = ", ".join(plural(count, kind) for kind, count in kinds.items())
        side = f", {executor.slots} at a time" if executor.slots > 1 else ""
        console.say(
            f"{counts}{side}, about {duration(seconds)} on this machine; after a stop, the same "
            "command goes on"
        )
        if seconds > most_seconds:
            raise UserError(
                f"that would take about {duration(seconds)}: give --yes too if it is meant, or "
                "fewer values, seeds or steps"
            )
        _require_all(run(trials, store, executor, console))
    if _without_result(trials, store):
        raise UserError(
            "the code of jaxgen has changed meanwhile: the same command computes what depends on it"
        )


def _with_needed(trials: Iterable[Trial]) -> Iterator[Trial]:
    """Trials, each after the trials that it needs."""
    for trial in trials:
        yield from _with_needed(trial.after)
        yield trial


def _require_all(failed: Mapping[Trial, str]) -> None:
    for reason in failed.values():
        raise UserError(reason)


def _without_result(trials: Iterable[Trial], store: Store) -> list[Trial]:
    """The trials without a valid result; those that they need and whose runs have gone since; and
    all that need these."""
    trials = list(trials)
    missing = {trial for trial in trials if not store.has(trial)}
    needed = ((trial, store.get(trial)) for one in missing for trial in one.after)
    gone = {trial for trial, result in needed if result and not trial.is_there(result.figures)}
    return [trial for trial in trials if trial in missing | gone or gone & {*trial.after}]


def run(
    trials: Sequence[Trial], store: Store, executor: Executor, console: Console
) -> dict[Trial, str]:
    """Carry out the trials that have no valid result. Returns the failed trials and their reasons;
    trials that need their results are left out. After an interruption the same call goes on."""
    waiting = _without_result(trials, store)
    try:
        with console.status() as show:
            if isinstance(executor, Here):
                _run_together(waiting, Context(store, lambda *_: None, console.say))
            return _run_in_order(waiting, store, executor, console.say, show)
    except (KeyboardInterrupt, SystemExit):
        console.say("stopped: the same command goes on from there")
        raise


def _run_together(waiting: list[Trial], context: Context) -> None:
    """Carry out several trials in one program where that is possible, and remove them from
    ``waiting``."""
    for together in {trial.together for trial in waiting if trial.together}:
        for trial, result in together(context, [x for x in waiting if x.together is together]):
            context.store.put(trial, result)
            waiting.remove(trial)


def _run_in_order(
    waiting: Sequence[Trial], store: Store, executor: Executor, say: Say, show: Say
) -> dict[Trial, str]:
    """Carry out trials, each after the trials that it needs. ``say`` prints a line after each
    trial; ``show`` replaces the line about the present. Returns the failed trials and their
    reasons."""
    clock = Clock({trial: _seconds(trial, store) for trial in waiting}, executor.slots)
    order = graphlib.TopologicalSorter({trial: {*waiting} & {*trial.after} for trial in waiting})
    order.prepare()
    ready, running = collections.deque[Trial](), dict[Future, Trial]()
    failed, left_out = dict[Trial, str](), set[Trial]()

    def progress(trial: Trial, detail: str, fraction: float | None = None) -> None:
        show(f"{trial.title}: {detail}; {clock.left(fraction)}")

    while order.is_active():
        for trial in order.get_ready():
            if trial.tolerant or not {*failed, *left_out} & {*trial.after}:
                ready.append(trial)
            else:
                left_out.add(trial)
                clock.end(trial)
                order.done(trial)
        while ready and len(running) < executor.slots:
            trial = ready.popleft()
            clock.begin(trial)
            show(f"{trial.title}; {clock.left()}")
            callbacks = ()
            if isinstance(executor, Here):
                callbacks = functools.partial(progress, trial), say
            running[executor.submit(perform, store.folder, trial, *callbacks)] = trial
        for trial, future in _ended(running, executor):
            clock.end(trial)
            order.done(trial)
            if reason := executors.outcome(future, trial.title):
                failed[trial] = reason
            count = f"{len(waiting) - len(clock.seconds)} of {len(waiting)}"
            why = f", {reason}" if reason else ""
            say(f"{count}: {trial.title}{why}; {clock.left()}")
        if notes := _notes(running.values(), store):
            show(f"{notes}; {clock.left()}")
    return failed


def run_calls(
    function: Callable[..., None], calls: Iterable[tuple], executor: Executor
) -> Iterator[tuple]:
    """Carry out ``function(*call)`` for each of the calls; yields each call when it is done."""
    running = {executor.submit(function, *call): call for call in calls}
    while running:
        for call, future in _ended(running, executor):
            executors.outcome(future, function.__name__)
            yield call


def _ended(running: dict[Future, Work], executor: Executor) -> Iterator[tuple[Work, Future]]:
    """Wait for POLL seconds at most; remove the work that has ended from ``running``."""
    done, _ = concurrent.futures.wait(running, POLL, "FIRST_COMPLETED")
    executor.check()
    for future in done:
        yield running.pop(future), future


# In the process that carries out a trial.


def perform(
    folder: Path,
    trial: Trial,
    progress: Callable[..., None] | None = None,
    say: Say = lambda line: None,
) -> str:
    """Carry out one trial and keep its result in the store of a folder. Returns why it failed, or
    an empty string. In another process there is no ``progress`` (see ``Context``): the trial writes
    a note beside the results instead."""
    if not folder.is_dir():
        raise UserError(
            f"a worker on {platform.node()} does not see {folder}: give --out a folder that all "
            "workers share"
        )
    recipes = [given for given in trial.arguments if isinstance(given, Config)]
    # Of later trials in this process only the usual batches are known.
    devices.start(batch=math.gcd(devices.BATCH, *(recipe.batch for recipe in recipes)))
    store = Store(folder)
    note = _note(trial, store)
    try:
        context = Context(store, progress or functools.partial(_write, note), say)
        results = [store.get(needed) for needed in trial.after]
        store.put(trial, trial.function(context, *trial.arguments, *results))
    except UserError as error:
        return f"{error}"
    finally:
        note.unlink(missing_ok=True)
    return ""


def _note(trial: Trial, store: Store) -> Path:
    """The file in which another process writes its progress."""
    return store.path(f".{trial.title}.progress")


def _write(note: Path, detail: str, fraction: float | None = None) -> None:
    with contextlib.suppress(OSError):
        note.write_text(detail)


def _notes(running: Iterable[Trial], store: Store) -> str:
    """The progress of other processes."""
    notes = []
    for trial in running:
        with contextlib.suppress(OSError):
            notes.append(f"{trial.title}: {_note(trial, store).read_text()}")
    return "; ".join(notes)


# Estimates of time.


def _seconds(trial: Trial, store: Store) -> float:
    """The estimate of a trial's time; GUESS before its timing is known."""
    if not callable(trial.seconds):
        return trial.seconds
    timed = trial.timing and store.get(trial.timing)
    return trial.seconds(timed.figures) if timed else GUESS


class Clock:
    """Estimates the remaining time: the estimated ``seconds`` of the trials that have not ended,
    times the ratio of real to estimated time of the trials that have. ``now()`` returns seconds."""

    def __init__(
        self, seconds: dict[Trial, float], slots: int, now: Callable[[], float] = time.monotonic
    ):
        self.seconds, self._slots, self._now = seconds, slots, now
        self._began: dict[Trial, float] = {}
        self._estimated = self._taken = PRIOR  # seconds of the trials that have ended

    def begin(self, trial: Trial) -> None:
        """A trial begins."""
        self._began[trial] = self._now()

    def end(self, trial: Trial) -> None:
        """A trial has ended, or is left out."""
        seconds = self.seconds.pop(trial)
        if trial in self._began:
            self._estimated += seconds
            self._taken += self._now() - self._began.pop(trial)

    def left(self, fraction: float | None = None) -> str:
        """The remaining time in words; ``fraction`` of the running trial is done, if known."""
        pace = self._taken / self._estimated
        left = {trial: pace * seconds for trial, seconds in self.seconds.items()}
        for trial, began in self._began.items():
            taken = self._now() - began
            left[trial] = max(left[trial] - taken, 0)
            if fraction:  # the trial's own pace has this fraction as its weight
                left[trial] = (1 - fraction) * (taken + left[trial])
        return f"{duration(sum(left.values()) / self._slots)} left in all"
