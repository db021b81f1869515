"""``python -m tests.faults.nudged SEED train ...``: a training whose first weights are another by
one unit in the last place each, up or down by chance."""

import sys

import jax
import numpy as np

from jaxgen import devices
from jaxgen.cli import main
from jaxgen.training.stack import Stack


def nudge(state, seed: int):
    if int(state.step):
        return state  # of a training that goes on
    chance = np.random.default_rng(seed)

    def one(leaf):
        leaf = np.asarray(leaf)
        ways = np.where(chance.random(leaf.shape) < 0.5, -np.inf, np.inf).astype(leaf.dtype)
        return jax.device_put(np.nextafter(leaf, ways), devices.whole())

    params = jax.tree.map(one, state.variables.params)
    return state.replace(variables=state.variables.replace(params=params))


if __name__ == "__main__":
    restore = Stack.restore
    Stack.restore = lambda *args: nudge(restore(*args), int(sys.argv[1]))
    main.main(sys.argv[2:])
