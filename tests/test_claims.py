"""What figures with intervals say of the course's orderings."""

import math

import pytest

from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import claims
from jaxgen.experiments.claims import Claim, decide


def about(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 3)


def test_a_chain_says_something_of_every_two():
    pairs = claims.QUALITY.pairs()
    assert len(pairs) == 15 and {relation for _, relation, _ in pairs} == {">"}
    assert pairs[:2] == [("ddpm", ">", "gan"), ("gan", ">", "vqvae")]


def test_the_ordering_of_sampling_has_much_and_alike():
    pairs = claims.SAMPLING.pairs()
    assert len(pairs) == 15
    assert pairs[:2] == [("ddpm", ">>", "vqvae"), ("vqvae", ">", "gan")]
    assert ("ddpm", ">>", "ae") in pairs and pairs[-1] == ("vae", "~", "ae")


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
    assert decide(about(*left), relation, about(*right)) == verdict


def test_less_distance_is_more_quality():
    figures = {"gan": about(0.02, 0.001), "ae": about(0.08, 0.002)}
    claim = Claim(claims.QUALITY, "distance", figures, less_is_more=True)
    assert [(s.left, s.right, s.verdict) for s in claim.statements] == [("gan", "ae", "holds")]
    assert claim.statements[0].evidence == "0.0200 ± 0.0010 against 0.0800 ± 0.0020"
    assert claim.verdict == "holds" and claim.ranked == ["gan", "ae"]
    other = claim._replace(less_is_more=False)
    assert other.verdict == other.statements[0].verdict == "does not hold"
    assert other.ranked == ["ae", "gan"]


def test_an_ordering_is_open_while_a_statement_is():
    figures = {"gan": about(3, 0.1), "vae": about(2, 0.1), "ae": about(2, 0.1)}
    claim = Claim(claims.QUALITY, "recognised", figures)
    verdicts = [statement.verdict for statement in claim.statements]
    assert verdicts == ["not separable", "holds", "holds"]
    assert claim.verdict == "not separable"
    assert Claim(claims.QUALITY, "recognised", {}).verdict == "not separable"
