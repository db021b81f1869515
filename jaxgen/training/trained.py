"""A trained model, as the commands that use one need it."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from jaxgen import families
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Variables
from jaxgen.training import checkpoint, optimisers, step
from jaxgen.training.folder import RunFolder


class Trained(NamedTuple):
    family: Family
    variables: Variables  # with the averaged weights
    step: int


def load(folder: RunFolder, config: Config, say: Callable[[str], None]) -> Trained:
    """Load the newest sound checkpoint of a run, whose recipe is ``config`` (its sampling settings
    may differ).

    Damaged checkpoints are left where they are, and told to ``say``. Raises ``UserError`` where
    there is no sound one.
    """
    family = families.build(config)
    players = optimisers.players(config, family)
    like = checkpoint.abstract(lambda: step.init(family, players, jax.random.key(0)))
    found = checkpoint.restore(
        folder.checkpoints,
        config,
        like,
        lambda step, reason: say(
            f"the checkpoint of step {step} is damaged ({reason}): using the one before"
        ),
    )
    if found is None:
        raise UserError(
            f"{folder} has no sound checkpoint: bin/train --model {config.model} makes one"
        )
    return Trained(family, found.averaged, int(found.step))
