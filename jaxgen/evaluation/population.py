"""Which of MNIST's two populations of writers images resemble (``data.populations``).

A small network, like the judge, classifies digits as population 1 or 0. It learns from the same
50,000 digits as the judge, so the floor digits are new to it. It is often wrong about a single
digit, but the proportion of population 1 among many images can be estimated. Let the classifier
answer "population 1" for the proportion r of the images, f of the real digits of population 0, and
t of the real digits of population 1. Then the proportion of population 1 among the images is

    p = (r - f) / (t - f)                                       (Rogan and Gladen 1978, eq. 1)

Its interval includes the chance in r, f and t (the delta method, their appendix).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen import data
from jaxgen.data import files, populations
from jaxgen.data.split import Split
from jaxgen.evaluation import classifier, judge
from jaxgen.evaluation.judge import Judge
from jaxgen.evaluation.statistics import Estimate

WEIGHTS = Path(__file__).with_name("population.safetensors")
SHA256 = "1779fa5c9d634fb5bc53e8efe508755934f1bb1b636abb662668ae3aac898129"  # of WEIGHTS
NETWORK = judge.Network((16, 32, 32), populations.COUNT)
STEPS = 3200  # eight epochs
LEAST = 100  # real digits of each population that the rates need


class Rates(NamedTuple):
    """How often the classifier answers "population 1" for real digits that are new to it."""

    of_0: float  # for digits of population 0: mistakes
    of_1: float  # for digits of population 1
    n_0: int
    n_1: int

    @property
    def accuracy(self) -> float:
        """The mean of the accuracies on both populations."""
        return (1 - self.of_0 + self.of_1) / 2


def load() -> Judge:
    """The classifier of the package; UserError if its file is damaged."""
    return judge.load(WEIGHTS, SHA256, NETWORK)


def rates(classifier: Judge, real: Split) -> Rates | None:
    """The rates on real digits; None if too few digits of a population are known."""
    truth = populations.of(real.images)
    counts = [int((truth == population).sum()) for population in range(populations.COUNT)]
    if min(counts) < LEAST:
        return None
    answers = judge.look(classifier, real.images)[0].argmax(1)
    return Rates(float(answers[truth == 0].mean()), float(answers[truth == 1].mean()), *counts)


def proportion(classifier: Judge, rates: Rates, images: np.ndarray) -> Estimate:
    """The proportion of images [n, 28, 28, 1] that resemble population 1, with 95 % interval."""
    r, n = float(judge.look(classifier, images)[0].argmax(1).mean()), len(images)
    difference = rates.of_1 - rates.of_0
    p = (r - rates.of_0) / difference
    variance = (
        r * (1 - r) / n
        + (1 - p) ** 2 * rates.of_0 * (1 - rates.of_0) / rates.n_0
        + p**2 * rates.of_1 * (1 - rates.of_1) / rates.n_1
    ) / difference**2
    half = 1.96 * variance**0.5
    value, low, high = (float(np.clip(x, 0, 1)) for x in (p, p - half, p + half))
    return Estimate(value, low, high, n)


def train(out_path: str | Path, report: Callable[[str], None] = print, steps: int = STEPS) -> Rates:
    """Train the classifier on MNIST and write it to ``out_path``: two minutes on two cores.
    ``report(line)`` gets the progress. Returns the rates on the floor digits; nothing is chosen by
    them."""
    files.check(out_path)
    learned, floor, _ = (_by_population(part) for part in judge.parts(data.load("mnist")))
    # No distortion: turned and sheared digits lose the slant, in which the populations differ.
    variables = classifier.fit(NETWORK, learned, steps, floor=floor, report=report)
    judge.save(out_path, variables)
    on_floor = rates(judge.load(out_path, None, NETWORK), floor)
    assert on_floor is not None  # MNIST has digits of both populations
    return on_floor


def _by_population(split: Split) -> Split:
    return Split(split.images, populations.of(split.images).astype(np.int32))
