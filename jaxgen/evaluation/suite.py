"""All measures of one trained model that apply to its family, in a chosen amount."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxgen import images as pixels
from jaxgen import sampling
from jaxgen.data import Digits, Split, partition
from jaxgen.evaluation import classification_accuracy as cas
from jaxgen.evaluation import codes, likelihood, parzen, reference, smoothness
from jaxgen.evaluation.codes import Codes
from jaxgen.evaluation.evaluate import evaluate
from jaxgen.evaluation.judge import Judge, Network
from jaxgen.evaluation.parzen import Parzen
from jaxgen.evaluation.reference import Reference
from jaxgen.evaluation.report import Report
from jaxgen.evaluation.smoothness import Smoothness
from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.families.base import Family, Variables, Variational
from jaxgen.families.capabilities import HasBound


class Amount(NamedTuple):
    """How much is measured; more takes longer and gives narrower intervals."""

    count: int  # digits to draw
    likely: int  # real digits for the likelihood by importance
    samples: int  # codes for each of these digits
    coded: int  # real digits for the bits per dimension of diffusion, over all noise levels


QUICK = Amount(count=5000, likely=500, samples=500, coded=128)
FULL = Amount(count=10_000, likely=10_000, samples=5000, coded=10_000)


class Real(NamedTuple):
    """The figures of real digits: the same for all models with one amount, so measured once."""

    reference: Reference
    useful: Estimate | None  # classification accuracy score of as many real training digits
    parzen: Parzen  # windows about as many real training digits


class Likelihood(NamedTuple):
    """The bound by importance of black and white digits, in nats an image."""

    static: Estimate
    dynamic: Estimate
    samples: int


@dataclasses.dataclass(frozen=True)
class Suite:
    """The figures of one model, and the digits that were drawn for them."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    labels: np.ndarray  # the digits asked for: int32 [n]
    drawing: float  # seconds of drawing, compilation included
    report: Report
    codes: Codes
    smoothness: Smoothness
    # The classification accuracy score; None if there are few digits, or the family is not
    # conditional.
    useful: Estimate | None
    parzen: Parzen
    likelihood: Likelihood | None  # for families with a posterior and black or white pixels
    bits: Estimate | None  # per pixel, for families that give images of 256 greys a probability
    real: Real

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

    def __str__(self) -> str:
        return "\n".join([self.report.table(), "", *self.lines()])

    def lines(self) -> list[str]:
        """The figures beyond the report, as sentences."""
        one, many = self.report.nouns
        s, p, n = self.smoothness, self.parzen, self.report.n
        frames = f", {s.recognised.value:.1%} of the frames recognised" if s.recognised else ""
        lines = [
            *self.codes.lines(one),
            f"interpolation within a {one}: largest step {s.unevenness:.2f} times the mean, "
            f"detour {s.detour:.2f}{frames} (n = {s.ways})",
        ]
        if self.useful and self.real.useful:
            lines.append(
                f"classification accuracy score (CAS): {self.useful.value:.2%}; "
                f"of as many real {many} {self.real.useful.value:.2%} (n = {n})"
            )
        if self.likelihood:
            static, dynamic, samples = self.likelihood
            lines.append(
                f"-log p of black and white {many}, {samples} codes each: "
                f"static {static}, dynamic {dynamic} nats (n = {static.n})"
            )
        if self.bits:
            lines.append(f"bound in bits per dimension: {self.bits} (n = {self.bits.n})")
        lines.append(
            f"Parzen windows, for history: {p.log_density} nats at sigma {p.sigma:.3f}; "
            f"about real {many} {self.real.parzen.log_density} (n = {p.samples})"
        )
        return lines


def real_figures(judge: Judge, digits: Digits, n: int, against: reference.Against) -> Real:
    """The figures of n real digits. Raises UserError if n is too small or too large, so call it
    before drawing."""
    measured = reference.measure(judge, digits, n, against)
    train = partition.subset(digits.train, min(n, len(digits.train.labels)))
    held_out = reference.real_digits(digits, against)
    windows = parzen.measure(held_out.images, train.images, digits.valid)
    return Real(measured, _useful(train, held_out, digits), windows)


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
    """Measure all that applies to the family. ``progress(line)`` gets the next step."""
    against = real.reference.against
    held_out = reference.real_digits(digits, against)
    asked = reference.labels_for(family, held_out.labels, amount.count, digits.learned)
    progress(f"drawing {amount.count} digits")
    began = time.perf_counter()
    drawn = pixels.to_uint8(sampling.draw(family, variables, asked, seed))
    seconds = time.perf_counter() - began
    progress("judging them")
    report = evaluate(drawn, asked, digits.source, judge, seed, reference=real.reference)
    windows = parzen.measure(held_out.images, drawn, digits.valid)
    useful = None
    if family.is_conditional:
        progress("training a classifier on them")
        useful = _useful(Split(drawn, asked), held_out, digits)
    progress("encoding real digits")
    coding = codes.measure(family, variables, digits, against)
    smooth = smoothness.measure(family, variables, judge, seed, digits.learned)
    few = partition.subset(held_out, min(amount.likely, len(held_out.labels)))
    likely = None
    if isinstance(family, Variational) and family.is_bernoulli:
        likely = _likelihood(family, variables, few, amount.samples, seed, progress)
    bits = None
    if isinstance(family, HasBound) and not isinstance(family, Variational):
        few = partition.subset(held_out, min(amount.coded, len(held_out.labels)))
        bits = mean(likelihood.of_greys(family, variables, few, seed, _counting(progress, few)))
    return Suite(drawn, asked, seconds, report, coding, smooth, useful, windows, likely, bits, real)


def _useful(train, test, digits):
    """The classification accuracy score; None for few digits, or digits that are all the same."""
    enough = len(train.labels) >= cas.LEAST and np.ptp(train.labels) > 0
    network = Network(classes=len(digits.names))
    return cas.score(train, test, network=network) if enough else None


def _likelihood(family, variables, few, samples, seed, progress):
    counting = _counting(progress, few)

    def estimate(binarisation: likelihood.Binarisation) -> Estimate:
        return mean(
            likelihood.importance(family, variables, few, samples, binarisation, seed, counting)
        )

    return Likelihood(estimate("static"), estimate("dynamic"), samples)


def _counting(progress, few):
    return lambda done: progress(f"likelihood of real digits: {done} of {len(few.labels)}")


def plain(figure: Any) -> Any:
    """A figure as JSON can hold it: named tuples become dictionaries, at all depths."""
    if isinstance(figure, Estimate):
        return figure.to_dict()
    if hasattr(figure, "_asdict"):
        return {name: plain(value) for name, value in figure._asdict().items()}
    return figure
