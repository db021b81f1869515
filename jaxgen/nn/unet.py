"""A small U-Net for 28 x 28 images, conditioned on a time and a digit.

Two by two pixels become one position with four channels, so that the widest grid is 14 x 14; the
inner one is 7 x 7, with attention if asked for. The two grids are joined by addition, which costs
nothing, where a concatenation would widen the convolution after it.
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.blocks import ZEROS, Attention, Digit, Norm, ResBlock, to_depth, to_space
from jaxgen.nn.conv import Conv
from jaxgen.nn.dense import Dense


class UNet(nn.Module):
    """Images, times in [0, 1] and labels (or shares of them) to as many images."""

    width: int  # channels at 14 x 14
    inner_width: int  # channels at 7 x 7
    classes: int
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
        inner = Dense(self.inner_width)(to_depth(outer))  # [n, 7, 7, inner_width]
        for block in range(self.inner_blocks):
            inner = ResBlock(self.inner_width)(inner, condition)
            if self.attention and block < self.inner_blocks - 1:
                inner = Attention(self.heads)(inner)
        outer = outer + to_space(Dense(4 * self.width)(inner))
        for _ in range(self.blocks):
            outer = ResBlock(self.width)(outer, condition)
        outer = nn.silu(Norm()(outer))
        return to_space(Conv(4, (3, 3), kernel_init=ZEROS)(outer))

    def embed(self, times, labels):
        waves = fourier(times)
        hidden = Dense(self.condition)(nn.silu(Dense(self.condition)(waves)))
        return nn.silu(hidden + Digit(self.condition, self.classes)(labels))


def fourier(times, count: int = 32):
    """Sines and cosines of times in [0, 1] at frequencies from 1 to 1000, evenly in their
    logarithm: [n, 2 count]."""
    angles = times[:, None] * jnp.geomspace(1, 1000, count)
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)
