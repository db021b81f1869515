"""Ways between test digits through the latents, beside a cross-fade of their pixels."""

import itertools

import numpy as np
from matplotlib.figure import Figure

from jaxgen import sampling
from jaxgen.apps import measuring
from jaxgen.apps.figures import drawing

PAIRS = ((3, 8), (4, 9), (7, 1))


def _pairs(labels: np.ndarray) -> list[tuple[int, int]]:
    """The PAIRS whose digits are both among the labels; without such, other pairs of labels."""
    digits = np.unique(labels).tolist()
    pairs = [pair for pair in PAIRS if set(pair) <= set(digits)]
    others = list(itertools.pairwise(digits))[: len(PAIRS)]
    return pairs or others or [(digits[0], digits[0])]


def draw(lesson: drawing.Lesson) -> Figure:
    pairs = np.array(_pairs(lesson.digits.test.labels), np.int32)
    ends = measuring.random_images(lesson.digits.test, pairs.ravel(), lesson.seed)
    family = lesson.family.for_inversion()
    encoded = sampling.encode_way(family, lesson.variables, ends, pairs.ravel())
    ways = sampling.Ways(encoded.latents, pairs, sampling.in_turn(pairs))
    drawn, _ = sampling.interpolate(family, lesson.variables, ways, drawing.FRAMES, lesson.seed)
    t = np.linspace(0, 1, drawing.FRAMES)[:, None, None, None]
    faded = (1 - t) * ends[::2, None] + t * ends[1::2, None]  # [pairs, frames, h, w, c]
    rows = np.stack([faded, drawn], 1).reshape(-1, *drawn.shape[1:])

    figure = drawing.figure(5.5)
    names = ["pixels faded", "through the latents"] * len(pairs)
    drawing.rows(figure.subplots(), rows, names, f"From {lesson.one} to {lesson.one}")
    return figure
