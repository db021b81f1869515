"""What was measured: figures that never stand without their n, seed and judge."""

import dataclasses
import math
from typing import Any, Literal, NamedTuple

from jaxgen.config import STRIDED
from jaxgen.evaluation import metrics
from jaxgen.evaluation.statistics import Estimate

READS = 0.5  # of the real digits: a judge that recognises fewer says nothing of drawn ones

Against = Literal["test", "valid"]  # the real digits that generated ones are held against


def blind(recognised: float) -> str | None:
    """Say in a sentence why the judge's figures mean nothing; None where they mean something.
    ``recognised`` is the proportion of real digits that the judge recognises."""
    if recognised >= READS:
        return None
    return (
        f"the judge reads {recognised:.0%} of the real digits alone: it has learned digits as "
        "MNIST has them, and its figures mean nothing here"
    )


class Figures(NamedTuple):
    """Everything that is measured of n images."""

    recognised: Estimate | None  # as the digit asked for; None where none was
    frechet: float  # in squared feature units
    frechet_interval: tuple[float, float]  # 95 %, from ``metrics.frechet_interval``
    histogram: tuple[int, ...]  # images that the judge takes for each digit, 0 to 9
    prdc: metrics.Prdc
    copied: float  # proportion that copies a training image
    # For each digit that the judge sees, the mean distance of two images in features, over the mean
    # distance of two real digits; NaN where there are not two.
    spreads: tuple[float, ...]
    # The images that resemble population 1 of MNIST's writers; None where no population is known.
    population: Estimate | None

    @property
    def class_entropy(self) -> float:
        """Entropy of the histogram, in nats, at most log 10."""
        return metrics.class_entropy(self.histogram)

    @property
    def diversity(self) -> float:
        """How different the images of one digit are, over real ones: the mean of ``spreads``."""
        known = [spread for spread in self.spreads if math.isfinite(spread)]
        return sum(known) / len(known) if known else float("nan")


class Mixtures(NamedTuple):
    """The proportion of population 1 among the real digits whose population is known; None where
    it is known for no digit."""

    real: float | None  # among the digits that images are held against
    floor: float | None  # among the digits that are new to the judge


class Neighbour(NamedTuple):
    """A generated image, and the training image that it is suspiciously near to."""

    image: int  # its place among the generated images
    train: int  # its neighbour's place among the training images
    distance: float  # Euclidean, of pixels in [0, 1]
    ratio: float  # the distance over the distance to the second nearest training image


@dataclasses.dataclass(frozen=True)
class Report:
    """The figures of generated images, and the figures of as many real ones."""

    n: int  # how many images each figure is of
    seed: int  # the images were drawn with it
    judge: str  # SHA-256 of the judge's weights
    source: str  # where the real digits are from
    against: Against
    like_real: bool  # whether the digits asked for have the frequencies of the real ones
    unit: float  # the noise unit N of the Frechet distance, in squared feature units
    generated: Figures
    # The figures of the real digits. The Frechet distance and ``prdc`` hold other digits, which the
    # judge has not seen, against the real ones.
    real: Figures
    mixtures: Mixtures
    population_accuracy: float | None  # of the classifier behind ``population``: 0.5 is chance
    kinds: int  # how many of the ten digits there are among the real ones
    by_digit: tuple[Estimate | None, ...]  # recognised, for each digit asked for
    closest: tuple[Neighbour, ...]  # the images with the least ratio, to show their neighbours

    def to_dict(self) -> dict[str, Any]:
        """The report for ``json.dumps``; each figure by its name, shares from 0 to 1."""
        return {
            "n": self.n,
            "seed": self.seed,
            "judge": self.judge,
            "source": self.source,
            "against": self.against,
            "means_nothing": self._blind() is not None,
            "labels_like_real": self.like_real,
            "noise_unit": self.unit,
            "generated": self._figures(self.generated),
            "real": self._figures(self.real),
            "populations_of_real": self.mixtures._asdict(),
            "population_accuracy": self.population_accuracy,
            "recognised_by_digit": [one and one.to_dict() for one in self.by_digit],
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
            "diversity": _known(figures.diversity),
            "diversity_by_digit": [_known(spread) for spread in figures.spreads],
            "population_1": figures.population and figures.population.to_dict(),
        }

    def table(self) -> str:
        """The report for a person: a line a figure, generated beside real."""
        generated, real = self._cells(self.generated), self._cells(self.real)
        rows = [("", "generated", "real")]
        rows += [(name, cell, real[name]) for name, cell in generated.items()]
        first, second, third = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [f"{name:<{first}}  {a:>{second}}  {b:>{third}}".rstrip() for name, a, b in rows]
        return "\n".join([*lines, "", *self._notes()])

    def _cells(self, figures):
        known, population, prdc = figures.recognised, figures.population, figures.prdc
        distance, low, high = (x / self.unit for x in (figures.frechet, *figures.frechet_interval))
        most = f"class entropy, nats of {math.log(self.kinds):.3f}"
        cells = {
            "recognised as the digit asked for": _percent(known) if known else "none asked for",
            "Frechet distance, in N": f"{distance:.3f} ({low:.3f}-{high:.3f})",
            "precision: look real": f"{prdc.precision:.3f}",
            "recall: real ones within reach": f"{prdc.recall:.3f}",
            "density: 1 as dense as real ones": f"{prdc.density:.3f}",
            "coverage: real ones with one near": f"{prdc.coverage:.3f}",
            "diversity within a digit": f"{figures.diversity:.3f}",
            most: f"{figures.class_entropy:.3f}" if self.kinds > 1 else "",  # nothing to be even
            "copies of training images": f"{figures.copied:.2%}",
            "resemble population 1 of writers": _percent(population) if population else "",
        }
        return {name: cell for name, cell in cells.items() if cell}

    def _notes(self):
        """What a reader must know to compare these figures with others, in lines."""
        asked = "asked for at" if self.like_real else "asked for NOT at"
        if not self.generated.recognised:
            asked = "not asked for at"
        real = {"test": "test", "valid": "validation"}[self.against]
        source = self.source.removeprefix(STRIDED)
        yield f"n = {self.n}, seed {self.seed}, judge {self.judge[:12]}; in brackets 95 % intervals"
        yield f"real: {real} digits of {source}; digits were {asked} their frequencies;"
        yield "  from Frechet distance to coverage: digits new to the judge against these"
        yield f"N = {self.unit:.4g}: what noise of 0.1 does to the {real} digits"
        if warning := self._blind():
            yield warning.replace(" as MNIST", " as\n  MNIST")
        if self.mixtures.real:
            known, new = self.mixtures
            new = f"{new:.0%} of those new to the judge"
            yield f"by population 1: {known:.0%} of the real digits, {new}"
        if self.population_accuracy:
            right = f"{self.population_accuracy:.0%}"
            yield f"  what images resemble says a classifier, which is right for {right} of"
            yield "  the real digits that are new to it"
        if self.generated.frechet < self.real.frechet:
            yield "nearer than real digits: those new to the judge are by other writers than"
            yield "  the real digits that all are held against, or differ from them by chance"
        if self.source.startswith(STRIDED):
            yield "the model has learned from the split of earlier versions, which was unfair:"
            yield "  do not compare its figures with those of other models"

    def _blind(self):
        return self.real.recognised and blind(self.real.recognised.value)


def _known(figure):
    """The figure, or None where it is none: JSON has no NaN."""
    return figure if math.isfinite(figure) else None


def _percent(found: Estimate):
    return f"{found.value:.2%} ({found.low * 100:.2f}-{found.high * 100:.2f})"
