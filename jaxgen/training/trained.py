"""A trained model, as the commands that use one need it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from jaxgen import data
from jaxgen.arrays import DIGITS, NO_DIGIT
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Fits, able
from jaxgen.training import checkpoint, manifest
from jaxgen.training.folder import RunFolder
from jaxgen.training.trainer import Trainer


class Trained(NamedTuple):
    family: Family
    variables: Variables  # with the averaged weights
    step: int
    digits: tuple[int, ...] = tuple(range(DIGITS))  # that it has learned

    def drawn_with(self, **settings: Any) -> "Trained":
        """The same model with other sampling settings."""
        return self._replace(family=self.family.with_sampling(**settings))

    def require(self, asked: Iterable[int], flags: str) -> None:
        """Raise a ``UserError`` where one of the digits ``asked`` is none that it has learned."""
        if unknown := sorted(set(map(int, asked)) - {*self.digits, NO_DIGIT}):
            raise UserError(
                f"{flags} asks for {listed(unknown)}, and the model has learned "
                f"{listed(self.digits)} alone: ask for what it knows, or take another --run"
            )


def listed(names: Sequence[int] | Sequence[str]) -> str:
    """Digits or names in words, such as ``0, 1 and 7``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} and {last}" if others else last


def load(folder: RunFolder, config: Config, say: Callable[[str], None]) -> Trained:
    """Load the newest sound checkpoint of a run, whose recipe is ``config`` (its sampling settings
    may differ).

    ``say(line)`` is called for each damaged checkpoint, which stays where it is. Raises
    ``UserError`` where there is no sound one.
    """
    trainer = Trainer(config)
    found = checkpoint.restore(
        folder.checkpoints,
        trainer,
        lambda step, reason: say(
            f"the checkpoint of step {step} is damaged ({reason}): using the one before"
        ),
    )
    if found is None:
        raise UserError(
            f"{folder} has no sound checkpoint: bin/train --model {config.model}"
            f"{folder.run_flag(config.model)} makes one"
        )
    variables, step = found.averaged, int(found.step)
    if not manifest.read(folder.checkpoints / f"{step}").fitted:
        say(f"step {step} was saved before its codes were fitted: that is done now")
        variables = able(trainer.family, Fits).fit(variables, folder.digits(config).train)
    return Trained(trainer.family, variables, step, _learned(folder, config))


def _learned(folder: RunFolder, config: Config) -> tuple[int, ...]:
    """The digits that a run has learned: the labels of its data, or all ten if nobody knows."""
    if known := folder.learned:
        return known.contents.learned
    try:
        return data.load(config.data).learned
    except UserError:  # no longer there
        return tuple(range(DIGITS))
