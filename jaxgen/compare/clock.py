"""How much time is left for a whole comparison, told while it goes on."""

import time
from collections.abc import Callable

from jaxgen.training.console import Console, duration

PRIOR = 120.0  # estimated seconds for which estimates count as right, before time has told


class Clock:
    """Says what goes on, and what is left of all of it.

    Estimates are of one machine, at rest; how long finished jobs took corrects those of the others.
    """

    def __init__(self, tell: Callable[[str], None], now: Callable[[], float] = time.monotonic):
        self._tell, self._now = tell, now
        self._estimated = self._taken = 0.0  # of finished jobs
        self._what, self._seconds, self._later, self._began = "", 0.0, 0.0, now()

    def begin(self, what: str, seconds: float, later: float) -> str:
        """A job begins, of so many seconds by estimate; all after it are of ``later``. Returns the
        line that says so."""
        self._what, self._seconds, self._later, self._began = what, seconds, later, self._now()
        return f"{what}; {duration(self._pace() * (seconds + later))} left in all"

    def at(self, detail: str, share: float | None = None) -> None:
        """The job is at something, which is at this share of it where one knows."""
        taken = self._now() - self._began
        rest = max(self._pace() * self._seconds - taken, 0)
        if share:
            rest = share * (taken / share - taken) + (1 - share) * rest
        left = duration(rest + self._pace() * self._later)
        self._tell(f"{self._what}: {detail}; {left} left in all")

    def end(self) -> None:
        """The job is done."""
        self._estimated += self._seconds
        self._taken += self._now() - self._began

    def _pace(self) -> float:
        """Seconds for an estimated second."""
        return (self._taken + PRIOR) / (self._estimated + PRIOR)


class SideBySide:
    """What is left of jobs that several workers share, by what those have taken that are done."""

    def __init__(self, seconds: float, workers: int, now: Callable[[], float] = time.monotonic):
        self._seconds, self._workers, self._now = seconds, workers, now  # all, by estimate
        self._prior = seconds / 4  # for which estimates count as right, since others are half done
        self._began, self._done = now(), 0.0

    def done(self, seconds: float) -> str:
        """One of so many seconds is done; how long the others will take."""
        self._done += seconds
        taken = self._now() - self._began
        pace = (taken + self._prior / self._workers) / (self._done + self._prior)
        return duration(pace * (self._seconds - self._done))


class Telling(Console):
    """Hears a training, and tells the clock of the whole comparison how far it is."""

    def __init__(self, clock: Clock, steps: int):
        super().__init__(quiet=True)
        self._clock = clock
        self._steps = steps  # of the whole training, of which the loop knows the next part

    def progress(self, step, total, metrics, speed, line) -> None:
        self._clock.at(f"step {step} of {self._steps}", step / self._steps)
