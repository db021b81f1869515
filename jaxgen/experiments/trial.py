"""A trial: one training, measurement or other piece of work, which may need results of others."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Result(NamedTuple):
    """What a trial found."""

    figures: Any
    """Anything that JSON can hold."""
    arrays: Arrays = MappingProxyType({})


class Context(NamedTuple):
    """What a trial may use while it is carried out."""

    folder: Path
    """The folder of the experiment."""
    store: Any
    """The ``store.Store`` of the experiment."""
    progress: Callable[..., None]
    """Takes what the trial does at the moment, and the fraction of it that is done, if known:
    ``progress(detail, fraction=None)``."""
    say: Callable[[str], None]
    """Takes a line that a person should read."""


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """A call ``function(context, *arguments, *results)`` that returns a ``Result``.

    ``results`` are those of the trials ``after``, or None for one that failed, which only a trial
    that is ``tolerant`` accepts: others are skipped then. Function and arguments travel to other
    processes, so the function is one of a module, and arguments can be pickled.
    """

    name: str
    """Of its file in the store: unique in an experiment."""
    title: str
    """What it is, for a person."""
    function: Callable[..., Result]
    arguments: tuple = ()
    after: tuple["Trial", ...] = ()
    key: Any = None
    """What the result depends on besides the results of ``after``, as JSON can hold it."""
    seconds: Callable[[], float] = lambda: 10.0
    """An estimate of the time that it takes."""
    tolerant: bool = False
    batch: Callable[[Context, Sequence["Trial"]], Iterator[tuple["Trial", Result]]] | None = None
    """Carries several such trials out in one program, where one process has all devices: gives the
    results of those that it has taken on."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def portable(self) -> "Trial":
        """The trial for another process, which needs no estimate."""
        after = tuple(trial.portable for trial in self.after)
        return dataclasses.replace(self, after=after, seconds=_unknown)


def _unknown() -> float:
    return 0.0
