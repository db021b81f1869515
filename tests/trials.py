"""Trials that take no time. They stand apart from tests, so that a process that carries them out
imports little."""

import os
import signal
import time

import numpy as np

from jaxgen.errors import UserError
from jaxgen.experiments.trial import Context, Result, Trial


def trial(value, function=None, **more) -> Trial:
    function = function or number
    return Trial(function.__name__, f"{value}", function, (value,), key=value, **more)


def number(context: Context, value: float) -> Result:
    return Result(value, {"squares": np.arange(3) ** 2})


def total(context: Context, *results: Result | None) -> Result:
    return Result(sum(one.figures for one in results if one))


def refuse(context: Context, value: float) -> Result:
    raise UserError(f"{value} is refused")


def die(context: Context, value: int) -> Result:
    """Die so often, and then be found."""
    tries = len(list(context.folder.glob("tried-*")))
    (context.folder / f"tried-{tries}").touch()
    if tries < value:
        os.kill(os.getpid(), signal.SIGKILL)
    return Result(tries)


def interrupt(context: Context, value: float) -> Result:
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(1)
    return Result(value)


def slow(context: Context, value: float) -> Result:
    context.progress("half done", 0.5)
    time.sleep(value)
    return Result(value)


def process(context: Context, value: int) -> Result:
    """Which process does it, a little later than at once."""
    time.sleep(0.5)
    return Result(os.getpid())
