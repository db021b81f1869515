"""What was measured: figures that never stand without their n, seed and judge."""

import dataclasses
import math
from typing import Any, Literal, NamedTuple

from jaxgen.config import STRIDED
from jaxgen.evaluation import metrics
from jaxgen.evaluation.statistics import Estimate

READS = 0.5  # of the real digits: a judge that reads fewer says nothing of drawn ones

Against = Literal["test", "valid"]  # the real digits that generated ones are held against


def blind(share: float) -> str | None:
    """Why the judge's figures mean nothing where it takes this share of real digits for what they
    are, in a sentence; None where it can read them."""
    if share >= READS:
        return None
    return (
        f"the judge reads {share:.0%} of the real digits alone: it has learned digits as MNIST has "
        "them, and its figures mean nothing here"
    )


class Figures(NamedTuple):
    """Everything that is measured of n images."""

    recognised: Estimate | None  # as the digit asked for; None where none was
    frechet: float  # in squared feature units
    frechet_interval: tuple[float, float]  # of it, at 95 %: ``metrics.frechet_interval``
    histogram: tuple[int, ...]  # what the judge takes the images for, digits 0 to 9
    prdc: metrics.Prdc
    copied: float  # share that copies a training image
    # For each digit that the judge sees, how far two images of it are apart in features on average,
    # over the same of the real digits; NaN where there are not two.
    spreads: tuple[float, ...]
    # That resembles population 1 of MNIST's writers; None where the populations are not known.
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
    """The share of population 1 among the real digits whose population is known; None for none."""

    real: float | None  # among the digits that images are held against
    floor: float | None  # among the digits that are new to the judge


class Neighbour(NamedTuple):
    """A generated image, and the training image that it is suspiciously near to."""

    image: int  # its place among the generated images
    train: int  # its neighbour's place among the training images
    distance: float  # Euclidean, of pixels in [0, 1]
    ratio: float  # that, over the distance to the second nearest training image


@dataclasses.dataclass(frozen=True)
class Report:
    """The figures of generated images, and the figures of as many real ones."""

    n: int
    """How many images each figure is of."""
    seed: int
    """The seed that the images were drawn with."""
    judge: str
    """SHA-256 of the judge's weights."""
    source: str
    """Where the real digits are from."""
    against: Against
    """Which of its digits: test or valid."""
    like_real: bool
    """Whether the digits asked for have the frequencies of these."""
    unit: float
    """The noise unit N of the Frechet distance, in squared feature units."""
    generated: Figures
    """The figures of the generated images."""
    real: Figures
    """The same of these real digits; for the Frechet distance and ``prdc``, of other digits that
    the judge has not seen, against these."""
    mixtures: Mixtures
    """Which populations of writers the real digits are by."""
    population_accuracy: float | None
    """How many real digits the classifier behind ``population`` tells right: 0.5 is chance."""
    kinds: int
    """How many of the ten there are among the real digits."""
    by_digit: tuple[Estimate | None, ...]
    """Recognised, for each digit asked for."""
    closest: tuple[Neighbour, ...]
    """The images with the least ratio, for pictures beside their neighbours."""

    def to_dict(self) -> dict[str, Any]:
        """The report for ``json.dumps``; each figure by its name, shares from 0 to 1."""
        return {
            "n": self.n,
            "seed": self.seed,
            "judge": self.judge,
            "source": self.source,
            "against": self.against,
            "means_nothing": self.means_nothing,
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
            "class_entropy_most": self._most_entropy,
            "histogram": list(figures.histogram),
            **figures.prdc._asdict(),
            "copied": figures.copied,
            "diversity": _known(figures.diversity),
            "diversity_by_digit": [_known(spread) for spread in figures.spreads],
            "population_1": figures.population and figures.population.to_dict(),
        }

    @property
    def _most_entropy(self) -> float:
        """That of as many images of each digit that there is."""
        return math.log(self.kinds)

    def table(self) -> str:
        """The report for a person: a line a figure, generated beside real."""
        generated, real = self._cells(self.generated), self._cells(self.real)
        rows = [("", "generated", "real")]
        rows += [(name, cell, real[name]) for name, cell in generated.items()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [
            f"{name:<{widths[0]}}  {left:>{widths[1]}}  {right:>{widths[2]}}".rstrip()
            for name, left, right in rows
        ]
        return "\n".join([*lines, "", self._notes()])

    def _cells(self, figures):
        known = figures.recognised
        distance, low, high = (x / self.unit for x in (figures.frechet, *figures.frechet_interval))
        cells = {
            "recognised as the digit asked for": _percent(known) if known else "none asked for",
            "Frechet distance, in N": f"{distance:.3f} ({low:.3f}-{high:.3f})",
            "precision: look real": f"{figures.prdc.precision:.3f}",
            "recall: real ones within reach": f"{figures.prdc.recall:.3f}",
            "density: 1 as dense as real ones": f"{figures.prdc.density:.3f}",
            "coverage: real ones with one near": f"{figures.prdc.coverage:.3f}",
            "diversity within a digit": f"{figures.diversity:.3f}",
            f"class entropy, nats of {self._most_entropy:.3f}": f"{figures.class_entropy:.3f}",
            "copies of training images": f"{figures.copied:.2%}",
        }
        if self.kinds == 1:  # nothing to be even
            del cells["class entropy, nats of 0.000"]
        if figures.population:
            cells["resemble population 1 of writers"] = _percent(figures.population)
        return cells

    def _notes(self):
        asked = "were asked for at" if self.like_real else "were asked for NOT at"
        if not self.generated.recognised:
            asked = "were not asked for at"
        real = {"test": "test", "valid": "validation"}[self.against]
        source = self.source.removeprefix(STRIDED)
        return (
            f"n = {self.n}, seed {self.seed}, judge {self.judge[:12]}; in brackets 95 % intervals\n"
            f"real: {real} digits of {source}; digits {asked} their frequencies;\n"
            "  from Frechet distance to coverage: digits new to the judge against these\n"
            f"N = {self.unit:.4g}: what noise of 0.1 does to the {real} digits"
            + "".join(f"\n{line}" for line in self._remarks())
        )

    @property
    def means_nothing(self) -> bool:
        """Whether the judge cannot read these digits, of whatever script they are."""
        return self._blind() is not None

    def _blind(self):
        read = self.real.recognised
        return blind(read.value) if read else None

    def _remarks(self):
        """What a reader must know to compare these figures with others."""
        if warning := self._blind():
            yield warning.replace(" as MNIST", " as\n  MNIST")
        if self.mixtures.real:
            known = (f"{share:.0%}" for share in self.mixtures)
            yield (
                "by population 1: {} of the real digits, {} of those new to the judge".format(
                    *known
                )
            )
        if self.population_accuracy:
            yield (
                "  what images resemble says a classifier, which is right for "
                f"{self.population_accuracy:.0%} of\n  the real digits that are new to it"
            )
        if self.generated.frechet < self.real.frechet:
            yield (
                "nearer than real digits: those new to the judge are by other writers than\n"
                "  the real digits that all are held against, or differ from them by chance"
            )
        if self.source.startswith(STRIDED):
            yield (
                "the model has learned from the split of earlier versions, which was unfair:\n"
                "  do not compare its figures with those of other models"
            )


def _known(figure):
    """The figure, or None where it is none: JSON has no NaN."""
    return figure if math.isfinite(figure) else None


def _percent(share):
    return f"{share.value:.2%} ({share.low * 100:.2f}-{share.high * 100:.2f})"
