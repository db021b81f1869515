"""The orderings of the course, as statements about two families each that figures decide.

    training   Diffusion > GAN > VQ-VAE > CVAE > VAE > AE
    sampling   Diffusion >> VQ-VAE > GAN ~ CVAE ~ VAE ~ AE
    quality    Diffusion > GAN > VQ-VAE > CVAE > VAE > AE

The course does not say how costs or quality are to be measured, so an ordering is tested under each
definition that there is. A statement holds, does not hold, or is left open where the intervals of
the two figures do not let them be told apart.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from scipy import stats

Relation = Literal[">", ">>", "~"]
Verdict = Literal["holds", "does not hold", "not separable"]

MUCH = 10.0  # times as much, for ">>"
ALIKE = 2.0  # times as much at most, for "~"


class Estimate(NamedTuple):
    """A figure and the half width of its 95 % interval, which is of so many values."""

    value: float
    half: float  # infinite where one value says nothing of the spread
    n: int

    def __str__(self) -> str:
        if not self.half or not math.isfinite(self.half):
            value = f"{self.value:,.0f}" if abs(self.value) >= 1e4 else f"{self.value:.4g}"
            return f"{value}, once" if self.half else value
        places = max(1 - math.floor(math.log10(self.half)), 0)
        return f"{self.value:,.{places}f} ± {self.half:,.{places}f}"


def estimate(values: Sequence[float], comparisons: int = 1) -> Estimate:
    """The mean of some values, with the interval of Student's t; as one of so many ``comparisons``,
    with one such that all of theirs hold together with 95 % (Bonferroni 1936)."""
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, math.inf, 1)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return Estimate(
        mean, float(stats.t.ppf(1 - 0.025 / comparisons, n - 1)) * math.sqrt(variance / n), n
    )


class Pair(NamedTuple):
    """What the course says of two families."""

    left: str
    relation: Relation
    right: str


@dataclass(frozen=True)
class Ordering:
    """Tiers of families, the most first. Families of one tier are alike; ``much`` says after which
    tiers (0 for the first) the next is much less."""

    name: str
    text: str
    tiers: tuple[tuple[str, ...], ...]
    much: tuple[int, ...] = ()

    def pairs(self) -> list[Pair]:
        """All statements about two families that follow from it, neighbours first."""
        found: list[Pair] = []
        for distance in range(1, len(self.tiers)):
            for i, (upper, lower) in enumerate(
                zip(self.tiers, self.tiers[distance:], strict=False)
            ):
                much = any(i <= place < i + distance for place in self.much)
                found += [Pair(a, ">>" if much else ">", b) for a in upper for b in lower]
        for tier in self.tiers:
            found += [Pair(a, "~", b) for a, b in itertools.combinations(tier, 2)]
        return found


_CHAIN = (("ddpm",), ("gan",), ("vqvae",), ("cvae",), ("vae",), ("ae",))
TRAINING = Ordering("cost of training", "Diffusion > GAN > VQ-VAE > CVAE > VAE > AE", _CHAIN)
SAMPLING = Ordering(
    "cost of sampling",
    "Diffusion >> VQ-VAE > GAN ~ CVAE ~ VAE ~ AE",
    (("ddpm",), ("vqvae",), ("gan", "cvae", "vae", "ae")),
    much=(0,),
)
QUALITY = Ordering("quality of samples", "Diffusion > GAN > VQ-VAE > CVAE > VAE > AE", _CHAIN)


class Statement(NamedTuple):
    """What the course says of two families under one definition, and what the figures say."""

    left: str
    relation: Relation
    right: str
    verdict: Verdict
    evidence: str


def decide(left: Estimate, relation: Relation, right: Estimate) -> Verdict:
    """Whether a relation holds between two figures; ">>" and "~" are of figures above 0.

    a > b holds where the interval of a - b lies above 0, and does not where it lies below; a >> b
    is a > MUCH b, and a ~ b is that neither is above ALIKE times the other.
    """
    if relation == ">":
        return _above(left, right)
    if relation == ">>":
        return _above(left, _times(right, MUCH))
    larger, smaller = (left, right) if left.value >= right.value else (right, left)
    return _above(_times(smaller, ALIKE), larger)


def _above(left: Estimate, right: Estimate) -> Verdict:
    difference, half = left.value - right.value, math.hypot(left.half, right.half)
    if abs(difference) <= half:
        return "not separable"
    return "holds" if difference > 0 else "does not hold"


def _times(one: Estimate, factor: float) -> Estimate:
    return Estimate(factor * one.value, factor * one.half, one.n)


def statements(
    ordering: Ordering, figures: Mapping[str, Estimate], *, less_is_more: bool = False
) -> list[Statement]:
    """Decide all pairs of families that have a figure. With ``less_is_more`` a smaller figure is
    more of what is ordered, as a smaller distance is more quality; only for orderings of ">"."""
    found = []
    for left, relation, right in ordering.pairs():
        if left not in figures or right not in figures:
            continue
        a, b = figures[left], figures[right]
        verdict = decide(b, relation, a) if less_is_more else decide(a, relation, b)
        found.append(Statement(left, relation, right, verdict, f"{a} against {b}"))
    return found


def verdict(found: Sequence[Statement]) -> Verdict:
    """Of an ordering as a whole: it holds if all of its statements do, and does not if one does
    not."""
    verdicts = {statement.verdict for statement in found}
    if "does not hold" in verdicts:
        return "does not hold"
    return "holds" if verdicts == {"holds"} else "not separable"
