"""Carries trials out, in the order of their dependencies, in the slots of an executor."""

import collections
import concurrent.futures
import contextlib
import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jaxgen import devices
from jaxgen.errors import UserError
from jaxgen.experiments import executors
from jaxgen.experiments.executors import Executor
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context, Trial
from jaxgen.training.console import Console, duration

Work = TypeVar("Work")
POLL = 0.5  # seconds after which a signal is answered
EVERY = 2.0  # seconds after which another process tells again what it does
PRIOR = 120.0  # estimated seconds for which estimates count as right, before time has told


class Failed(NamedTuple):
    """A trial that a mishap ended, and the sentence that says which."""

    trial: Trial
    reason: str


def missing(trials: Sequence[Trial], store: Store) -> list[Trial]:
    """The trials that have no valid result, in their order."""
    return [trial for trial in trials if store.get(trial) is None]


def require(failed: Sequence[Failed]) -> None:
    """Raise UserError where a trial failed."""
    if failed:
        raise UserError(failed[0].reason)


def carry_out(
    trials: Sequence[Trial],
    timings: Sequence[Trial],
    folder: Path,
    store: Store,
    console: Console,
    what: Callable[[list[Trial]], str],
    most_seconds: float = math.inf,
    scheduler: str | None = None,
) -> None:
    """Say ``what`` the trials are that have no valid result, and how long they will take by the
    ``timings``; then carry them out. Raises UserError where one fails, or they would take more than
    ``most_seconds``."""
    if not (rest := missing(trials, store)):
        return
    with executors.choose(len(_ready(rest, {})), scheduler) as executor:
        require(run(timings, folder, store, executor, console))
        total = sum(trial.seconds() for trial in rest) / executor.slots
        side = f", {executor.slots} at a time" if executor.slots > 1 else ""
        console.say(
            f"{what(rest)}{side}, about {duration(total)} on this machine; stopped, the same "
            "command goes on"
        )
        if total > most_seconds:
            raise UserError(
                f"that would take about {duration(total)}: give --yes too if it is meant, or fewer "
                "values, seeds or steps"
            )
        require(run(trials, folder, store, executor, console))


def run(
    trials: Sequence[Trial], folder: Path, store: Store, executor: Executor, console: Console
) -> list[Failed]:
    """Carry out the trials that have no valid result. Returns those that failed; what needs their
    results is left out. After an interruption the same call goes on."""
    waiting, running = missing(trials, store), dict[concurrent.futures.Future, Trial]()
    total, failed, tries = len(waiting), list[Failed](), collections.Counter[Trial]()
    clock = Clock(waiting, executor.slots)
    try:
        with console.status() as tell:
            if executor.is_here:
                _run_batches(waiting, Context(folder, store, _teller("", clock, tell), console.say))
            while waiting or running:
                _leave_out(waiting, failed)
                for trial in _ready(waiting, running)[: max(executor.slots - len(running), 0)]:
                    clock.begin(trial)
                    given = folder, store.folder, trial.portable
                    if executor.is_here:
                        console.say(f"{trial.title}; {clock.left()} left in all")
                        given = *given, _teller(trial.title, clock, tell), console.say
                    running[executor.submit(perform, *given)] = trial
                for trial, future in _ended(running, executor):
                    if died := executors.deaths(future):
                        tries[trial] += died
                        executors.require_again(trial.title, tries[trial])
                        console.say(f"{trial.title}: its process died; it is begun again")
                        clock.again(trial)
                        continue
                    clock.end(trial)
                    if reason := future.result():
                        failed.append(Failed(trial, reason))
                    if not executor.is_here:
                        count = total - len(waiting) - len(running)
                        why = reason and f", {reason}"
                        line = f"{count} of {total}: {trial.title}{why}; {clock.left()} left in all"
                        console.say(line)
                if running:
                    tell(_now(running.values(), store) + f"; {clock.left()} left in all")
    except (KeyboardInterrupt, SystemExit):
        console.say("stopped: the same command goes on from there")
        raise
    return failed


def _run_batches(waiting: list[Trial], context: Context) -> None:
    """Carry out together what can be, and take it out of those that wait."""
    for batch in {trial.batch for trial in waiting if trial.batch}:
        for trial, result in batch(context, [one for one in waiting if one.batch is batch]):
            context.store.put(trial, result)
            waiting.remove(trial)


def each(
    function: Callable[..., None], calls: Sequence[tuple], executor: Executor
) -> Iterator[tuple]:
    """Carry out calls of a function; gives the arguments of each that is done."""
    waiting, running = list(calls), dict[concurrent.futures.Future, tuple]()
    tries = collections.Counter[tuple]()
    while waiting or running:
        while waiting and len(running) < executor.slots:
            call = waiting.pop(0)
            running[executor.submit(function, *call)] = call
        for call, future in _ended(running, executor):
            if died := executors.deaths(future):
                tries[call] += died
                executors.require_again(f"{function.__name__}", tries[call])
                waiting.insert(0, call)
                continue
            future.result()
            yield call


