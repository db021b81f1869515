"""Layers of jaxgen's networks, written in PyTorch: images are [n, c, h, w] here."""

import torch
from torch import nn
from torch.nn import functional


def conv(inputs: int, outputs: int, zero: bool = False) -> nn.Conv2d:
    """A convolution of 3 x 3 that keeps the size; ``zero`` starts it at 0."""
    return started(nn.Conv2d(inputs, outputs, 3, padding=1), zero)


def pair_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """A convolution of 2 x 2 that keeps the size: each position with its right and lower ones."""
    return started(nn.Conv2d(inputs, outputs, 2, padding="same"))


def dense_conv(inputs: int, outputs: int) -> nn.Conv2d:
    """The same dense layer at each position."""
    return started(nn.Conv2d(inputs, outputs, 1))


def linear(inputs: int, outputs: int, zero: bool = False, gain: float = 1.0) -> nn.Linear:
    return started(nn.Linear(inputs, outputs), zero, gain)


def started(layer, zero: bool = False, gain: float = 1.0):
    """Flax's start: weights of variance ``gain`` / inputs, biases of 0."""
    if zero:
        nn.init.zeros_(layer.weight)
    else:
        inputs = layer.weight[0].numel()
        nn.init.trunc_normal_(layer.weight, std=(gain / inputs) ** 0.5, a=-2, b=2)
    nn.init.zeros_(layer.bias)
    return layer


def to_depth(images: torch.Tensor) -> torch.Tensor:
    """[n, c, 2h, 2w] -> [n, 4c, h, w]"""
    return functional.pixel_unshuffle(images, 2)


def to_space(images: torch.Tensor) -> torch.Tensor:
    """[n, 4c, h, w] -> [n, c, 2h, 2w]"""
    return functional.pixel_shuffle(images, 2)


class Norm(nn.Module):
    """Divide by the root mean square of all positions and channels, then scale each channel."""

    def __init__(self, width: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, images):
        power = images.square().mean((1, 2, 3), keepdim=True)
        return images * (power + 1e-6).rsqrt() * self.scale


class FilmBlock(nn.Module):
    """A residual block whose features a condition [n, e] scales and shifts."""

    def __init__(self, width: int, condition: int):
        super().__init__()
        self.before, self.between = Norm(width), Norm(width)
        self.first, self.second = conv(width, width), conv(width, width, zero=True)
        self.film = linear(condition, 2 * width, zero=True)

    def forward(self, images, condition):
        hidden = self.first(functional.silu(self.before(images)))
        scale, shift = self.film(condition)[:, :, None, None].chunk(2, 1)
        hidden = functional.silu(self.between(hidden) * (1 + scale) + shift)
        return images + self.second(hidden)


class Block(nn.Module):
    """A residual block without a condition."""

    def __init__(self, width: int):
        super().__init__()
        self.before, self.between = Norm(width), Norm(width)
        self.first, self.second = conv(width, width), conv(width, width, zero=True)

    def forward(self, images):
        hidden = self.first(functional.silu(self.before(images)))
        return images + self.second(functional.silu(self.between(hidden)))
