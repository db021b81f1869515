"""The reader: a classifier of digits that are damaged or hidden in part, p(y | visible pixels).

Some networks need the label, which is unknown for such digits. The reader learns from training
digits with random masks and damage of all kinds that the applications have. It is not a judge: its
output is an input of the applications and measures nothing, and it learns from the training digits
of the models.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax import traverse_util

from jaxgen import kept
from jaxgen.apps import damage, masks
from jaxgen.arrays import IMAGE, Images, Key
from jaxgen.data import Digits, Split
from jaxgen.evaluation import classifier
from jaxgen.evaluation.distort import distort

VERSION = 1  # raised with every change of the network or its training
BATCH = 128
EPOCHS = 7
DISTORTED = 0.4  # of the judge's distortions: a mask cuts a far rotated digit in other places


def load(digits: Digits, say: Callable[[str], None]) -> Any:
    """The variables for these training digits, from the user's cache folder or fitted now.
    ``say(line)`` is called before they are fitted."""
    classes, learned = len(digits.names), digits.train

    def make() -> dict[str, np.ndarray]:
        say("learning to read digits that are hidden in part or damaged: a minute, once")
        fitted = jax.tree.map(np.asarray, fit(learned, classes))
        flat: Any = traverse_util.flatten_dict(fitted, sep="/")
        return flat

    network, image = Network(classes), jax.ShapeDtypeStruct((1, *IMAGE), jnp.float32)

    def is_of_network(flat: dict[str, np.ndarray]) -> bool:
        fresh: Any = jax.eval_shape(network.init, jax.random.key(0), (image, image))
        wanted: Any = traverse_util.flatten_dict(fresh, sep="/")
        shapes = {name: leaf.shape for name, leaf in wanted.items()}
        return shapes == {name: leaf.shape for name, leaf in flat.items()}

    flat = kept.arrays("reader", (VERSION, *learned), make, is_of_network)
    return traverse_util.unflatten_dict(flat, sep="/")


def read(variables: Any, images: Images, visible: Images) -> jax.Array:
    """log p(y | visible pixels of images) in nats [n, k], for each of k classes."""
    classes = variables["params"]["Dense_0"]["bias"].shape[0]
    logits: Any = Network(classes).apply(variables, (images, visible))[0]
    return nn.log_softmax(logits)


class Network(nn.Module):
    """Images and masks [n, 28, 28, 1], a pair, to logits of the classes and features [n, 128]."""

    classes: int

    @nn.compact
    def __call__(self, inputs):
        images, visible = inputs
        conv = functools.partial(nn.Conv, kernel_init=nn.initializers.he_normal())
        h = jnp.concatenate([images * visible, visible], -1)
        h = nn.relu(conv(32, (5, 5), 2)(h))  # [n, 14, 14, 32]
        h = h + nn.relu(conv(32, (3, 3))(h))
        h = nn.relu(conv(64, (3, 3), 2)(h))  # [n, 7, 7, 64]
        h = h + nn.relu(conv(64, (3, 3))(h))
        h = h.reshape((len(h), -1))
        # Stored variables have this order's names.
        last, dense = nn.Dense(self.classes), nn.Dense(128)
        features = nn.relu(dense(h))
        return last(features), features


def corrupted(images: Images, key: Key) -> tuple[Images, Images]:
    """A training batch with random damage or masks: the images, and masks of their visible pixels.
    A third of the images is damaged, in equal parts by each kind; the others are masked."""
    key_damage, key_mask = jax.random.split(key)
    count = len(images)
    kinds = [damage.named(name) for name in damage.NAMES]
    parts = np.array_split(np.arange(count // 3), len(kinds))
    keys = jax.random.split(key_damage, count // 3)
    damaged = [
        kind.apply(images[rows], keys[rows]) for kind, rows in zip(kinds, parts, strict=True)
    ]
    rest = images[count // 3 :]
    visible = jnp.concatenate([jnp.ones_like(images[: count // 3]), _masks(len(rest), key_mask)])
    return jnp.concatenate([*damaged, rest]), visible


def _masks(count, key):
    """Random masks: fixed parts, some of the four quadrants, and single pixels."""
    key_kind, key_part, key_quadrants, key_p, key_pixels = jax.random.split(key, 5)
    parts = jnp.stack([jnp.asarray(masks.fixed(name)) for name in masks.FIXED])
    part = parts[jax.random.randint(key_part, (count,), 0, len(parts))]
    quadrants = jax.random.bernoulli(key_quadrants, 0.5, (count, 2, 2, 1))
    quadrants = quadrants.repeat(masks.HALF, 1).repeat(masks.HALF, 2).astype(jnp.float32)
    p = jax.random.uniform(key_p, (count, 1, 1, 1))
    pixels = (jax.random.uniform(key_pixels, part.shape) < p).astype(jnp.float32)
    kind = jax.random.randint(key_kind, (count, 1, 1, 1), 0, 4)
    return jnp.where(kind < 2, part, jnp.where(kind == 2, quadrants, pixels))


def fit(learned: Split, classes: int, seed: int = 0) -> Any:
    """Variables of the network after EPOCHS over training digits."""

    def change(images, key):
        key_distort, key_corrupt = jax.random.split(key)
        return corrupted(distort(images, key_distort, DISTORTED), key_corrupt)

    steps = max(EPOCHS * len(learned.labels) // BATCH, 1)
    return classifier.fit(
        Network(classes),
        learned,
        steps,
        seed=seed,
        batch=BATCH,
        change=change,
        smoothing=0.0,
        b2=0.999,
    )
