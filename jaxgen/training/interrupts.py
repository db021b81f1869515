"""Ctrl-C, SIGTERM and a closed terminal during training: the first signal is remembered, the second
stops at once."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows


class Interrupts:
    """A context in which the first signal only sets ``signal``, which the loop reads between two
    blocks, and writes the line that ``message()`` returns to standard error.

    The first signal, or the end of the context, restores the old handlers, so that a second signal
    has its usual effect. A SIGHUP that the process ignores, as under nohup, is still ignored.
    """

    def __init__(self, message: Callable[[], str] | None = None):
        self.signal: signal.Signals | None = None
        self._message = message
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is not threading.main_thread():
            return self  # other threads get no signals
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
            # Not with print, since the signal may have interrupted a print.
            with contextlib.suppress(OSError):
                os.write(2, f"\n{self._message()}\n".encode())

    def _restore(self):
        while self._before:
            signal.signal(*self._before.popitem())


def _leave_the_terminal() -> None:
    """Discard later output, since writing to a closed terminal is an error."""
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
