"""Which of MNIST's two populations of writers images resemble (``data.populations``).

A small network of the judge's kind tells population 1 from 0. It learns from the 50,000 digits that
the judge learns from, so the floor digits are new to it. No single digit can be told with
certainty, but a share of many can: where the classifier says "population 1" of a share r of the
images, of f of the real digits of population 0, and of t of those of population 1, the share of
population 1 is

    p = (r - f) / (t - f)                                       (Rogan and Gladen 1978, eq. 1)

Its interval has the chance in all three (the delta method, their appendix).
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.data import populations
from jaxgen.data.split import Split
from jaxgen.evaluation import classifier, judge
from jaxgen.evaluation.judge import Judge
from jaxgen.evaluation.statistics import Estimate

WEIGHTS = Path(__file__).with_name("population.safetensors")
SHA256 = "1779fa5c9d634fb5bc53e8efe508755934f1bb1b636abb662668ae3aac898129"  # of WEIGHTS
NETWORK = judge.Network((16, 32, 32), populations.COUNT)
STEPS = 3200  # eight epochs
LEAST = 100  # real digits of each population, without which no rates are measured


class Rates(NamedTuple):
    """How often the classifier says "population 1" of real digits that are new to it."""

    of_0: float  # digits of population 0: mistakes
    of_1: float  # digits of population 1
    n_0: int
    n_1: int

    @property
    def accuracy(self) -> float:
        """The accuracy, as the mean of the two populations."""
        return (1 - self.of_0 + self.of_1) / 2


def load() -> Judge:
    """The classifier that ships with the package; UserError where its file is not sound."""
    return judge.load(WEIGHTS, SHA256, NETWORK)


def rates(classifier: Judge, real: Split) -> Rates | None:
    """The rates on real digits; None where too few are known to be of either population."""
    known = populations.of(real.images)
    counts = [int((known == one).sum()) for one in range(populations.COUNT)]
    if min(counts) < LEAST:
        return None
    says = judge.look(classifier, real.images)[0].argmax(1)
    return Rates(float(says[known == 0].mean()), float(says[known == 1].mean()), *counts)


def proportion(classifier: Judge, rates: Rates, images: np.ndarray) -> Estimate:
    """The proportion of images [n, 28, 28, 1] that resemble population 1, with 95 % interval."""
    r, n = float(judge.look(classifier, images)[0].argmax(1).mean()), len(images)
    apart = rates.of_1 - rates.of_0
    p = (r - rates.of_0) / apart
    variance = (
        r * (1 - r) / n
        + (1 - p) ** 2 * rates.of_0 * (1 - rates.of_0) / rates.n_0
        + p**2 * rates.of_1 * (1 - rates.of_1) / rates.n_1
    ) / apart**2
    half = 1.96 * variance**0.5
    value, low, high = (float(np.clip(x, 0, 1)) for x in (p, p - half, p + half))
    return Estimate(value, low, high, n)


def train(out_path: str | Path, report: Callable[[str], None] = print, steps: int = STEPS) -> Rates:
    """Train the classifier on MNIST and write it to ``out_path``: two minutes on two cores. Returns
    its rates on the floor digits; nothing is chosen by them."""
    judge.files.check(out_path)
    learned, floor, _ = (_by_population(part) for part in judge.parts())
    # Undistorted: turned and sheared digits would lose the slant that sets the populations apart.
    variables = classifier.fit(NETWORK, learned, steps, floor=floor, report=report)
    judge.save(out_path, variables)
    found = rates(judge.load(out_path, None, NETWORK), floor)
    assert found is not None  # all of MNIST is known
    return found


def _by_population(split: Split) -> Split:
    return Split(split.images, populations.of(split.images).astype(np.int32))
