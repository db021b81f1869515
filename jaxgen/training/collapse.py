"""The monitor for mode collapse: does the model still draw all digits, in all their variety?

The losses of players that learn against each other do not show this. So the model draws some
hundreds of digits without a label. The judge classifies them, and measures how many real digits lie
near a drawn one.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.classes import nouns
from jaxgen.data import Digits, partition
from jaxgen.evaluation import judge, metrics
from jaxgen.images import to_uint8
from jaxgen.training.folder import read_log

COUNT = 500  # digits drawn at each look
NEIGHBOURS = 5  # for ``metrics.prdc``; coverage needs more real digits than this
# Below these limits it is a collapse. In 500 real digits, the rarest digit has 8 % by chance, and
# they cover 0.90 to 0.94 of 500 other real digits.
RARE = 0.2  # times the fraction of a digit in the training digits: 2 % if all are equally many
NARROW = 0.3  # coverage


class Look(NamedTuple):
    """The judge's view of some drawn digits."""

    histogram: tuple[int, ...]  # count of each digit
    coverage: float  # fraction of real digits near a drawn one; 1 if there are too few real digits


def last(looks: Path) -> Look | None:
    """The last look in the ``watch.jsonl`` of a run; None if there is none."""
    if not (records := read_log(looks)):
        return None
    return Look(tuple(records[-1]["histogram"]), records[-1]["coverage"])


def monitor(digits: Digits) -> "Monitor | None":
    """The monitor of a training on these digits; None if no judge reads them."""
    return None if judge.caution(judge.of(digits), digits) else Monitor(digits)


class Monitor:
    """The judge, and validation digits to compare drawn digits with: as many as are drawn, or all
    if there are fewer."""

    def __init__(self, digits: Digits):
        self._judge = judge.of(digits)
        labels = digits.train.labels
        self._shares = np.bincount(labels, minlength=len(digits.names)) / len(labels)
        count = min(COUNT, len(digits.valid.labels))
        self._names, self._real = digits.names, None
        if count > NEIGHBOURS:
            real = partition.subset(digits.valid, count)
            self._real = judge.look(self._judge, real.images)[1]

    def look(self, images: np.ndarray) -> Look:
        """Judge images [n, 28, 28, 1], uint8 or in [0, 1]."""
        logits, features = judge.look(self._judge, to_uint8(images))
        coverage = 1.0
        if self._real is not None:
            features = features[: len(self._real)]  # more drawn digits would cover more
            coverage = metrics.prdc(self._real, features, NEIGHBOURS).coverage
        return Look(metrics.histogram(logits), coverage)

    def collapse(self, look: Look) -> str | None:
        """Why a look shows a mode collapse, in words; None if it shows none."""
        drawn = sum(look.histogram)
        rare = [
            f"{count} look like {name}"
            for name, count, share in zip(self._names, look.histogram, self._shares, strict=True)
            if count < RARE * share * drawn
        ]
        reasons = [f"of {drawn} {nouns(self._names)[1]} drawn, {', '.join(rare)}"] if rare else []
        if look.coverage < NARROW:
            many = nouns(self._names)[1]
            reasons.append(f"only {look.coverage:.0%} of the real {many} have a drawn one near")
        return "; ".join(reasons) or None
