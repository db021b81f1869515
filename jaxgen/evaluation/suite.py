"""Everything that is measured of one trained model: what applies to its family, and as much of it
as time allows."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgen import images as pixels
from jaxgen import sampling
from jaxgen.data import Digits, Split, partition
from jaxgen.evaluation import codes, likelihood, parzen, reference, smoothness, usefulness
from jaxgen.evaluation.codes import Codes
from jaxgen.evaluation.evaluate import evaluate
from jaxgen.evaluation.judge import Judge
from jaxgen.evaluation.parzen import Parzen
from jaxgen.evaluation.reference import Reference
from jaxgen.evaluation.report import Report
from jaxgen.evaluation.smoothness import Smoothness
from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.families.base import Family, Variables, Variational
from jaxgen.families.capabilities import HasBound


class Amount(NamedTuple):
    """How much is measured; more takes longer and has narrower intervals."""

    count: int  # digits that are drawn
    likely: int  # real digits whose likelihood is asked for
    samples: int  # codes for each of these, by importance
    coded: int  # real digits whose bits are asked of diffusion, which takes all of its noise levels


QUICK = Amount(count=5000, likely=500, samples=500, coded=128)
FULL = Amount(count=10_000, likely=10_000, samples=5000, coded=10_000)


class Real(NamedTuple):
    """What real digits get: the same for all models at one amount, so measured once."""

    reference: Reference
    useful: Estimate | None  # after as many real training digits
    parzen: Parzen  # windows about as many real training digits


class Likelihood(NamedTuple):
    """The bound by importance of black and white digits, in nats an image."""

    static: Estimate
    dynamic: Estimate
    samples: int


@dataclasses.dataclass(frozen=True)
class Suite:
    """The figures of one model, and the digits that they are of."""

    images: np.ndarray
    """uint8 [n, 28, 28, 1], as drawn."""
    labels: np.ndarray
    """The digits asked for: int32 [n]."""
    drawing: float
    """Seconds that it took to draw them, compilation included."""
    report: Report
    codes: Codes
    smoothness: Smoothness
    useful: Estimate | None
    """What a classifier makes of the test digits that has learnt from the drawn ones; None where
    these are few, or no digit could be asked for."""
    parzen: Parzen
    likelihood: Likelihood | None
    """For families with a posterior and black or white pixels."""
    bits: Estimate | None
    """A pixel, of images as 256 greys: for families that give these a probability."""
    real: Real
    """What real digits get."""

    def to_dict(self) -> dict[str, Any]:
        """The figures for ``json.dumps``."""
        return self.report.to_dict() | {
            "codes": plain(self.codes),
            "smoothness": plain(self.smoothness),
            "useful": plain(self.useful),
            "useful_real": plain(self.real.useful),
            "parzen": plain(self.parzen),
            "parzen_real": plain(self.real.parzen),
            "likelihood": plain(self.likelihood),
            "bits_per_dimension": plain(self.bits),
        }

    def lines(self) -> list[str]:
        """The figures beyond the report, for a person."""
        s, p, n = self.smoothness, self.parzen, self.report.n
        between = f", {s.recognised.value:.1%} of the frames are that digit" if s.recognised else ""
        lines = [
            *self.codes.lines(),
            f"ways between two of one digit: largest step {s.unevenness:.2f} times the mean, "
            f"detour {s.detour:.2f}{between} (n = {s.ways})",
        ]
        if self.useful and self.real.useful:
            lines.append(
                f"a classifier that learns from the drawn digits alone: "
                f"{self.useful.value:.2%} of the test digits; "
                f"from as many real ones {self.real.useful.value:.2%} (n = {n})"
            )
        if self.likelihood:
            static, dynamic, samples = self.likelihood
            lines.append(
                f"-log p of black and white digits, {samples} codes each: "
                f"static {static}, dynamic {dynamic} nats (n = {static.n})"
            )
        if self.bits:
            lines.append(f"bound in bits per dimension: {self.bits} (n = {self.bits.n})")
        lines.append(
            f"Parzen windows, for history: {p.log_density} nats at sigma {p.sigma:.3f}; "
            f"about real digits {self.real.parzen.log_density} (n = {p.samples})"
        )
        return lines


def real_figures(judge: Judge, digits: Digits, n: int, against: reference.Against) -> Real:
    """What n real digits get. Raises UserError where n is too few or too many; called before a
    model is drawn from, it saves drawing in vain."""
    measured = reference.measure(judge, digits, n, against)
    train = partition.subset(digits.train, min(n, len(digits.train.labels)))
    held = reference.real_digits(digits, against)
    windows = parzen.measure(held.images, train.images, digits.valid)
    return Real(measured, _useful(train, held), windows)


def measure(
    family: Family,
    variables: Variables,
    digits: Digits,
    judge: Judge,
    real: Real,
    amount: Amount,
    seed: int = 0,
    progress: Callable[[str], None] = lambda line: None,
) -> Suite:
    """Measure all that applies to the family. ``progress`` takes what comes next."""
    against = real.reference.against
    held = reference.real_digits(digits, against)
    asked = reference.asked_of(family, held.labels, amount.count, digits.learned)
    progress(f"drawing {amount.count} digits")
    began = time.perf_counter()
    drawn = pixels.to_uint8(sampling.draw(family, variables, asked, seed))
    seconds = time.perf_counter() - began
    progress("judging them")
    report = evaluate(drawn, asked, digits.source, judge, seed, reference=real.reference)
    windows = parzen.measure(held.images, drawn, digits.valid)
    useful = None
    if family.is_conditional:
        progress("training a classifier on them")
        useful = _useful(Split(drawn, asked), held)
    progress("encoding real digits")
    kept = codes.measure(family, variables, digits, against)
    smooth = smoothness.measure(family, variables, judge, seed, digits.learned)
    few = partition.subset(held, min(amount.likely, len(held.labels)))
    likely = _likelihood(family, variables, few, amount.samples, seed, progress)
    bits = None
    if isinstance(family, HasBound) and not isinstance(family, Variational):
        few = partition.subset(held, min(amount.coded, len(held.labels)))
        bits = mean(likelihood.of_greys(family, variables, few, seed, _counting(progress, few)))
    return Suite(drawn, asked, seconds, report, kept, smooth, useful, windows, likely, bits, real)


def _useful(learned, held):
    """What a classifier makes of the digits ``held`` after the digits ``learned``; None where these
    are too few, or all of one kind."""
    enough = len(learned.labels) >= usefulness.LEAST and np.ptp(learned.labels) > 0
    return usefulness.score(learned, held) if enough else None


def _likelihood(family, variables, few, samples, seed, progress):
    if not isinstance(family, Variational) or not family.is_bernoulli:
        return None

    def found(binarisation: likelihood.Binarisation) -> Estimate:
        heard = _counting(progress, few)
        return mean(
            likelihood.importance(family, variables, few, samples, binarisation, seed, heard)
        )

    return Likelihood(found("static"), found("dynamic"), samples)


def _counting(progress, few):
    return lambda done: progress(f"likelihood of real digits: {done} of {len(few.labels)}")


def plain(figure: Any) -> Any:
    """Named tuples within named tuples as dictionaries."""
    if isinstance(figure, Estimate):
        return figure.to_dict()
    if hasattr(figure, "_asdict"):
        return {name: plain(value) for name, value in figure._asdict().items()}
    return figure
