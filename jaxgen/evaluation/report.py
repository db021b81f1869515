"""The report of generated images: figures, with their n, seed and judge."""

import dataclasses
import math
import textwrap
from typing import Any, Literal, NamedTuple

from jaxgen.classes import DIGITS, are_digits, nouns
from jaxgen.config import STRIDED
from jaxgen.evaluation import metrics
from jaxgen.evaluation.statistics import Estimate

Against = Literal["test", "valid"]  # the real digits that generated digits are compared with


class Figures(NamedTuple):
    """The figures of n images."""

    recognised: Estimate | None  # accuracy of the judge; None if no digits were asked for
    frechet: float  # in squared feature units
    frechet_interval: tuple[float, float]  # 95 %, from ``metrics.frechet_interval``
    histogram: tuple[int, ...]  # number of images that the judge takes for each class
    prdc: metrics.Prdc
    copied: float  # proportion of copies of training images
    # For each class, the mean distance of two images in features, over the mean distance of
    # two real images; NaN where there are not two.
    spreads: tuple[float, ...]
    population: Estimate | None  # proportion that resembles population 1; None if unknown

    @property
    def class_entropy(self) -> float:
        """Entropy of the histogram, in nats, at most the logarithm of the number of classes."""
        return metrics.class_entropy(self.histogram)

    @property
    def diversity(self) -> float:
        """The variety within a digit, relative to real digits: the mean of ``spreads``."""
        known = [spread for spread in self.spreads if math.isfinite(spread)]
        return sum(known) / len(known) if known else float("nan")


class Mixtures(NamedTuple):
    """The proportion of population 1 among the real digits whose population is known; None where
    it is known for no digit."""

    real: float | None  # among the digits that images are compared with
    floor: float | None  # among the digits that are new to the judge


class Neighbour(NamedTuple):
    """A generated image, and the training image that it may copy."""

    image: int  # index among the generated images
    train: int  # index among the training images
    distance: float  # Euclidean, of pixels in [0, 1]
    ratio: float  # the distance over the distance to the second nearest training image


