"""The denoiser of Gaussian images: known answers, and what few images make of it."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgen
from jaxgen import data, families
from jaxgen.arrays import soft
from jaxgen.classes import ANY
from jaxgen.data import Split
from jaxgen.diffusion import gaussian, process, samplers, schedules
from jaxgen.diffusion.gaussian import PIXELS, POOLED
from jaxgen.errors import UserError
from jaxgen.training.stack import Stack
from jaxgen.training.trainer import Trainer
from tests.conftest import small


def levels(*alpha):
    alpha = jnp.asarray(alpha, jnp.float32).reshape(-1, 1, 1, 1)
    return alpha, jnp.sqrt(1 - alpha**2)


@pytest.fixture(scope="module")
def digits() -> Split:
    return data.load("synthetic:600").train


@pytest.fixture(scope="module")
def gaussians(digits):
    return gaussian.fit(digits, 10, 5)


def covariance(gaussians, digit):
    axes, rest = np.float64(gaussians["axes"][digit]), float(gaussians["rest"][digit])
    return axes.T @ np.diag(gaussians["variances"][digit] - rest) @ axes + rest * np.eye(PIXELS)


def test_it_is_the_mean_of_the_image_given_the_noisy_one(gaussians):
    alpha, sigma = levels(0.1, 0.6, 0.99)
    labels = np.array([3, 8, ANY])
    xt = jax.random.normal(jax.random.key(0), (3, 28, 28, 1))
    found = gaussian.denoise(gaussians, xt, alpha, sigma, soft(jnp.asarray(labels), 10))
    for row, digit in enumerate(labels):
        a, s = alpha[row].item(), sigma[row].item()
        mean, own = np.float64(gaussians["means"][digit]), covariance(gaussians, digit)
        away = np.ravel(xt[row]) - a * mean
        exact = mean + a * own @ np.linalg.solve(a**2 * own + s**2 * np.eye(PIXELS), away)
        np.testing.assert_allclose(np.ravel(found[row]), exact, atol=2e-3)


def test_of_soft_labels_it_is_the_weighted_mean(gaussians):
    alpha, sigma = levels(0.5)
    xt = jax.random.normal(jax.random.key(1), (1, 28, 28, 1))
    three, eight, mixed = (
        gaussian.denoise(gaussians, xt, alpha, sigma, labels)
        for labels in (
            soft(jnp.array([3]), 10),
            soft(jnp.array([8]), 10),
            soft(jnp.array([3, 8]), 10).mean(0)[None],
        )
    )
    np.testing.assert_allclose(mixed, (three + eight) / 2, atol=1e-4)


@pytest.mark.parametrize("name", process.PREDICTIONS)
def test_a_standard_gaussian_has_the_prediction_of_none(name):
    alpha, sigma = levels(0.2, 0.9)
    xt = jax.random.normal(jax.random.key(2), (2, 28, 28, 1))
    x0 = gaussian.denoise(gaussian.standard(10, 4), xt, alpha, sigma, soft(jnp.array([1, ANY]), 10))
    np.testing.assert_allclose(x0, alpha * xt, atol=1e-5)
    output = process.PREDICTIONS[name].from_x0(xt, x0, alpha, sigma)
    back = process.PREDICTIONS[name].to_x0(xt, output, alpha, sigma)
    np.testing.assert_allclose(back, x0, atol=1e-5)


def test_the_fit_finds_means_axes_and_variances():
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.normal(size=(PIXELS, 2)))[0].T
    codes = random.normal(size=(20_000, 2)) * [3.0, 1.5]
    pixels = codes @ axes + 0.2 * random.normal(size=(len(codes), PIXELS))
    images = np.clip(127.5 * (pixels + 1), 0, 255).astype(np.uint8).reshape(-1, 28, 28, 1)
    found = gaussian.fit(Split(images, np.full(len(codes), 7, np.int32)), 10, 2)
    np.testing.assert_allclose(found["means"][7], images.mean(0).ravel() / 127.5 - 1, atol=1e-4)
    np.testing.assert_allclose(found["variances"][7][::-1], [9.04, 2.29], rtol=0.05)
    np.testing.assert_allclose(np.abs(found["axes"][7][::-1] @ axes.T), np.eye(2), atol=0.03)
    assert found["rest"][7] == pytest.approx(0.04, rel=0.05)


def test_few_images_of_a_digit_lean_on_all_digits(digits):
    rows = np.concatenate(
        [np.flatnonzero(digits.labels != 4), np.flatnonzero(digits.labels == 4)[:1]]
    )
    few = Split(digits.images[rows], digits.labels[rows])
    found = gaussian.fit(few, 10, 5)
    # One image has no variance: what is left is the share of all digits.
    share = POOLED / (1 + POOLED)
    np.testing.assert_allclose(found["variances"][4], share * found["variances"][ANY], rtol=1e-3)
    np.testing.assert_allclose(found["means"][4], few.images[-1].ravel() / 127.5 - 1, atol=1e-5)
    without = gaussian.fit(Split(few.images[:-1], few.labels[:-1]), 10, 5)
    np.testing.assert_array_equal(without["means"][4], without["means"][ANY])


def test_training_begins_with_the_gaussians_of_its_digits(digits, gaussians):
    recipe = small("ddpm", data="synthetic:600")
    recipe = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, gaussian=5))
    for recipes in ([recipe], [recipe, dataclasses.replace(recipe, seed=1)]):
        stack = Stack(recipes)
        state = stack.init(digits)
        for index in range(len(recipes)):
            own = stack.of(state, index).variables.stats["gaussians"]
            jax.tree.map(np.testing.assert_array_equal, own, gaussians)
    assert len(gaussians["means"]) == 11


def test_its_flow_is_where_many_small_steps_arrive(gaussians):
    schedule = schedules.cosine(1000)
    labels = soft(jnp.array([3, ANY]), 10)
    noise = jax.random.normal(jax.random.key(4), (2, 28, 28, 1))
    times = np.arange(1000, 600, -1, dtype=np.int32)

    def denoise(xt, time):
        alpha, sigma = (
            jnp.asarray(level, jnp.float32)[time].reshape(1, 1, 1, 1)
            for level in (schedule.alpha, schedule.sigma)
        )
        return gaussian.denoise(gaussians, xt, alpha, sigma, labels)

    _, path = samplers.run(
        denoise, samplers.ddim(schedule, times), noise, jax.random.split(jax.random.key(5), 2)
    )
    alpha, sigma = schedule.alpha[times[-1]], schedule.sigma[times[-1]]
    found = gaussian.flow(gaussians, noise, alpha, sigma, labels)
    np.testing.assert_allclose(found, path[-1], atol=0.02)
    assert np.abs(found - noise).max() > 0.5  # it is a long way


def family(**sampling):
    return Trainer(small("ddpm")).family.with_sampling(**sampling)


def test_guidance_by_gaussians_is_theirs_where_the_network_says_nothing(digits):
    fast = family(sampler="fast", guidance=1.8)
    variables = fast.prepare(fast.init(jax.random.key(0)), digits)  # its last layer is 0
    labels = jnp.array([3, 8])
    xt = jax.random.normal(jax.random.key(1), (2, 28, 28, 1))
    alpha, sigma = fast.levels(jnp.array([30, 30]))
    three, every = (
        gaussian.denoise(variables.stats["gaussians"], xt, alpha, sigma, soft(asked, 10))
        for asked in (labels, jnp.full(2, ANY))
    )
    found = fast.denoiser(variables, labels, 1.8)(xt, 30)
    np.testing.assert_allclose(found, (every + 1.8 * (three - every)).clip(-1, 1), atol=1e-3)
    for unguided, x0 in ((1.0, three), (0.0, every)):
        found = fast.denoiser(variables, labels, unguided)(xt, 30)
        np.testing.assert_allclose(found, x0.clip(-1, 1), atol=1e-3)


def test_fast_evaluates_the_network_once_a_step_and_starts_in_the_middle(digits):
    fast = family(sampler="fast", steps=3, guidance=1.5)
    plain = family(sampler="dpmpp", steps=3, guidance=1.5)
    variables = fast.init(jax.random.key(0))
    keys, labels = jax.random.split(jax.random.key(0), 4), jnp.arange(4)
    convolutions = [
        str(jax.make_jaxpr(one.sample)(variables, keys, labels)).count("f32[8,14,14,8] = conv")
        for one in (fast, plain)
    ]
    assert convolutions[0] == 0 and convolutions[1] > 0  # no batch of twice as many
    log_snr = np.log(fast.schedule.snr[fast.steps().time])
    assert log_snr[0] == pytest.approx(samplers.MIDDLE[0], abs=0.5)
    assert log_snr[-1] == pytest.approx(samplers.MIDDLE[1], abs=0.5)


def test_fast_needs_gaussians_and_a_small_guidance(here):
    recipe = small("ddpm")
    strong = dataclasses.replace(recipe.sampling, guidance=4.0)
    with pytest.raises(UserError, match=r"--guidance 4 cannot be .*--sampler dpmpp"):
        families.build(dataclasses.replace(recipe, sampling=strong))
    with pytest.raises(UserError, match="--guidance 4 cannot be"):
        jaxgen.load("ddpm").with_sampling(guidance=4.0)
    with pytest.raises(UserError, match="--sampler fast cannot be"):
        jaxgen.load("ddpm_full").with_sampling(sampler="fast", guidance=1.5)
    recipe = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, gaussian=0))
    with pytest.raises(UserError, match=r"--sampler fast cannot be: .*--sampler dpmpp"):
        families.build(recipe)
