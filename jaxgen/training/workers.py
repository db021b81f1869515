"""Processes that train and measure side by side, one a core of a CPU (see ``devices.workers``)."""

import concurrent.futures
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self, TypeVar

from jaxgen import devices
from jaxgen.errors import UserError
from jaxgen.training.interrupts import Interrupts

POLL = 0.5  # seconds after which a signal is answered
BEAT = 20.0  # seconds between two beats
# Where it stops at once, Python's helper would warn of semaphores, which it then frees.
QUIET = "ignore:resource_tracker:UserWarning"
GRACE = 30.0  # seconds that a process has to save, once the one that wants it is gone

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """As many processes as pay, at most ``most``; where one does, it is this one.

    Left by an exception, of which Ctrl-C and SIGTERM make a ``SystemExit``, it begins nothing more:
    trainings save and end, and all else that is being done is waited for.
    """

    def __init__(self, most: int | None = None):
        self.count = min(devices.workers(), most or devices.workers())
        self._interrupts = Interrupts()
        self._pool = None
        if self.count > 1:
            if QUIET not in sys.warnoptions:  # which that helper has from here
                sys.warnoptions.append(QUIET)
            spawn: Any = multiprocessing.get_context("spawn")
            self._pool = concurrent.futures.ProcessPoolExecutor(
                self.count, spawn, _begin, (spawn.Value("i", 0), os.getpid())
            )

    def each(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        beat: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[int, Result]]:
        """The place of each item and what the function makes of it, as they are done; ``beat`` is
        called now and then while other processes work."""
        if self._pool is None:
            yield from ((place, function(item)) for place, item in enumerate(items))
            return
        places = {self._pool.submit(function, item): place for place, item in enumerate(items)}
        waiting, heard = set(places), time.monotonic()
        try:
            while waiting:
                first = concurrent.futures.FIRST_COMPLETED
                done, waiting = concurrent.futures.wait(waiting, POLL, first)
                if self._interrupts.signal:
                    raise SystemExit(self._interrupts.status)
                if time.monotonic() - heard > BEAT:
                    heard = time.monotonic()
                    beat()
                for future in done:
                    yield places[future], future.result()
        except BrokenProcessPool:
            raise UserError(
                "one of the processes died, for want of memory perhaps: the same command goes on"
            ) from None

    def __enter__(self) -> Self:
        if self._pool:
            self._interrupts.__enter__()
        return self

    def __exit__(self, kind, *_) -> None:
        if self._pool is None:
            return
        if kind:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGINT)  # pyright: ignore[reportArgumentType]
        try:
            self._pool.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:  # a second Ctrl-C, which waits for nothing
            for child in multiprocessing.active_children():
                child.kill()
            sys.stdout.flush()
            os._exit(128 + signal.SIGINT)  # or the interpreter would wait for the pool
        self._interrupts.__exit__()


def _begin(number: Any, parent: int) -> None:
    """Begin a process: on a core of its own, and not to outlive the one that wants it."""
    with number.get_lock():
        devices.stay_on(number.value)
        number.value += 1
    # Ctrl-C reaches all processes: while training it is heard, and all else is soon done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    devices.start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)  # while training it is heard, and what there is saved
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)
