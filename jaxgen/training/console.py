"""Output during a command: lines, and a live bar on a terminal."""

import contextlib
import html
import importlib
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import rich.console
import rich.text
from etils import epy

with epy.lazy_imports():  # for terminals only
    import rich.progress

EVERY = 30.0  # seconds between lines of ``status`` if the output is no terminal


class _Output(rich.console.Console):
    """Rich's console. If nobody reads the output any more, as after ``| head -1``, it behaves like
    a closed terminal, so that a training saves before it ends."""

    def on_broken_pipe(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        signal.raise_signal(signal.SIGHUP)


class Console:
    """Prints lines, and shows a live bar on a terminal."""

    def __init__(self, quiet: bool = False):
        self._rich = _Output(quiet=quiet, highlight=False, soft_wrap=True)
        self._bar: rich.progress.Progress | None = None
        self._cell: Any = None  # of a notebook, with a bar

    @property
    def quiet(self) -> bool:
        return self._rich.quiet

    def say(self, line: str = "") -> None:
        self._rich.print(line, markup=False)

    @contextlib.contextmanager
    def bar(self, done: int, total: int) -> Iterator[None]:
        """Show a bar of the training on a terminal or in a notebook; ``progress`` moves it."""
        if self._rich.is_jupyter and not self.quiet:
            shown = _notebook()
            self._cell = shown.display(shown.HTML("compiling"), display_id=True)
            yield
            self._cell = None
            return
        if not self._rich.is_terminal:
            yield
            return
        with self._progress(rich.progress.TextColumn("{task.fields[state]}")) as bar:
            bar.add_task("training", completed=done, total=total, state="compiling")
            self._bar = bar
            yield
        self._bar = None

    @contextlib.contextmanager
    def counting(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar on a terminal; gives a function (number done) that moves it."""
        if not self._rich.is_terminal:
            yield lambda done: None
            return
        with self._progress() as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def _progress(self, *more: "rich.progress.ProgressColumn") -> "rich.progress.Progress":
        """A bar that disappears at its end, with ``more`` columns before the time left."""
        return rich.progress.Progress(
            rich.progress.TextColumn("{task.description}"),
            rich.progress.BarColumn(),
            rich.progress.MofNCompleteColumn(),
            *more,
            rich.progress.TimeRemainingColumn(compact=True),
            console=self._rich,
            transient=True,
        )

    @contextlib.contextmanager
    def status(self) -> Iterator[Callable[[str], None]]:
        """Gives a function (line) that shows the line: on a terminal it replaces the last one,
        elsewhere it is printed at most every ``EVERY`` seconds."""
        if self._rich.is_terminal:
            with self._rich.status("") as status:
                yield lambda line: status.update(rich.text.Text(line))
            return
        last = -math.inf

        def show(line: str) -> None:
            nonlocal last
            if time.monotonic() - last >= EVERY:
                last = time.monotonic()
                self.say(line)

        yield show

    def progress(
        self, step: int, total: int, metrics: Mapping[str, float], speed: float, line: bool
    ) -> None:
        """Move the bar; without a bar, print a line if ``line``. ``speed`` is steps per second."""
        shown = [
            f"{name} {value:.4f}" for name, value in metrics.items() if "grad_norm" not in name
        ]
        state = "  ".join([*shown, f"{speed:.1f} steps/s"])
        if self._cell:
            bar = f'<progress value="{step}" max="{total}"></progress> {step}/{total}'
            self._cell.update(_notebook().HTML(f"{bar}<pre>{html.escape(state)}</pre>"))
        elif self._bar:
            self._bar.update(self._bar.task_ids[0], completed=step, state=state)
        elif line:
            left = f"  {duration((total - step) / speed)} left" if step < total else ""
            self.say(f"step {step:{len(str(total))}d}/{total}  {state}{left}")


def _notebook() -> Any:
    """What a program in a notebook shows things with."""
    return importlib.import_module("IPython.display")


def plural(count: int, noun: str) -> str:
    """``1 step``, or ``2 steps``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def duration(seconds: float) -> str:
    """Seconds as minutes:seconds or hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
