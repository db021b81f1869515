"""Several processes that train together, on one machine or on many: ``jax.distributed``.

All processes run the same program on the same numbers, and split arrays lie over the devices of all
processes. Only the first process prints, writes files and reads the clock. It shares its results
with the others by ``on_first`` and ``agree``, which all processes call in the same order.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxgen import devices, environment, errors
from jaxgen.config import require
from jaxgen.errors import LOST, UserError

AUTO = "auto"
PATIENCE = 60  # seconds within which all processes must start
SILENCE = 10  # seconds without a sign of life after which a process is lost
AGAIN = "start all processes again, in any number, and they go on from the last saved step"


@dataclass(frozen=True)
class Group:
    """How a process finds the others; all fields are None for a process without others."""

    coordinator: str | None = None
    processes: int | None = None
    process: int | None = None

    def __post_init__(self):
        given = (self.coordinator, self.processes, self.process)
        if self.coordinator == AUTO or given == (None, None, None):
            return
        if self.coordinator is None or self.processes is None or self.process is None:
            raise UserError(
                "--coordinator HOST:PORT, --processes N and --process I belong together: "
                "give all three, or let bin/launch give them"
            )
        require("processes", self.processes, self.processes >= 1, "1 or more")
        last = self.processes - 1
        require("process", self.process, 0 <= self.process <= last, f"a number from 0 to {last}")
        host, _, port = self.coordinator.rpartition(":")
        is_port = port.isdecimal() and 0 < int(port) < 2**16
        require("coordinator", self.coordinator, bool(host) and is_port, "HOST:PORT")
        is_bare = ":" in host and not (host.startswith("[") and host.endswith("]"))
        way = f"with an address of IPv6 in brackets, as in [{host}]:{port}"
        require("coordinator", self.coordinator, not is_bare, way)


def announced() -> int:
    """The number of processes that SLURM or Open MPI says that it has started; 1 if neither is
    there."""
    for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE"):
        if (number := os.environ.get(name, "")).isdecimal() and int(number):
            return int(number)
    return 1


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Join a group, before anything asks JAX for a device. Raises UserError if the others are not
    found. If a process is lost later, this process reports it and ends."""
    name = "this process" if group.process is None else f"process {group.process}"
    # If a process is lost, JAX's runtime aborts all others. A shell at the other end of a pipe then
    # notices that its writer is gone, and prints the reason.
    sentence = f"{name} ends early, because another process is lost or did not start: {AGAIN}"
    script = 'read -r bye || printf "jaxgen: %s\\n" "$0" >&2'
    watcher = subprocess.Popen(
        ["sh", "-c", script, sentence], stdin=subprocess.PIPE, start_new_session=True
    )

    def dismiss() -> None:
        with contextlib.suppress(OSError, ValueError):  # the shell has ended
            watcher.communicate(b"bye\n")

    def end(status: int, sentence: str) -> NoReturn:
        """End at once: a normal exit would wait for processes that may be lost."""
        dismiss()
        print(f"jaxgen: {sentence}", file=sys.stderr, flush=True)
        os._exit(status)

    try:
        _initialize(group)
        devices.require()
        try:
            yield
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if errors.is_of_memory(error):  # in this process only
                end(2, errors.NO_MEMORY)
            if isinstance(error, ValueError) and "Gloo" not in f"{error}":
                raise
            end(LOST, f"process {jax.process_index()} has lost the others: {AGAIN}")
        except UserError as error:
            # Perhaps only this process has the error, so it does not wait for the others.
            end(2, f"{error}")
    finally:
        dismiss()


def _initialize(group: Group) -> None:
    """Connect to the others. With ``--coordinator auto`` JAX takes everything from SLURM, Open MPI
    or Kubernetes, otherwise only the devices of each process."""
    jax.config.update("jax_enable_preemption_service", False)  # training handles SIGTERM
    auto = group.coordinator == AUTO
    if group.process == 0 and not auto:
        port = f"{group.coordinator}".rpartition(":")[2]
        try:
            socket.create_server(("", int(port))).close()
        except OSError as error:  # JAX's own service would abort
            raise UserError(
                f"port {port} cannot be used ({error.strerror}): give --coordinator another"
            ) from None
    try:
        with environment.without_proxies():  # else gRPC asks a proxy for the coordinator
            jax.distributed.initialize(
                None if auto else group.coordinator,
                group.processes,
                group.process,
                initialization_timeout=PATIENCE,
                heartbeat_timeout_seconds=SILENCE,
                shutdown_timeout_seconds=SILENCE,
            )
    except Exception as error:  # also errors of a scheduler's client, such as Kubernetes
        if auto:
            raise UserError(
                f"--coordinator {AUTO} finds no others ({_in_a_line(error)}): start this by SLURM, "
                "Open MPI or, with the package kubernetes, by Kubernetes; or give HOST:PORT of the "
                "first, --processes and --process"
            ) from None
        raise UserError(
            f"JAX could not start at {group.coordinator} ({_in_a_line(error)}): give --coordinator "
            "another port, and start all processes again"
        ) from None


def _in_a_line(error: Exception) -> str:
    """The message of an error on one line, without code examples, and its cause."""
    text = " ".join(str(error).partition("```")[0].split()).rstrip(".:") or type(error).__name__
    cause = error.__cause__
    return f"{text} ({cause})" if isinstance(cause, OSError) else text


def count() -> int:
    return jax.process_count()


def is_first() -> bool:
    """Whether this is the process that prints and writes files."""
    return jax.process_index() == 0


def gather(value: Any) -> list[Any]:
    """The value of each process, in their order; JSON must be able to hold it."""
    if count() == 1:
        return [value]
    content = np.frombuffer(json.dumps(value).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(len(content))).ravel()
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(content)] = content
    rows = np.asarray(multihost_utils.process_allgather(padded)).reshape(count(), -1)
    return [json.loads(row[:size].tobytes()) for row, size in zip(rows, sizes, strict=True)]


def on_first(act: Callable[[], Any]) -> Any:
    """Call ``act()`` in the first process only. All processes return its result, which JSON must be
    able to hold, or raise its ``UserError``."""
    result = message = None
    if is_first():
        try:
            result = act()
        except UserError as error:
            message = str(error)
    result, message = gather((result, message))[0]
    if message is not None:
        raise UserError(message)
    return result


def agree(signal: int, size: int, is_due: bool = False) -> tuple[int, int, bool]:
    """The signal that any process received, 0 if none; and from the first process the size of the
    next block, and whether a save is due."""
    gathered = gather((signal, size, is_due))
    return max(received for received, _, _ in gathered), *gathered[0][1:]


def require_alike(values: dict[str, str]) -> None:
    """Raise a UserError in all processes if they differ in one of the named values."""
    first, *others = gather(values)
    for number, other in enumerate(others, 1):
        for name, value in other.items():
            if value != first.get(name):
                raise UserError(
                    f"process {number} has {name} {value}, and process 0 {first.get(name)}: "
                    "start all with the same"
                )


def fetch(tree: Any) -> Any:
    """A tree of arrays as NumPy arrays; a split array is gathered from all processes."""

    def fetch_one(leaf):
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
            return np.asarray(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(fetch_one, tree)
