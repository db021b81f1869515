"""Likelihoods against models whose likelihood is known exactly."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxgen import data, families, losses
from jaxgen.data import Split
from jaxgen.diffusion import schedules, variational
from jaxgen.evaluation import likelihood, parzen
from jaxgen.families.base import Variables, Variational
from tests.conftest import small
from tests.weights import begun

LATENTS = 3


class LinearGaussian(Variational):
    """x = A z + noise of 0.3, z from N(0, I): all is Gaussian, and p(x) known in closed form.

    Its q(z|x) is the true posterior's mean with twice its variance, so that weights differ.
    """

    sigma = 0.3
    is_bernoulli = False

    def __init__(self):
        self.matrix = np.random.default_rng(0).normal(size=(784, LATENTS)) / 28
        precision = np.eye(LATENTS) + self.matrix.T @ self.matrix / self.sigma**2
        self.covariance = np.linalg.inv(precision)

    def init(self, key):
        return Variables({})

    def posterior(self, variables, images, labels):
        flat = images.reshape(len(images), -1)
        mean = flat @ (self.matrix @ self.covariance / self.sigma**2)
        return mean, jnp.broadcast_to(jnp.log(2 * np.diag(self.covariance)), mean.shape)

    def prior_given(self, variables, labels):
        return jnp.zeros((len(labels), LATENTS)), jnp.zeros((len(labels), LATENTS))

    def decoder_nll(self, variables, images, labels, codes):
        means = (codes @ self.matrix.T).reshape(images.shape)
        return losses.gaussian(means, images, math.log(self.sigma))

    def loss(self, variables, batch, key, *, player):
        raise NotImplementedError

    noise = prior = decode = loss

    def exact(self, images):
        covariance = self.matrix @ self.matrix.T + self.sigma**2 * np.eye(784)
        flat = np.asarray(images, np.float64).reshape(len(images), -1)
        return -stats.multivariate_normal(np.zeros(784), covariance).logpdf(flat)


def test_the_importance_bound_of_a_linear_gaussian_model_is_its_likelihood():
    model, rng = LinearGaussian(), np.random.default_rng(1)
    codes = rng.normal(size=(4, LATENTS))
    images = codes @ model.matrix.T + model.sigma * rng.normal(size=(4, 784))
    images = jnp.asarray(images.reshape(4, 28, 28, 1), jnp.float32)
    keys = jax.random.split(jax.random.key(0), 4)
    labels = jnp.zeros(4, jnp.int32)
    few, many = (
        likelihood.importance_bound(model, Variables({}), images, labels, keys, samples)
        for samples in (1, 20_000)
    )
    exact = model.exact(images)
    assert abs(many - exact).max() < 0.01 + 1e-5 * abs(exact).max()
    assert (few - exact).mean() > 0.05  # one code is a looser bound, so the test can tell


def test_the_importance_bound_with_one_code_is_a_draw_of_the_bound():
    """Their means agree: the one has the divergence in closed form, the other drawn."""
    for name in ("vae", "cvae"):
        family = families.build(small(name))
        variables = begun(family, jax.random.key(0))
        images = jnp.asarray(np.random.default_rng(0).random((256, 28, 28, 1)) > 0.5, jnp.float32)
        labels, keys = jnp.arange(256) % 10, jax.random.split(jax.random.key(1), 256)
        bound = jax.jit(likelihood.importance_bound, static_argnums=(0, 5))
        drawn = bound(family, variables, images, labels, keys, 1)
        closed = jax.jit(family.bound)(variables, images, labels, keys)
        assert abs(drawn.mean() - closed.mean()) < 4 * (drawn - closed).std() / 16
        nearer = bound(family, variables, images, labels, keys, 16)
        assert nearer.mean() < closed.mean()


def test_importance_sampling_is_static_or_dynamic_and_repeats():
    family = families.build(small("vae"))
    variables = begun(family, jax.random.key(0))
    digits = data.load("synthetic:200").test
    few = Split(digits.images[:40], digits.labels[:40])
    told = []

    def found(binarisation, seed):
        return likelihood.importance(
            family, variables, few, 3, binarisation, seed, progress=told.append
        )

    assert np.array_equal(found("static", 0), found("static", 1))
    assert not np.array_equal(found("dynamic", 0), found("dynamic", 1))
    assert np.array_equal(found("dynamic", 1), found("dynamic", 1))
    assert told[0] == 40


def test_binarised_greys_keep_their_mean():
    images = jnp.full((500, 28, 28, 1), 0.3)
    drawn = likelihood.binarised(images, jax.random.split(jax.random.key(0), 500))
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert abs(drawn.mean() - 0.3) < 4 * math.sqrt(0.21 / drawn.size)


def test_probabilities_of_discretised_greys_sum_to_one():
    greys = jnp.linspace(-1, 1, 256)
    images = jnp.broadcast_to(greys[:, None, None, None], (256, 28, 28, 1))
    for mean, sigma in ((0.13, 0.4), (-0.999, 0.006), (0.7, 0.02)):
        nats = losses.discretised_gaussian(jnp.full_like(images, mean), images, sigma) / 784
        assert float(jnp.exp(-nats).sum()) == pytest.approx(1, abs=1e-4)
    far = losses.discretised_gaussian(jnp.full((1, 28, 28, 1), -1.0), jnp.ones((1, 28, 28, 1)), 0.1)
    assert np.isfinite(far).all() and float(far[0]) / 784 > 190  # 2 / 0.1 is 20 deviations


def test_bits_per_dimension_of_a_known_gaussian():
    """With the perfect denoiser of N(m, s^2) the bound comes near the true probability: as 1 / T,
    in even steps of log snr."""
    m, s = 0.1, 0.2
    levels = 1 / (1 + np.exp(-np.linspace(10, -10, 4000)))
    schedule = schedules.Schedule(np.append(1.0, levels))

    def denoise(xt, time):
        alpha = jnp.asarray(schedule.alpha, jnp.float32)[time]
        var = jnp.asarray(schedule.sigma**2, jnp.float32)[time]
        return m + alpha * s**2 / (alpha**2 * s**2 + var) * (xt - alpha * m)

    pixels = np.random.default_rng(0).normal(m, s, (4, 28, 28, 1))
    greys = jnp.asarray(np.rint((pixels.clip(-1, 1) + 1) * 127.5) / 127.5 - 1, jnp.float32)
    keys = jax.random.split(jax.random.key(0), 4)
    start, nats, errors = variational.terms(denoise, schedule, greys, keys)
    assert nats.shape == errors.shape == (4000, 4)
    found = float((start + nats.sum(0)).mean()) / 784 / math.log(2)
    edges = (np.arange(257) - 0.5) / 127.5 - 1
    mass = np.diff(stats.norm(m, s).cdf(edges))
    exact = -np.log2(mass[np.rint((greys + 1) * 127.5).astype(int)]).mean()
    assert found == pytest.approx(exact, abs=0.02)
    # What is seen of x_0 in the noisiest image is its mean, and in the least noisy nearly itself.
    assert float(errors[0].mean()) == pytest.approx(784 * s**2 / 4, rel=0.1)
    assert float(errors[-1].mean()) < 0.1


def test_the_bound_of_a_diffusion_model_is_unguided_and_finite():
    config = small("ddpm")
    family = families.build(config)
    variables = begun(family, jax.random.key(0))
    digits = data.load("synthetic:200").test
    images = jnp.asarray(digits.images[:4] / 255, jnp.float32)
    labels, keys = jnp.asarray(digits.labels[:4]), jax.random.split(jax.random.key(1), 4)
    bound = jax.jit(family.bound)(variables, images, labels, keys)
    assert bound.shape == (4,) and np.isfinite(bound).all() and (bound > 0).all()
    unguided = jax.jit(family.for_inversion().bound)
    assert np.array_equal(bound, unguided(variables, images, labels, keys))


def test_the_rate_of_codes_is_what_the_prior_says_of_them():
    """A prior that has learnt nothing takes about log K for each of 49 codes."""
    family = families.build(small("vqvae"))
    variables = begun(family, jax.random.key(0))
    images = jnp.asarray(np.random.default_rng(0).random((4, 28, 28, 1)), jnp.float32)
    rate = family.rate(variables, images, jnp.arange(4))
    assert rate.shape == (4,)
    assert abs(rate.mean() - 49 * math.log(16)) < 0.2 * 49 * math.log(16)


def test_parzen_windows_of_a_known_mixture():
    """Two windows of sigma 0.5 at 0 and at 1, in 784 dimensions."""
    samples = np.stack([np.zeros((28, 28, 1), np.uint8), np.full((28, 28, 1), 255, np.uint8)])
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.uint8)
    flat = images.reshape(3, -1) / 255
    parts = [stats.norm(mean, 0.5).logpdf(flat).sum(1) for mean in (0, 1)]
    exact = np.logaddexp(*parts) - math.log(2)
    np.testing.assert_allclose(parzen.log_density(images, samples, 0.5), exact, rtol=1e-5)


def test_the_parzen_window_is_chosen_on_the_validation_digits():
    rng = np.random.default_rng(0)
    samples, images = (np.clip(rng.normal(0.5, 0.2, (n, 28, 28, 1)), 0, 1) for n in (400, 60))
    images, samples = (np.rint(255 * x).astype(np.uint8) for x in (images, samples))
    found = parzen.measure(images, samples, Split(images, np.zeros(60, np.int32)))
    values = {s: parzen.log_density(images, samples, s).mean() for s in parzen.SIGMAS}
    assert values[found.sigma] == max(values.values())
    assert found.log_density.value == pytest.approx(values[found.sigma])
    assert found.log_density.n == 60
