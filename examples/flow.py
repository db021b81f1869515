"""A family of one's own in one file: a normalising flow with affine couplings (RealNVP, Dinh et al.
2017), conditioned on the digit.

    bin/train --recipe examples/flow.py
    bin/sample --recipe examples/flow.py --digit 3
    bin/evaluate --recipe examples/flow.py

A flow is an invertible map z = f(x, y) from images to noise, so that the density of an image is
known exactly:

    log p(x | y) = log N(f(x, y); 0, I) + log |det df/dx|                                      (1)

Each layer leaves a half of the numbers as they are, and scales and shifts the other half by amounts
that a network computes from the first half and the digit. So a layer is easy to invert, and its
log-determinant is the sum of the logarithms of the scales. Which half stays is a chequerboard of
pixels that changes from layer to layer.

Grey levels are whole numbers from 0 to 255, and a density of whole numbers could grow without
bound. So noise in [0, 1) is added to them (dequantisation, Theis et al. 2016), and (1) becomes a
bound of the probability of a grey image, in nats, that can be compared with that of ``ddpm``.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen import config as configs
from jaxgen import losses
from jaxgen.arrays import IMAGE
from jaxgen.families import base
from jaxgen.families.base import Family, Variables

PIXELS = math.prod(IMAGE)
MARGIN = 0.05  # of the logit: keeps the ends 0 and 1 finite
STRETCH = 1.5  # the logarithm of a scale is between -STRETCH and STRETCH


@dataclass(frozen=True)
class Net(configs.Net):
    """The flow."""

    layers: int = 8
    """Affine couplings."""
    width: int = 256
    """Neurons in each of the two hidden layers of a coupling's network."""
    label_drop: float = 0.1
    """Fraction of the labels that are dropped in training, so that any digit can be asked for."""

    def __post_init__(self):
        for name in ("layers", "width"):
            value = getattr(self, name)
            configs.require(f"net.{name}", value, value >= 1, "1 or more")
        configs.require("net.label-drop", self.label_drop, 0 <= self.label_drop < 1, "in [0, 1)")


@dataclass(frozen=True)
class Sampling(configs.Sampling):
    """How the flow draws."""

    temperature: float = 0.7
    """Standard deviation of the noise; below 1, digits are more alike and cleaner."""

    def __post_init__(self):
        configs.require("sampling.temperature", self.temperature, self.temperature > 0, "above 0")


def get_config() -> configs.Config:
    return configs.Config(
        model="flow",
        net=Net(),
        sampling=Sampling(),
        optim=configs.Optim(rate=1e-3),
        steps=2000,
    )


def build(config: configs.Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    return Flow(config.net, config.sampling, len(config.classes))


class Couplings(nn.Module):
    """The flow, in both directions, and log |det df/dx| [n]."""

    layers: int
    width: int

    def setup(self):
        self.digit = nn.Dense(64, use_bias=False)
        self.hidden = [[nn.Dense(self.width) for _ in range(2)] for _ in range(self.layers)]
        # At first each layer is the identity.
        self.last = [
            nn.Dense(2 * PIXELS, kernel_init=nn.initializers.zeros) for _ in range(self.layers)
        ]

    def __call__(self, values, labels):  # [n, 784] and soft labels -> [n, 784], [n]
        determinant = jnp.zeros(values.shape[0])
        for layer in range(self.layers):
            log_scale, shift = self.amounts(layer, values, labels)
            values = values * jnp.exp(log_scale) + shift
            determinant += log_scale.sum(-1)
        return values, determinant

    def inverse(self, values, labels):
        for layer in reversed(range(self.layers)):
            log_scale, shift = self.amounts(layer, values, labels)
            values = (values - shift) * jnp.exp(-log_scale)
        return values

    def amounts(self, layer, values, labels):
        """What a layer does to the half that changes; 0 for the half that stays."""
        stays = _chequerboard(layer % 2)
        hidden = jnp.concatenate([values * stays, self.digit(labels)], -1)
        for dense in self.hidden[layer]:
            hidden = nn.silu(dense(hidden))
        log_scale, shift = jnp.split(self.last[layer](hidden), 2, -1)
        return STRETCH * jnp.tanh(log_scale) * (1 - stays), shift * (1 - stays)


def _chequerboard(odd: int) -> jax.Array:
    rows, columns = jnp.indices(IMAGE[:2])
    return ((rows + columns + odd) % 2).reshape(-1).astype(jnp.float32)


@dataclass(frozen=True)
class Flow(Family):
    """Its latents are noise [n, 784]."""

    config: Net
    sampling: Sampling
    classes: int

    @property
    def flow(self) -> Couplings:
        return Couplings(self.config.layers, self.config.width)

    def init(self, key) -> Variables:
        labels = self.soft(jnp.zeros(1, jnp.int32))
        return Variables({"model": self.flow.init(key, jnp.zeros((1, PIXELS)), labels)})

    def loss(self, variables, batch, key, *, player):
        key_labels, key_noise = jax.random.split(key)
        labels = base.drop_labels(batch.labels, self.config.label_drop, key_labels)
        keys = jax.random.split(key_noise, batch.images.shape[0])
        loss = self.bound(variables, batch.images, labels, keys).mean()
        return loss, (variables.stats, {"loss": loss, "bits": loss / PIXELS / math.log(2)})

    def noise(self, keys):
        return {"normal": base.normals(keys, PIXELS)}

    def prior(self, variables, noise, labels):
        return self.sampling.temperature * noise["normal"]

    def decode(self, variables, latents, labels, keys):
        values = self._apply("inverse", variables, latents, self.soft(labels))
        pixels = (nn.sigmoid(values) - MARGIN) / (1 - 2 * MARGIN)
        return pixels.clip(0, 1).reshape(-1, *IMAGE)

    def encode(self, variables, images, labels):
        return self._noise(variables, images, labels)[0]

    def bound(self, variables, images, labels, keys):
        """(1) with the noise of dequantisation, as - log p(grey image) in nats [n]."""
        noise = jax.vmap(lambda key: jax.random.uniform(key, IMAGE))(keys)
        dequantised = (255 * images + noise) / 256
        latents, determinant = self._noise(variables, dequantised, labels)
        return PIXELS * math.log(256) - losses.log_normal(latents) - determinant

    def _noise(self, variables, images, labels):
        """f of images, and the logarithm of its determinant. First a logit takes [0, 1] to all
        numbers."""
        pixels = MARGIN + (1 - 2 * MARGIN) * images.reshape(images.shape[0], -1)
        values = jnp.log(pixels) - jnp.log1p(-pixels)
        slope = math.log(1 - 2 * MARGIN) - jnp.log(pixels) - jnp.log1p(-pixels)
        latents, determinant = self._apply("__call__", variables, values, self.soft(labels))
        return latents, determinant + slope.sum(-1)

    def _apply(self, method, variables, *args) -> Any:
        return self.flow.apply(variables.params["model"], *args, method=method)
