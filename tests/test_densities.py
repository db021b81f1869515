"""Densities of codes: what was fitted is what is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import densities
from jaxgen.arrays import NO_DIGIT

KEYS = jax.random.split(jax.random.key(0), 4000)


def two_lumps(digit, count, rng):
    """Codes in two lumps of unequal weight, about (digit, -2) and (digit, 2)."""
    side = np.where(rng.random(count) < 0.25, -2.0, 2.0)
    return np.stack([np.full(count, digit), side], 1) + 0.3 * rng.standard_normal((count, 2))


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 300)
    return np.concatenate([two_lumps(digit, 300, rng) for digit in range(10)]), labels


def test_a_gaussian_has_the_mean_and_the_covariance_of_its_digit(codes):
    fitted = densities.fit(*codes, components=1)
    drawn = densities.draw(fitted, KEYS, jnp.full(4000, 7))
    own = codes[0][codes[1] == 7]
    assert np.allclose(drawn.mean(0), own.mean(0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(own.T), atol=0.15)


def test_a_mixture_finds_lumps_that_a_gaussian_does_not(codes):
    fitted = densities.fit(*codes, components=2)
    drawn = np.asarray(densities.draw(fitted, KEYS, jnp.full(4000, 7)))
    assert np.allclose(np.sort(fitted.means[7, :, 1]), [-2, 2], atol=0.2)
    assert abs((drawn[:, 1] < 0).mean() - 0.25) < 0.06
    assert (np.abs(drawn[:, 1]) < 1).mean() < 0.01  # nothing between the lumps
    again = densities.fit(*codes, components=2)
    assert all(map(np.array_equal, jax.tree.leaves(fitted), jax.tree.leaves(again)))


def test_any_digit_is_drawn_as_often_as_it_occurs():
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 8], [300, 100])
    codes = np.concatenate([two_lumps(d, n, rng) for d, n in ((2, 300), (8, 100))])
    fitted = densities.fit(codes, labels, components=1)
    drawn = np.asarray(densities.draw(fitted, KEYS, jnp.full(4000, NO_DIGIT)))
    assert abs((drawn[:, 0] > 5).mean() - 0.25) < 0.04


def test_few_codes_get_one_gaussian_and_none_stay_standard():
    codes = np.array([[1.0, 1.0], [1.0, 3.0], [2.0, 2.0]])
    fitted = densities.fit(codes, np.array([4, 4, 5]), components=3)
    assert fitted.weights[4].tolist() == [1, 0, 0]
    assert np.allclose(fitted.means[4, 0], [1, 2])
    assert np.array_equal(fitted.factors[6, 0], np.eye(2))
    drawn = densities.draw(fitted, KEYS, jnp.full(4000, 6))
    assert np.isfinite(drawn).all()
    assert np.allclose(np.cov(drawn.T), np.eye(2), atol=0.1)
