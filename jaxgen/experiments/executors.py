"""Executors of trials: this process, processes of this machine, one per core, or the workers of a
Dask cluster.

Each is an executor of ``concurrent.futures`` with ``slots``, the number of calls at a time, and
``check()``, which raises the error that ends all calls. After an exception (Ctrl-C and SIGTERM
become ``SystemExit``) an executor begins no more calls: trainings save and end, and it waits for
all other calls.
"""

import concurrent.futures
import multiprocessing
import os
import platform
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from jaxgen import devices, sources
from jaxgen.errors import UserError
from jaxgen.training.interrupts import Interrupts

# If the interpreter stops at once, Python's resource tracker warns of semaphores that it then
# frees.
QUIET = "ignore:resource_tracker:UserWarning"
TRIES = 3  # times that a call begins if its process dies
ANSWER = 20.0  # seconds for a scheduler to answer, and to have workers
GRACE = 30.0  # seconds for a process to save when its parent is gone


class Here(concurrent.futures.Executor):
    """This process: ``submit`` returns when the call is done, and a signal interrupts the call."""

    slots = 1

    def submit(self, function: Callable, /, *arguments: Any) -> Future:
        future = Future()
        future.set_result(function(*arguments))
        return future

    def check(self) -> None:
        """There is nothing to check between two calls."""


class _Elsewhere(concurrent.futures.Executor):
    """Other processes: ``check`` raises SystemExit after a signal."""

    def __enter__(self) -> Self:
        self._interrupts = Interrupts().__enter__()
        return self

    def __exit__(self, *_) -> None:
        self._interrupts.__exit__()

    def check(self) -> None:
        if self._interrupts.signal:
            raise SystemExit(self._interrupts.status)


class Processes(_Elsewhere):
    """Processes, each on its own core, with a thread that waits for it. If a process dies, only its
    own call is lost, and begins again; ``say(line)`` tells the user."""

    def __init__(self, slots: int, say: Callable[[str], None] = lambda line: None):
        self.slots, self._say = slots, say
        if QUIET not in sys.warnoptions:  # the resource tracker copies these options
            sys.warnoptions.append(QUIET)
        self._threads = concurrent.futures.ThreadPoolExecutor(slots)
        self._pools = [_pool(core) for core in range(slots)]
        self._free = queue.SimpleQueue[int]()  # cores
        for core in range(slots):
            self._free.put(core)

    def submit(self, function: Callable, /, *arguments: Any) -> Future:
        return self._threads.submit(self._call, function, *arguments)

    def _call(self, function: Callable, *arguments: Any) -> Any:
        core = self._free.get()
        try:
            for _ in range(TRIES - 1):
                try:
                    return self._pools[core].submit(function, *arguments).result()
                except BrokenProcessPool:
                    self._pools[core] = _pool(core)
                    self._say("a process died: its work is begun again")
            return self._pools[core].submit(function, *arguments).result()
        finally:
            self._free.put(core)

    def __exit__(self, kind, *_) -> None:
        if kind:
            for child in multiprocessing.active_children():
                os.kill(child.pid, signal.SIGINT)  # pyright: ignore[reportArgumentType]
        try:
            for pool in (self._threads, *self._pools):
                pool.shutdown(wait=True, cancel_futures=True)
        except KeyboardInterrupt:  # a second Ctrl-C ends all at once
            for child in multiprocessing.active_children():
                child.kill()
            sys.stdout.flush()
            os._exit(128 + signal.SIGINT)  # a normal exit would wait for the pools
        super().__exit__()


class Cluster(_Elsewhere):
    """The workers of a Dask scheduler. They need the same jaxgen and the same folders."""

    def __init__(self, address: str):
        try:
            import distributed
        except ModuleNotFoundError:
            raise UserError(
                "--scheduler needs the package distributed: pip install 'jaxgen[cluster]'"
            ) from None
        self._address = address
        try:
            self._client = distributed.Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:  # ValueError: this is no address
            raise UserError(
                f"no scheduler answers at {address} ({' '.join(f'{error}'.split())[:200]}): start "
                "one with dask scheduler, and workers with dask worker"
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=ANSWER)
        except TimeoutError:
            self._client.close()
            raise UserError(
                f"the scheduler {address} has no workers: dask worker {address} starts some"
            ) from None
        self._executor = self._client.get_executor(pure=False)

    @property
    def slots(self) -> int:
        threads: dict[str, int] = self._client.nthreads()  # pyright: ignore[reportAssignmentType]
        return max(sum(threads.values()), 1)

    def submit(self, function: Callable, /, *arguments: Any) -> Future:
        # Workers have other working folders.
        absolute = [x.absolute() if isinstance(x, Path) else x for x in arguments]
        return self._executor.submit(_checked, _versions(), function, *absolute)

    def check(self) -> None:
        super().check()
        if self._client.status != "running":
            raise UserError(
                f"the scheduler {self._address} is gone: start it again; the same command goes on"
            )

    def __exit__(self, kind, *_) -> None:
        self._executor.shutdown(wait=not kind)
        self._client.close()
        super().__exit__()


Executor = Here | Processes | Cluster


def choose(
    most: int, scheduler: str | None = None, say: Callable[[str], None] = lambda line: None
) -> Executor:
    """The fastest executor for trainings on this machine, with ``most`` slots at most; or the
    cluster of a Dask ``scheduler``. ``say(line)`` tells the user of a process that died."""
    if scheduler:
        return Cluster(scheduler)
    count = min(devices.workers(), most)
    return Processes(count, say) if count > 1 else Here()


def outcome(future: Future, what: str) -> Any:
    """The result of a call, which the error calls ``what``. Raises UserError if the call's process
    died each time."""
    error = future.exception()
    if type(error).__name__ in ("BrokenProcessPool", "KilledWorker"):  # KilledWorker is Dask's
        raise UserError(
            f"{what}: its process died {TRIES} times, for want of memory perhaps; the same command "
            "goes on"
        )
    return future.result()


def _versions() -> dict[str, str]:
    python = platform.python_version().rpartition(".")[0]
    return {"jaxgen": sources.whole()[:12], "jax": metadata.version("jax"), "Python": python}


def _checked(wanted: dict[str, str], function: Callable, *arguments: Any) -> Any:
    """Call a function in a worker, which must have the wanted versions."""
    ours = _versions()
    if different := [name for name in wanted if ours[name] != wanted[name]]:
        here = ", ".join(f"{name} {ours[name]}" for name in different)
        there = ", ".join(f"{name} {wanted[name]}" for name in different)
        raise UserError(
            f"a worker on {platform.node()} has {here}, and this process {there}: install the same "
            "there"
        )
    return function(*arguments)


def _pool(core: int) -> ProcessPoolExecutor:
    spawn: Any = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, spawn, _begin, (core, os.getpid()))


def _begin(core: int, parent: int) -> None:
    """Set up a process: it has its own core, and ends after its parent."""
    devices.pin_to(core)
    # Ctrl-C reaches all processes. A training handles it, and other work ends soon.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    devices.start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)  # a training handles it and saves
    time.sleep(GRACE)
    os._exit(128 + signal.SIGTERM)
