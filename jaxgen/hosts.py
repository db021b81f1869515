"""Several processes that compute as one, on one machine or on many: ``jax.distributed``.

All run the same program on the same numbers, and the arrays that are split lie over the devices of
all. What is said, written and decided by the clock is the business of the first; the others hear of
it in ``texts`` and ``agree``, which all have to call, in the same order.
"""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgen.errors import LOST, UserError

BEAT = 10  # seconds without a sign of life after which a process passes for dead
PATIENCE = 60.0  # seconds in which all have to be there
SHORT = 5.0  # seconds for a word that should come at once


@dataclass(frozen=True)
class Group:
    """How a process finds the others; all None for one that is alone."""

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def __post_init__(self):
        given = [self.coordinator, self.processes, self.process]
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


def join(group: Group) -> None:
    """Become one of a group, before anything asks JAX for a device; a UserError if the others
    cannot be found."""
    if group.coordinator is None:
        return
    host, _, port = group.coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise UserError(f"--coordinator {group.coordinator} cannot be: it must be HOST:PORT")
    _meet(group, host, int(port))
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is for training to hear
    jax.distributed.initialize(
        group.coordinator,
        group.processes,
        group.process,
        initialization_timeout=int(PATIENCE),
        heartbeat_timeout_seconds=BEAT,
        shutdown_timeout_seconds=BEAT,
    )


def _meet(group: Group, host: str, port: int) -> None:
    """Wait until all have come to the first, since JAX ends a process that waits in vain with a
    stack trace. A UserError says who is missing."""
    assert group.processes is not None and group.process is not None
    until = time.monotonic() + PATIENCE
    if group.process > 0:
        _come(group, host, port, until)
        return
    missing = set(range(1, group.processes))
    with contextlib.ExitStack() as stack:
        try:
            door = stack.enter_context(socket.create_server(("", port)))
        except OSError as error:
            raise UserError(
                f"port {port} cannot be used ({error.strerror}): give --coordinator another"
            ) from None
        came = []
        while missing:
            door.settimeout(max(until - time.monotonic(), 0.001))
            try:
                peer = stack.enter_context(door.accept()[0])
                peer.settimeout(SHORT)
                missing.discard(int(peer.recv(16)))
                came.append(peer)
            except ValueError:  # not one of ours
                continue
            except OSError:
                if time.monotonic() < until:
                    continue
                names = " and ".join(map(str, sorted(missing)))
                raise UserError(
                    f"process {names} of {group.processes} did not come to {group.coordinator} "
                    f"within {PATIENCE:g} s: start all of them"
                ) from None
        for peer in came:
            with contextlib.suppress(OSError):
                peer.sendall(b"all")


def _come(group: Group, host: str, port: int, until: float) -> None:
    """Say to the first who has come, and wait until all have."""
    while (left := until - time.monotonic()) > 0:
        try:
            with socket.create_connection((host, port), timeout=min(left, SHORT)) as first:
                first.sendall(str(group.process).encode())
                first.settimeout(left)
                if first.recv(16):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise UserError(
        f"process {group.process} of {group.processes} met nobody at {group.coordinator} within "
        f"{PATIENCE:g} s: see whether process 0 was started there, and all the others"
    )


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Be one of a group; where another of it dies, this one says so and ends."""
    join(group)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        said = str(error).splitlines()[0]
        if "RESOURCE_EXHAUSTED" in said:  # which is of this one alone
            raise
        print(
            f"jaxgen: process {group.process} has lost the others ({said}): start all again, as "
            "many as there are, and they go on from the last saved step",
            file=sys.stderr,
        )
        sys.stderr.flush()
        os._exit(LOST)  # or it would wait for those who are gone
    except UserError as error:
        # All may have met it, or this one alone: the others are not waited for.
        print(f"jaxgen: {error}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(2)


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


def agree(signal: int, size: int) -> tuple[int, int]:
    """A signal that any of the processes has heard, 0 if none, and the first one's number."""
    if count() == 1:
        return signal, size
    found = np.asarray(multihost_utils.process_allgather(np.array([signal, size], np.int32)))
    found = found.reshape(count(), 2)
    return int(found[:, 0].max()), int(found[0, 1])


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
