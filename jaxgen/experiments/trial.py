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

    store: Any
    """The ``store.Store`` of the experiment."""
    progress: Callable[..., None]
    """Takes what the trial does at the moment, and the fraction of it that is done, if known:
    ``progress(detail, fraction=None)``."""
    say: Callable[[str], None]
    """Takes a line that a person should read."""

    @property
    def folder(self) -> Path:
        """The folder of the experiment."""
        return self.store.folder


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """A call ``function(context, *arguments, *results)`` that returns a ``Result``.

    ``results`` are those of the trials ``after``, or None for one that failed, which only a trial
    that is ``tolerant`` accepts: others are skipped then. Function and arguments travel to other
    processes, so the function is one of a module, and arguments can be pickled.
    """

    kind: str
    """What it is, in one word: a training, a measurement."""
    name: str
    """Which of its kind: unique in an experiment."""
    function: Callable[..., Result]
    arguments: tuple = ()
    after: tuple["Trial", ...] = ()
    key: Any = None
    """What the result depends on besides the results of ``after``, as JSON can hold it."""
    timing: "Trial | None" = None
    """A trial that measures how long this one takes."""
    seconds: float | Callable[[Any], float] = 10.0
    """An estimate of how long it takes: a number, or a function of the figures of ``timing``."""
    tolerant: bool = False
    together: Callable[[Context, Sequence["Trial"]], Iterator[tuple["Trial", Result]]] | None = None
    """Carries several such trials out in one program, where one process has all devices: gives the
    results of those that it has taken on."""

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and other.title == self.title

    def __hash__(self) -> int:
        return hash(self.title)

    def __getstate__(self) -> dict[str, Any]:
        """The trial for another process, which needs no estimate."""
        return self.__dict__ | {"timing": None, "seconds": None}
