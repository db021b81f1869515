"""The numbers of a training do not hang on how many devices and processes take part in it."""

import jax
import numpy as np
import pytest

from jaxgen import devices
from jaxgen.data import batches
from tests.faults import layouts
from tests.faults.layouts import ONE, Layout

LAST = 2.0**-23  # one unit in the last place, relatively
UNITS = 40  # that a stable training may be away, of its losses: each is a sum of many numbers


@pytest.mark.thorough
@pytest.mark.timeout(7200)
def test_losses_are_those_of_one_device(often, tmp_path):
    """As near as others of one device from first weights that are a little others; or as rounding
    lets sums in another order be, for families that forget such a difference."""
    few = [Layout(2, 2, shard=True)]
    for model in often(["vae"], layouts.MODELS):
        config = layouts.recipe(model, often(60, layouts.STEPS))
        one = layouts.run(config, ONE, tmp_path / f"{model}-{ONE}")
        nudges = often(0, layouts.NUDGES)
        chance = layouts.by_chance(config, one, nudges, tmp_path) if nudges else 0.0
        for layout in often(few, layouts.ALL):
            found = layouts.apart(layouts.run(config, layout, tmp_path / f"{model}-{layout}"), one)
            assert np.all(found <= np.maximum(10 * chance, UNITS * LAST)), (model, layout)


def test_noise_and_batches_are_the_same_to_the_bit():
    key = jax.random.key(7)

    def draw():
        return jax.random.normal(key, (8, 28, 28, 1))

    whole = jax.jit(draw, out_shardings=devices.whole())()
    split = jax.jit(draw, out_shardings=devices.split())()
    assert len(split.sharding.device_set) > 1
    np.testing.assert_array_equal(whole, split)
    # A batch is of seed and step alone: it knows of no devices.
    rows = batches.indices(3, 0, 4, 8, 100)
    np.testing.assert_array_equal(rows[2:], batches.indices(3, 2, 4, 8, 100))
