"""A trained model, for the commands that use one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from jaxgen import data, families
from jaxgen.arrays import DIGITS, NO_DIGIT
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Fits, able
from jaxgen.training import checkpoint
from jaxgen.training.folder import RunFolder


class Trained(NamedTuple):
    family: Family
    variables: Variables  # with the averaged weights
    step: int
    digits: tuple[int, ...] = tuple(range(DIGITS))  # the digits in its training data

    def with_sampling(self, **settings: Any) -> "Trained":
        """The same model with these sampling settings changed."""
        return self._replace(family=self.family.with_sampling(**settings))

    def require(self, digits: Iterable[int], flags: str) -> None:
        """Raise a ``UserError``, which names ``flags``, if it has not learned all of ``digits``."""
        if unknown := sorted(set(map(int, digits)) - {*self.digits, NO_DIGIT}):
            raise UserError(
                f"{flags} asks for {listed(unknown)}, and the model has learned only "
                f"{listed(self.digits)}: ask for these, or take another --run"
            )


def listed(names: Sequence[int] | Sequence[str]) -> str:
    """Digits or names in words, such as ``0, 1 and 7``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


def load(folder: RunFolder, config: Config, say: Callable[[str], None]) -> Trained:
    """Load the newest sound checkpoint of a run with the recipe ``config``; only the sampling
    settings may differ from the run's own.

    ``say(line)`` is called for each damaged checkpoint, which stays in place. Raises ``UserError``
    if there is no sound checkpoint.
    """
    family = families.build(config)
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
        variables = able(family, Fits).fit(variables, folder.digits(config).train)
    return Trained(family, variables, step, _learned(folder, config))


def _learned(folder: RunFolder, config: Config) -> tuple[int, ...]:
    """The digits in the training data of a run, or all ten if the data are unknown."""
    if learned := folder.learned:
        return learned.contents.learned
    try:
        return data.load(config.data).learned
    except UserError:  # the data no longer exist
        return tuple(range(DIGITS))
