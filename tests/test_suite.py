"""Measures of a model beyond its images: classification accuracy score, smoothness, the suite."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgen import data, families
from jaxgen.data import Split, partition
from jaxgen.evaluation import classification_accuracy, smoothness, suite
from jaxgen.evaluation import judge as judges
from jaxgen.families.base import Family, Variables
from tests.conftest import small
from tests.weights import begun


@dataclasses.dataclass(frozen=True)
class Switch(Family):
    """Its latent is a number in [0, 1]; its image one of two, of which the second from ``edge``
    on."""

    edge: float

    def init(self, key):
        raise NotImplementedError

    def loss(self, variables, batch, key, *, player):
        raise NotImplementedError

    def noise(self, keys):
        return {}

    def prior(self, variables, noise, labels):
        return (jnp.arange(len(labels)) % 2).astype(jnp.float32)

    def decode(self, variables, latents, labels, keys):
        two = variables.params["model"]
        return jnp.where((latents >= self.edge)[:, None, None, None], two[1], two[0])


@pytest.fixture(scope="module")
def digits():
    """MNIST, of whose test digits there are few."""
    digits = data.load("mnist")
    return digits._replace(test=Split(digits.test.images[:500], digits.test.labels[:500]))


@pytest.fixture(scope="module")
def judge():
    return judges.load()


@pytest.fixture(scope="module")
def real(judge, digits):
    return suite.real_figures(judge, digits, 80, "test")


def two_digits(digits):
    """A three and another one, which the judge knows."""
    threes = digits.test.images[digits.test.labels == 3][:2] / 255
    return Variables({"model": jnp.asarray(threes, jnp.float32)})


def test_a_way_with_one_jump_is_as_uneven_as_can_be(digits, judge):
    found = smoothness.measure(Switch(0.5), two_digits(digits), judge, 0, range(10))
    assert found.unevenness == pytest.approx(smoothness.FRAMES - 1)
    assert found.detour == pytest.approx(1)
    assert found.recognised.value == pytest.approx(0.1)  # threes, and one way in ten is asked for


def test_a_way_that_leads_nowhere_is_even(digits, judge):
    found = smoothness.measure(Switch(2.0), two_digits(digits), judge, 0, range(10))
    assert (found.unevenness, found.detour) == (1, 1)


def test_only_right_digits_have_a_classification_accuracy_score(digits, monkeypatch):
    monkeypatch.setattr(classification_accuracy, "EPOCHS", 0)
    monkeypatch.setattr(classification_accuracy, "STEPS", 100)
    few, network = partition.subset(digits.train, 1000), judges.Layered((), (64,))
    right = classification_accuracy.score(few, digits.test, network=network)
    others = Split(few.images, (few.labels + 1) % 10)
    wrong = classification_accuracy.score(others, digits.test, network=network)
    assert right.value > 0.7 and wrong.value < 0.1


@pytest.mark.parametrize("name", ["vae", "vqvae", "ddpm"])
def test_a_suite_has_what_applies_to_the_family(name, digits, judge, real, hasty):
    family = families.build(small(name))
    variables = begun(family, jax.random.key(0))
    test = Split(digits.test.images[:90], digits.test.labels[:90])
    few = digits._replace(train=partition.subset(digits.train, 1000), test=test)
    amount, told = suite.Amount(count=80, likely=16, samples=4, coded=8), []
    found = suite.measure(family, variables, few, judge, real, amount, progress=told.append)
    assert found.images.shape == (80, 28, 28, 1) and found.images.dtype == np.uint8
    assert (found.likelihood is not None) == (name == "vae")
    assert (found.codes.active is not None) == (name == "vae")
    assert (found.codes.rate is not None) == (name in ("vae", "vqvae"))
    assert (found.bits is not None) == (name == "ddpm")
    figures = json.loads(json.dumps(found.to_dict()))
    assert figures["parzen"]["samples"] == 80
    assert figures["useful"] is None  # a classifier learns nothing from 80 digits
    said = "\n".join(found.lines())
    assert "Parzen windows" in said and "nan" not in said
    if name == "vae":
        assert figures["likelihood"]["static"]["n"] == 16
        assert f"static {found.likelihood.static.value:.2f}" in said
    assert told[0] == "drawing 80 digits"


def test_a_vae_without_black_and_white_pixels_has_no_such_likelihood(digits):
    config = small("vae")
    config = dataclasses.replace(config, net=dataclasses.replace(config.net, likelihood="gaussian"))
    assert not families.build(config).is_bernoulli
    assert families.build(small("vae")).is_bernoulli