@dataclasses.dataclass(frozen=True)
class Report:
    """The figures of generated images, and the figures of as many real ones."""

    n: int  # number of images
    seed: int  # seed of drawing
    judge: str  # SHA-256 of the judge's weights
    source: str  # data source of the real digits
    against: Against
    like_real: bool  # whether the digits asked for have the frequencies of the real digits
    unit: float  # the noise unit N of the Frechet distance, in squared feature units
    generated: Figures
    # The figures of the real digits. The Frechet distance and ``prdc`` are of other real digits,
    # which are new to the judge, against the real digits.
    real: Figures
    mixtures: Mixtures
    population_accuracy: float | None  # of the classifier behind ``population``: 0.5 is chance
    kinds: int  # number of different classes among the real images
    by_digit: tuple[Estimate | None, ...]  # recognised, for each class asked for
    closest: tuple[Neighbour, ...]  # the images with the smallest ratio
    names: tuple[str, ...] = DIGITS  # of the classes
    # Among how many training images copies are looked for, and how many there are; None for all.
    searched: tuple[int, int] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report for ``json.dumps``; proportions are from 0 to 1."""
        return {
            "n": self.n,
            "seed": self.seed,
            "judge": self.judge,
            "source": self.source,
            "against": self.against,
            "labels_like_real": self.like_real,
            "noise_unit": self.unit,
            "generated": self._figures(self.generated),
            "real": self._figures(self.real),
            "populations_of_real": self.mixtures._asdict(),
            "population_accuracy": self.population_accuracy,
            "recognised_by_digit": [digit and digit.to_dict() for digit in self.by_digit],
            **({} if are_digits(self.names) else {"classes": list(self.names)}),
            **({"searched_for_copies": list(self.searched)} if self.searched else {}),
            "closest": [neighbour._asdict() for neighbour in self.closest],
        }

    def _figures(self, figures):
        return {
            "recognised": figures.recognised and figures.recognised.to_dict(),
            "frechet": figures.frechet,
            "frechet_in_noise_units": figures.frechet / self.unit,
            "frechet_in_noise_units_interval": [x / self.unit for x in figures.frechet_interval],
            "class_entropy": figures.class_entropy,
            "class_entropy_most": math.log(self.kinds),
            "histogram": list(figures.histogram),
            **figures.prdc._asdict(),
            "copied": figures.copied,
            "diversity": _or_none(figures.diversity),
            "diversity_by_digit": [_or_none(spread) for spread in figures.spreads],
            "population_1": figures.population and figures.population.to_dict(),
        }

    def table(self) -> str:
        """The report as text: a line for each figure, generated beside real."""
        generated, real = self._cells(self.generated), self._cells(self.real)
        rows = [("", "generated", "real")]
        rows += [(name, cell, real[name]) for name, cell in generated.items()]
        first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [f"{name:<{first}}  {a:>{second}}  {b:>{third}}".rstrip() for name, a, b in rows]
        return "\n".join([*lines, "", *self._notes()])

    @property
    def nouns(self) -> tuple[str, str]:
        """What an image is of, and what many images are."""
        return nouns(self.names)

    def _cells(self, figures):
        known, population, prdc = figures.recognised, figures.population, figures.prdc
        distance, low, high = (x / self.unit for x in (figures.frechet, *figures.frechet_interval))
        one, many = self.nouns
        most = f"class entropy, nats of {math.log(self.kinds):.3f}"
        cells = {
            f"recognised as the {one} asked for": _percent(known) if known else "none asked for",
            "Frechet distance, in N": f"{distance:.3f} ({low:.3f}-{high:.3f})",
            "precision: look real": f"{prdc.precision:.3f}",
            f"recall: real {many} within reach": f"{prdc.recall:.3f}",
            f"density: 1 as dense as real {many}": f"{prdc.density:.3f}",
            "coverage: real ones near drawn ones": f"{prdc.coverage:.3f}",
            f"diversity within a {one}": f"{figures.diversity:.3f}",
            most: f"{figures.class_entropy:.3f}" if self.kinds > 1 else "",  # nothing to be even
            "copies of training images": f"{figures.copied:.2%}",
            "resemble population 1 of writers": _percent(population) if population else "",
        }
        return {name: cell for name, cell in cells.items() if cell}

    def _notes(self):
        """Lines about the conditions under which the figures can be compared."""
        one, many = self.nouns
        labels = f"{many} at {'the same' if self.like_real else 'OTHER'} frequencies"
        if not self.generated.recognised:
            labels = "no digits asked for" if one == "digit" else "no class asked for"
        real = {"test": "test", "valid": "validation"}[self.against]
        source = self.source.removeprefix(STRIDED)
        yield f"n = {self.n}, seed {self.seed}, judge {self.judge[:12]}; in brackets 95 % intervals"
        yield f"real: {real} {many} of {source}; generated: {labels};"
        yield f"  from Frechet distance to coverage: real {many} new to the judge against these"
        yield f"N = {self.unit:.4g}: distance of the {real} {many} to the same under noise of 0.1"
        if self.mixtures.real:
            known, new = self.mixtures
            new = f"{new:.0%} of the digits new to the judge"
            yield f"by population 1: {known:.0%} of the real digits, {new}"
        if self.population_accuracy:
            accuracy = f"{self.population_accuracy:.0%}"
            yield "  a classifier decides which population an image resembles; it is right for"
            yield f"  {accuracy} of the real digits that are new to it"
        if self.generated.frechet < self.real.frechet:
            yield f"nearer than real {many}: the {many} new to the judge are by other writers than"
            yield f"  the real {many} that all are compared with, or differ from them by chance"
        known = [pair for pair in zip(self.names, self.by_digit, strict=True) if pair[1]]
        if known and not are_digits(self.names):
            each = ", ".join(f"{name} {figure.value:.1%}" for name, figure in known if figure)
            yield from textwrap.wrap(f"recognised by class: {each}", 72, subsequent_indent="  ")
        if self.searched:
            some, every = self.searched
            yield f"copies are looked for among {some:,} of the {every:,} training images"
        if self.source.startswith(STRIDED):
            yield "the model has learned from the split of earlier versions, which was unfair:"
            yield "  do not compare its figures with figures of other models"


def _or_none(figure):
    return figure if math.isfinite(figure) else None  # JSON has no NaN


def _percent(figure: Estimate):
    return f"{figure.value:.2%} ({figure.low * 100:.2f}-{figure.high * 100:.2f})"
