"""A small U-Net for 28 x 28 images, conditioned on a time and a digit.

Two by two pixels become one position with four channels, so that the widest grid is 14 x 14; the
inner one is 7 x 7, with attention if asked for. No transposed convolutions: sizes change by moving
pixels into channels and back. The two grids are joined by addition, which costs nothing, where a
concatenation would widen the convolution after it.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen.arrays import DIGITS
from jaxgen.nn.conv import Conv

ZEROS = nn.initializers.zeros


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
    """Two convolutions beside a shortcut; the condition scales and shifts between them (FiLM, Perez
    et al. 2018)."""

    width: int

    @nn.compact
    def __call__(self, images, condition):  # [n, h, w, c], [n, e] -> [n, h, w, width]
        hidden = Conv(self.width, (3, 3))(nn.silu(Norm()(images)))
        film = nn.Dense(2 * self.width, kernel_init=ZEROS)(condition)[:, None, None, :]
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
        split = nn.Dense(3 * c)(hidden).reshape(n, h * w, 3, self.heads, c // self.heads)
        query, key, value = split[:, :, 0], split[:, :, 1], split[:, :, 2]
        mixed = jax.nn.dot_product_attention(query, key, value).reshape(n, h * w, c)
        return images + nn.Dense(c, kernel_init=ZEROS)(mixed).reshape(images.shape)


class UNet(nn.Module):
    """Images, times in [0, 1] and labels 0 to 10 to as many images."""

    width: int  # channels at 14 x 14
    inner_width: int  # channels at 7 x 7
    blocks: int  # residual blocks at 14 x 14, on each side
    inner_blocks: int  # residual blocks at 7 x 7
    attention: bool = False  # between the blocks at 7 x 7
    heads: int = 4
    condition: int = 128  # channels of what time and digit become

    @nn.compact
    def __call__(self, images, times, labels):  # [n, 28, 28, 1], [n], [n] -> [n, 28, 28, 1]
        condition = self.embed(times, labels)
        outer = Conv(self.width, (3, 3))(to_depth(images))  # [n, 14, 14, width]
        for _ in range(self.blocks):
            outer = ResBlock(self.width)(outer, condition)
        inner = nn.Dense(self.inner_width)(to_depth(outer))  # [n, 7, 7, inner_width]
        for block in range(self.inner_blocks):
            inner = ResBlock(self.inner_width)(inner, condition)
            if self.attention and block < self.inner_blocks - 1:
                inner = Attention(self.heads)(inner)
        outer = outer + to_space(nn.Dense(4 * self.width)(inner))
        for _ in range(self.blocks):
            outer = ResBlock(self.width)(outer, condition)
        outer = nn.silu(Norm()(outer))
        return to_space(Conv(4, (3, 3), kernel_init=ZEROS)(outer))

    def embed(self, times, labels):
        waves = fourier(times)
        hidden = nn.Dense(self.condition)(nn.silu(nn.Dense(self.condition)(waves)))
        return nn.silu(hidden + nn.Embed(DIGITS + 1, self.condition)(labels))


def fourier(times, count: int = 32):
    """Sines and cosines of times in [0, 1] at frequencies from 1 to 1000, evenly in their
    logarithm: [n, 2 count]."""
    angles = times[:, None] * jnp.geomspace(1, 1000, count)
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


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
