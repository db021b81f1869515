"""The types of the arrays that the parts exchange, and the batch.

Letters in shapes are the same everywhere: ``n`` images (``b`` in a training batch), ``h w c`` an
image, ``z`` a latent, ``k`` codes, ``t`` time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree
from jaxtyping import Key as TypedKey

from jaxgen.classes import ANY

SIDE = 28  # pixels along an edge
IMAGE = (SIDE, SIDE, 1)  # [h, w, c] of every image

Images = Float[Array, "n 28 28 1"]  # in [0, 1], black background
Labels = Int[Array, " n"]  # numbers of classes, 0 to 9 for digits, or ``classes.ANY``
SoftLabels = Float[Array, "n k"]  # weights of the k - 1 classes and ANY; a row sums to 1
Scalar = Float[Array, ""]
Key = TypedKey[Array, ""]
Keys = TypedKey[Array, " n"]  # one key per image
Latents = PyTree  # the codes of a family, with the images along the first axis
Noise = dict[str, Array]  # random numbers by name, each with the images along the first axis
Params = PyTree


class Batch(NamedTuple):
    """The input of a training step."""

    images: jax.Array  # float32 [b, 28, 28, 1] in [0, 1]
    labels: jax.Array  # int32 [b], the numbers of classes


def rows(labels: Labels, classes: int) -> Labels:
    """The row of each label in a table of the classes, whose last row is that of ANY."""
    return jnp.where(labels == ANY, classes, labels)


def soft(labels: Labels | SoftLabels, classes: int) -> SoftLabels:
    """Labels as soft labels [n, classes + 1], one-hot rows; soft labels stay."""
    if jnp.ndim(labels) != 1:
        return labels
    return jax.nn.one_hot(rows(labels, classes), classes + 1)
