"""Building blocks of networks for images: residual blocks, embeddings of digits, changes of size.

Sizes change by moving pixels into channels and back, without transposed convolutions.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.arrays import rows
from jaxgen.nn.conv import Conv
from jaxgen.nn.dense import Dense

ZEROS = nn.initializers.zeros
ACTIVATIONS = {
    "relu": nn.relu,
    "silu": nn.silu,
    "gelu": nn.gelu,
    "elu": nn.elu,
    "tanh": jnp.tanh,
    "sigmoid": nn.sigmoid,
}


class Digit(nn.Module):
    """An embedding of the classes and ANY; of soft labels, the weighted mean."""

    width: int
    classes: int

    @nn.compact
    def __call__(self, labels):  # [n] or [n, classes + 1] -> [n, width]
        table = nn.Embed(self.classes + 1, self.width, name="table")
        if labels.ndim == 1:
            return table(rows(labels, self.classes))
        return jnp.dot(labels, table.embedding, precision=lax.Precision.HIGHEST)


class Norm(nn.Module):
    """Divide an image's features by their root mean square over all positions and channels, then
    scale each channel.

    Group normalisation takes a tenth more time in a train step, and gave no better samples.
    """

    @nn.compact
    def __call__(self, images):  # [n, h, w, c]
        scale = self.param("scale", nn.initializers.ones, images.shape[-1:])
        power = jnp.square(images).mean((1, 2, 3), keepdims=True)
        return images * (lax.rsqrt(power + 1e-6) * scale)


class ResBlock(nn.Module):
    """Two convolutions with a residual connection; the condition scales and shifts the features
    between them (FiLM, Perez et al. 2018)."""

    width: int

    @nn.compact
    def __call__(self, images, condition):  # [n, h, w, c], [n, e] -> [n, h, w, width]
        hidden = Conv(self.width, (3, 3))(nn.silu(Norm()(images)))
        film = Dense(2 * self.width, kernel_init=ZEROS)(condition)[:, None, None, :]
        scale, shift = jnp.split(film, 2, axis=-1)
        hidden = nn.silu(Norm()(hidden) * (1 + scale) + shift)
        hidden = Conv(self.width, (3, 3), kernel_init=ZEROS)(hidden)
        return images + hidden


class Attention(nn.Module):
    """Every position looks at every other, several heads at once (Vaswani et al. 2017), beside a
    shortcut."""

    heads: int

    @nn.compact
    def __call__(self, images):
        n, h, w, c = images.shape
        hidden = nn.LayerNorm()(images).reshape(n, h * w, c)
        split = Dense(3 * c)(hidden).reshape(n, h * w, 3, self.heads, c // self.heads)
        query, key, value = split[:, :, 0], split[:, :, 1], split[:, :, 2]
        mixed = jax.nn.dot_product_attention(query, key, value).reshape(n, h * w, c)
        return images + Dense(c, kernel_init=ZEROS)(mixed).reshape(images.shape)


def to_depth(images):
    """Move two by two positions into channels: [n, 2h, 2w, c] -> [n, h, w, 4c]."""
    n, h, w, c = images.shape
    blocks = images.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, h // 2, w // 2, 4 * c)


def to_space(images):
    """Move channels back into two by two positions: [n, h, w, 4c] -> [n, 2h, 2w, c]."""
    n, h, w, c = images.shape
    blocks = images.reshape(n, h, w, 2, 2, c // 4).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, 2 * h, 2 * w, c // 4)


def halved(images, width: int, kernel: int):
    """A convolution with stride 2, [n, 2h, 2w, c] -> [n, h, w, width]. The edge of its kernel,
    ``kernel`` pixels, is an even number: a convolution of blocks of two by two pixels."""
    return Conv(width, (kernel // 2, kernel // 2))(to_depth(images))


def doubled(images, width: int, kernel: int):
    """A transposed convolution with stride 2, [n, h, w, c] -> [n, 2h, 2w, width]."""
    return to_space(Conv(4 * width, (kernel // 2, kernel // 2))(images))
