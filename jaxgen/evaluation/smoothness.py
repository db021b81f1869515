"""The smoothness of interpolation: whether the images between two drawn digits of one kind change
evenly, and whether all of them are this digit.

A step is a distance in the judge's features, as in the perceptual path length of Karras et al. 2019
in the features of another network.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import images as pixels
from jaxgen import sampling
from jaxgen.arrays import ANY
from jaxgen.evaluation.judge import Judge, look
from jaxgen.evaluation.statistics import Estimate, proportion
from jaxgen.families.base import Family, Variables

WAYS = 100
FRAMES = 9  # of a way, with both ends


class Smoothness(NamedTuple):
    """The figures of interpolations, which are called ways."""

    ways: int  # number of ways
    unevenness: float  # largest step over mean step, the mean over ways; 1 is perfectly even
    detour: float  # length of a way in features over the distance of its ends, the median over ways
    recognised: Estimate | None  # frames that are the digit of both ends; None for any digit


def measure(
    family: Family,
    variables: Variables,
    judge: Judge,
    seed: int,
    digits: Sequence[int],
) -> Smoothness:
    """Draw pairs of ``digits`` with ``seed``, and interpolate between them."""
    labels = sampling.balanced(WAYS, digits)
    if not family.is_conditional:
        labels = np.full_like(labels, ANY)
    ways = sampling.draw_ways(family, variables, np.stack([labels, labels], 1), seed)
    frames, _ = sampling.interpolate(family, variables, ways, FRAMES, seed)
    logits, features = look(judge, pixels.to_uint8(frames).reshape(-1, *frames.shape[2:]))
    features = features.reshape(WAYS, FRAMES, -1)
    steps = np.linalg.norm(np.diff(features, axis=1), axis=2)  # [ways, frames - 1]
    direct = np.linalg.norm(features[:, -1] - features[:, 0], axis=1)
    moved = steps.sum(1) > 0  # after a mode collapse all frames of a way may be equal
    unevenness = steps.max(1)[moved] / steps.mean(1)[moved]
    detour = steps.sum(1)[moved] / np.maximum(direct[moved], 1e-9)
    recognised = None
    if family.is_conditional:
        predicted = logits.argmax(1).reshape(WAYS, FRAMES)[:, 1:-1]
        recognised = proportion(int((predicted == labels[:, None]).sum()), predicted.size)
    return Smoothness(
        WAYS,
        float(unevenness.mean()) if moved.any() else 1.0,
        float(np.median(detour)) if moved.any() else 1.0,
        recognised,
    )
