"""Ctrl-C and SIGTERM while training: the first is remembered, the second stops at once."""

import signal
from types import FrameType


class Interrupts:
    """A context in which the first signal only sets ``signal``, for the loop to see between two
    blocks.

    The handlers that were there before come back with that first signal, so that a second one does
    what it always does, and when the context ends.
    """

    def __init__(self):
        self.signal: signal.Signals | None = None
        self._before = {}

    def __enter__(self):
        for number in (signal.SIGINT, signal.SIGTERM):
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

    def _restore(self):
        while self._before:
            signal.signal(*self._before.popitem())
