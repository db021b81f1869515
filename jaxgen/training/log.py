"""The logs of a run for programs: ``metrics.jsonl``, ``watch.jsonl`` and TensorBoard events."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from tensorboardX import SummaryWriter

from jaxgen.classes import DIGITS, nouns
from jaxgen.data import files
from jaxgen.training.folder import RunFolder, whole_lines

Metrics = Mapping[str, float]


class Records:
    """``metrics.jsonl``, one line for each step; TensorBoard events, the mean of each log interval;
    and ``watch.jsonl``, one line for each look of the monitor.

    ``step`` is the step from which training goes on. Lines of later steps, which an earlier session
    has lost, are deleted, so that the files equal those of an uninterrupted run.
    """

    def __init__(self, folder: RunFolder, step: int, every: int):
        self._every = every
        lines = whole_lines(folder.metrics)[:step]
        files.write(folder.metrics, "".join(lines))
        self._recent = [json.loads(line) for line in lines[step - step % every :]]
        self.seconds = json.loads(lines[-1])["seconds"] if lines else 0.0  # in all sessions
        self._file = open(folder.metrics, "a")  # noqa: SIM115 - closed on exit
        self._looks = folder.looks
        if self._looks.exists():
            looks = whole_lines(self._looks)
            files.write(self._looks, "".join(x for x in looks if json.loads(x)["step"] <= step))
        self._events = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def add(self, first: int, metrics: Mapping[str, np.ndarray], seconds: float) -> Metrics:
        """Write a block of steps that begins with ``first`` and took ``seconds``.

        ``metrics`` has one value for each step. Returns the means since the start of the log
        interval.
        """
        rows, means = list(zip(*metrics.values(), strict=True)), {}
        for step, row in enumerate(rows, first):
            self.seconds += seconds / len(rows)
            record = {"step": step} | {n: float(v) for n, v in zip(metrics, row, strict=True)}
            self._recent.append(record)
            self._file.write(json.dumps(record | {"seconds": round(self.seconds, 3)}) + "\n")
            means = {name: float(np.mean([r[name] for r in self._recent])) for name in metrics}
            if step % self._every == 0:
                for name, value in means.items():
                    self._events.add_scalar(name, value, step)
                self._recent.clear()
        return means

    def picture(self, step: int, grid: np.ndarray) -> None:
        """Add a picture, uint8 [h, w], to the events."""
        self._events.add_image("samples", grid, step, dataformats="HW")

    def look(
        self, step: int, histogram: tuple[int, ...], coverage: float, names: Sequence[str] = DIGITS
    ) -> None:
        """Write a look of the monitor (``collapse``) after ``step``; fractions in the events."""
        with open(self._looks, "a") as file:
            look = {"step": step, "histogram": histogram, "coverage": coverage}
            file.write(json.dumps(look) + "\n")
        one, _ = nouns(names)
        for name, count in zip(names, histogram, strict=True):
            self._events.add_scalar(f"watch/{one} {name}", count / sum(histogram), step)
        self._events.add_scalar("watch/coverage", coverage, step)

    def flush(self) -> None:
        """Force all lines onto the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._events.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self._file.close()
        self._events.close()
