"""The loop around the step: blocks of steps, and between them the log, pictures, checkpoints and signals."""

import time
from collections.abc import Iterator

import jax
import numpy as np

from jaxgen import data, devices, families, images, sampling
from jaxgen.arrays import DIGITS
from jaxgen.config import Config
from jaxgen.data import batches
from jaxgen.errors import UserError
from jaxgen.families.base import Family
from jaxgen.training import checkpoint, optimisers
from jaxgen.training.folder import RunFolder
from jaxgen.training.interrupts import Interrupts
from jaxgen.training.log import Console, Records
from jaxgen.training.step import State, init, make_advance, make_step

BLOCK = 50  # steps that one call of the device can take
SECONDS = 1.0  # that a block is to last at most, so that signals are answered
PICTURE = 64  # digits in a picture of samples
INIT = 2**32 - 1  # folded into the run's key for the first weights; steps fold in their number


def train(config: Config, folder: RunFolder, console: Console) -> int:
    """Train ``config`` in a prepared and locked ``folder`` up to ``config.steps``; returns the exit status.

    Goes on from the newest sound checkpoint. A ``UserError`` is a mishap, with everything saved before kept.
    """
    digits = data.load(config.data)
    family = families.build(config)
    check_batch(config.batch, len(digits.train.labels))
    key = jax.random.key(config.seed)
    optimiser = optimisers.build(config.optim, config.steps)
    players = {player: optimiser for player in family.turns}

    def begin() -> State:
        return init(family, players, jax.random.fold_in(key, INIT))

    checkpoints = checkpoint.Checkpoints(folder.checkpoints)

    def passed_over(step: int, reason: str) -> None:
        checkpoints.set_aside(step)
        console.say(f"checkpoint {step} is damaged ({reason}): it is now in {folder.checkpoints}/damaged")

    like = checkpoint.abstract(begin, devices.whole())
    state = checkpoint.restore(folder.checkpoints, like, passed_over)
    if state is None:
        state = jax.jit(begin, out_shardings=devices.whole())()
    step = int(state.step)
    if step >= config.steps:
        console.say(f"{folder} has {step} steps already: --steps {step + config.steps} trains on, --fresh anew")
        return 0
    count = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    banner(config, folder, console, step, count, len(digits.train.labels))
    folder.began(step, devices.describe())
    records = Records(folder.metrics, step, config.log_every)
    advance = make_advance(make_step(family, players, key, config.optim.ema))
    images_and_labels = jax.device_put(tuple(digits.train), devices.whole())

    with Interrupts() as interrupts:
        console.start(step, config.steps)
        for state, block in run_blocks(config, state, advance, images_and_labels):
            step = block[-1]
            ...
    return 0
