"""The clock of a training that is measured, and what it prints. Needs NumPy alone.

A program that is measured (``jaxgen.benchmark.peers``) is started as

    PROGRAM --settings NAME --digits DIGITS --folder DIR --seconds S --marks S ... --count N
            --started T

At each mark, in seconds of training, it draws N digits, 0 to 9 in turn, and prints a line of JSON:

    step           train steps so far
    seconds        of training so far: from T on (of ``time.time``), when the process was started,
                   and with what is fitted before a draw, but without drawing
    images         digits learned from so far, as often as they were in a batch
    step_seconds   the median time of a train step; the first FIRST do not count
    parameters     number of weights that are trained
    digits         path of an .npz with ``images`` uint8 [N, 28, 28] and ``labels`` [N]; null where
                   the model has no sampler
    draw_seconds   the time of drawing them; null without a sampler
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

FIRST = 5  # steps in which memory and kernels are chosen


def arguments() -> argparse.Namespace:
    """The arguments above."""
    parser = argparse.ArgumentParser()
    for name in ("settings", "digits"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--marks", type=float, nargs="+", required=True)
    parser.add_argument("--count", type=int, required=True)
    for name in ("seconds", "started"):
        parser.add_argument(f"--{name}", type=float, required=True)
    return parser.parse_args()


class Clock:
    """Seconds of training, and the marks that are left."""

    def __init__(self, job: argparse.Namespace, batch: int, parameters: int):
        self._job, self._batch, self._parameters = job, batch, parameters
        self._marks = sorted({*job.marks, job.seconds})
        self._paused, self._fitting, self._steps = 0.0, 0.0, 0
        self._times: list[float] = []

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return time.time() - self._job.started - self._paused

    @property
    def progress(self) -> float:
        """The part of the seconds that is over, 0 to 1."""
        return min(self.seconds / self._job.seconds, 1.0)

    @property
    def is_over(self) -> bool:
        """Whether the last mark is behind."""
        return not self._marks

    def add(self, seconds: float, steps: int = 1) -> None:
        """Count train steps that took these seconds each."""
        self._steps += steps
        self._times += [seconds] * steps

    def report(
        self,
        draw: Callable[[], np.ndarray] | None,
        fit: Callable[[], None] | None = None,
        warm_up: Callable[[], object] | None = None,
        *,
        ends: bool = False,
    ) -> None:
        """If a mark is reached, or training ``ends``: ``fit``, draw uint8 [N, 28, 28], and print a
        line. ``warm_up`` runs before each draw, and counts nowhere.

        A line counts one fit, since each mark has a fit in the place of the one before: the longest
        so far, as the first may have compiled something that the others use.
        """
        seconds = self.seconds
        if not (ends or seconds >= self._marks[0]):
            return
        self._marks = [] if ends else [mark for mark in self._marks if mark > seconds]
        began = time.perf_counter()
        if fit:
            fit()
        self._fitting = max(self._fitting, time.perf_counter() - began)
        if draw and warm_up:
            warm_up()
        line = {
            "step": self._steps,
            "seconds": seconds + self._fitting,
            "images": self._steps * self._batch,
            "step_seconds": statistics.median(self._times[FIRST:] or self._times),
            "parameters": self._parameters,
            "digits": None,
            "draw_seconds": None,
        }
        if draw:
            drawing = time.perf_counter()
            images = draw()
            line["draw_seconds"] = time.perf_counter() - drawing
            line["digits"] = f"{self._job.folder / f'{self._steps}.npz'}"
            np.savez(line["digits"], images=images, labels=np.arange(len(images)) % 10)
        print(json.dumps(line), flush=True)
        self._paused += time.perf_counter() - began
