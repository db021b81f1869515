"""The figures of n real digits, with which the figures of generated digits are compared.

A Frechet distance means nothing by itself, so there are two distances to compare it with, in the
same features:

    floor    n training digits that are new to the judge, against n test digits
    unit N   n test digits under Gaussian noise of 0.1, clipped to [0, 1], against the same digits

Digits at the floor are as near to the test digits as other real digits. All distances are between n
images, because few images give a larger distance than many.

The validation digits can take the place of the test digits, to choose settings by. Then the floor
digits are the digits that are new to the judge and no validation digits.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import data
from jaxgen.arrays import ANY
from jaxgen.config import STRIDED
from jaxgen.data import partition, populations
from jaxgen.data.split import Digits, Split, part
from jaxgen.errors import UserError
from jaxgen.evaluation import metrics, population
from jaxgen.evaluation.judge import Judge, look, require
from jaxgen.evaluation.report import Against, Figures, Mixtures
from jaxgen.evaluation.statistics import proportion
from jaxgen.families.base import Family
from jaxgen.images import to_float

COPIES = 2000  # real digits at most that ``metrics.copies`` searches, to save time
NOISE = 0.1  # standard deviation, where white is 1
SEED = 0  # of the noise


class Reference(NamedTuple):
    """n real digits, and their figures by one judge."""

    n: int
    against: Against
    features: np.ndarray  # float32 [n, d], of the real digits
    unit: float  # the noise unit N
    figures: Figures  # with the floor
    spreads: tuple[float, ...]  # of the real digits, by digit: ``metrics.spreads``
    mixtures: Mixtures
    rates: population.Rates | None  # None where populations are not known


def measure(judge: Judge, digits: Digits, n: int, against: Against = "test") -> Reference:
    """Measure n real digits, once for all generators of n digits.

    Raises UserError if n is too small for the judge's features, or larger than the number of
    digits, or if the judge cannot read them; so call it before drawing.
    """
    real, floor_digits = real_digits(digits, against), floor(digits, against)
    least, most = least_of(judge), most_of(digits, against)
    if most < least:
        raise UserError(
            f"{digits.source} has {most} real digits to compare with, and a distance in "
            f"{least - 1} features needs {least} at least: give it more test and training digits"
        )
    if n < least:
        raise UserError(
            f"{n} images are too few for a distance in {least - 1} features: draw at least {least}"
        )
    if n > most:
        raise UserError(
            f"{n} images are more than the {most} real digits of {digits.source} to compare with: "
            f"draw at most {most}"
        )
    require(judge, digits)
    real, new = partition.subset(real, n), partition.subset(floor_digits, n)
    logits, features = look(judge, real.images)
    floor_logits, floor_features = look(judge, new.images)
    classes = len(digits.names)
    spreads = metrics.spreads(features, logits.argmax(1), classes)
    floor_spreads = metrics.spreads(floor_features, floor_logits.argmax(1), classes)
    searched = partition.subset(real, min(n, COPIES))
    rates = population.rates(population.load(), floor_digits)
    figures = Figures(
        recognised=proportion(metrics.hits(logits, real.labels), n),
        frechet=metrics.frechet(floor_features, features),
        frechet_interval=metrics.frechet_interval(floor_features, features),
        histogram=metrics.histogram(logits),
        prdc=metrics.prdc(features, floor_features),
        copied=metrics.copies(searched.images, digits.train.images).proportion,
        spreads=relative(floor_spreads, spreads),
        population=rates and population.proportion(population.load(), rates, real.images),
    )
    unit = metrics.frechet(look(judge, noisy(real.images))[1], features)
    mixtures = Mixtures(_mixture(real), _mixture(new))
    return Reference(n, against, features, unit, figures, spreads, mixtures, rates)


def least_of(judge: Judge) -> int:
    """The least number of digits for a judge: the covariance of fewer features is singular."""
    return judge.network.widths[-1] + 1


def most_of(digits: Digits, against: Against = "test") -> int:
    """The largest n for ``measure``. It does not select the floor digits, which takes time: there
    are as many as validation digits, or twice as many."""
    new = len(digits.valid.labels) * (1 if against == "valid" else 2)
    return min(len(real_digits(digits, against).labels), new)


def _mixture(split: Split) -> float | None:
    """The proportion of population 1 among the digits whose population is known."""
    numbers = populations.of(split.images)
    known = numbers[numbers != populations.UNKNOWN]
    return float(known.mean()) if len(known) else None


def relative(spreads: tuple[float, ...], real: tuple[float, ...]) -> tuple[float, ...]:
    """The spread of each digit, divided by the spread of real images of this digit; NaN where all
    of these are alike."""
    return tuple(
        one / other if other else math.nan for one, other in zip(spreads, real, strict=True)
    )


def noisy(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, 28, 28, 1] plus the noise of the unit: float32 in [0, 1]."""
    noise = np.random.default_rng(SEED).standard_normal(images.shape, np.float32)
    return np.clip(to_float(images) + NOISE * noise, 0, 1)


def real_digits(digits: Digits, against: Against) -> Split:
    """The digits that generated digits are compared with. Raises UserError for the validation
    digits of the former rule: the judge learned from most of them."""
    if against == "valid" and digits.source.startswith(STRIDED):
        raise UserError(
            f"--against valid cannot be for {digits.source}: the judge may have learned from the "
            "digits that earlier versions held out; give --against test, or train the model again"
        )
    return {"test": digits.test, "valid": digits.valid}[against]


def floor(digits: Digits, against: Against = "test") -> Split:
    """The training digits that are new to the judge and to the comparison: 10,000 of MNIST, or
    5,000 if the validation digits are compared with."""
    source = data.full_source(digits.source.removeprefix(STRIDED))
    whole = digits if source == digits.source else data.load(source)
    if against == "valid":
        return part(whole.train, partition.fresh(whole))
    return partition.floor(whole)


def labels_for(family: Family, labels: np.ndarray, n: int, digits: Sequence[int]) -> np.ndarray:
    """The n labels to draw from a family for its figures: at the frequencies of ``labels``, of the
    ``digits`` that it learned; ANY for a family that is not conditional."""
    wanted = labels_like(labels[np.isin(labels, list(digits))], n)
    return wanted if family.is_conditional else np.full_like(wanted, ANY)


def labels_like(labels: np.ndarray, n: int) -> np.ndarray:
    """n labels at the frequencies of ``labels``, by largest remainders: int32 [n]. The digits are
    in an order in which any stretch of them has about the same frequencies."""
    counts = partition.quotas(np.bincount(labels), n)
    digits = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    places = np.concatenate([(np.arange(count) + 0.5) / max(count, 1) for count in counts])
    return digits[np.argsort(places, kind="stable")]
