"""Convolutional encoder and decoder between images and grids of vectors, 7 x 7 or 14 x 14."""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.nn.blocks import ZEROS, Norm, to_depth, to_space
from jaxgen.nn.conv import Conv
from jaxgen.nn.dense import Dense


class Block(nn.Module):
    """Two convolutions with a residual connection."""

    @nn.compact
    def __call__(self, images):  # [n, h, w, c] -> [n, h, w, c]
        width = images.shape[-1]
        hidden = Conv(width, (3, 3))(nn.silu(Norm()(images)))
        hidden = Conv(width, (3, 3), kernel_init=ZEROS)(nn.silu(Norm()(hidden)))
        return images + hidden


class GridEncoder(nn.Module):
    """Images [n, 28, 28, 1] to vectors [n, side, side, out]."""

    side: int  # 14 or 7
    width: int  # channels at 14 x 14
    inner_width: int  # channels of the grid
    blocks: int
    out: int

    @nn.compact
    def __call__(self, images):
        hidden = nn.silu(Conv(self.width, (3, 3))(to_depth(2 * images - 1)))
        if self.side == 7:
            hidden = to_depth(hidden)
        hidden = Dense(self.inner_width)(hidden)
        for _ in range(self.blocks):
            hidden = Block()(hidden)
        return Dense(self.out)(nn.silu(Norm()(hidden)))


class GridDecoder(nn.Module):
    """Vectors [n, side, side, e] to images [n, 28, 28, 1], each pixel in (0, 1)."""

    side: int
    width: int
    inner_width: int
    blocks: int

    @nn.compact
    def __call__(self, vectors):
        hidden = Conv(self.inner_width, (3, 3))(vectors)
        for _ in range(self.blocks):
            hidden = Block()(hidden)
        hidden = nn.silu(Norm()(hidden))
        if self.side == 7:
            hidden = nn.silu(to_space(Dense(4 * self.width)(hidden)))
        pixels = to_space(Conv(4, (3, 3))(hidden))
        return jnp.asarray(nn.sigmoid(pixels))
