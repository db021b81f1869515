"""Ctrl-C, SIGTERM and a closed terminal while training: the first is remembered, the second stops
at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows


class Interrupts:
    """A context in which the first signal only sets ``signal``, for the loop to see between two
    blocks, and writes the line that ``message`` gives to standard error.

    The handlers that were there before come back with that first signal, so that a second one does
    what it always does, and when the context ends. Where a closed terminal is ignored, as under
    nohup, it still is.
    """

    def __init__(self, message: Callable[[], str] | None = None):
        self.signal: signal.Signals | None = None
        self._message = message
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is not threading.main_thread():
            return self  # a thread gets no signals
        for number in (signal.SIGINT, signal.SIGTERM, _HANGUP):
            if number is None or (number == _HANGUP and signal.getsignal(number) == signal.SIG_IGN):
                continue
            self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_):
        self._restore()

    @property
    def status(self) -> int:
        """The exit status of a process that the signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self.signal or 0)

    def _remember(self, number: int, _: FrameType | None):
        self.signal = signal.Signals(number)
        self._restore()
        if number == _HANGUP:
            _leave_the_terminal()
        if self._message:
            # Not by print: what is printed just now may have been interrupted for this.
            with contextlib.suppress(OSError):
                os.write(2, f"\n{self._message()}\n".encode())

    def _restore(self):
        while self._before:
            signal.signal(*self._before.popitem())


def _leave_the_terminal() -> None:
    """Throw away what is still printed: to write to a closed terminal is an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for output in (1, 2):
        if os.isatty(output) or not _writable(output):
            os.dup2(nowhere, output)
    os.close(nowhere)


def _writable(output: int) -> bool:
    try:
        os.write(output, b"")
        return True
    except OSError:
        return False
