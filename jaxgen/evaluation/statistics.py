"""Figures with 95 % intervals: one type for means, proportions, differences and correlations."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats


class Estimate(NamedTuple):
    """A figure, and its 95 % interval."""

    value: float
    low: float  # minus infinity if there is no interval: the mean of one value
    high: float
    n: int  # number of values

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return float(f"{(self.high - self.low) / 2:.10g}")  # not 0.0999999999999943 for 0.1

    @property
    def is_known(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.half)

    @property
    def sign(self) -> int:
        """1 if the interval lies above 0, -1 if it lies below, else 0."""
        return (self.low > 0) - (self.high < 0)

    def times(self, factor: float | int) -> "Estimate":
        """The figure in another unit; ``factor`` is above 0."""
        return Estimate(factor * self.value, factor * self.low, factor * self.high, self.n)

    def __str__(self) -> str:
        if not self.half or not self.is_known:
            value = f"{self.value:,.0f}" if abs(self.value) >= 1e4 else f"{self.value:.4g}"
            return f"{value}, once" if self.half else value
        places = max(1 - math.floor(math.log10(self.half)), 0)
        return f"{self.value:,.{places}f} ± {self.half:,.{places}f}"

    def within(self, form: str = ".2f") -> str:
        """The figure and the ends of its interval, for intervals that are not symmetric."""
        return f"{self.value:{form}} ({self.low:{form}} to {self.high:{form}})"

    def to_dict(self) -> dict[str, Any]:
        """For ``json.dumps``; None replaces infinity, which JSON does not have."""
        fields = self._asdict() | {"half": self.half}
        return {name: x if math.isfinite(x) else None for name, x in fields.items()}


def exact(value: float) -> Estimate:
    """A figure without chance, such as a count."""
    return Estimate(value, value, value, 1)


def mean(values: Sequence[float] | np.ndarray, comparisons: int = 1) -> Estimate:
    """The mean of values, with the interval of Student's t. With several ``comparisons`` the
    interval is wider: the intervals of all comparisons together hold with 95 % (Bonferroni
    1936)."""
    n, value = len(values), math.fsum(values) / len(values)
    if n == 1:
        return Estimate(value, -math.inf, math.inf, 1)
    spread = math.sqrt(math.fsum((x - value) ** 2 for x in values) / (n - 1) / n)
    half = float(stats.t.ppf(1 - 0.025 / comparisons, n - 1)) * spread
    return Estimate(value, value - half, value + half, n)


def proportion(hits: int, n: int) -> Estimate:
    """The proportion of ``hits`` in ``n``, with the interval of Wilson (1927)."""
    low, high = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return Estimate(hits / n, float(low), float(high), n)


def correlation(a: np.ndarray, b: np.ndarray) -> Estimate:
    """Pearson's r of two figures of n images [n], with the interval of Fisher (1921). Images with a
    figure that is NaN are left out."""
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if len(a) < 4 or min(np.ptp(a), np.ptp(b)) == 0:
        return Estimate(math.nan, -1.0, 1.0, len(a))
    pearson: Any = stats.pearsonr(a, b)
    low, high = pearson.confidence_interval()
    return Estimate(float(pearson.statistic), float(low), float(high), len(a))
