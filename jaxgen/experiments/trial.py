"""A trial: one training, measurement or other piece of work, which may need results of others."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

Arrays = Mapping[str, np.ndarray]


class Result(NamedTuple):
    """The result of a trial."""

    figures: Any  # anything that JSON can hold
    arrays: Arrays = MappingProxyType({})


class Context(NamedTuple):
    """What the function of a trial may use."""

    store: Any  # the ``store.Store`` of the experiment
    # ``progress(detail, fraction=None)`` shows what the trial does, and the fraction that is done.
    progress: Callable[..., None]
    say: Callable[[str], None]  # prints a line

    @property
    def folder(self) -> Path:
        """The folder of the experiment."""
        return self.store.folder


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """A call ``function(context, *arguments, *results)`` that returns a ``Result``.

    ``results`` are the results of the trials ``after``. If one of these trials failed, this trial
    is left out; a ``tolerant`` trial gets None as the result. Function and arguments travel to
    other processes: the function belongs to a module, and the arguments can be pickled.
    """

    kind: str  # one word, such as training or measurement
    name: str  # unique among the trials of one kind
    function: Callable[..., Result]
    arguments: tuple = ()
    after: tuple["Trial", ...] = ()
    key: Any = None  # what the result depends on besides the results of ``after``, as JSON
    timing: "Trial | None" = None  # a trial that measures how long this trial takes
    # The estimated time: a number, or a function of the figures of ``timing``.
    seconds: float | Callable[[Any], float] = 10.0
    tolerant: bool = False
    # Whether what the figures speak of, such as a run, is still there for trials that need it.
    is_there: Callable[[Any], bool] = lambda figures: True
    # ``together(context, trials)`` carries several such trials out in one program, where one
    # process has all devices. It yields each trial that it carried out, and its result.
    together: Callable[[Context, Sequence["Trial"]], Iterator[tuple["Trial", Result]]] | None = None

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trial) and other.title == self.title

    def __hash__(self) -> int:
        return hash(self.title)

    def __getstate__(self) -> dict[str, Any]:
        """The trial for another process, which needs no estimate."""
        return self.__dict__ | {"timing": None, "seconds": None, "is_there": None}
