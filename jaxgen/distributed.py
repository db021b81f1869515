"""Several processes that compute as one, on one machine or on many: ``jax.distributed``.

All run the same program on the same numbers, and the arrays that are split lie over the devices of
all. The first process alone prints, writes and looks at the clock; the others learn of it by
``on_first`` and ``agree``, which all have to call, in the same order.
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
PATIENCE = 60  # seconds in which all have to be there
SILENCE = 10  # seconds without a sign of life after which a process is lost
AGAIN = "start all again, as many as there are, and they go on from the last saved step"


@dataclass(frozen=True)
class Group:
    """How a process finds the others; all None for one that is alone."""

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


@contextlib.contextmanager
def joined(group: Group) -> Iterator[None]:
    """Be one of a group, before anything asks JAX for a device; a UserError if the others cannot be
    found. Where one of them is lost, this one says so and ends."""
    name = "this process" if group.process is None else f"process {group.process}"
    # JAX's runtime aborts all processes where one is lost. A shell, which waits for the other end
    # of a pipe, then says why.
    sentence = f"{name} ends early, as all do where one is lost or does not come: {AGAIN}"
    script = 'read -r bye || printf "jaxgen: %s\\n" "$0" >&2'
    watcher = subprocess.Popen(
        ["sh", "-c", script, sentence], stdin=subprocess.PIPE, start_new_session=True
    )

    def dismiss() -> None:
        with contextlib.suppress(OSError, ValueError):  # it has gone, or is dismissed
            watcher.communicate(b"bye\n")

    def end(status: int, sentence: str) -> NoReturn:
        """End at once: a process that ends as usual waits for those who may be gone."""
        dismiss()
        print(f"jaxgen: {sentence}", file=sys.stderr, flush=True)
        os._exit(status)

    try:
        _initialize(group)
        devices.require()
        try:
            yield
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if errors.is_of_memory(error):  # the others have not met it
                end(2, errors.NO_MEMORY)
            if isinstance(error, ValueError) and "Gloo" not in f"{error}":
                raise
            end(LOST, f"process {jax.process_index()} has lost the others: {AGAIN}")
        except UserError as error:
            # All may have met it, or this one alone: the others are not waited for.
            end(2, f"{error}")
    finally:
        dismiss()


def _initialize(group: Group) -> None:
    """Meet the others. SLURM, Open MPI and Kubernetes tell their processes what is not given here:
    all with ``--coordinator auto``, and otherwise which devices each has."""
    jax.config.update("jax_enable_preemption_service", False)  # SIGTERM is for training to hear
    auto = group.coordinator == AUTO
    if group.process == 0 and not auto:
        port = f"{group.coordinator}".rpartition(":")[2]
        try:
            socket.create_server(("", int(port))).close()
        except OSError as error:  # JAX's service would die
            raise UserError(
                f"port {port} cannot be used ({error.strerror}): give --coordinator another"
            ) from None
    try:
        with environment.without_proxies():  # gRPC would ask them for the coordinator
            jax.distributed.initialize(
                None if auto else group.coordinator,
                group.processes,
                group.process,
                initialization_timeout=PATIENCE,
                heartbeat_timeout_seconds=SILENCE,
                shutdown_timeout_seconds=SILENCE,
            )
    except Exception as error:  # also of a scheduler's own client, such as Kubernetes has
        if auto:
            raise UserError(
                f"--coordinator {AUTO} finds no others ({_in_a_line(error)}): start this by SLURM, "
                "Open MPI or, with the package kubernetes, by Kubernetes; or give HOST:PORT of the "
                "first, --processes and --process"
            ) from None
        raise UserError(
            f"JAX could not begin at {group.coordinator} ({_in_a_line(error)}): give --coordinator "
            "another port, and start all"
        ) from None


def _in_a_line(error: Exception) -> str:
    """The message of JAX or of a scheduler's client, without the example in it, and its cause."""
    text = " ".join(str(error).partition("```")[0].split()).rstrip(".:") or type(error).__name__
    cause = error.__cause__
    return f"{text} ({cause})" if isinstance(cause, OSError) else text


def count() -> int:
    return jax.process_count()


def is_first() -> bool:
    """Whether this process is the one that speaks and writes."""
    return jax.process_index() == 0


def gather(own: Any) -> list[Any]:
    """What each process gives, which JSON can hold, in their order."""
    if count() == 1:
        return [own]
    content = np.frombuffer(json.dumps(own).encode(), np.uint8)
    sizes = multihost_utils.process_allgather(np.int32(len(content))).ravel()
    padded = np.zeros(int(sizes.max()), np.uint8)
    padded[: len(content)] = content
    found = np.asarray(multihost_utils.process_allgather(padded)).reshape(count(), -1)
    return [json.loads(row[:size].tobytes()) for row, size in zip(found, sizes, strict=True)]


def on_first(act: Callable[[], Any]) -> Any:
    """Call ``act()`` in the first process alone. All return what it returns, which JSON can hold,
    or raise its ``UserError``."""
    found = mistake = None
    if is_first():
        try:
            found = act()
        except UserError as error:
            mistake = str(error)
    found, mistake = gather((found, mistake))[0]
    if mistake is not None:
        raise UserError(mistake)
    return found


def agree(signal: int, size: int, is_due: bool = False) -> tuple[int, int, bool]:
    """A signal that any of the processes has heard, 0 if none; and the first one's size of a block,
    and whether it finds that it is time to save."""
    found = gather((signal, size, is_due))
    return max(heard for heard, _, _ in found), *found[0][1:]


def require_alike(what: dict[str, str]) -> None:
    """Raise a UserError, on all, where processes differ in something, named by its key."""
    first, *others = gather(what)
    for number, other in enumerate(others, 1):
        for name, value in other.items():
            if value != first.get(name):
                raise UserError(
                    f"process {number} has {name} {value}, and process 0 {first.get(name)}: "
                    "start all with the same"
                )


def fetch(tree: Any) -> Any:
    """Arrays as NumPy's, also those that are split over the devices of several processes."""

    def one(leaf):
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
            return np.asarray(leaf)
        return multihost_utils.process_allgather(leaf, tiled=True)

    return jax.tree.map(one, tree)
