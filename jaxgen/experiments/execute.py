"""Carries trials out, in the order of their dependencies, by an executor."""

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
from jaxgen.errors import UserError
from jaxgen.experiments import executors
from jaxgen.experiments.executors import Executor, Here
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context, Trial
from jaxgen.training.console import Console, duration, plural

Say = Callable[[str], None]
"""Takes a line."""
Work = TypeVar("Work")
POLL = 0.5  # seconds after which a signal is answered
GUESS = 60.0  # seconds of a trial that is not timed yet
PRIOR = 120.0  # seconds of work, done in the estimated time, that are assumed at the beginning


def carry_out(
    trials: Iterable[Trial],
    store: Store,
    console: Console,
    scheduler: str | None = None,
    most_seconds: float = math.inf,
) -> None:
    """Carry out trials and all that they need, as far as there is no valid result: here, or by the
    workers of a Dask ``scheduler``. The console first says how many trials these are, and how long
    they take by their timings. Raises UserError where one fails, or where all would take more than
    ``most_seconds``."""
    trials = list(dict.fromkeys(_with_needed(trials)))
    if not (rest := missing(trials, store)):
        return
    at_first = sum(not set(rest).intersection(trial.after) for trial in rest)
    with executors.choose(at_first, scheduler, console.say) as executor:
        timings = dict.fromkeys(trial.timing for trial in rest if trial.timing)
        _require_all(run(tuple(timings), store, executor, console))
        seconds = sum(_seconds(trial, store) for trial in rest) / executor.slots
        kinds = collections.Counter(trial.kind for trial in rest)
        counts = ", ".join(plural(count, kind) for kind, count in kinds.items())
        side = f", {executor.slots} at a time" if executor.slots > 1 else ""
        console.say(
            f"{counts}{side}, about {duration(seconds)} on this machine; stopped, the same command "
            "goes on"
        )
        if seconds > most_seconds:
            raise UserError(
                f"that would take about {duration(seconds)}: give --yes too if it is meant, or "
                "fewer values, seeds or steps"
            )
        _require_all(run(trials, store, executor, console))


def _with_needed(trials: Iterable[Trial]) -> Iterator[Trial]:
    """Trials, each after all that it needs."""
    for trial in trials:
        yield from _with_needed(trial.after)
        yield trial


def _require_all(failed: Mapping[Trial, str]) -> None:
    for reason in failed.values():
        raise UserError(reason)


def missing(trials: Sequence[Trial], store: Store) -> list[Trial]:
    """The trials that have no valid result, in their order."""
    return [trial for trial in trials if not store.has(trial)]


def run(
    trials: Sequence[Trial], store: Store, executor: Executor, console: Console
) -> dict[Trial, str]:
    """Carry out the trials that have no valid result. Returns the reasons of those that failed;
    what needs their results is left out. After an interruption the same call goes on."""
    waiting = missing(trials, store)
    try:
        with console.status() as tell:
            if isinstance(executor, Here):
                _run_together(waiting, Context(store, lambda *_: None, console.say))
            return _run_in_order(waiting, store, executor, console.say, tell)
    except (KeyboardInterrupt, SystemExit):
        console.say("stopped: the same command goes on from there")
        raise


def _run_together(waiting: list[Trial], context: Context) -> None:
    """Carry out in one program what can be, and take it out of the trials that wait."""
    for together in {trial.together for trial in waiting if trial.together}:
        for trial, result in together(context, [x for x in waiting if x.together is together]):
            context.store.put(trial, result)
            waiting.remove(trial)


