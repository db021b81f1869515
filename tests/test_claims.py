"""What figures with intervals say of the course's orderings."""

import math

import pytest

from jaxgen.compare import claims
from jaxgen.compare.claims import Estimate, decide


def test_an_estimate_has_the_interval_of_students_t():
    found = claims.estimate([1.0, 2.0, 3.0])
    assert found.value == 2 and found.n == 3
    assert found.half == pytest.approx(4.302653 / math.sqrt(3), rel=1e-5)
    once = claims.estimate([5.0])
    assert once.value == 5 and math.isinf(once.half)
    assert str(once) == "5, once"
    assert str(Estimate(14900.0, 0, 1)) == "14,900"
    assert str(Estimate(1.2345, 0, 1)) == "1.234"
    assert str(Estimate(16.853, 1.4, 3)) == "16.9 ± 1.4"
    assert str(Estimate(0.15652, 0.0051, 3)) == "0.1565 ± 0.0051"
    assert str(Estimate(1234.5, 120.4, 3)) == "1,234 ± 120"


def test_a_chain_says_something_of_every_two():
    pairs = claims.QUALITY.pairs()
    assert len(pairs) == 15 and {relation for _, relation, _ in pairs} == {">"}
    assert pairs[:2] == [("ddpm", ">", "gan"), ("gan", ">", "vqvae")]


def test_the_ordering_of_sampling_has_much_and_alike():
    pairs = claims.SAMPLING.pairs()
    assert len(pairs) == 15
    assert ("ddpm", ">>", "vqvae") in pairs and ("ddpm", ">>", "ae") in pairs
    assert ("vqvae", ">", "gan") in pairs and ("vae", "~", "ae") in pairs


@pytest.mark.parametrize(
    ("left", "relation", "right", "verdict"),
    [
        ((2.0, 0.3), ">", (1.0, 0.4), "holds"),
        ((1.0, 0.3), ">", (2.0, 0.4), "does not hold"),
        ((2.0, 0.8), ">", (1.0, 0.8), "not separable"),
        ((2.0, math.inf), ">", (1.0, 0.1), "not separable"),
        ((20.0, 1.0), ">>", (1.0, 0.1), "holds"),
        ((5.0, 1.0), ">>", (1.0, 0.1), "does not hold"),
        ((10.0, 1.0), ">>", (1.0, 0.1), "not separable"),
        ((1.0, 0.1), "~", (1.5, 0.1), "holds"),
        ((1.5, 0.1), "~", (1.0, 0.1), "holds"),
        ((1.0, 0.1), "~", (4.0, 0.1), "does not hold"),
        ((1.0, 0.1), "~", (2.0, 0.3), "not separable"),
    ],
)
def test_what_is_decided(left, relation, right, verdict):
    assert decide(Estimate(*left, 3), relation, Estimate(*right, 3)) == verdict


def test_less_distance_is_more_quality():
    figures = {"gan": Estimate(0.02, 0.001, 3), "ae": Estimate(0.08, 0.002, 3)}
    found = claims.statements(claims.QUALITY, figures, less_is_more=True)
    assert [(s.left, s.right, s.verdict) for s in found] == [("gan", "ae", "holds")]
    assert found[0].evidence == "0.0200 ± 0.0010 against 0.0800 ± 0.0020"
    assert claims.verdict(found) == "holds"
    other = claims.statements(claims.QUALITY, figures)
    assert other[0].verdict == "does not hold" and claims.verdict(other) == "does not hold"


def test_an_ordering_is_open_while_a_statement_is():
    holds, open_ = (
        claims.Statement("a", ">", "b", verdict, "") for verdict in ("holds", "not separable")
    )
    assert claims.verdict([holds, open_]) == "not separable"
    assert claims.verdict([]) == "not separable"
