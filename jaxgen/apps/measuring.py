"""Measures of the applications, by the judge and in pixels, with intervals."""

from collections.abc import Sequence

import numpy as np

from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, metrics, morphology
from jaxgen.evaluation.judge import Judge
from jaxgen.evaluation.statistics import Estimate, correlation, proportion
from jaxgen.images import to_float


def hits(images: np.ndarray, labels: np.ndarray, by: Judge) -> int:
    """How many of images float32 [n, 28, 28, 1] the judge recognises as their ``labels`` [n]."""
    return metrics.hits(judge.look(by, images)[0], labels)


def recognised(images: np.ndarray, labels: np.ndarray, by: Judge) -> str:
    """``hits`` in words, with an interval."""
    count = hits(images, labels, by)
    value, low, high, _ = proportion(count, len(labels))
    return f"{count} of {len(labels)}, {value:.1%} (95 % interval {low:.1%} to {high:.1%})"


def psnr(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image in dB [n], where white is 1."""
    errors = np.square(images - clean).mean((1, 2, 3))
    return -10 * np.log10(np.maximum(errors, 1e-10))


def other_digits(labels: np.ndarray, seed: int, digits: Sequence[int]) -> np.ndarray:
    """A random digit of ``digits`` that is not the label, for each of ``labels``: int32 [n]. Raises
    UserError for a single digit."""
    if len(digits) < 2:
        raise UserError(
            f"there is no other digit to write: the model has learned {digits[0]} alone"
        )
    choices = np.array(digits, np.int32)
    steps = np.random.default_rng(seed).integers(1, len(choices), len(labels))
    return choices[(np.searchsorted(choices, labels) + steps) % len(choices)]


def random_images(digits: Split, labels: np.ndarray, seed: int) -> np.ndarray:
    """A random image of ``digits`` for each of ``labels``: float32 [n, 28, 28, 1] in [0, 1]. Raises
    UserError where a label has no image."""
    if missing := sorted(set(labels.tolist()) - set(digits.labels.tolist())):
        raise UserError(
            f"there is no {missing[0]} among these digits: ask for one of "
            f"{', '.join(map(str, np.unique(digits.labels)))}"
        )
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(digits.labels == label)) for label in labels]
    return to_float(digits.images[rows])


_STROKES = {"the width of strokes": morphology.thickness, "their slant": morphology.slant}


def strokes_of(hand: np.ndarray, drawn: np.ndarray) -> list[str]:
    """The mean width and slant of the strokes of images of a hand, and of what is drawn in it,
    each float32 [n, 28, 28, 1], in words."""
    (width, slant), (width_drawn, slant_drawn) = (
        [float(np.nanmean(measure(images))) for measure in _STROKES.values()]
        for images in (hand, drawn)
    )
    return [
        f"the width of strokes: {width:.2f} pixels in the hand, {width_drawn:.2f} in what is drawn",
        f"their slant: {np.rad2deg(slant):.0f} degrees, {np.rad2deg(slant_drawn):.0f} degrees",
    ]


def style_correlations(
    styles: np.ndarray, drawn: np.ndarray, others: np.ndarray
) -> list[tuple[str, Estimate, Estimate]]:
    """For the width and the slant of strokes, the correlations over images between ``styles`` and
    ``drawn``, and between ``styles`` and ``others``: (measure, drawn, others)."""
    return [
        (name, correlation(of(styles), of(drawn)), correlation(of(styles), of(others)))
        for name, of in _STROKES.items()
    ]
