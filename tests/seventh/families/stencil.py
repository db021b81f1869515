"""A family that is none of jaxgen's own, with a bound of the likelihood and no encoder."""

import jax
import jax.numpy as jnp

from jaxgen import losses
from jaxgen.arrays import IMAGE
from jaxgen.families.base import Family, Variables


class Stencil(Family):
    def __init__(self, net, sampling, classes):
        self.config, self.sampling, self.classes = net, sampling, classes

    def init(self, key):
        return Variables({"model": {"logits": jnp.zeros((self.classes + 1, *IMAGE))}})

    def loss(self, variables, batch, key, *, player):
        loss = self.bound(variables, batch.images, batch.labels, None).mean()
        return loss, (variables.stats, {"loss": loss})

    def noise(self, keys):
        return {"normal": jax.vmap(lambda key: jax.random.normal(key, IMAGE))(keys)}

    def prior(self, variables, noise, labels):
        return noise["normal"]

    def decode(self, variables, latents, labels, keys):
        pictures = jax.nn.sigmoid(self._logits(variables, labels))
        return jnp.clip(pictures + self.config.noise * latents, 0, 1)

    def bound(self, variables, images, labels, keys):
        return losses.bernoulli(self._logits(variables, labels), images)

    def _logits(self, variables, labels):
        return jnp.tensordot(self.soft(labels), variables.params["model"]["logits"], 1)


def build(config):
    return Stencil(config.net, config.sampling, len(config.classes))
