"""Losses against closed forms, Monte Carlo and scipy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from jaxgen import losses

IMAGES = jax.random.uniform(jax.random.key(0), (3, 28, 28, 1))
LOGITS = 3 * jax.random.normal(jax.random.key(1), (3, 28, 28, 1))


def test_bernoulli_is_the_probability_of_black_and_white():
    binary = (IMAGES > 0.5).astype(jnp.float32)
    p = np.asarray(jax.nn.sigmoid(LOGITS), np.float64)
    expected = -stats.bernoulli.logpmf(np.asarray(binary), p).sum((1, 2, 3))
    assert np.allclose(losses.bernoulli(LOGITS, binary), expected, rtol=1e-5)


def test_cross_entropy_of_greys_is_the_mean_over_binarisations():
    draws = jax.random.bernoulli(jax.random.key(2), IMAGES, (400, *IMAGES.shape))
    means = jnp.stack([losses.bernoulli(LOGITS, d.astype(jnp.float32)) for d in draws]).mean(0)
    assert np.allclose(losses.bernoulli(LOGITS, IMAGES), means, rtol=0.01)


def test_gaussian_is_the_density_of_scipy_and_of_the_squared_error():
    expected = -stats.norm.logpdf(np.asarray(IMAGES), np.asarray(LOGITS), 0.3).sum((1, 2, 3))
    assert np.allclose(losses.gaussian(LOGITS, IMAGES, math.log(0.3)), expected, rtol=1e-5)
    half = losses.gaussian(LOGITS, IMAGES, 0.5 * math.log(0.5))
    constant = 784 * 0.5 * math.log(math.pi)
    assert np.allclose(half, losses.squared_error(LOGITS, IMAGES) + constant, rtol=1e-5)


@pytest.mark.parametrize("logit", [-8.0, -1.0, -0.1001, -0.0999, 0.0, 1e-4, 0.05, 0.5, 6.0])
def test_continuous_bernoulli_is_a_density_with_its_mean(logit):
    def density(x):
        image = jnp.full((1, 28, 28, 1), x)
        nats = losses.continuous_bernoulli(jnp.full((1, 28, 28, 1), logit), image)
        return math.exp(-float(nats[0]) / 784)

    points = np.linspace(0, 1, 201)
    values = np.array([density(x) for x in points])
    assert math.isclose(integrate.simpson(values, x=points), 1, rel_tol=1e-4)
    mean = integrate.simpson(points * values, x=points)
    found = losses.continuous_bernoulli_mean(jnp.full((1, 28, 28, 1), logit))
    assert np.allclose(found, mean, atol=1e-4)


@pytest.mark.parametrize("name", losses.LIKELIHOODS)
def test_likelihoods_have_gradients_everywhere_and_count_the_pixels_that_count(name):
    nats, mean = losses.LIKELIHOODS[name]
    logits = LOGITS.at[0, 0, 0, 0].set(0.0).at[0, 0, 1, 0].set(60.0).at[0, 0, 2, 0].set(-60.0)
    assert mean(logits).min() >= 0 and mean(logits).max() <= 1
    gradient = jax.grad(lambda x: nats(x, IMAGES, 0.0, 1.0).sum())(logits)
    assert jnp.isfinite(gradient).all()
    upper = jnp.zeros_like(IMAGES).at[:, :14].set(1)
    parts = nats(logits, IMAGES, 0.0, upper) + nats(logits, IMAGES, 0.0, 1 - upper)
    assert np.allclose(parts, nats(logits, IMAGES, 0.0, 1.0), rtol=1e-5)


def test_kl_is_zero_of_a_normal_with_itself_and_agrees_with_monte_carlo():
    assert not losses.kl_normal(jnp.zeros((2, 3)), jnp.zeros((2, 3))).any()
    mean, log_var = jnp.array([0.5, -1.0]), jnp.array([0.3, -0.7])
    prior = jnp.array([0.2, 0.4]), jnp.array([0.1, -0.2])
    draws = mean + jnp.exp(0.5 * log_var) * jax.random.normal(jax.random.key(3), (200_000, 2))
    for given in ((), prior):
        gaps = losses.log_normal(draws, mean, log_var) - losses.log_normal(draws, *given)
        closed = losses.kl_normal(mean, log_var, *given).sum()
        assert abs(gaps.mean() - closed) < 5 * gaps.std() / math.sqrt(len(draws))


def test_log_normal_is_that_of_scipy():
    found = losses.log_normal(jnp.array([0.3, 2.0]), jnp.array([0.1, 1.0]), jnp.array([0.0, 0.8]))
    expected = stats.norm.logpdf(0.3, 0.1) + stats.norm.logpdf(2.0, 1.0, math.exp(0.4))
    assert math.isclose(found, expected, rel_tol=1e-6)
