"""The two networks of a GAN: a generator of images, and a critic that scores them.

``layers`` are read as in ``coders``, by the critic from the image on and by the generator from the
other end. Neither has a norm over the batch: an image is drawn and scored by itself, and a penalty
on the slope of its score means what it says (Gulrajani et al. 2017, section 4).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.arrays import IMAGE
from jaxgen.nn.blocks import ZEROS, Digit, ResBlock, to_depth, to_space
from jaxgen.nn.coders import SIDE, split
from jaxgen.nn.conv import Conv

HE = nn.initializers.he_normal()
DIGIT = 32  # numbers that the digit becomes, where it is another input of the critic


class Generator(nn.Module):
    """Latents [n, z] and labels (or shares of them) to images [n, 28, 28, 1] in [0, 1]."""

    network: str  # dense or conv
    layers: tuple[int, ...]
    blocks: int  # residual blocks at 7 x 7, told what the dense layers make of noise and digit

    @nn.compact
    def __call__(self, latents, labels):
        channels, neurons = split(self.network, self.layers)
        digit = Digit(latents.shape[-1])(labels)
        hidden = jnp.concatenate([latents, digit], axis=-1)
        for width in reversed(neurons):
            hidden = leaky(nn.Dense(width, kernel_init=HE)(hidden))
        if not channels:
            return nn.sigmoid(nn.Dense(28 * 28)(hidden).reshape(-1, *IMAGE))
        outer, inner = channels
        images = nn.Dense(SIDE * SIDE * inner)(hidden).reshape(-1, SIDE, SIDE, inner)
        for _ in range(self.blocks):
            images = ResBlock(inner)(images, hidden)
        images = to_space(Conv(4 * outer, (3, 3))(leaky(images)))  # [n, 14, 14, outer]
        return nn.sigmoid(to_space(Conv(4, (3, 3))(leaky(images))))


class Critic(nn.Module):
    """Images [n, 28, 28, 1] and labels to scores [n]: high for what looks real, and like its digit.

    By "projection" the digit's vector is held against the last features (Miyato and Koyama 2018),
    by "concatenation" it is one more input of the dense layers (Mirza and Osindero 2014).
    """

    network: str
    layers: tuple[int, ...]
    blocks: int  # residual blocks at 7 x 7
    digit: str  # projection or concatenation

    @nn.compact
    def __call__(self, images, labels):
        channels, neurons = split(self.network, self.layers)
        for width in channels:
            images = Conv(width, (3, 3))(leaky(to_depth(images)))
        for _ in range(self.blocks if channels else 0):
            images = Block()(images)
        hidden = images.reshape(len(images), -1)
        hidden = leaky(hidden) if channels else hidden
        if self.digit == "concatenation":
            hidden = jnp.concatenate([hidden, Digit(DIGIT)(labels)], axis=-1)
        for width in neurons:
            hidden = leaky(nn.Dense(width, kernel_init=HE)(hidden))
        scores = nn.Dense(1)(hidden)[:, 0]
        if self.digit == "projection":
            scores = scores + (hidden * Digit(hidden.shape[-1])(labels)).sum(-1)
        return scores


class Block(nn.Module):
    """Two convolutions beside a shortcut, which alone is there at first."""

    @nn.compact
    def __call__(self, images):
        width = images.shape[-1]
        hidden = Conv(width, (3, 3), kernel_init=HE)(leaky(images))
        return images + Conv(width, (3, 3), kernel_init=ZEROS)(leaky(hidden))


def leaky(values):
    return nn.leaky_relu(values, 0.2)
