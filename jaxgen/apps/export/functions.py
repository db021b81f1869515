"""The functions of a model that can be exported, as functions of arrays alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export as jax_export

from jaxgen import config as configs
from jaxgen.arrays import IMAGE, Keys, Labels
from jaxgen.classes import ANY, DIGITS
from jaxgen.families.base import Family
from jaxgen.families.capabilities import Diffuses, Encodes, able
from jaxgen.training import weights
from jaxgen.training.trained import Trained

Row = tuple[tuple[int, ...], Any]  # the shape of one image's share of an array, and its type
IMAGES, LABELS, NUMBERS = (IMAGE, jnp.float32), ((), jnp.int32), ((), jnp.uint32)


class Function(NamedTuple):
    """A function of a model, with its weights."""

    variables: Any
    apply: Callable[..., tuple]  # of the variables and arrays [n, ...], to a tuple of such arrays
    inputs: dict[str, Row]
    outputs: tuple[str, ...]
    # Inputs as the model makes them, of keys and labels.
    example: Callable[[jax.Array, jax.Array], tuple]
    count: int | None = None  # of images, if it cannot be any
    classes: int = len(DIGITS)

    def call(self, *arrays: jax.Array) -> tuple:
        """The function with its weights as constants."""
        constants = jax.tree.map(jnp.asarray, jax.device_get(self.variables))
        return self.apply(constants, *arrays)

    def arguments(self) -> list[jax.ShapeDtypeStruct]:
        """The shapes and types of the inputs, for a number n of images that is not known."""
        (n,) = jax_export.symbolic_shape("n") if self.count is None else (self.count,)
        return [jax.ShapeDtypeStruct((n, *shape), kind) for shape, kind in self.inputs.values()]

    def results(self) -> dict[str, Row]:
        """The outputs, as ``inputs`` has the inputs."""
        found = jax.eval_shape(self.call, *self.arguments())
        rows = [(leaf.shape[1:], leaf.dtype) for leaf in found]
        return dict(zip(self.outputs, rows, strict=True))

    def examples(self, count: int) -> dict[str, jax.Array]:
        """Inputs for ``count`` images, of all classes and of any, by name."""
        keys = jax.vmap(jax.random.key)(jnp.arange(count))
        numbers = jnp.arange(count) % (self.classes + 1)
        labels = jnp.where(numbers == self.classes, ANY, numbers)
        found = jax.jit(self.example)(keys, labels)
        return dict(zip(self.inputs, found, strict=True))


def named(model: Trained, what: str, given_noise: bool = False) -> Function:
    """The function of a model that is called ``what``; the sampler takes seeds and the numbers of
    the images, or with ``given_noise`` the noise itself. Raises UserError if the family has none.
    """
    draw = sampler_from_noise if given_noise else sampler
    makers = {"sampler": draw, "encoder": encoder, "decoder": decoder, "network": network}
    configs.require("what", what, what in makers, f"one of {', '.join(makers)}")
    return makers[what](model)._replace(classes=model.family.classes)


def sampler(model: Trained) -> Function:
    def apply(variables, seeds, indices, labels):
        keys = jax.vmap(jax.random.fold_in)(jax.vmap(jax.random.key)(seeds), indices)
        return (model.family.sample(variables, keys, labels),)

    def example(keys, labels):
        indices = jnp.arange(labels.shape[0], dtype=jnp.uint32)
        return 0 * indices, indices, labels

    inputs = {"seeds": NUMBERS, "indices": NUMBERS, "labels": LABELS}
    return Function(model.variables, apply, inputs, ("images",), example)


def sampler_from_noise(model: Trained) -> Function:
    family = model.family
    rows = noise(family)

    def apply(variables, *arrays):
        *drawn, labels = arrays
        latents = family.prior(variables, dict(zip(rows, drawn, strict=True)), labels)
        return (family.decode(variables, latents, labels, no_keys(labels)),)

    def example(keys, labels):
        drawn = family.noise(keys)
        return *(drawn[name] for name in rows), labels

    return Function(model.variables, apply, rows | {"labels": LABELS}, ("images",), example)


def encoder(model: Trained) -> Function:
    family = model.family
    encode = able(family.for_inversion(), Encodes).encode

    def apply(variables, images, labels):
        return tuple(jax.tree.leaves(encode(variables, images, labels)))

    def example(keys, labels):
        return family.sample(model.variables, keys, labels), labels

    outputs = tuple(latents(model)[0])
    inputs = {"images": IMAGES, "labels": LABELS}
    return Function(model.variables, apply, inputs, outputs, example)


def decoder(model: Trained) -> Function:
    family = model.family
    decode = family.for_inversion().decode
    rows, form = latents(model)

    def apply(variables, *arrays):
        *leaves, labels = arrays
        tree = jax.tree.unflatten(form, leaves)
        return (decode(variables, tree, labels, no_keys(labels)),)

    def example(keys, labels):
        return *jax.tree.leaves(family.first_latents(model.variables, keys, labels)), labels

    return Function(model.variables, apply, rows | {"labels": LABELS}, ("images",), example)


def network(model: Trained) -> Function:
    family = able(model.family, Diffuses)

    def apply(variables, images, times, labels):
        return (family.denoiser(variables, labels, 1.0)(images, times),)

    def example(keys, labels):
        return noisy(family, keys, labels)[:3]

    inputs = {"noisy": IMAGES, "times": LABELS, "labels": LABELS}
    return Function(model.variables, apply, inputs, ("clean",), example)


def noise(family: Family) -> dict[str, Row]:
    """The rows of the noise of a family by name."""
    found = jax.eval_shape(family.noise, no_keys(jnp.zeros(1)))
    return {name: (leaf.shape[1:], leaf.dtype) for name, leaf in found.items()}


def noisy(family: Any, keys: Keys, labels: Labels) -> tuple[jax.Array, ...]:
    """Inputs of a denoiser: images with noise, times, labels and a guidance."""
    images = jax.vmap(lambda key: jax.random.normal(key, IMAGE))(keys)
    times = jnp.linspace(1, family.config.times, labels.shape[0]).astype(jnp.int32)
    return images, times, labels, jnp.full(labels.shape, 1.5)


def no_keys(like: jax.Array) -> jax.Array:
    """A key for each row, where nothing is drawn."""
    return jax.vmap(jax.random.key)(jnp.zeros(like.shape[0], jnp.uint32))


def latents(model: Trained) -> tuple[dict[str, Row], Any]:
    """The rows of the latents by name, and the form of their tree."""
    draw, keys = model.family.first_latents, no_keys(jnp.zeros(1))
    tree = jax.eval_shape(draw, model.variables, keys, jnp.zeros(1, jnp.int32))
    found = {
        "_".join(["latents", *filter(None, name.split("/"))]): (leaf.shape[1:], leaf.dtype)
        for name, leaf in weights.named(tree).items()
    }
    return found, jax.tree.structure(tree)
