"""Drawing digits again until each of them is good enough."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen import images
from jaxgen.arrays import IMAGE
from jaxgen.errors import UserError

INDICES = 2**25  # of a seed at most, so that each has TRIES keys
TRIES = 2**32 // INDICES


class Redrawn(NamedTuple):
    """The chosen image for each of n labels."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    indices: np.ndarray  # int [n], of the images in their seed
    scores: np.ndarray  # float [n]
    drawn: int  # how many images were drawn in all


def redraw(
    draw: Callable[[np.ndarray, np.ndarray], np.ndarray],
    labels: np.ndarray,
    indices: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray], np.ndarray],
    least: float,
    tries: int | None = None,
    refusal: str = "",
) -> Redrawn:
    """For each of ``labels`` [n] at ``indices`` [n] of a seed, choose the first image with a score
    of ``least`` or more; or, after ``tries`` images (TRIES by default), the image with the highest
    score. With a ``refusal``, a label without a good image is a UserError instead, whose sentence
    ends with these words.

    ``draw(labels, indices)`` draws images float32 [n, 28, 28, 1] at indices below 2**32 of the
    seed; ``score(drawn, labels)`` returns their scores float [n]. The image of a label depends on
    the seed and its index alone.
    """
    best = np.zeros((len(indices), *IMAGE), np.uint8)
    chosen, scores, drawn = indices.copy(), np.full(len(indices), -np.inf), 0
    tries = tries or TRIES
    for attempt in range(tries):
        missing = np.flatnonzero(scores < least)
        if not len(missing):
            break
        candidates = indices[missing] + attempt * INDICES
        pixels = draw(labels[missing], candidates)
        drawn += len(missing)
        values = score(pixels, labels[missing])
        better = values > scores[missing]
        rows = missing[better]
        best[rows] = images.to_uint8(pixels[better])
        chosen[rows], scores[rows] = candidates[better], values[better]
    if refusal and len(failed := labels[scores < least]):
        raise UserError(f"each of {tries} drawings of the same digit {failed[0]} {refusal}")
    return Redrawn(best, chosen, scores, drawn)
