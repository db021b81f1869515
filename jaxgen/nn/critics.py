"""The two networks of a GAN: a generator of images, and a critic that scores them.

``layers`` are read as in ``coders``: by the critic from the image on, by the generator in reverse
order. Neither network normalises over the batch, so that the score of an image depends on that
image alone, which gradient penalties assume (Gulrajani et al. 2017, section 4).
"""

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.arrays import IMAGE
from jaxgen.nn.blocks import ZEROS, Digit, ResBlock, doubled, halved
from jaxgen.nn.coders import GRID_SIDE, split
from jaxgen.nn.conv import Conv
from jaxgen.nn.dense import Dense

HE = nn.initializers.he_normal()
DIGIT = 32  # dimensions of the digit's vector, where it is one more input of the critic


class Generator(nn.Module):
    """Latents [n, z] and labels (hard or soft) to images [n, 28, 28, 1] in [0, 1]."""

    network: str  # dense or conv
    layers: tuple[int, ...]
    blocks: int  # residual blocks at 7 x 7, conditioned on the output of the dense layers
    kernel: int
    classes: int

    @nn.compact
    def __call__(self, latents, labels):
        channels, neurons = split(self.network, self.layers)
        digit = Digit(latents.shape[-1], self.classes)(labels)
        hidden = jnp.concatenate([latents, digit], axis=-1)
        for width in reversed(neurons):
            hidden = leaky(Dense(width, kernel_init=HE)(hidden))
        if not channels:
            return nn.sigmoid(Dense(28 * 28)(hidden).reshape(-1, *IMAGE))
        outer, inner = channels
        images = Dense(GRID_SIDE * GRID_SIDE * inner)(hidden).reshape(
            -1, GRID_SIDE, GRID_SIDE, inner
        )
        for _ in range(self.blocks):
            images = ResBlock(inner)(images, hidden)
        images = doubled(leaky(images), outer, self.kernel)
        return nn.sigmoid(doubled(leaky(images), 1, self.kernel))


class Critic(nn.Module):
    """Images [n, 28, 28, 1] and labels to scores [n]: high for real images of their digit.

    With "projection" the inner product of the digit's vector and the last features is added to the
    score (Miyato and Koyama 2018); with "concatenation" the vector is one more input of the dense
    layers (Mirza and Osindero 2014).
    """

    network: str
    layers: tuple[int, ...]
    blocks: int  # residual blocks at 7 x 7
    digit: str  # projection or concatenation
    kernel: int
    classes: int

    @nn.compact
    def __call__(self, images, labels):
        channels, neurons = split(self.network, self.layers)
        for width in channels:
            images = halved(leaky(images), width, self.kernel)
        for _ in range(self.blocks if channels else 0):
            images = Block()(images)
        hidden = images.reshape(images.shape[0], -1)
        hidden = leaky(hidden) if channels else hidden
        if self.digit == "concatenation":
            hidden = jnp.concatenate([hidden, Digit(DIGIT, self.classes)(labels)], axis=-1)
        for width in neurons:
            hidden = leaky(Dense(width, kernel_init=HE)(hidden))
        scores = Dense(1)(hidden)[:, 0]
        if self.digit == "projection":
            scores = scores + (hidden * Digit(hidden.shape[-1], self.classes)(labels)).sum(-1)
        return scores


class Block(nn.Module):
    """Two convolutions with a residual connection; an identity at first."""

    @nn.compact
    def __call__(self, images):
        width = images.shape[-1]
        hidden = Conv(width, (3, 3), kernel_init=HE)(leaky(images))
        return images + Conv(width, (3, 3), kernel_init=ZEROS)(leaky(hidden))


def leaky(values):
    return nn.leaky_relu(values, 0.2)
