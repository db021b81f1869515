"""The orderings of the course, as statements about two families each. Figures decide them.

The course does not define how costs or quality are measured, so an ordering is tested under several
definitions. A statement holds, does not hold, or is not separable: the interval of the difference
contains 0.
"""

import itertools
import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jaxgen.evaluation.statistics import Estimate

Relation = Literal[">", ">>", "~"]
Verdict = Literal["holds", "does not hold", "not separable"]

MUCH = 10.0  # times as much, for ">>"
ALIKE = 2.0  # times as much at most, for "~"


class Opinion(NamedTuple):
    """The name of a family, and the opinion of the course."""

    name: str
    good: str
    bad: str


COURSE = {
    "ae": Opinion("AE", "simple, fast to train, interpretable", "weak generation, blurred"),
    "vae": Opinion(
        "VAE", "continuous latent space, interpolation", "blurred, balance of two terms"
    ),
    "cvae": Opinion("CVAE", "control over the digit", "more complex, needs labels"),
    "vqvae": Opinion("VQ-VAE", "sharper, good compression", "codebook size, quantisation"),
    "gan": Opinion("GAN", "sharp, realistic", "unstable training, mode collapse"),
    "ddpm": Opinion("Diffusion", "best quality, stable training", "slow sampling, heavy"),
}


class Ordering(NamedTuple):
    """Families in the order of the course, the largest first."""

    name: str
    text: str  # names and relations

    def pairs(self) -> list[tuple[str, Relation, str]]:
        """All statements about two families that follow from the ordering: neighbours first,
        statements with "~" last."""
        family = {opinion.name: family for family, opinion in COURSE.items()}
        names, relations = self.text.split()[::2], self.text.split()[1::2]
        pairs: list[tuple[float, tuple[str, Any, str]]] = []
        for (i, left), (j, right) in itertools.combinations(enumerate(names), 2):
            between = relations[i:j]
            steps = sum(relation != "~" for relation in between)
            strongest = max(between, key=("~", ">", ">>").index)
            pairs.append((steps or math.inf, (family[left], strongest, family[right])))
        return [pair for _, pair in sorted(pairs, key=lambda item: item[0])]


TRAINING = Ordering("cost of training", "Diffusion > GAN > VQ-VAE > CVAE > VAE > AE")
SAMPLING = Ordering("cost of sampling", "Diffusion >> VQ-VAE > GAN ~ CVAE ~ VAE ~ AE")
QUALITY = Ordering("quality of samples", "Diffusion > GAN > VQ-VAE > CVAE > VAE > AE")


class Statement(NamedTuple):
    """A statement of the course about two families, and the verdict of the figures."""

    left: str
    relation: Relation
    right: str
    verdict: Verdict
    evidence: str

    def __str__(self) -> str:
        return f"{self.left} {self.relation}\N{NO-BREAK SPACE}{self.right}"


class Claim(NamedTuple):
    """An ordering of the course under one definition of cost or quality."""

    ordering: Ordering
    by: str  # the definition
    figures: Mapping[str, Estimate]  # by family
    less_is_more: bool = False  # a smaller distance is more quality; for orderings by ">" alone

    @property
    def ranked(self) -> list[str]:
        """The families in the order of the figures, the largest cost or quality first."""
        more = not self.less_is_more
        return sorted(self.figures, key=lambda family: self.figures[family].value, reverse=more)

    @property
    def statements(self) -> list[Statement]:
        """The statements about families that have a figure."""
        statements = []
        for left, relation, right in self.ordering.pairs():
            if left in self.figures and right in self.figures:
                a, b = self.figures[left], self.figures[right]
                verdict = decide(b, relation, a) if self.less_is_more else decide(a, relation, b)
                statements.append(Statement(left, relation, right, verdict, f"{a} against {b}"))
        return statements

    @property
    def verdict(self) -> Verdict:
        """An ordering holds if all its statements hold, and does not hold if one of them does
        not."""
        verdicts = {statement.verdict for statement in self.statements}
        if "does not hold" in verdicts:
            return "does not hold"
        return "holds" if verdicts == {"holds"} else "not separable"

    def to_dict(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "ordering": self.ordering.name,
            "course": self.ordering.text,
            "by": self.by,
            "figures": {
                family: {"value": figure.value, "half": figure.half if figure.is_known else None}
                for family, figure in self.figures.items()
            },
            "found": self.ranked,
            "statements": [statement._asdict() for statement in self.statements],
            "verdict": self.verdict,
        }


def decide(left: Estimate, relation: Relation, right: Estimate) -> Verdict:
    """Whether a relation holds between two figures; ">>" and "~" are for figures above 0.

    a > b holds if the interval of a - b lies above 0, and does not hold if it lies below 0. a >> b
    means a > MUCH b. a ~ b means that neither figure is above ALIKE times the other.
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
