"""Where trials are carried out: in this process, in processes of this machine, one a core, or by
the workers of a Dask cluster.

Each is an executor of ``concurrent.futures`` with ``slots``, how many calls it carries out at a
time, and ``check()``, which raises what ends all of them. Left by an exception, of which Ctrl-C and
SIGTERM make a ``SystemExit``, it begins nothing more: trainings save and end, and whatever else is
in progress is waited for.
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

# Where the interpreter stops at once, Python's resource tracker would warn of semaphores, which it
# then frees.
QUIET = "ignore:resource_tracker:UserWarning"
TRIES = 3  # times that a call is begun whose process dies
ANSWER = 20.0  # seconds in which a scheduler has to answer, and to have workers
GRACE = 30.0  # seconds that a process has to save, once its parent is gone


class Here(concurrent.futures.Executor):
    """This process: ``submit`` returns when the work is done, and a signal interrupts the work."""

    slots = 1

    def submit(self, function: Callable, /, *arguments: Any) -> Future:
        future = Future()
        future.set_result(function(*arguments))
        return future

    def check(self) -> None:
        """Nothing happens between two calls."""


class _Elsewhere(concurrent.futures.Executor):
    """Other processes: the first signal that comes meanwhile is answered by ``check``."""

    def __enter__(self) -> Self:
        self._interrupts = Interrupts().__enter__()
        return self

    def __exit__(self, *_) -> None:
        self._interrupts.__exit__()

    def check(self) -> None:
        if self._interrupts.signal:
            raise SystemExit(self._interrupts.status)


class Processes(_Elsewhere):
    """Processes, each with a core of its own and a thread that waits for it. One that dies takes
    its own call along, which is begun again, and no other."""

    def __init__(self, slots: int, say: Callable[[str], None] = lambda line: None):
        self.slots, self._say = slots, say
        if QUIET not in sys.warnoptions:  # which the resource tracker takes over from here
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
        except KeyboardInterrupt:  # a second Ctrl-C, which waits for nothing
            for child in multiprocessing.active_children():
                child.kill()
            sys.stdout.flush()
            os._exit(128 + signal.SIGINT)  # or the interpreter would wait for the pools
        super().__exit__()


class Cluster(_Elsewhere):
    """The workers of a Dask scheduler. They must have the same jaxgen, and the same folders."""

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
        except (OSError, ValueError) as error:  # ValueError: it is no address
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
        # Workers have working folders of their own.
        given = [one.absolute() if isinstance(one, Path) else one for one in arguments]
        return self._executor.submit(_alike, _versions(), function, *given)

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
    """The executor that is fastest for trainings on this machine, of ``most`` slots at most; or the
    cluster of a Dask ``scheduler``. ``say`` takes the line that a process has died."""
    if scheduler:
        return Cluster(scheduler)
    count = min(devices.workers(), most)
    return Processes(count, say) if count > 1 else Here()


def outcome(future: Future, what: str) -> Any:
    """What a call has returned. Raises UserError where its process died each time."""
    error = future.exception()
    if type(error).__name__ in ("BrokenProcessPool", "KilledWorker"):  # of ours, and of Dask's
        raise UserError(
            f"{what}: its process died {TRIES} times, for want of memory perhaps; the same command "
            "goes on"
        )
    return future.result()


def _versions() -> dict[str, str]:
    python = platform.python_version().rpartition(".")[0]
    return {"jaxgen": sources.whole()[:12], "jax": metadata.version("jax"), "Python": python}


def _alike(versions: dict[str, str], function: Callable, *arguments: Any) -> Any:
    """Call a function in a process that must have these versions."""
    ours = _versions()
    if different := [name for name, version in versions.items() if ours[name] != version]:
        here, there = (
            ", ".join(f"{name} {known[name]}" for name in different) for known in (ours, versions)
        )
        raise UserError(
            f"a worker on {platform.node()} has {here}, and this process {there}: install the same "
            "there"
        )
    return function(*arguments)


def _pool(core: int) -> ProcessPoolExecutor:
    spawn: Any = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, spawn, _begin, (core, os.getpid()))


def _begin(core: int, parent: int) -> None:
    """Begin a process: on a core of its own, and not to outlive its parent."""
    devices.pin_to(core)
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
