"""The types of the arrays that the parts exchange, and the batch.

Letters in shapes are the same everywhere: ``n`` images (``b`` in a training batch), ``h w c`` an
image, ``z`` a latent, ``k`` codes, ``t`` time.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree
from jaxtyping import Key as TypedKey

SIDE = 28  # pixels along an edge
IMAGE = (SIDE, SIDE, 1)  # [h, w, c] of every image
DIGITS = 10
NO_DIGIT = 10  # the label that means "any digit"

Images = Float[Array, "n 28 28 1"]  # in [0, 1], black background
Labels = Int[Array, " n"]  # 0 to 9, or NO_DIGIT
SoftLabels = Float[Array, "n 11"]  # weights of the ten digits and NO_DIGIT; a row sums to 1
Scalar = Float[Array, ""]
Key = TypedKey[Array, ""]
Keys = TypedKey[Array, " n"]  # one key per image
Latents = PyTree  # the codes of a family, with the images along the first axis
Noise = dict[str, Array]  # random numbers by name, each with the images along the first axis
Params = PyTree


class Batch(NamedTuple):
    """The input of a training step."""

    images: jax.Array  # float32 [b, 28, 28, 1] in [0, 1]
    labels: jax.Array  # int32 [b], 0 to 9


def soft(labels: Labels | SoftLabels) -> SoftLabels:
    """Labels as soft labels, one-hot rows; soft labels stay."""
    return jax.nn.one_hot(labels, DIGITS + 1) if jnp.ndim(labels) == 1 else labels
