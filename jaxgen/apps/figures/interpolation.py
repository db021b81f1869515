"""Ways between test digits through the latents, beside a cross-fade of their pixels."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from jaxgen import sampling
from jaxgen.apps import measuring
from jaxgen.apps.figures import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = ((3, 8), (4, 9), (7, 1))


def _pairs(labels: np.ndarray) -> list[tuple[int, int]]:
    """Those of PAIRS that there are images of; else what pairs there are."""
    there = np.unique(labels).tolist()
    known = [pair for pair in PAIRS if set(pair) <= set(there)]
    others = list(itertools.pairwise(there))[: len(PAIRS)]
    return known or others or [(there[0], there[0])]


def draw(lesson: drawing.Lesson) -> "Figure":
    pairs = np.array(_pairs(lesson.digits.test.labels), np.int32)
    ends = measuring.of_digits(lesson.digits.test, pairs.ravel(), lesson.seed)
    family = lesson.family.for_inversion()
    found = sampling.encoded(family, lesson.variables, ends, pairs.ravel())
    ways = sampling.Ways(found.latents, pairs, sampling.in_turn(pairs))
    drawn, _ = sampling.interpolate(family, lesson.variables, ways, drawing.FRAMES, lesson.seed)
    share = np.linspace(0, 1, drawing.FRAMES)[:, None, None, None]
    starts, stops = ends[::2, None], ends[1::2, None]
    faded = (1 - share) * starts + share * stops  # [pairs, frames, h, w, c]
    rows = np.stack([faded, drawn], 1).reshape(-1, *drawn.shape[1:])

    figure = drawing.figure(10.4, 5.5)
    names = ["pixels faded", "through the latents"] * len(pairs)
    drawing.rows(figure.subplots(), rows, names, "From digit to digit")
    return figure