def _ended(
    running: dict[concurrent.futures.Future, Work], executor: Executor
) -> Iterator[tuple[Work, concurrent.futures.Future]]:
    """Wait for a while; take what has ended out of what is ``running``."""
    done, _ = concurrent.futures.wait(running, POLL, "FIRST_COMPLETED")
    executor.check()
    for future in done:
        yield running.pop(future), future


def _leave_out(waiting: list[Trial], failed: Sequence[Failed]) -> None:
    """Take out the trials that need the result of one that failed."""
    lost = {one.trial.name for one in failed}
    for trial in list(waiting):  # dependencies come before what needs them
        if not trial.tolerant and lost & {other.name for other in trial.after}:
            waiting.remove(trial)
            lost.add(trial.name)


def _ready(waiting: Sequence[Trial], running: dict[Any, Trial]) -> list[Trial]:
    """The trials whose dependencies are done."""
    names = {trial.name for trial in (*waiting, *running.values())}
    return [one for one in waiting if not names & {other.name for other in one.after}]


# In a process that carries out a trial.


def perform(
    folder: Path,
    results: Path,
    trial: Trial,
    progress: Callable[[str, float | None], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> str:
    """Carry out one trial and keep its result; returns why it failed, or an empty string."""
    if not results.is_dir():
        raise UserError(
            f"a worker on {platform.node()} does not see {results}: give --out a folder that all "
            "workers share"
        )
    devices.start()
    store = Store(results)
    used = [store.get(other) for other in trial.after]
    note = _note(trial, store)
    try:
        context = Context(folder, store, progress or _writer(note), say)
        store.put(trial, trial.function(context, *trial.arguments, *used))
    except UserError as error:
        return f"{error}"
    finally:
        note.unlink(missing_ok=True)
    return ""


def _note(trial: Trial, store: Store) -> Path:
    """Where another process writes what it does."""
    return store.folder / f".{trial.name}.progress"


def _writer(note: Path) -> Callable[[str, float | None], None]:
    """``progress`` of another process."""
    last = time.monotonic()

    def progress(detail: str, fraction: float | None = None) -> None:
        nonlocal last
        if time.monotonic() - last > EVERY:
            last = time.monotonic()
            with contextlib.suppress(OSError):
                note.write_text(detail)

    return progress


def _now(running, store: Store) -> str:
    """What other processes do."""
    lines = []
    for trial in running:
        detail = ""
        with contextlib.suppress(OSError):
            detail = f": {_note(trial, store).read_text()}"
        lines.append(f"{trial.title}{detail}")
    return "; ".join(lines)


def _teller(title: str, clock: "Clock", tell: Callable[[str], None]):
    """``progress`` of this process."""

    def progress(detail: str, fraction: float | None = None) -> None:
        tell(f"{title}: {detail}; {clock.left(fraction)} left in all")

    return progress


class Clock:
    """The time that is left: estimates of trials, corrected by the time that others have taken."""

    def __init__(self, waiting: list[Trial], slots: int, now: Callable[[], float] = time.monotonic):
        self._waiting, self._slots, self._now = waiting, slots, now
        self._running: list[Trial] = []
        self._seconds = {trial.name: trial.seconds() for trial in waiting}
        self._done = 0.0  # estimated seconds of trials that are done
        self._began = self._last = now()  # when the last trial ended

    def begin(self, trial: Trial) -> None:
        """A trial that was waiting begins."""
        self._waiting.remove(trial)
        self._running.append(trial)

    def again(self, trial: Trial) -> None:
        """A trial waits again."""
        self._running.remove(trial)
        self._waiting.insert(0, trial)

    def end(self, trial: Trial) -> None:
        """A trial has ended."""
        self._running.remove(trial)
        self._done += self._seconds[trial.name]
        self._last = self._now()

    def left(self, fraction: float | None = None) -> str:
        """How long all others will take; ``fraction`` of the one that runs is done, if known."""
        later, running = (
            sum(self._seconds[one.name] for one in x) for x in (self._waiting, self._running)
        )
        # When trials run side by side and the first is done, the others are half done.
        total = later + running + self._done
        prior = max(PRIOR, total * (self._slots - 1) / self._slots / 2)
        pace = (self._last - self._began + prior / self._slots) / (self._done + prior)
        taken = self._now() - self._last
        rest = max(pace * running - taken, 0)
        if fraction:
            rest = fraction * (taken / fraction - taken) + (1 - fraction) * rest
        return duration(rest + pace * later)
