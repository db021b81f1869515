"""Autoencoder, VAE and CVAE: bounds, priors and fits with known answers."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, densities, families
from jaxgen.arrays import Batch
from jaxgen.classes import ANY
from jaxgen.errors import UserError
from jaxgen.families import cvae
from jaxgen.families.base import lerp, slerp
from jaxgen.mapping import map_images
from tests.conftest import small
from tests.weights import begun

KEY = jax.random.key(0)
IMAGES = jax.random.uniform(jax.random.key(1), (6, 28, 28, 1))
LABELS = jnp.arange(6, dtype=jnp.int32)
KEYS = jax.random.split(KEY, 6)
DENSE = {"network": "dense", "layers": (8,)}  # quick, where thousands of draws are averaged


def built(name, **changes):
    recipe = small(name)
    recipe = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, **changes))
    family = families.build(recipe)
    return family, begun(family, KEY, 0.1)


@functools.partial(jax.jit, static_argnums=0)
def loss_of(family, variables, key=KEY):
    return family.loss(variables, Batch(IMAGES, LABELS), key, player="model")


def mean_loss(family, variables, draws=400):
    """The loss over many draws: its mean, and the standard error of that."""
    keys = jax.random.split(jax.random.key(9), draws)
    values = np.asarray(jax.vmap(loss_of, (None, None, 0))(family, variables, keys)[0])
    return values.mean(), values.std() / np.sqrt(draws)


def test_iwae_of_one_sample_is_the_elbo_and_rises_with_more():
    elbo, variables = built("vae", **DENSE)
    bounds = {"elbo": mean_loss(elbo, variables)}
    for k in (1, 5, 50):
        family, _ = built("vae", objective="iwae", samples=k, **DENSE)
        bounds[k] = mean_loss(family, variables)
    (a, error_a), (b, error_b) = bounds["elbo"], bounds[1]
    assert abs(a - b) < 4 * np.hypot(error_a, error_b)
    for fewer, more in ((1, 5), (5, 50)):  # as minus log-likelihoods they fall
        gap = bounds[fewer][0] - bounds[more][0]
        assert gap > 4 * np.hypot(bounds[fewer][1], bounds[more][1])


def test_iwae_is_the_error_alone_while_beta_is_cold():
    elbo, variables = built("vae")
    _, (_, metrics) = loss_of(elbo, variables)
    cold, _ = built("vae", objective="iwae", beta_warmup=10**7)
    loss, _ = loss_of(cold, variables)
    assert float(loss) == pytest.approx(float(metrics["reconstruction"]), rel=1e-5)


@pytest.mark.parametrize(("samples", "warmup"), [(1, 0), (4, 0), (4, 3)])
def test_the_gradient_through_the_codes_alone_has_the_mean_of_all_of_it(samples, warmup):
    found = {}
    for gradient in ("total", "path"):
        family, variables = built(
            "vae", objective="iwae", samples=samples, gradient=gradient, beta_warmup=warmup, **DENSE
        )

        @jax.jit
        @functools.partial(jax.vmap, in_axes=(None, 0))
        @jax.value_and_grad
        def slopes(own, key, family=family, variables=variables):
            return loss_of(family, variables.replace(params=own), key)[0]

        values, grads = slopes(variables.params, jax.random.split(KEY, 1500))
        parts = grads["model"]["params"]
        encoder = [np.asarray(leaf).reshape(1500, -1) for leaf in jax.tree.leaves(parts["encoder"])]
        found[gradient] = values, np.concatenate(encoder, 1), parts["decoder"]
    (loss, total, decoder), (same, path, equal) = found["total"], found["path"]
    np.testing.assert_allclose(same, loss, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), decoder, equal
    )
    apart = total - path
    assert apart.std() > 1e-3  # they differ, draw by draw
    moved = apart.std(0) > 1e-4
    away = apart.mean(0)[moved] / (apart.std(0)[moved] / np.sqrt(1500))
    assert np.sqrt(np.square(away).mean()) < 2  # in standard errors


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_the_bound_is_the_loss_at_beta_one(name):
    changes = {"label_drop": 0.0} if name == "cvae" else {}
    family, variables = built(name, **DENSE, **changes)
    loss, error = mean_loss(family, variables)
    keys = jax.random.split(jax.random.key(3), (400, 6))
    draw = jax.vmap(family.bound, in_axes=(None, None, None, 0))
    bounds = np.asarray(jax.jit(draw)(variables, IMAGES, LABELS, keys)).mean(1)
    assert abs(bounds.mean() - loss) < 4 * np.hypot(error, bounds.std() / 20)


@pytest.mark.parametrize("name", ["vae", "cvae"])
def test_beta_warms_up_and_free_bits_cost_nothing(name):
    plain, variables = built(name)
    slow, _ = built(name, beta=2.0, beta_warmup=10)

    def at(family, step):
        stats = variables.stats | {"step": jnp.int32(step)}
        loss, (_, metrics) = loss_of(family, variables.replace(stats=stats))
        return float(loss - metrics["reconstruction"]), float(metrics["kl"])

    cost, kl = at(plain, 0)
    assert np.isclose(cost, kl, rtol=1e-3)  # a difference of larger numbers
    for step, share in ((0, 0.1), (4, 0.5), (9, 1.0), (50, 1.0)):
        assert np.isclose(at(slow, step)[0], 2 * share * kl, rtol=5e-3)
    free, _ = built(name, free_bits=1e3)
    assert np.isclose(at(free, 0)[0], 4 * 1e3)  # four latents, none above
    assert loss_of(slow, variables)[1][0]["step"] == 1


def test_a_learned_sigma_learns_and_a_fixed_one_does_not():
    for sigma, learns in ((0.0, True), (0.3, False)):
        _, variables = built("vae", likelihood="gaussian", sigma=sigma)
        names = jax.tree_util.tree_leaves_with_path(variables.params)
        assert any("log_sigma" in str(path) for path, _ in names) == learns


def coded(family, variables, digits):
    """The codes that a density is fitted to."""
    return map_images(family.codes, variables, images=digits.images, labels=digits.labels)


def test_a_denoising_autoencoder_reconstructs_clean_images_from_noisy_ones():
    family, variables = built("ae", noise=0.4)
    loss, _ = loss_of(family, variables)
    noisy = (IMAGES + 0.4 * jax.random.normal(KEY, IMAGES.shape)).clip(0, 1)

    def error_from(inputs):
        images = family.decode(variables, family.encode(variables, inputs, LABELS), LABELS, KEYS)
        return float(jnp.square(images - IMAGES).sum((1, 2, 3)).mean())

    assert float(loss) == pytest.approx(error_from(noisy), rel=1e-4)
    assert float(loss) != pytest.approx(error_from(IMAGES), rel=1e-4)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_what_is_fitted_is_drawn_by_digit(name):
    """The density of a digit is that of its codes, and N(0, I) is there when asked for."""
    family, variables = built(name)
    digits = data.load("synthetic:600").train
    fitted = family.fit(variables, digits)
    assert not np.array_equal(fitted.stats["density"].means, variables.stats["density"].means)
    codes = coded(family, fitted, digits)
    keys = jax.random.split(KEY, 3000)
    drawn = np.asarray(family.prior(fitted, family.noise(keys), jnp.full(3000, 4)))
    own = codes[digits.labels == 4]
    scale = own.std(0).mean()
    assert np.abs(drawn.mean(0) - own.mean(0)).max() < 0.2 * scale
    assert np.allclose(drawn.std(0), own.std(0), rtol=0.2, atol=0.1 * scale)
    normal = family.with_sampling(prior="normal")
    plain = np.asarray(normal.prior(fitted, normal.noise(keys), jnp.full(3000, ANY)))
    assert abs(plain.mean()) < 0.05 and abs(plain.std() - 1) < 0.05
    assert family.is_conditional and not normal.is_conditional


def test_codes_of_a_posterior_are_draws_and_the_same_each_time():
    family, variables = built("vae")
    digits = data.load("synthetic:100").train
    codes = coded(family, variables, digits)
    assert np.array_equal(codes, coded(family, variables, digits))
    means = family.encode(variables, jnp.asarray(digits.images) / 255, jnp.asarray(digits.labels))
    assert np.abs(codes - means).mean() > 0.1


def test_the_prior_of_a_cvae_is_the_digits_own_and_its_reconstruction_too():
    family, variables = built("cvae")
    keys = jnp.stack([KEY, KEY, KEY])
    latents = family.prior(variables, family.noise(keys), jnp.array([3, 8, ANY]))
    assert not jnp.allclose(latents[0], latents[1]) and not jnp.allclose(latents[0], latents[2])
    same = jnp.stack([latents[0]] * 2)
    images = family.decode(variables, same, jnp.array([3, 8]), keys[:2])
    assert not jnp.allclose(images[0], images[1])
    mixed = jnp.zeros((2, 11)).at[:, 3].set([1, 0.5]).at[1, 8].set(0.5)
    blended = family.decode(variables, same, mixed, keys[:2])
    assert jnp.allclose(blended[0], images[0], atol=1e-6)
    assert not jnp.allclose(blended[1], images[1], atol=1e-4)


def test_quadrants_are_shown_as_often_as_said():
    masks = np.asarray(cvae.some_quadrants(KEY, 4000))
    corners = masks[:, ::14, ::14, 0].reshape(-1, 4)
    assert np.array_equal(masks[:, :14, 14:], masks[:, :1, 27:].repeat(14, 1).repeat(14, 2))
    assert np.abs(np.bincount(corners.sum(1).astype(int), minlength=4) / 4000 - 0.25).max() < 0.03
    assert np.abs(corners.mean(0) - 1.5 / 4).max() < 0.03


def test_completing_keeps_what_is_visible_and_heeds_it():
    family, variables = built("cvae", part="quadrants")
    visible = jnp.zeros((6, 28, 28, 1)).at[:, :14].set(1)
    none = jnp.full(6, ANY)
    drawn = family.complete(variables, IMAGES, visible, none, KEYS)
    assert jnp.array_equal(drawn[:, :14], IMAGES[:, :14])
    other = IMAGES.at[:, :14].set(0)
    assert not jnp.allclose(
        family.complete(variables, other, visible, none, KEYS)[:, 14:], drawn[:, 14:]
    )
    hidden = IMAGES.at[:, 14:].set(0)  # what is not visible makes no difference
    assert jnp.array_equal(
        family.complete(variables, hidden, visible, none, KEYS)[:, 14:], drawn[:, 14:]
    )
    everything = family.bound_given(variables, IMAGES, 0 * visible, LABELS, KEYS)
    half = family.bound_given(variables, IMAGES, visible, LABELS, KEYS)
    assert (half < everything).all()
    assert jnp.array_equal(everything, family.bound(variables, IMAGES, LABELS, KEYS))


@pytest.mark.parametrize("way", [lerp, slerp])
def test_ways_begin_and_end_where_they_should(way):
    starts, ends = jax.random.normal(KEY, (2, 5, 3, 4))
    assert jnp.array_equal(way(starts, ends, jnp.zeros(5)), starts)
    assert jnp.array_equal(way(starts, ends, jnp.ones(5)), ends)


def test_the_spherical_way_keeps_the_length_and_the_pace():
    starts, ends = jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 2.0]])
    third = slerp(starts, ends, jnp.array([1 / 3]))
    assert jnp.allclose(third, 2 * jnp.array([[jnp.cos(jnp.pi / 6), jnp.sin(jnp.pi / 6)]]))
    assert jnp.allclose(slerp(starts, 2 * starts, jnp.array([0.5])), 1.5 * starts)
    assert jnp.isfinite(slerp(0 * starts, ends, jnp.array([0.5]))).all()
    assert jnp.isfinite(slerp(starts, -starts, jnp.array([0.5]))).all()


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("ae", {"latents": 0}, "--net.latents 0"),
        ("ae", {"layers": (16, 0)}, "--net.layers 16,0"),
        ("ae", {"network": "conv", "layers": (16,)}, "two numbers of channels"),
        ("ae", {"components": 0}, "--net.components 0"),
        ("ae", {"noise": -1.0}, "--net.noise -1.0"),
        ("vae", {"beta": -1.0}, "--net.beta -1.0"),
        ("vae", {"sigma": -1.0}, "--net.sigma -1.0"),
        ("vae", {"samples": 0}, "--net.samples 0"),
        ("vae", {"objective": "iwae", "beta": 2.0}, "--net.beta 2.0"),
        ("vae", {"gradient": "path"}, "--net.gradient path"),
        ("vae", {"free_bits": -0.1}, "--net.free-bits -0.1"),
        ("cvae", {"label_drop": 1.0}, "--net.label-drop 1.0"),
        ("cvae", {"prior_width": 0}, "--net.prior-width 0"),
    ],
)
def test_networks_that_cannot_be_are_refused(name, changes, says):
    with pytest.raises(UserError, match=says):
        built(name, **changes)


def test_nothing_fitted_yet_is_the_standard_normal():
    standard = densities.standard(10, 2, 3)
    noise = densities.noise(jax.random.split(KEY, 3000), 10, 2, 3)
    drawn = densities.draw(standard, noise, jnp.full(3000, 2))
    assert np.allclose(np.cov(np.asarray(drawn).T), np.eye(3), atol=0.1)
