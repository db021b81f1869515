"""Several processes that compute as one, on one machine or on many: ``jax.distributed``.

All run the same program on the same numbers, and the arrays that are split lie over the devices of
all. What is said, written and decided by the clock is the business of the first; the others hear of
it in ``texts`` and ``agree``, which all have to call, in the same order.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import numpy as np
from jax._src import clusters  # what jax.distributed.initialize itself asks; there is no other way
from jax.experimental import multihost_utils

from jaxgen import devices, environment, errors, peers
from jaxgen.errors import LOST, UserError

AUTO = "auto"
BY_HAND = "give HOST:PORT of the first, --processes and --process"
SILENCE = (
    30  # seconds of silence after which JAX ends a process; the wire knows sooner, and says more
)


@dataclass(frozen=True)
class Group:
    """How a process finds the others; all None for one that is alone."""

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None
    devices: tuple[int, ...] | None = None  # that it may use of its machine's; all when not given

    def __post_init__(self):
        given = [self.coordinator, self.processes, self.process]
        if self.coordinator == AUTO:
            return
        if any(one is not None for one in given) and None in given:
            raise UserError(
                "--coordinator HOST:PORT, --processes N and --process I belong together: "
                "give all three, or let bin/launch give them"
            )
        if self.processes is not None and self.process is not None:
            if self.processes < 1:
                raise UserError(f"--processes {self.processes} cannot be: it must be 1 or more")
            if not 0 <= self.process < self.processes:
                raise UserError(
                    f"--process {self.process} cannot be: of {self.processes} processes the "
                    f"numbers go from 0 to {self.processes - 1}"
                )


def detected(group: Group) -> Group:
    """The group with what is not given of it as SLURM, Open MPI or Kubernetes tell each of the
    processes that they have started: all of it with ``--coordinator auto``, and else the devices.
    A UserError where ``auto`` finds nobody."""
    auto = group.coordinator == AUTO
    detect = clusters.ClusterEnv.auto_detect_unset_distributed_params
    try:
        with warnings.catch_warnings(action="ignore"):  # of what is said below
            address, processes, process, devices = detect(
                None if auto else group.coordinator,
                group.processes,
                group.process,
                group.devices,
                None,
                int(peers.PATIENCE),
            )
    except Exception as error:  # of a scheduler's own client, that of Kubernetes for one
        if not auto:
            return group
        raise UserError(
            f"--coordinator {AUTO} finds no others: {_in_a_line(error)}; {BY_HAND}"
        ) from None
    if address is None or processes is None or process is None:
        raise UserError(
            f"--coordinator {AUTO} finds no others: neither SLURM nor Open MPI has started this, "
            f"nor Kubernetes with the package kubernetes; {BY_HAND}"
        )
    return Group(address, processes, process, tuple(devices) if devices else None)


def _in_a_line(error: Exception) -> str:
    """What a scheduler's client says, less the example below it, and what was refused to it."""
    said = " ".join(str(error).partition("```")[0].split()).rstrip(".:") or type(error).__name__
    cause = error.__cause__
    return f"{said} ({cause})" if isinstance(cause, OSError) else said


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Be one of a group, before anything asks JAX for a device; a UserError if the others cannot be
    found. Where one of them is lost, this one says so and ends."""
    group = detected(group)
    assert group.coordinator and group.processes is not None and group.process is not None
    with peers.meet(group.coordinator, group.processes, group.process, _lost) as wire:
        _hold_aborts_up()
        _initialize(group)
        devices.require()
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if not errors.is_of_memory(error):  # which is of this one alone
                wire.wait()  # and this process ends
                _end(LOST, f"process {group.process} has lost the others ({_first_line(error)})")
            _end(2, errors.NO_MEMORY)
        except UserError as error:
            # All may have met it, or this one alone: the others are not waited for.
            _end(2, f"{error}")


def _initialize(group: Group) -> None:
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is for training to hear
    try:
        with environment.without_proxies():  # gRPC would ask them for the coordinator
            jax.distributed.initialize(
                group.coordinator,
                group.processes,
                group.process,
                local_device_ids=group.devices,
                cluster_detection_method="deactivate",  # which ``detected`` has done
                initialization_timeout=int(peers.PATIENCE),
                heartbeat_timeout_seconds=SILENCE,
                shutdown_timeout_seconds=SILENCE,
            )
    except RuntimeError as error:
        raise UserError(
            f"the processes met at {group.coordinator}, but JAX could not begin there "
            f"({_first_line(error)}): give --coordinator another port"
        ) from None


def heed() -> None:
    """Where something has failed that needs the others: give the wire the time to say who is lost,
    if anyone is, and to end this process."""
    time.sleep(peers.GRACE + 1)


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _wait_for_the_wire(_: int) -> None:
    heed()
    if peers.runtime_is_mute():
        _say(f"JAX's runtime has aborted; with {peers.LEVEL}=0 in the environment it says why")


def _hold_aborts_up() -> None:
    """Give the wire the time to say who is lost, and to end this process, before it aborts: as JAX
    does at once in all processes where the first is gone, which has its service. That cannot be had
    otherwise, nor by a handler of Python, which would be called after the abort."""
    ctypes.CDLL(None).signal(signal.SIGABRT, _wait_for_the_wire)


def _lost(number: int, how: str) -> None:
    _end(
        LOST,
        f"process {number} is lost ({how}): start all again, as many as there are, and they go on "
        "from the last saved step",
    )


def _end(status: int, sentence: str) -> NoReturn:
    """End at once: a process that ends as usual waits for those who may be gone."""
    _say(sentence)
    os._exit(status)


def _say(sentence: str) -> None:
    print(f"jaxgen: {sentence}", file=sys.stderr, flush=True)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def count() -> int:
    return jax.process_count()


def is_first() -> bool:
    """Whether this process is the one that speaks and writes."""
    return jax.process_index() == 0


def texts(own: str) -> list[str]:
    """What each process says, in their order."""
    if count() == 1:
        return [own]
    content = np.frombuffer(own.encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(len(content))).ravel()
    padded = np.zeros(max(int(sizes.max()), 1), np.uint8)
    padded[: len(content)] = content
    found = np.asarray(multihost_utils.process_allgather(padded)).reshape(count(), -1)
    return [row[:size].tobytes().decode() for row, size in zip(found, sizes, strict=True)]


def from_first(own: Any) -> Any:
    """What the first says, as JSON can hold it; the others' is passed over."""
    return json.loads(texts(json.dumps(own))[0])


