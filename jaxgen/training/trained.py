"""A trained model, for the commands that use one."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import safetensors.numpy

from jaxgen import data, families
from jaxgen.classes import ANY, DIGITS, are_digits
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Fits, able
from jaxgen.training import checkpoint, weights
from jaxgen.training.folder import ModelFolder, RunFolder
from jaxgen.training.published import Published


@dataclass(frozen=True)
class Trained:
    """A family with its trained variables."""

    family: Family
    variables: Variables
    """With the averaged weights."""
    step: int
    """The number of train steps."""
    learned: tuple[int, ...] = tuple(range(len(DIGITS)))
    """The classes in its training data."""
    names: tuple[str, ...] = DIGITS
    """The names of the classes."""

    def with_sampling(self, **settings: Any) -> Self:
        """The same model with these sampling settings changed."""
        return dataclasses.replace(self, family=self.family.with_sampling(**settings))

    def require_digits(self, what: str) -> None:
        """Raise a ``UserError`` for a model of other classes than digits, which ``what`` needs."""
        if not are_digits(self.names):
            raise UserError(
                f"{what} needs digits, and the model draws {len(self.names)} other classes, such "
                f"as {self.names[0]}: take another --run"
            )

    def require(self, digits: Iterable[int], flags: str) -> None:
        """Raise a ``UserError``, which names ``flags``, if it has not learned all of ``digits``."""
        if unknown := sorted(set(map(int, digits)) - {*self.learned}):
            wanted, known = (
                listed(["any" if label == ANY else self.names[label] for label in labels])
                for labels in (unknown, self.learned)
            )
            raise UserError(
                f"{flags} asks for {wanted}, and the model has learned only {known}: ask for "
                "these, or take another --run"
            )


def require_conditional(family: Family, flags: str) -> None:
    """Raise a ``UserError`` where a model draws any digit, whatever ``flags`` ask for."""
    if not family.is_conditional:
        raise UserError(
            f"{type(family).__name__} draws any digit with these settings: leave out {flags}, "
            "or give others, such as --prior fitted, or guidance above 0"
        )


def listed(names: Sequence[int] | Sequence[str]) -> str:
    """Digits or names in words, such as ``0, 1 and 7``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


def load(
    folder: ModelFolder, config: Config, say: Callable[[str], None], moved: str | None = None
) -> Trained:
    """Load the newest sound checkpoint of a run, or a published model, with the recipe ``config``;
    only the sampling settings may differ from those in the folder. ``moved`` is the new source of
    its digits, if they have moved.

    ``say(line)`` is called for each damaged checkpoint, which stays in place. Raises ``UserError``
    if there is no sound checkpoint, or a published model is damaged.
    """
    config = dataclasses.replace(config, classes=folder.load().classes)
    family = families.build(config)
    if isinstance(folder, Published):
        arrays = safetensors.numpy.load(folder.content())
        if not folder.ships:  # the tests of jaxgen look at those, and it takes a sixth of a second
            weights.require(family, arrays, f"{folder.weights}")
        variables, step = weights.unflatten(arrays), folder.facts()["steps"]
        return Trained(family, variables, step, _learned(folder, config), config.classes)
    assert isinstance(folder, RunFolder)
    saved = checkpoint.restore_averaged(
        folder.checkpoints,
        config,
        family,
        lambda step, reason: say(
            f"the checkpoint of step {step} is damaged ({reason}): using the one before"
        ),
    )
    if saved is None:
        raise UserError(
            f"{folder} has no sound checkpoint: bin/train --model {config.model}"
            f"{folder.run_flag(config.model)} makes one"
        )
    step, variables, fitted = saved
    if not fitted:
        say(f"the checkpoint of step {step} has no fitted density: it is fitted now")
        variables = able(family, Fits).fit(variables, folder.examples_of(config, moved))
    return Trained(family, variables, step, _learned(folder, config), config.classes)


def _learned(folder: ModelFolder, config: Config) -> tuple[int, ...]:
    """The classes in the training data of a model, or all if the data are unknown."""
    if learned := folder.learned:
        return learned.digits
    try:
        return data.load(config.data).learned
    except UserError:  # the data no longer exist
        return tuple(range(len(config.classes)))
