"""``python -m tests.faults.nudged SEED train ...``: a training whose first weights are another by
one unit in the last place each, up or down by chance."""

import sys

import jax
import numpy as np

from jaxgen.cli import main
from jaxgen.training import loop


def nudge(state, seed: int):
    if int(state.step):
        return state  # of a training that goes on
    chance = np.random.default_rng(seed)

    def one(leaf):
        leaf = np.asarray(leaf)
        ways = np.where(chance.random(leaf.shape) < 0.5, -np.inf, np.inf).astype(leaf.dtype)
        return jax.device_put(np.nextafter(leaf, ways), loop.devices.whole())

    params = jax.tree.map(one, state.variables.params)
    return state.replace(variables=state.variables.replace(params=params))


if __name__ == "__main__":
    first_state = loop.first_state
    loop.first_state = lambda *args: nudge(first_state(*args), int(sys.argv[1]))
    main.main(sys.argv[2:])
