"""Drawing digits again until each of them is good enough."""

from collections.abc import Callable

import numpy as np

from jaxgen import images
from jaxgen.arrays import IMAGE
from jaxgen.errors import UserError

MOST = 2**25  # places in a seed
TRIES = 2**32 // MOST  # keys for each place


# A function of two arrays with a row an image: of labels and places, or of images and labels.
Each = Callable[[np.ndarray, np.ndarray], np.ndarray]


def surest(
    draw: Each,
    labels: np.ndarray,
    places: np.ndarray,
    sure: Each,
    least: float,
    tries: int = 16,
) -> tuple[np.ndarray, np.ndarray]:
    """For each of ``labels`` [n] at ``places`` [n] of a seed, the place of the first image that is
    as ``sure`` as ``least``, or of so many the surest: int [n], and how sure these are: float [n].

    ``draw`` is that of ``redrawn``; ``sure(drawn, labels)`` says how sure each of the images is.
    """
    best, found = places.copy(), np.full(len(places), -1.0)
    for attempt in range(tries):
        missing = np.flatnonzero(found < least)
        if not len(missing):
            break
        tried = places[missing] + attempt * MOST
        values = sure(draw(labels[missing], tried), labels[missing])
        better = values > found[missing]
        best[missing[better]], found[missing[better]] = tried[better], values[better]
    return best, found


def redrawn(
    draw: Each, labels: np.ndarray, places: np.ndarray, keeps: Each, refusal: str
) -> tuple[np.ndarray, int]:
    """An image for each of ``labels`` [n] at ``places`` [n] of a seed that is kept: uint8
    [n, 28, 28, 1], and how many were drawn for that.

    ``draw(labels, places)`` draws images float32 [n, 28, 28, 1] of the seed's places below 2**32;
    ``keeps(drawn, labels)`` says which are kept: bool [n]. An image hangs on seed and place
    alone. Raises UserError, which goes on with ``refusal``, where a place has
    none that is kept.
    """
    kept = np.zeros((len(places), *IMAGE), np.uint8)
    missing, count = np.arange(len(places)), 0
    for attempt in range(TRIES):
        asked = labels[missing]
        drawn = draw(asked, places[missing] + attempt * MOST)
        count += len(missing)
        good = keeps(drawn, asked)
        kept[missing[good]] = images.to_uint8(drawn[good])
        missing = missing[~good]
        if not len(missing):
            return kept, count
    raise UserError(
        f"each of {TRIES} digits {labels[missing[0]]} that were drawn for one place {refusal}"
    )
