"""The mathematics of diffusion, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import config, families
from jaxgen.cli import common
from jaxgen.diffusion import process, samplers, schedules

ALL = list(schedules.SCHEDULES)
SHAPE = (64, 28, 28, 1)


@pytest.fixture(params=ALL)
def schedule(request) -> schedules.Schedule:
    return schedules.SCHEDULES[request.param](1000)


def level(schedule, time):
    return jnp.float32(schedule.alpha[time]), jnp.float32(schedule.sigma[time])


def test_a_film_shows_all_of_the_way_from_noise():
    """Also that of the recipe, whose sampler begins at medium noise."""
    family = families.build(common.with_even_steps(config.recipe("ddpm")))
    times = family.steps().time
    assert len(times) == 50 and times[0] == 1000 and np.ptp(np.diff(times)) <= 1


def test_linear_schedule_is_that_of_the_paper():
    schedule = schedules.linear(1000)
    assert schedule.beta[[0, -1]] == pytest.approx([1e-4, 0.02])
    assert np.diff(schedule.beta) == pytest.approx((0.02 - 1e-4) / 999)
    assert schedule.alpha_bar[1000] == pytest.approx(4.04e-5, rel=1e-2)  # published: about 4e-5


def test_cosine_schedule_halves_where_the_formula_does():
    schedule = schedules.cosine(1000)
    angle = (np.array([250, 500, 750]) / 1000 + 0.008) / 1.008 * np.pi / 2
    wanted = np.cos(angle) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    assert schedule.alpha_bar[[250, 500, 750]] == pytest.approx(wanted)


def test_schedules_fall_from_image_to_noise(schedule):
    assert schedule.alpha_bar[0] == 1
    assert (np.diff(schedule.alpha_bar) < 0).all()
    assert schedule.alpha_bar[-1] < 1e-4
    assert (schedule.beta <= schedules.MAX_BETA + 1e-12).all()
    assert np.allclose(schedule.alpha**2 + schedule.sigma**2, 1)


def test_noised_images_have_the_variance_of_the_closed_form(schedule):
    eps = jax.random.normal(jax.random.key(0), SHAPE)
    x0 = jax.random.uniform(jax.random.key(1), SHAPE, minval=-1)
    alpha, sigma = level(schedule, 400)
    left = process.q_sample(x0, eps, alpha, sigma) - alpha * x0
    assert float(left.var()) == pytest.approx(1 - schedule.alpha_bar[400], rel=0.02)


def test_closed_form_is_the_product_of_single_steps():
    """Noise added beta by beta, as the forward process is defined, ends where (1) says."""
    schedule = schedules.linear(50)
    x0 = jnp.full(SHAPE, 0.5)

    def add(x, row):
        beta, key = row
        return jnp.sqrt(1 - beta) * x + jnp.sqrt(beta) * jax.random.normal(key, x.shape), None

    rows = jnp.asarray(schedule.beta[:20], jnp.float32), jax.random.split(jax.random.key(0), 20)
    walked, _ = jax.lax.scan(add, x0, rows)
    assert float(walked.mean()) == pytest.approx(0.5 * schedule.alpha[20], abs=0.01)
    assert float(walked.std()) == pytest.approx(schedule.sigma[20], rel=0.01)


@pytest.mark.parametrize("name", process.PREDICTIONS)
def test_each_prediction_leads_back_to_the_image(name, schedule):
    prediction = process.PREDICTIONS[name]
    eps = jax.random.normal(jax.random.key(0), SHAPE)
    x0 = jax.random.uniform(jax.random.key(1), SHAPE, minval=-1)
    for time in (1, 300, 700):
        alpha, sigma = level(schedule, time)
        xt = process.q_sample(x0, eps, alpha, sigma)
        found = prediction.to_x0(xt, prediction.target(x0, eps, alpha, sigma), alpha, sigma)
        assert jnp.allclose(found, x0, atol=1e-3)


@pytest.mark.parametrize("name", process.PREDICTIONS)
def test_errors_of_a_prediction_are_errors_of_the_image_times_a_weight(name):
    """|target - wrong|^2 = per_x0(snr) |x_0 - wrong x_0|^2, on which the loss weights rest."""
    schedule, prediction = schedules.cosine(1000), process.PREDICTIONS[name]
    alpha, sigma = level(schedule, 500)
    x0, eps, error = jax.random.normal(jax.random.key(0), (3, *SHAPE))
    xt = process.q_sample(x0, eps, alpha, sigma)
    target = prediction.target(x0, eps, alpha, sigma)
    wrong = prediction.to_x0(xt, target + error, alpha, sigma)
    ratio = jnp.square(error).sum() / jnp.square(wrong - x0).sum()
    assert float(ratio) == pytest.approx(float(prediction.per_x0(schedule.snr[500])), rel=1e-3)


def test_loss_weights_agree_where_they_should():
    eps, x0 = process.PREDICTIONS["eps"], process.PREDICTIONS["x0"]
    snr = jnp.array([0.1, 1.0, 5.0, 100.0])
    assert jnp.allclose(process.WEIGHTS["snr"](snr) / eps.per_x0(snr), 1)  # L_simple
    assert jnp.allclose(process.WEIGHTS["min-snr"](snr) / x0.per_x0(snr), jnp.array([0.1, 1, 5, 5]))


@pytest.mark.parametrize("spacing", samplers.SPACINGS)
@pytest.mark.parametrize("steps", [1, 2, 7, 50, 1000])
def test_spaced_times_fall_strictly_from_noise_to_image(spacing, steps, schedule):
    times = samplers.SPACINGS[spacing](schedule, steps)
    assert len(times) == steps + 1
    assert (times[0], times[-1]) == (1000, 0)
    assert (np.diff(times) < 0).all()


@pytest.mark.parametrize("spacing", samplers.SPACINGS)
@pytest.mark.parametrize("name", samplers.SAMPLERS)
@pytest.mark.parametrize("steps", [1, 2, 10])
def test_a_perfect_denoiser_gives_the_image(name, steps, spacing, schedule):
    x0 = jax.random.uniform(jax.random.key(1), (2, 28, 28, 1), minval=-1)
    rows = samplers.SAMPLERS[name](schedule, samplers.SPACINGS[spacing](schedule, steps))
    noise = jax.random.normal(jax.random.key(0), x0.shape)
    keys = jax.random.split(jax.random.key(2), 2)
    found, seen = samplers.run(lambda xt, time: x0, rows, noise, keys)
    assert jnp.allclose(found, x0, atol=1e-5)
    assert seen.shape == (steps, *x0.shape)


def test_ancestral_steps_are_the_posterior_of_the_paper():
    """Equations (6) and (7) of Ho et al. 2020, in betas."""
    schedule = schedules.linear(1000)
    rows = samplers.ancestral(schedule, samplers.even(schedule, 1000))
    t = np.arange(1000, 0, -1)
    beta, kept = schedule.beta[t - 1], schedule.alpha_bar
    mean_x0 = np.sqrt(kept[t - 1]) * beta / (1 - kept[t])
    mean_xt = np.sqrt(1 - beta) * (1 - kept[t - 1]) / (1 - kept[t])
    variance = (1 - kept[t - 1]) / (1 - kept[t]) * beta
    assert np.allclose(rows.clean, mean_x0)
    assert np.allclose(rows.keep, mean_xt)
    assert np.allclose(rows.fresh**2, variance)
    assert rows.fresh[-1] == 0  # z = 0 at t = 1


def test_the_mean_by_eps_is_the_course_s():
    """mu = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t), which (1) of ``samplers``
    must equal."""
    schedule, t = schedules.linear(1000), 321
    xt, eps = np.random.default_rng(0).standard_normal((2, 5))
    x0 = (xt - schedule.sigma[t] * eps) / schedule.alpha[t]
    rows = samplers.ancestral(schedule, np.array([t, t - 1]))
    beta = schedule.beta[t - 1]
    wanted = (xt - beta / schedule.sigma[t] * eps) / np.sqrt(1 - beta)
    assert np.allclose(rows.keep * xt + rows.clean * x0, wanted)


def gaussian_denoiser(schedule, mean, std):
    """The best guess of x_0 ~ N(mean, std^2) given x_t."""
    alpha, sigma = (jnp.asarray(a, jnp.float32) for a in (schedule.alpha, schedule.sigma))

    def denoise(xt, time):
        a, s = alpha[time], sigma[time]
        return mean + a * std**2 / (a**2 * std**2 + s**2) * (xt - a * mean)

    return denoise


@pytest.mark.parametrize(
    ("name", "steps", "tolerance"),
    [("ancestral", 200, 0.03), ("ddim", 100, 0.03), ("dpmpp", 12, 0.03)],
)
def test_samplers_draw_the_distribution_that_the_denoiser_knows(name, steps, tolerance):
    """With the exact denoiser of a Gaussian, samples have its mean and its deviation."""
    schedule = schedules.cosine(1000)
    rows = samplers.SAMPLERS[name](schedule, samplers.even(schedule, steps))
    noise = jax.random.normal(jax.random.key(0), (200, 10, 10, 1))
    keys = jax.random.split(jax.random.key(1), 200)
    found, _ = samplers.run(gaussian_denoiser(schedule, 0.3, 0.5), rows, noise, keys)
    assert float(found.mean()) == pytest.approx(0.3, abs=0.02)
    assert float(found.std()) == pytest.approx(0.5, rel=tolerance)


def test_second_order_is_nearer_than_first_at_equal_steps():
    """Against DDIM in 1000 steps, which is the exact flow to three digits."""
    schedule = schedules.cosine(1000)
    noise = jax.random.normal(jax.random.key(0), (4, 28, 28, 1))
    keys = jax.random.split(jax.random.key(1), 4)
    denoise = gaussian_denoiser(schedule, 0.3, 0.5)

    def end(sampler, steps):
        return samplers.run(
            denoise, sampler(schedule, samplers.even(schedule, steps)), noise, keys
        )[0]

    exact = end(samplers.ddim, 1000)
    first, second = (jnp.abs(end(s, 12) - exact).mean() for s in (samplers.ddim, samplers.dpmpp))
    assert second < first / 3


def test_noise_of_an_image_comes_from_its_key_alone():
    schedule = schedules.cosine(1000)
    rows = samplers.ancestral(schedule, samplers.even(schedule, 5))
    keys = jax.random.split(jax.random.key(0), 3)
    denoise = gaussian_denoiser(schedule, 0.0, 1.0)
    three, _ = samplers.run(denoise, rows, jnp.ones((3, 4, 4, 1)), keys)
    one, _ = samplers.run(denoise, rows, jnp.ones((1, 4, 4, 1)), keys[1:2])
    assert jnp.array_equal(three[1:2], one)
    assert not jnp.array_equal(three[0], three[1])
