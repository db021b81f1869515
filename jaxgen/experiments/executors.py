"""Where trials are carried out: in this process, or in processes of this machine, one a core.

Each is used as an executor of ``concurrent.futures``: ``submit(function, *arguments)`` returns a
future. Left by an exception, of which Ctrl-C and SIGTERM make a ``SystemExit``, it begins nothing
more: trainings save and end, and whatever else is in progress is waited for.
"""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, Self

from jaxgen import devices
from jaxgen.training.interrupts import Interrupts

# Where the interpreter stops at once, Python's resource tracker would warn of semaphores, which it
# then frees.
QUIET = "ignore:resource_tracker:UserWarning"
GRACE = 30.0  # seconds that a process has to save, once its parent is gone


class Executor(Protocol):
    """What carries trials out."""

    slots: int
    """How many at a time."""
    is_here: bool
    """Whether in this process, so that ``submit`` returns when the work is done."""

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Carry a call out, or begin to."""
        ...

    def check(self) -> None:
        """Raise what ends the experiment: ``SystemExit`` where a signal has come."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind, *_) -> None: ...


def choose(most: int | None = None) -> Executor:
    """The executor that is fastest for trainings on this machine, of ``most`` slots at most."""
    count = min(devices.workers(), most or devices.workers())
    return Processes(count) if count > 1 else Here()


def is_lost(future: Future) -> bool:
    """Whether the process of a call died."""
    return isinstance(future.exception(), BrokenProcessPool)


class Here:
    """This process."""

    slots, is_here = 1, True

    def submit(self, function: Callable, *arguments: Any) -> Future:
        future = Future()
        future.set_result(function(*arguments))
        return future

    def check(self) -> None:
        """A signal interrupts the work itself."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *_) -> None:
        pass


class Processes:
    """Processes, each with a core of its own. One that dies takes its own call along, no other."""

    is_here = False

    def __init__(self, slots: int):
        self.slots = slots
        if QUIET not in sys.warnoptions:  # which the resource tracker takes over from here
            sys.warnoptions.append(QUIET)
        self._pools = [_pool(core) for core in range(slots)]
        self._last: list[Future | None] = [None] * slots  # of each pool
        self._interrupts = Interrupts()

    def submit(self, function: Callable, *arguments: Any) -> Future:
        free = (core for core, last in enumerate(self._last) if last is None or last.done())
        core = next(free, 0)
        if (last := self._last[core]) and last.done() and is_lost(last):
            self._pools[core] = _pool(core)
        self._last[core] = future = self._pools[core].submit(function, *arguments)
        return future

    def check(self) -> None:
        if self._interrupts.signal:
            raise SystemExit(self._interrupts.status)

    def __enter__(self) -> Self:
        self._interrupts.__enter__()
        return self

    def __exit__(self, kind, *_) -> None:
        if kind:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGINT)  # pyright: ignore[reportArgumentType]
        try:
            for pool in self._pools:
                pool.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:  # a second Ctrl-C, which waits for nothing
            for child in multiprocessing.active_children():
                child.kill()
            sys.stdout.flush()
            os._exit(128 + signal.SIGINT)  # or the interpreter would wait for the pools
        self._interrupts.__exit__()


def _pool(core: int) -> ProcessPoolExecutor:
    spawn: Any = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, spawn, _begin, (core, os.getpid()))


def _begin(core: int, parent: int) -> None:
    """Begin a process: on a core of its own, and not to outlive its parent."""
    devices.stay_on(core)
    # Ctrl-C reaches all processes; a training handles it, and other work is soon done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    devices.start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)  # a training handles it, and saves
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)
