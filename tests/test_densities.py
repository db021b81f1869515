"""Densities of codes: what was fitted is what is drawn, and codes move from digit to digit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import densities
from jaxgen.classes import ANY

KEYS = jax.random.split(jax.random.key(0), 4000)


def two_lumps(digit, count, rng):
    """Codes in two lumps of unequal weight, about (digit, -2) and (digit, 2)."""
    side = np.where(rng.random(count) < 0.25, -2.0, 2.0)
    return np.stack([np.full(count, digit), side], 1) + 0.3 * rng.standard_normal((count, 2))


def noise(fitted):
    return densities.noise(KEYS, *fitted.means.shape)


@pytest.fixture(scope="module")
def codes():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 300)
    return np.concatenate([two_lumps(digit, 300, rng) for digit in range(10)]), labels


def test_a_gaussian_has_the_mean_and_the_covariance_of_its_digit(codes):
    fitted = densities.fit(*codes, classes=10, components=1)
    drawn = densities.draw(fitted, noise(fitted), jnp.full(4000, 7))
    own = codes[0][codes[1] == 7]
    assert np.allclose(drawn.mean(0), own.mean(0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(own.T), atol=0.15)


def test_a_mixture_finds_lumps_that_a_gaussian_does_not(codes):
    fitted = densities.fit(*codes, classes=10, components=2)
    drawn = np.asarray(densities.draw(fitted, noise(fitted), jnp.full(4000, 7)))
    assert np.allclose(np.sort(fitted.means[7, :, 1]), [-2, 2], atol=0.2)
    assert abs((drawn[:, 1] < 0).mean() - 0.25) < 0.06
    assert (np.abs(drawn[:, 1]) < 1).mean() < 0.01  # nothing between the lumps
    again = densities.fit(*codes, classes=10, components=2)
    assert all(map(np.array_equal, jax.tree.leaves(fitted), jax.tree.leaves(again)))


def test_any_digit_is_drawn_as_often_as_it_occurs():
    rng = np.random.default_rng(0)
    labels = np.repeat([2, 8], [300, 100])
    codes = np.concatenate([two_lumps(d, n, rng) for d, n in ((2, 300), (8, 100))])
    fitted = densities.fit(codes, labels, classes=10, components=1)
    drawn = np.asarray(densities.draw(fitted, noise(fitted), jnp.full(4000, ANY)))
    assert abs((drawn[:, 0] > 5).mean() - 0.25) < 0.04


def test_few_codes_get_one_gaussian_and_none_stay_standard():
    codes = np.array([[1.0, 1.0], [1.0, 3.0], [2.0, 2.0]])
    fitted = densities.fit(codes, np.array([4, 4, 5]), classes=10, components=3)
    assert fitted.weights[4].tolist() == [1, 0, 0]
    assert np.allclose(fitted.means[4, 0], [1, 2])
    assert np.array_equal(fitted.factors[6, 0], np.eye(2))
    drawn = densities.draw(fitted, noise(fitted), jnp.full(4000, 6))
    assert np.isfinite(drawn).all()
    assert np.allclose(np.cov(drawn.T), np.eye(2), atol=0.1)


def test_the_density_is_that_of_the_mixture():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 60)
    codes = rng.standard_normal((600, 3)) @ rng.standard_normal((3, 3)) + labels[:, None]
    fitted = densities.fit(codes, labels, classes=10, components=2)
    codes = codes[[0, 180, 540, 200, 300]]
    found = densities.log_density(fitted, jnp.asarray(codes), jnp.array([0, 3, 9, ANY, ANY]))

    def of(digit):  # p(code | digit) [5]
        parts = zip(fitted.weights[digit], fitted.means[digit], fitted.factors[digit], strict=True)
        return sum(
            weight * stats.multivariate_normal.pdf(codes, mean, factor @ factor.T)
            for weight, mean, factor in parts
        )

    of_digits = np.stack([of(digit) for digit in range(10)], 1)  # [5, 10]
    expected = [*of_digits[[0, 1, 2], [0, 3, 9]], *of_digits[3:] @ np.asarray(fitted.shares)]
    assert np.allclose(found, np.log(expected), rtol=1e-4, atol=1e-4)


def test_a_code_moves_to_the_same_place_among_those_of_another_digit():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 400)
    scales = 1 + labels[:, None] * np.array([0.5, 0.1])
    codes = rng.standard_normal((4000, 2)) * scales + 10 * labels[:, None]
    fitted = densities.fit(codes, labels, classes=10, components=1)
    means, sources, targets = fitted.means[:, 0], jnp.array([1, 2]), jnp.array([7, 5])
    found = densities.transfer(fitted, means[sources], sources, targets)
    assert np.allclose(found, means[targets], atol=1e-4)
    away = means[sources] + jnp.array([1.5, 0.0])  # of digit 1 one standard deviation
    found = densities.transfer(fitted, away, sources, targets)[0] - means[7]
    # The pulls towards the mode shorten it by (1 - PULL)^PULLS.
    assert np.allclose(found, [4.5 * (1 - densities.PULL) ** densities.PULLS, 0], atol=0.4)


def of_covariances(roots):
    """N(0, S S^T) for each digit, for ``roots`` S [10, z, z]."""
    factors = np.linalg.cholesky(roots @ roots.swapaxes(1, 2))[:, None]
    standard = densities.standard(10, 1, roots.shape[-1])
    return densities.derive(standard.replace(factors=jnp.asarray(factors, jnp.float32)))


def test_codes_move_by_the_least_map_that_makes_one_covariance_another():
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((10, 4, 4)) / [1, 3, 10, 30] + 0.03 * np.eye(4)
    covariances = roots @ roots.swapaxes(1, 2)
    found = np.asarray(of_covariances(roots).derived.maps, np.float64)
    assert np.allclose(found, found.swapaxes(2, 3), atol=1e-6 * abs(found).max())
    assert np.linalg.eigvalsh(found).min() > 0
    reached = found @ covariances[:, None] @ found  # [source, target]
    assert abs(reached - covariances[None]).max() < 1e-4 * abs(covariances).max()


def test_a_code_far_out_comes_in_before_it_moves(monkeypatch):
    monkeypatch.setattr(densities, "PULLS", 0)
    roots = np.tril(np.random.default_rng(0).standard_normal((10, 3, 3))) + 2 * np.eye(3)
    fitted = of_covariances(roots)
    white = np.array([2.0, -1.0, 2.0])  # of length 3
    digits = jnp.zeros(3, jnp.int32), jnp.arange(3)

    def moved(length: float) -> np.ndarray:
        code = jnp.asarray(fitted.factors[0, 0] @ white * length / 3)
        return np.asarray(densities.transfer(fitted, jnp.tile(code, (3, 1)), *digits))

    assert np.allclose(moved(0.5), moved(1) / 2, rtol=1e-4)
    assert np.allclose(moved(100), moved(3**0.5), rtol=1e-4)
    assert not np.allclose(moved(1.6), moved(3**0.5), rtol=0.05)


def test_a_checkpoint_holds_what_was_fitted_and_the_rest_follows(codes):
    state = {"density": densities.fit(*codes, classes=10, components=2), "step": jnp.int32(3)}
    stored = densities.to_saved(state)  # as it has been since the first version
    assert list(stored["density"]) == ["shares", "weights", "means", "factors"]
    same = jax.tree.map(np.array_equal, densities.from_saved(stored), state)
    assert jax.tree.all(same)
