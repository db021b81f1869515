"""Encoders and decoders: images to vectors and vectors to images, dense or convolutional.

``layers`` are read alike by both kinds, from the image to the vector:

    dense   neurons of each hidden layer, such as 1000, 500, 250
    conv    channels at 14 x 14 and at 7 x 7, then neurons of hidden layers, such as 32, 64, 256

A decoder has the same layers in reverse order.
"""

import math

import jax.numpy as jnp
from flax import linen as nn

from jaxgen.arrays import IMAGE
from jaxgen.nn.blocks import ACTIVATIONS, doubled, halved
from jaxgen.nn.dense import Dense

HALVINGS = 2  # by convolutions
GRID_SIDE = 7  # positions along an edge after them


class Encoder(nn.Module):
    """Images [n, 28, 28, 1], with a condition [n, e] or without one, to vectors [n, out]."""

    network: str  # dense or conv
    layers: tuple[int, ...]
    activation: str
    kernel: int
    out: int

    @nn.compact
    def __call__(self, images, condition=None):
        act = ACTIVATIONS[self.activation]
        channels, neurons = split(self.network, self.layers)
        for width in channels:
            images = act(halved(images, width, self.kernel))
        hidden = images.reshape(images.shape[0], -1)
        if condition is not None:
            hidden = jnp.concatenate([hidden, condition], axis=-1)
        for width in neurons:
            hidden = act(Dense(width)(hidden))
        return Dense(self.out)(hidden)


class Decoder(nn.Module):
    """Vectors [n, e] to images of logits [n, 28, 28, 1]."""

    network: str
    layers: tuple[int, ...]
    activation: str
    kernel: int

    @nn.compact
    def __call__(self, vectors):
        act = ACTIVATIONS[self.activation]
        channels, neurons = split(self.network, self.layers)
        hidden = vectors
        for width in reversed(neurons):
            hidden = act(Dense(width)(hidden))
        if not channels:
            return Dense(28 * 28)(hidden).reshape(-1, *IMAGE)
        hidden = act(Dense(GRID_SIDE * GRID_SIDE * channels[-1])(hidden))
        images = hidden.reshape(-1, GRID_SIDE, GRID_SIDE, channels[-1])
        for width in reversed(channels[:-1]):
            images = act(doubled(images, width, self.kernel))
        return doubled(images, 1, self.kernel)


def split(network: str, layers: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Layers as channels of convolutions and neurons of dense layers."""
    count = {"dense": 0, "conv": HALVINGS}[network]
    return layers[:count], layers[count:]


class LogSigma(nn.Module):
    """The logarithm of the standard deviation of Gaussian pixels: fixed, or learned for 0."""

    sigma: float
    least: float = -6.0  # where the logarithm levels off, or a perfect pixel would draw it to -inf

    @nn.compact
    def __call__(self):
        if self.sigma:
            return math.log(self.sigma)
        learned = self.param("log_sigma", nn.initializers.zeros, ())
        return self.least + nn.softplus(learned - self.least)  # Rybkin et al. 2021, section 4