def agree(signal: int, size: int, is_due: bool = False) -> tuple[int, int, bool]:
    """A signal that any of the processes has heard, 0 if none; and the first one's size of a block,
    and whether it finds that it is time to save."""
    if count() == 1:
        return signal, size, is_due
    ours = np.array([signal, size, is_due], np.int32)
    found = np.asarray(multihost_utils.process_allgather(ours)).reshape(count(), len(ours))
    return int(found[:, 0].max()), int(found[0, 1]), bool(found[0, 2])


def fetch(tree: Any) -> Any:
    """Arrays as NumPy's, also such as lie over the devices of several processes."""

    def one(leaf):
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
            return np.asarray(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(one, tree)


@contextlib.contextmanager
def told_to_all() -> Iterator[None]:
    """A UserError of the first process in here is one of all."""
    told = None
    try:
        yield
    except UserError as error:
        told = str(error)
    if (first := from_first(told)) is not None:
        raise UserError(first)


def require_alike(what: dict[str, str]) -> None:
    """Raise a UserError, on all, where processes differ in something, named by its key."""
    said = [json.loads(text) for text in texts(json.dumps(what))]
    for number, other in enumerate(said):
        for name, value in other.items():
            if value != said[0].get(name):
                raise UserError(
                    f"process {number} has {name} {value}, and process 0 {said[0].get(name)}: "
                    "start all with the same"
                )
