"""The map over images: every image has its own key and row, and programs are compiled once."""

import itertools

import jax
import numpy as np
import pytest

from jaxgen import data, families
from jaxgen.families.capabilities import Prepares
from jaxgen.mapping import map_images
from tests import weights
from tests.conftest import small


def test_each_image_has_its_key_and_its_row_whatever_the_chunk():
    def function(scale, keys, images, pair):
        noise = jax.vmap(jax.random.uniform)(keys)
        return {"sum": scale * images.sum((1, 2, 3)), "all": (pair[0] + pair[1], noise)}

    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28, 1)).astype(np.uint8)
    pair, told = (np.arange(7), 10 * np.arange(7)), []
    found = map_images(
        function, 2.0, seed=3, chunk=4, progress=told.append, images=images, pair=pair
    )
    assert np.allclose(found["sum"], 2 * (images / 255).sum((1, 2, 3)), rtol=1e-5)
    assert np.array_equal(found["all"][0], 11 * np.arange(7))
    assert told == [4, 7]
    keys = [jax.random.fold_in(jax.random.key(3), i) for i in range(7)]
    noise = found["all"][1]
    assert np.array_equal(noise, [jax.random.uniform(key) for key in keys])
    # Floats are taken as they are, and other indices are other keys.
    rows = np.array([5, 2])
    part = {"images": images[rows].astype(np.float32), "pair": (pair[0][rows], pair[1][rows])}
    again = map_images(function, 1.0, seed=3, indices=rows, **part)
    assert np.allclose(again["sum"], images[rows].sum((1, 2, 3)), rtol=1e-5)
    assert np.array_equal(again["all"][1], noise[rows])


@pytest.mark.parametrize(
    ("name", "sampling"), [("ddpm", {}), ("ddpm", {"sampler": "dpmpp"}), ("vqvae", {})], ids=str
)
def test_a_program_is_compiled_once_for_equal_families_and_for_every_guidance(name, sampling):
    built, traced = families.build(small(name)).with_sampling(**sampling), []

    class Counted(type(built)):
        def sample(self, variables, keys, labels):
            traced.append(self.sampling.guidance)
            return super().sample(variables, keys, labels)

    variables = weights.begun(built, jax.random.key(0), 0.1)
    if isinstance(built, Prepares):  # else guidance changes nothing
        variables = built.prepare(variables, data.load("synthetic:200").train)
    labels = np.arange(4, dtype=np.int32)

    def draw(guidance):
        family = Counted(built.config, built.with_sampling(guidance=guidance).sampling)
        return map_images(family.sample, variables, chunk=4, labels=labels)

    found = {guidance: draw(guidance) for guidance in (2.0, 3.5, 0.0, 1.0)}
    assert len(traced) == 2  # with guidance and without
    assert traced[1] == 1.0
    assert np.array_equal(draw(3.5), found[3.5]) and len(traced) == 2
    images = list(found.values())
    assert not any(np.array_equal(a, b) for a, b in itertools.pairwise(images))
    # The number reaches the images as a constant would.
    constant = jax.jit(built.with_sampling(guidance=3.5).sample)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), np.arange(4))
    assert np.allclose(constant(variables, keys, labels), found[3.5], atol=1e-5)


def test_networks_of_one_kind_share_a_program():
    from jaxgen.evaluation import classifier, judge

    images = np.zeros((3, 28, 28, 1), np.uint8)
    programs = []

    class Counted(judge.Network):
        def __call__(self, images):
            programs.append(self.widths)
            return super().__call__(images)

    jax.tree_util.register_static(Counted)
    first = Counted((4, 4, 8))
    variables = first.init(jax.random.key(0), images / 255.0)
    programs.clear()
    for network in (first, Counted((4, 4, 8))):
        logits, features = classifier.look(network, variables, images)
        assert logits.shape == (3, 10) and features.shape == (3, 8)
    assert programs == [(4, 4, 8)]
