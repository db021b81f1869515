"""Measures of the applications, by the judge and in pixels, with intervals."""

from collections.abc import Sequence

import numpy as np

from jaxgen.arrays import DIGITS
from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, metrics, morphology
from jaxgen.evaluation.statistics import Estimate, correlation, proportion
from jaxgen.images import to_float


def hits(images: np.ndarray, labels: np.ndarray) -> int:
    """How many of images float32 [n, 28, 28, 1] the judge takes for the digits [n]."""
    return metrics.hits(judge.look(judge.load(), images)[0], labels)


def recognised(images: np.ndarray, labels: np.ndarray) -> str:
    """The same in words, with an interval."""
    found = hits(images, labels)
    value, low, high, _ = proportion(found, len(labels))
    return f"{found} of {len(labels)}, {value:.1%} (95 % interval {low:.1%} to {high:.1%})"


def psnr(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image in dB [n], where white is 1."""
    errors = np.square(images - clean).mean((1, 2, 3))
    return -10 * np.log10(np.maximum(errors, 1e-10))


def others(labels: np.ndarray, seed: int, digits: Sequence[int] = range(DIGITS)) -> np.ndarray:
    """Another digit of ``digits`` for each label, by chance: int32 [n]. Raises UserError where
    ``digits`` are one alone."""
    if len(digits) < 2:
        raise UserError(
            f"there is no other digit to write: the model has learned {digits[0]} alone"
        )
    known = np.array(digits, np.int32)
    steps = np.random.default_rng(seed).integers(1, len(known), len(labels))
    return known[(np.searchsorted(known, labels) + steps) % len(known)]


def of_digits(digits: Split, labels: np.ndarray, seed: int) -> np.ndarray:
    """An image by chance of each of ``labels``: float32 [n, 28, 28, 1] in [0, 1]. Raises UserError
    where a label has no image."""
    if missing := sorted(set(labels.tolist()) - set(digits.labels.tolist())):
        raise UserError(
            f"there is no {missing[0]} among these digits: ask for one of "
            f"{', '.join(map(str, np.unique(digits.labels)))}"
        )
    random = np.random.default_rng(seed)
    rows = [random.choice(np.flatnonzero(digits.labels == label)) for label in labels]
    return to_float(digits.images[rows])


def hands(
    styles: np.ndarray, drawn: np.ndarray, chance: np.ndarray
) -> list[tuple[str, Estimate, Estimate]]:
    """The correlations of thickness and slant between the strokes of ``styles`` and of ``drawn``,
    image by image, and between ``styles`` and other images: (measure, drawn, other)."""
    measures = {"the width of strokes": morphology.thickness, "their slant": morphology.slant}
    return [
        (name, correlation(of(styles), of(drawn)), correlation(of(styles), of(chance)))
        for name, of in measures.items()
    ]
