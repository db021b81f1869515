"""Drawing digits again until each of them is good enough."""

from collections.abc import Callable

import numpy as np

from jaxgen import images, sampling
from jaxgen.arrays import IMAGE
from jaxgen.errors import UserError
from jaxgen.families.base import Variables

MOST = 2**25  # places in a seed
TRIES = 2**32 // MOST  # keys for each place


def redrawn(
    drawer: sampling.Drawer,
    variables: Variables,
    labels: np.ndarray,
    seed: int,
    places: np.ndarray,
    keeps: Callable[[np.ndarray, np.ndarray], np.ndarray],
    refusal: str,
) -> tuple[np.ndarray, int]:
    """An image for each of ``labels`` [n] at ``places`` [n] of the seed that is kept: uint8
    [n, 28, 28, 1], and how many were drawn for that.

    ``keeps(drawn, labels)`` says which images float32 [n, 28, 28, 1] are: bool [n]. An image hangs
    on seed and place alone. Raises UserError, which goes on with ``refusal``, where a place has
    none that is kept.
    """
    kept = np.zeros((len(places), *IMAGE), np.uint8)
    missing, count = np.arange(len(places)), 0
    for attempt in range(TRIES):
        asked = labels[missing]
        drawn = drawer.draw(variables, asked, seed, places[missing] + attempt * MOST)
        count += len(missing)
        good = keeps(drawn, asked)
        kept[missing[good]] = images.to_uint8(drawn[good])
        missing = missing[~good]
        if not len(missing):
            return kept, count
    raise UserError(
        f"each of {TRIES} digits {labels[missing[0]]} that were drawn for one place {refusal}"
    )
