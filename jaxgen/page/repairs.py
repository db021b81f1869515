"""The programs with which the page completes digits and takes noise away, as ``apps.complete`` and
``apps.correct`` do. Loops are the page's, so that they can be stopped.

    AE, VAE, CVAE, GAN   ``prior`` gives candidates, ``explain`` their energies and slopes
    VQ-VAE               ``fill`` draws codes of hidden cells, ``mend`` codes near those of noise
    diffusion            ``pull`` is the denoiser that knows the visible pixels
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgen import descent
from jaxgen.apps import diffuse, fill, search
from jaxgen.apps.damage import ROUGH
from jaxgen.apps.export import functions
from jaxgen.apps.export.functions import IMAGES, LABELS, Function, Row
from jaxgen.families.ddpm import DDPM
from jaxgen.training.trained import Trained

WEIGHT: Row = ((), jnp.float32)
# Images of a call: jax2onnx 0.17.1 cannot pad arrays of any number of images, nor flatten them with
# another axis.
ONE = 1
# What the page needs to know of the search.
SEARCH = {
    "candidates": search.CANDIDATES,
    "starts": search.STARTS,
    "steps": search.STEPS,
    "rate": search.RATE,
    "decay": descent.DECAY,
    "rough": ROUGH,
}


def of_search(model: Trained) -> dict[str, Function]:
    """For a family with a density of latents."""
    family: Any = model.family
    latents, form = functions.latents(model)
    noise = functions.noise(family)

    def draw(variables, *arrays):
        *drawn, labels = arrays
        found = family.prior(variables, dict(zip(noise, drawn, strict=True)), labels)
        return tuple(jax.tree.leaves(found))

    def explain(variables, *arrays):
        *leaves, labels, observed, visible, sigma = arrays

        def energies(leaves):
            tree = jax.tree.unflatten(form, leaves)
            images = family.decode(variables, tree, labels, functions.no_keys(labels))
            errors = jnp.square(observed - images) / (2 * sigma.reshape(-1, 1, 1, 1) ** 2)
            nats = (visible * errors).sum((1, 2, 3))
            found = nats + family.prior_nll(variables, tree, labels)
            return found.sum(), (found, images)

        (_, (found, images)), slopes = jax.value_and_grad(energies, has_aux=True)(leaves)
        return found, images, *slopes

    def example_draw(keys, labels):
        drawn = family.noise(keys)
        return *(drawn[name] for name in noise), labels

    def example_explain(keys, labels):
        leaves = jax.tree.leaves(family.first_latents(model.variables, keys, labels))
        images = family.sample(model.variables, keys, labels)
        visible = jnp.ones_like(images).at[:, :, :14].set(0)
        return *leaves, labels, images, visible, jnp.full(labels.shape, ROUGH)

    observed = {"labels": LABELS, "observed": IMAGES, "visible": IMAGES, "sigma": WEIGHT}
    slopes = tuple(f"slope_{name}" for name in latents)
    return {
        "prior": Function(
            model.variables, draw, noise | {"labels": LABELS}, tuple(latents), example_draw
        ),
        "explain": Function(
            model.variables,
            explain,
            latents | observed,
            ("energies", "images", *slopes),
            example_explain,
        ),
    }


def of_codes(model: Trained) -> dict[str, Function]:
    """For a family whose latents are codes of a codebook."""
    family: Any = model.family
    shapes = jax.eval_shape(lambda keys: fill.noise(family, keys), functions.no_keys(jnp.zeros(1)))
    noise: dict[str, Row] = {name: (leaf.shape[1:], leaf.dtype) for name, leaf in shapes.items()}

    def once(variables, images, visible, filled, labels, *drawn):
        given = dict(zip(noise, drawn, strict=True))
        return (fill.once(family, variables, images, visible, filled, labels, given),)

    def mend(variables, observed, labels, *drawn):
        given = dict(zip(noise, drawn, strict=True))
        codes = fill.fill(family, variables, fill.near(family, variables, observed), labels, given)
        return (family.decode(variables, codes, labels, functions.no_keys(labels)),)

    def example(keys, labels):
        images = family.sample(model.variables, keys, labels)
        visible = jnp.ones_like(images).at[:, :, :16].set(0)
        drawn = fill.noise(family, keys)
        return images, visible, images * visible, labels, *(drawn[name] for name in noise)

    def example_mend(keys, labels):
        images, _, _, labels, *drawn = example(keys, labels)
        return images, labels, *drawn

    both: dict[str, Row] = {"images": IMAGES, "visible": IMAGES, "filled": IMAGES, "labels": LABELS}
    return {
        "fill": Function(model.variables, once, both | noise, ("whole",), example, ONE),
        "mend": Function(
            model.variables,
            mend,
            {"observed": IMAGES, "labels": LABELS} | noise,
            ("whole",),
            example_mend,
            ONE,
        ),
    }


def of_diffusion(model: Trained, family: DDPM) -> dict[str, Function]:
    """For diffusion: the clean images at a step, given the visible pixels."""

    def pull(variables, noisy, times, labels, weight, images, visible):
        denoise = family.denoiser(variables, labels, weight[0])
        return (diffuse.knowing(images, visible)(denoise, noisy, times),)

    def example(keys, labels):
        noisy, times, labels, weight = functions.noisy(family, keys, labels)
        images = jax.vmap(lambda key: jax.random.uniform(key, noisy.shape[1:]))(keys)
        return noisy, times, labels, weight, images, (images > 0.5).astype(jnp.float32)

    inputs: dict[str, Row] = {
        "noisy": IMAGES,
        "times": LABELS,
        "labels": LABELS,
        "guidance": WEIGHT,
        "images": IMAGES,
        "visible": IMAGES,
    }
    return {"pull": Function(model.variables, pull, inputs, ("clean",), example, ONE)}
