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
from typing import Any, Literal, NamedTuple

from jaxgen.evaluation.statistics import Estimate

Relation = Literal[">", ">>", "~"]
Verdict = Literal["holds", "does not hold", "not separable"]

MUCH = 10.0  # times as much, for ">>"
ALIKE = 2.0  # times as much at most, for "~"

COURSE = {  # what the course says of each family
    "ae": ("simple, fast to train, interpretable", "weak generation, blurred"),
    "vae": ("continuous latent space, interpolation", "blurred, balance of two terms"),
    "cvae": ("control over the digit", "more complex, needs labels"),
    "vqvae": ("sharper, good compression", "codebook size, quantisation"),
    "gan": ("sharp, realistic", "unstable training, mode collapse"),
    "ddpm": ("best quality, stable training", "slow sampling, heavy"),
}


@dataclass(frozen=True)
class Ordering:
    """Tiers of families, the most first. Families of one tier are alike; ``much`` says after which
    tiers (0 for the first) the next is much less."""

    name: str
    text: str
    tiers: tuple[tuple[str, ...], ...]
    much: tuple[int, ...] = ()

    def pairs(self) -> list[tuple[str, Relation, str]]:
        """All statements about two families that follow from it, neighbours first."""
        found: list[Any] = []
        for distance in range(1, len(self.tiers)):
            for i, (upper, lower) in enumerate(
                zip(self.tiers, self.tiers[distance:], strict=False)
            ):
                much = any(i <= tier < i + distance for tier in self.much)
                relation: Relation = ">>" if much else ">"
                found += [(a, relation, b) for a in upper for b in lower]
        for tier in self.tiers:
            alike: Relation = "~"
            found += [(a, alike, b) for a, b in itertools.combinations(tier, 2)]
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


class Claim(NamedTuple):
    """An ordering of the course under one definition of what it orders."""

    ordering: Ordering
    by: str
    figures: Mapping[str, Estimate]  # by family
    less_is_more: bool = False
    """Whether a smaller figure is more of what is ordered, as a smaller distance is more quality;
    only for orderings of ">"."""

    @property
    def ranked(self) -> list[str]:
        """The families as the figures order them, the most first."""
        more = not self.less_is_more
        return sorted(self.figures, key=lambda one: self.figures[one].value, reverse=more)

    @property
    def statements(self) -> list[Statement]:
        """All pairs of families that have a figure, decided."""
        found = []
        for left, relation, right in self.ordering.pairs():
            if left in self.figures and right in self.figures:
                a, b = self.figures[left], self.figures[right]
                verdict = decide(b, relation, a) if self.less_is_more else decide(a, relation, b)
                found.append(Statement(left, relation, right, verdict, f"{a} against {b}"))
        return found

    @property
    def verdict(self) -> Verdict:
        """Of the ordering as a whole."""
        return whole(self.statements)

    def to_dict(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "ordering": self.ordering.name,
            "course": self.ordering.text,
            "by": self.by,
            "figures": {
                family: {"value": one.value, "half": one.half if one.is_known else None}
                for family, one in self.figures.items()
            },
            "found": self.ranked,
            "statements": [statement._asdict() for statement in self.statements],
            "verdict": self.verdict,
        }


def decide(left: Estimate, relation: Relation, right: Estimate) -> Verdict:
    """Whether a relation holds between two figures; ">>" and "~" are of figures above 0.

    a > b holds where the interval of a - b lies above 0, and does not where it lies below; a >> b
    is a > MUCH b, and a ~ b is that neither is above ALIKE times the other.
    """
    if relation == "~":
        larger, smaller = (left, right) if left.value >= right.value else (right, left)
        left, right = smaller.times(ALIKE), larger
    elif relation == ">>":
        right = right.times(MUCH)
    difference, half = left.value - right.value, math.hypot(left.half, right.half)
    if abs(difference) <= half:
        return "not separable"
    return "holds" if difference > 0 else "does not hold"


def whole(statements: Sequence[Statement]) -> Verdict:
    """An ordering holds if all of its statements do, and does not if one does not."""
    verdicts = {statement.verdict for statement in statements}
    if "does not hold" in verdicts:
        return "does not hold"
    return "holds" if verdicts == {"holds"} else "not separable"