def _run_in_order(
    waiting: Sequence[Trial], store: Store, executor: Executor, say: Say, tell: Say
) -> dict[Trial, str]:
    """Carry out trials, each after those that it needs. ``say`` takes a line for each that has
    ended, and ``tell`` what goes on. Returns the reasons of those that failed."""
    clock = Clock({trial: _seconds(trial, store) for trial in waiting}, executor.slots)
    order = graphlib.TopologicalSorter({one: {*waiting} & {*one.after} for one in waiting})
    order.prepare()
    ready, running = collections.deque[Trial](), dict[Future, Trial]()
    failed, left_out = dict[Trial, str](), set[Trial]()

    def progress(trial: Trial, detail: str, fraction: float | None = None) -> None:
        tell(f"{trial.title}: {detail}; {clock.left(fraction)}")

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
            tell(f"{trial.title}; {clock.left()}")
            here = functools.partial(progress, trial), say
            direct = here if isinstance(executor, Here) else ()
            running[executor.submit(perform, store.folder, trial, *direct)] = trial
        for trial, future in _ended(running, executor):
            clock.end(trial)
            order.done(trial)
            if reason := executors.outcome(future, trial.title):
                failed[trial] = reason
            count = f"{len(waiting) - len(clock.seconds)} of {len(waiting)}"
            why = f", {reason}" if reason else ""
            say(f"{count}: {trial.title}{why}; {clock.left()}")
        if now := _now(running.values(), store):
            tell(f"{now}; {clock.left()}")
    return failed


def each(
    function: Callable[..., None], calls: Iterable[tuple], executor: Executor
) -> Iterator[tuple]:
    """Carry out calls of a function; gives the arguments of each that is done."""
    running = {executor.submit(function, *call): call for call in calls}
    while running:
        for call, future in _ended(running, executor):
            executors.outcome(future, function.__name__)
            yield call


def _ended(running: dict[Future, Work], executor: Executor) -> Iterator[tuple[Work, Future]]:
    """Wait for a while; take what has ended out of what is ``running``."""
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
    """Carry out one trial and keep its result in the store of a folder; returns why it failed, or
    an empty string. Where ``progress`` is another process's, it is a note beside the results."""
    if not folder.is_dir():
        raise UserError(
            f"a worker on {platform.node()} does not see {folder}: give --out a folder that all "
            "workers share"
        )
    devices.start()
    store = Store(folder)
    note = _note(trial, store)
    try:
        context = Context(store, progress or functools.partial(_write, note), say)
        results = [store.get(other) for other in trial.after]
        store.put(trial, trial.function(context, *trial.arguments, *results))
    except UserError as error:
        return f"{error}"
    finally:
        note.unlink(missing_ok=True)
    return ""


def _note(trial: Trial, store: Store) -> Path:
    """Where another process writes what it does."""
    return store.path(f".{trial.title}.progress")


def _write(note: Path, detail: str, fraction: float | None = None) -> None:
    with contextlib.suppress(OSError):
        note.write_text(detail)


def _now(running: Iterable[Trial], store: Store) -> str:
    """What other processes do."""
    lines = []
    for trial in running:
        with contextlib.suppress(OSError):
            lines.append(f"{trial.title}: {_note(trial, store).read_text()}")
    return "; ".join(lines)


# How long it takes.


def _seconds(trial: Trial, store: Store) -> float:
    """The estimate of a trial's time; a guess before its timing is known."""
    if not callable(trial.seconds):
        return trial.seconds
    timed = trial.timing and store.get(trial.timing)
    return trial.seconds(timed.figures) if timed else GUESS


class Clock:
    """How long all that is left takes: the estimated ``seconds`` of the trials that have not ended,
    times how much longer than estimated the others took. ``now()`` gives seconds."""

    def __init__(
        self,
        seconds: dict[Trial, float],
        slots: int,
        now: Callable[[], float] = time.monotonic,
    ):
        self.seconds, self._slots, self._now = seconds, slots, now
        self._began: dict[Trial, float] = {}
        self._estimated = self._taken = PRIOR  # seconds of the trials that have ended

    def begin(self, trial: Trial) -> None:
        """A trial begins."""
        self._began[trial] = self._now()

    def end(self, trial: Trial) -> None:
        """A trial has ended, or will not begin."""
        seconds = self.seconds.pop(trial)
        if trial in self._began:
            self._estimated += seconds
            self._taken += self._now() - self._began.pop(trial)

    def left(self, fraction: float | None = None) -> str:
        """How long all others take; ``fraction`` of the one that runs is done, if known."""
        pace = self._taken / self._estimated
        rest = {trial: pace * seconds for trial, seconds in self.seconds.items()}
        for trial, began in self._began.items():
            taken = self._now() - began
            rest[trial] = max(rest[trial] - taken, 0)
            if fraction:  # its own pace counts as much as is done of it
                rest[trial] = (1 - fraction) * (taken + rest[trial])
        return f"{duration(sum(rest.values()) / self._slots)} left in all"
