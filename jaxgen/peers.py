"""The wire between several processes, beside JAX's own: who has come, and who is gone.

JAX ends a process that waits in vain for another with a stack trace, leaves one whose link is cut
waiting for minutes, and names nobody. So all meet here before JAX does, each over a socket to the
first, and keep it: a line a second says that one is alive. Who is silent for too long, or ends
without a word, is lost; the first tells all the others who it was.
"""

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

from jaxgen.errors import UserError

PATIENCE = 60.0  # seconds in which all have to be there
BEAT = 1.0  # seconds between two signs of life
SILENCE = 9.0  # seconds without one, after which a process is lost
GRACE = 2.0  # seconds that one whose peer has ended has to end by itself, as of a common mistake
SHORT = 5.0  # seconds for a word that should come at once

LEVEL, MUTE = "TF_CPP_MIN_LOG_LEVEL", "4"


def mute_runtime() -> None:
    """Have JAX's runtime abort without a word and its stack trace where a process is lost, of which
    the wire tells. A level of its log that somebody has set stays. To be called before anything
    imports JAX."""
    os.environ.setdefault(LEVEL, MUTE)


def runtime_is_mute() -> bool:
    return os.environ.get(LEVEL) == MUTE


class Wire:
    """Sockets to the first of several processes, or from the first to all others.

    ``lost(number, how)`` is called once, from a thread, where one of them is; ``how`` it went, in
    words.
    """

    def __init__(self, sockets: dict[int, socket.socket], lost: Callable[[int, str], None]):
        self._sockets, self._lost = sockets, lost
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self, leave: bool = True) -> None:
        """Take leave of the others, or else be lost to them at once."""
        self._ended.set()
        self._thread.join()
        if leave:
            self._tell("bye")
        for peer in self._sockets.values():
            peer.close()

    def wait(self) -> None:
        """Give the thread the time to find out who is lost."""
        self._thread.join(SILENCE + 2 * GRACE)

    def _tell(self, line: str) -> None:
        for peer in self._sockets.values():
            with contextlib.suppress(OSError):  # of one that is gone, which its silence will tell
                peer.sendall(f"{line}\n".encode())

    def _watch(self) -> None:
        heard = dict.fromkeys(self._sockets, time.monotonic())
        told = 0.0
        with selectors.DefaultSelector() as selector:
            for number, peer in self._sockets.items():
                peer.setblocking(False)
                selector.register(peer, selectors.EVENT_READ, number)
            while heard and not self._ended.is_set():
                for ready, _ in selector.select(BEAT / 4):
                    number = ready.data
                    words = _lines(self._sockets[number])
                    if "bye" in words:
                        selector.unregister(ready.fileobj)
                        del heard[number]
                    elif gone := next((word for word in words if word.startswith("lost")), None):
                        _, which, how = gone.split(" ", 2)
                        return self._verdict(int(which), how)
                    elif not words:
                        return self._verdict(number, "it has ended")
                    else:
                        heard[number] = time.monotonic()
                now = time.monotonic()
                for number, last in heard.items():
                    if now - last > SILENCE:
                        return self._verdict(number, f"nothing is heard of it for {SILENCE:g} s")
                if now - told >= BEAT:
                    self._tell("here")
                    told = now
        return None

    def _verdict(self, number: int, how: str) -> None:
        self._tell(f"lost {number} {how}")
        if not self._ended.wait(GRACE):
            self._lost(number, how)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind, *_) -> None:
        self.close(leave=kind is None)


def _lines(peer: socket.socket) -> list[str]:
    """What has come, line by line; none where the other end is closed."""
    try:
        return peer.recv(4096).decode(errors="replace").splitlines()
    except BlockingIOError:
        return ["here"]
    except OSError:
        return []


def meet(address: str, processes: int, process: int, lost: Callable[[int, str], None]) -> Wire:
    """Wait until all ``processes`` have come to the first, at ``address`` HOST:PORT, which is left
    free for JAX. A UserError says who is missing."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"--coordinator {address} cannot be: it must be HOST:PORT")
    if ":" in host and not (host.startswith("[") and host.endswith("]")):
        raise UserError(
            f"--coordinator {address} cannot be: an address of IPv6 stands in brackets, "
            f"as in [{host}]:{port}"
        )
    host = host.strip("[]")
    until = time.monotonic() + PATIENCE
    if process == 0:
        return Wire(_receive(address, int(port), processes, until), lost)
    return Wire({0: _come(address, host, int(port), processes, process, until)}, lost)


def _receive(address: str, port: int, processes: int, until: float) -> dict[int, socket.socket]:
    """Open the door until all are there."""
    came: dict[int, socket.socket] = {}
    with contextlib.ExitStack() as stack, _door(port) as door:
        while missing := set(range(1, processes)) - came.keys():
            door.settimeout(max(until - time.monotonic(), 0.001))
            try:
                peer, _ = door.accept()
            except OSError:
                if time.monotonic() < until:
                    continue
                names = " and ".join(map(str, sorted(missing)))
                raise UserError(
                    f"process {names} of {processes} did not come to {address} within "
                    f"{PATIENCE:g} s: start all of them"
                ) from None
            stack.enter_context(contextlib.closing(peer))
            number, refusal = _greeting(peer, processes, missing)
            if refusal:
                with contextlib.suppress(OSError):
                    peer.sendall(f"{refusal}\n".encode())
                peer.close()
            else:
                came[number] = peer
        for peer in came.values():
            with contextlib.suppress(OSError):
                peer.sendall(b"all\n")
        stack.pop_all()
    return came


def _door(port: int) -> socket.socket:
    """For all addresses of this machine, of IPv6 too where it has them."""
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        return socket.create_server(("", port), family=family, backlog=1024, dualstack_ipv6=both)
    except OSError as error:
        raise UserError(
            f"port {port} cannot be used ({error.strerror}): give --coordinator another"
        ) from None


def _greeting(peer: socket.socket, processes: int, missing: set[int]) -> tuple[int, str]:
    """The number of one who has come, and why it cannot be let in, if so."""
    peer.settimeout(SHORT)
    try:
        number, count = map(int, peer.recv(64).split())
    except (OSError, ValueError):
        return 0, "this is no way to greet"  # nor one of ours
    if count != processes:
        return (
            number,
            f"process {number} was told of {count} processes, and process 0 of {processes}",
        )
    if number not in missing:
        return number, f"there is a process {number} already: give each a --process of its own"
    return number, ""


def _come(
    address: str, host: str, port: int, processes: int, process: int, until: float
) -> socket.socket:
    """Say to the first who has come, and wait until all have."""
    while (left := until - time.monotonic()) > 0:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(
                socket.create_connection((host, port), timeout=min(left, SHORT))
            )
            first.sendall(f"{process} {processes}".encode())
            first.settimeout(left)
            word = first.recv(4096).decode(errors="replace").partition("\n")[0]
            if word == "all":
                stack.pop_all()
                return first
            if word:
                raise UserError(word)
        time.sleep(0.1)
    raise UserError(
        f"process {process} of {processes} met nobody at {address} within {PATIENCE:g} s: see "
        "whether process 0 was started there, and all the others"
    )
