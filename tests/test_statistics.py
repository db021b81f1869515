"""Figures with intervals."""

import math

import numpy as np
import pytest

from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate


def test_a_mean_has_the_interval_of_students_t():
    found = statistics.mean([1.0, 2.0, 3.0])
    assert found.value == 2 and found.n == 3
    assert found.half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-5)
    assert statistics.mean([2.0, 2.0, 2.0])[:3] == (2, 2, 2)
    # The half width by a table: 12.706 and, for one of five comparisons, 63.657; times 1.
    low, high = 2 - 12.706, 2 + 12.706
    assert statistics.mean([1.0, 3.0])[:3] == pytest.approx((2, low, high), abs=1e-3)
    assert statistics.mean([1.0, 3.0], 5).half == pytest.approx(63.657, abs=1e-3)
    once = statistics.mean([5.0])
    assert once.value == 5 and math.isinf(once.half) and not once.is_known and once.sign == 0
    many = statistics.mean(np.random.default_rng(1).normal(5, 1, 400))
    assert many.half == pytest.approx(1.966 / 20, rel=0.1)


def test_an_estimate_is_written_with_two_digits_of_its_interval():
    def text(value, half):
        return str(Estimate(value, value - half, value + half, 3))

    assert str(statistics.mean([5.0])) == "5, once"
    assert str(statistics.exact(14900.0)) == "14,900"
    assert str(statistics.exact(1.2345)) == "1.234"
    assert text(16.853, 1.4) == "16.9 ± 1.4"
    assert text(0.15652, 0.0051) == "0.1565 ± 0.0051"
    assert text(1234.5, 120.4) == "1,234 ± 120"
    assert text(78.2743, 0.1) == "78.27 ± 0.10"
    assert Estimate(0.8, 0.7, 0.85, 9).within() == "0.80 (0.70 to 0.85)"


def test_a_sign_asks_for_an_interval_on_one_side():
    signs = [statistics.mean(x).sign for x in ([1.0, 1.1], [-1.0, -1.1], [1.0, -1.1], [5.0])]
    assert signs == [1, -1, 0, 0]


def test_json_has_no_infinity():
    assert statistics.mean([5.0]).to_dict() == {
        "value": 5.0,
        "low": None,
        "high": None,
        "n": 1,
        "half": None,
    }
    assert statistics.exact(2.0).times(3).to_dict()["high"] == 6


def test_the_interval_of_a_proportion():
    # Newcombe 1998, table I.
    assert statistics.proportion(81, 263)[1:3] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.proportion(0, 20)[1:3] == pytest.approx((0, 0.1611), abs=5e-5)
    assert statistics.proportion(20, 20)[2] == pytest.approx(1)


def test_a_correlation_has_the_interval_of_fisher():
    a = np.arange(28.0)
    b = a + 10 * np.sin(a)
    found = statistics.correlation(np.append(a, np.nan), np.append(b, 1.0))
    r = np.corrcoef(a, b)[0, 1]
    assert found.n == 28 and found.value == pytest.approx(r)
    assert np.arctanh(found[1:3]) == pytest.approx(
        np.arctanh(r) + np.array([-1, 1]) * 1.96 / 5, abs=1e-4
    )
    assert math.isnan(statistics.correlation(a, np.ones(28)).value)
