"""The watch for mode collapse: whether all digits are still drawn, and in all their kinds.

The losses of players who learn against each other do not tell. So some hundreds of digits, none in
particular asked for, are shown to the judge, who says which digits they are and how many of the
real ones lie near one of them.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.arrays import DIGITS
from jaxgen.data import Digits, partition
from jaxgen.evaluation import judge, metrics
from jaxgen.evaluation.report import blind
from jaxgen.images import to_uint8
from jaxgen.training.folder import read_log

COUNT = 500  # digits drawn at each look
NEIGHBOURS = 5  # of ``metrics.prdc``; with fewer real digits than that there is no coverage
# What counts as a collapse. Of 500 real digits, the rarest is 8 % by chance, and they cover 0.90 to
# 0.94 of 500 others.
RARE = 0.2  # of a digit's share among the training digits: 2 % where all are equally many
NARROW = 0.3  # coverage


class Seen(NamedTuple):
    """What the judge makes of some drawn digits."""

    histogram: tuple[int, ...]  # how many are taken for each digit
    coverage: float  # share of the real digits with a drawn one near; 1 where those are too few


def last(looks: Path) -> Seen | None:
    """What was seen at the last look of a run, by its ``watch.jsonl``; None where was none."""
    if not (seen := read_log(looks)):
        return None
    return Seen(tuple(seen[-1]["histogram"]), seen[-1]["coverage"])


class Watch:
    """The judge, and the real digits that drawn ones are held against: validation digits, as many
    as are drawn or as there are."""

    def __init__(self, digits: Digits):
        self._judge = judge.load()
        self._shares = np.bincount(digits.train.labels, minlength=DIGITS) / len(digits.train.labels)
        count = min(COUNT, len(digits.valid.labels))
        self._real, self._reads = None, True
        if count:
            real = partition.subset(digits.valid, count)
            logits, features = judge.look(self._judge, real.images)
            self._reads = blind(metrics.accuracy(logits, real.labels)) is None
            self._real = features if count > NEIGHBOURS else None

    def see(self, images: np.ndarray) -> Seen:
        """Judge images [n, 28, 28, 1], uint8 or in [0, 1]."""
        logits, features = judge.look(self._judge, to_uint8(images))
        coverage = 1.0
        if self._real is not None:
            features = features[: len(self._real)]  # at equal numbers, or it would be more
            coverage = metrics.prdc(self._real, features, NEIGHBOURS).coverage
        return Seen(metrics.histogram(logits), coverage)

    def collapse(self, seen: Seen) -> str | None:
        """What makes a mode collapse of it, in words; None where it is none, or where the judge
        cannot read even the real digits."""
        if not self._reads:
            return None
        drawn = sum(seen.histogram)
        rare = [
            f"{count} look like {digit}"
            for digit, count in enumerate(seen.histogram)
            if count < RARE * self._shares[digit] * drawn
        ]
        reasons = [f"of {drawn} digits drawn, {', '.join(rare)}"] if rare else []
        if seen.coverage < NARROW:
            reasons.append(f"only {seen.coverage:.0%} of the real digits have a drawn one near")
        return "; ".join(reasons) or None
