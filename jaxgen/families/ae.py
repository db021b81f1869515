"""The autoencoder (Hinton and Salakhutdinov 2006).

An encoder f maps an image to a few numbers, its code, and a decoder g maps the code back:

    loss = |x - g(f(x))|^2        or the cross-entropy of x and g(f(x))                          (1)

A denoising autoencoder (Vincent et al. 2008) encodes a noisy x; the loss compares with the clean x.
The loss does not shape the distribution of the codes, so a random code gives no digit. To draw
digits, a density is fitted to the codes of the training digits afterwards (``densities``).
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgen import densities, losses
from jaxgen.arrays import IMAGE, Batch, Images, Key, Keys, Labels, Latents, Scalar, SoftLabels
from jaxgen.config import Config
from jaxgen.configs.ae import Net, Sampling
from jaxgen.families.base import Family, Fitted, Metrics, Variables
from jaxgen.nn.coders import Decoder, Encoder

LOSSES = {
    "squared": lambda logits, images: losses.squared_error(nn.sigmoid(logits), images),
    "cross-entropy": losses.bernoulli,
}


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    return AE(config.net, config.sampling, len(config.classes))


class Network(nn.Module):
    """The encoder f and the decoder g."""

    config: Net

    def setup(self):
        c = self.config
        self.encoder = Encoder(c.network, c.layers, c.activation, c.kernel, out=c.latents)
        self.decoder = Decoder(c.network, c.layers, c.activation, c.kernel)

    def encode(self, images):  # [n, h, w, c] -> [n, z]
        return self.encoder(images)

    def decode(self, codes):  # [n, z] -> logits [n, h, w, c]
        return self.decoder(codes)

    def __call__(self, images):
        return self.decode(self.encode(images))


@dataclass(frozen=True)
class AE(Fitted):
    """Its latents are codes [n, z]."""

    config: Net
    sampling: Sampling
    classes: int

    @property
    def net(self) -> Network:
        return Network(self.config)

    @property
    def removes_noise(self) -> bool:
        return self.config.noise > 0

    def init(self, key: Key) -> Variables:
        density = densities.standard(self.classes, self.config.components, self.config.latents)
        params = self.net.init(key, jnp.zeros((1, *IMAGE)))
        return Variables({"model": params}, {"density": density})

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        inputs = batch.images
        if self.config.noise:
            noise = self.config.noise * jax.random.normal(key, inputs.shape)
            inputs = (inputs + noise).clip(0, 1)
        logits = self._apply(variables, inputs)
        loss = LOSSES[self.config.loss](logits, batch.images).mean()  # (1)
        squared = losses.squared_error(nn.sigmoid(logits), batch.images).mean()
        return loss, (variables.stats, {"loss": loss, "squared_error": squared})

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        return nn.sigmoid(self._apply(variables, latents, method="decode"))

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        return self._apply(variables, images, method="encode")

    def _apply(self, variables, *args, method="__call__") -> Any:
        return self.net.apply(variables.params["model"], *args, method=method)
