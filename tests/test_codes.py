"""What a code keeps: known answers for families whose codes are known."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, families
from jaxgen.evaluation import codes
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Encodes, HasBound, HasRate
from tests.conftest import small
from tests.weights import begun


@dataclasses.dataclass(frozen=True)
class Linear(Family):
    """A linear code given by a matrix [784, z]; its columns are orthonormal."""

    encodes_iteratively: bool = False

    def init(self, key):
        raise NotImplementedError

    def loss(self, variables, batch, key, *, player):
        raise NotImplementedError

    def noise(self, keys):
        raise NotImplementedError

    def prior(self, variables, noise, labels):
        raise NotImplementedError

    def encode(self, variables, images, labels):
        return images.reshape(len(images), -1) @ variables.params["model"]

    def decode(self, variables, latents, labels, keys):
        return (latents @ variables.params["model"].T).reshape(-1, 28, 28, 1)


@dataclasses.dataclass(frozen=True)
class Bounded(Linear):
    def bound(self, variables, images, labels, keys):
        return labels.astype(jnp.float32)


@pytest.fixture(scope="module")
def digits():
    return data.load("synthetic:1200")


def variables(matrix):
    return Variables({"model": jnp.asarray(matrix, jnp.float32)})


def pixels(split):
    return split.images.reshape(len(split.images), -1) / 255.0


def test_pixels_left_out_are_the_error(digits):
    kept = np.arange(0, 784, 2)
    matrix = np.eye(784)[:, kept]
    found = codes.measure(Linear(), variables(matrix), digits)
    expected = np.square(pixels(digits.test)[:, 1::2]).sum(1).mean()
    assert np.isclose(found.squared_error, expected, rtol=1e-4)
    assert found.n == len(digits.test.labels)
    assert found.bound is None


def test_no_linear_code_beats_principal_components(digits):
    rng = np.random.default_rng(0)
    matrix = np.linalg.qr(rng.standard_normal((784, 12)))[0]
    found = codes.measure(Bounded(), variables(matrix), digits)
    assert found.linear.dimensions == 12
    assert found.linear.pca_squared_error < found.squared_error
    assert 0.1 < found.linear.probe <= 1 and 0.3 < found.linear.pca_probe <= 1
    assert np.isclose(found.bound, digits.test.labels.mean())
    said = "\n".join(found.lines("digit"))
    assert "12 principal components" in said and "nats per image" in said


def test_a_family_that_searches_is_shown_fewer_digits(digits, monkeypatch):
    monkeypatch.setattr(codes, "SEARCHED", 30)
    found = codes.measure(Linear(encodes_iteratively=True), variables(np.eye(784)), digits)
    assert found.n == 30 and found.linear is None
    assert found.squared_error < 1e-6


@pytest.mark.parametrize("name", families.names())
def test_every_family_can_be_measured(name, digits, hasty):
    family = families.build(small(name))
    few = digits._replace(test=data.Split(digits.test.images[:40], digits.test.labels[:40]))
    found = codes.measure(family, begun(family, jax.random.key(0)), few)
    assert (found.squared_error is not None) == isinstance(family, Encodes)
    assert found.squared_error is None or np.isfinite(found.squared_error)
    assert (found.linear is not None) == (name in ("ae", "vae", "cvae"))
    assert (found.bound is not None) == (
        isinstance(family, HasBound) and not family.encodes_iteratively
    )
    assert (found.rate is not None) == isinstance(family, HasRate)
    assert found.active is None or 0 <= found.active <= 4


def test_codes_are_laid_out_in_a_plane(digits):
    few = data.Split(digits.test.images[:40], digits.test.labels[:40])
    spread = codes.plane(Linear(), variables(np.eye(784)[:, 300:310]), few)
    assert spread.shape == (40, 2) and np.isfinite(spread).all()
    plain = codes.plane(Linear(), variables(np.eye(784)[:, 350:352]), few)
    np.testing.assert_allclose(plain, pixels(few)[:, 350:352], atol=1e-6)
    assert codes.plane(Linear(encodes_iteratively=True), variables(np.eye(784)), few) is None
