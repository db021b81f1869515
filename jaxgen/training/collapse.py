"""The monitor for mode collapse: whether all digits are still drawn, and in all their kinds.

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


class Look(NamedTuple):
    """What the judge makes of some drawn digits."""

    histogram: tuple[int, ...]  # how many are taken for each digit
    coverage: float  # share of the real digits with a drawn one near; 1 where those are too few


def last(looks: Path) -> Look | None:
    """The last look at a run, by its ``watch.jsonl``; None where there was none."""
    if not (found := read_log(looks)):
        return None
    return Look(tuple(found[-1]["histogram"]), found[-1]["coverage"])


class Monitor:
    """The judge, and the real digits that drawn ones are held against: validation digits, as many
    as are drawn or as there are."""

    def __init__(self, digits: Digits):
        self._judge = judge.load()
        self._shares = np.bincount(digits.train.labels, minlength=DIGITS) / len(digits.train.labels)
        count = min(COUNT, len(digits.valid.labels))
        self._real, self._can_read = None, True
        if count:
            real = partition.subset(digits.valid, count)
            logits, features = judge.look(self._judge, real.images)
            self._can_read = blind(metrics.accuracy(logits, real.labels)) is None
            self._real = features if count > NEIGHBOURS else None

    def look(self, images: np.ndarray) -> Look:
        """Judge images [n, 28, 28, 1], uint8 or in [0, 1]."""
        logits, features = judge.look(self._judge, to_uint8(images))
        coverage = 1.0
        if self._real is not None:
            features = features[: len(self._real)]  # at equal numbers, or it would be more
            coverage = metrics.prdc(self._real, features, NEIGHBOURS).coverage
        return Look(metrics.histogram(logits), coverage)

    def collapse(self, look: Look) -> str | None:
        """Why a look shows a mode collapse, in words; None where it shows none, or where the judge
        cannot read even the real digits."""
        if not self._can_read:
            return None
        drawn = sum(look.histogram)
        rare = [
            f"{count} look like {digit}"
            for digit, count in enumerate(look.histogram)
            if count < RARE * self._shares[digit] * drawn
        ]
        reasons = [f"of {drawn} digits drawn, {', '.join(rare)}"] if rare else []
        if look.coverage < NARROW:
            reasons.append(f"only {look.coverage:.0%} of the real digits have a drawn one near")
        return "; ".join(reasons) or None
