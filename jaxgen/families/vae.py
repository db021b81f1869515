"""The variational autoencoder (Kingma and Welling 2014), with the weight of Higgins et al. 2017.

For an image the encoder gives a Gaussian q(z|x) of codes instead of one code. The codes of all
images together should look like N(0, I), so that codes can be drawn. Minus the evidence lower
bound, in nats per image:

    loss = - E_q log p(x|z)  +  beta KL(q(z|x) || N(0, I))  >=  - log p(x), if beta is 1         (1)

With k codes per image, weighted by importance, the bound is tighter (Burda et al. 2016):

    loss = - E log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)                                          (2)

Its gradient with respect to the encoder has a part through the codes and the score of q, which is
noisy. A part through the codes with the same mean can replace the score (Roeder et al. 2017 for
k = 1, Tucker et al. 2019): with w_i the ratio in (2), divided by the sum of the ratios,

    d loss / d phi  =  - E sum_i w_i^2  d log (ratio_i) / d z_i  d z_i / d phi                   (3)

Pixels are Bernoulli, continuous Bernoulli or Gaussian. A Gaussian of variance 1/2 makes the first
term |x - x'|^2 plus a constant; another variance weights |x - x'|^2 as another beta would, but (1)
with beta = 1 is still a bound. A Bernoulli pixel is never grey: for grey images (1) bounds a
cross-entropy, not a likelihood.

Codes are drawn from N(0, I), as in the paper, or from a density fitted to the codes of a digit's
images, their aggregate posterior (``densities``).
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen import densities, losses
from jaxgen.arrays import IMAGE, Batch, Images, Key, Keys, Labels, Latents, Scalar, SoftLabels
from jaxgen.config import Config
from jaxgen.configs.vae import Net, Sampling
from jaxgen.families import base
from jaxgen.families.base import Family, Fitted, Gaussian, Metrics, Variables, Variational
from jaxgen.nn.coders import Decoder, Encoder, LogSigma


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    return VAE(config.net, config.sampling, len(config.classes))


class Network(nn.Module):
    """The encoder, which says q(z|x), and the decoder, which says p(x|z)."""

    config: Net

    def setup(self):
        c = self.config
        self.encoder = Encoder(c.network, c.layers, c.activation, c.kernel, out=2 * c.latents)
        self.decoder = Decoder(c.network, c.layers, c.activation, c.kernel)
        self.log_sigma = LogSigma(c.sigma)

    def encode(self, images):  # [n, h, w, c] -> mean [n, z], log variance [n, z]
        return tuple(jnp.split(self.encoder(images), 2, axis=-1))

    def decode(self, codes):  # [n, z] -> logits [n, h, w, c]
        return self.decoder(codes)

    def decoder_nll(self, images, codes):  # [n, h, w, c], [n, z] -> nats [n]
        nats = losses.LIKELIHOODS[self.config.likelihood].nats
        return nats(self.decode(codes), images, self.log_sigma(), 1.0)

    def __call__(self, images):
        mean, _ = self.encode(images)
        return self.decoder_nll(images, mean)


@dataclass(frozen=True)
class VAE(Fitted, Variational):
    """Its networks do not take the digit as input."""

    config: Net
    sampling: Sampling
    classes: int

    @property
    def net(self) -> Network:
        return Network(self.config)

    def init(self, key: Key) -> Variables:
        stats = {
            "step": jnp.int32(0),  # of training, for the warm-up of beta
            "density": densities.standard(
                self.classes, self.config.components, self.config.latents
            ),
        }
        return Variables({"model": self.net.init(key, jnp.zeros((1, *IMAGE)))}, stats)

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        c, step = self.config, variables.stats["step"]
        stats = variables.stats | {"step": step + 1}
        images, key = self.inputs(batch.images, key)
        if c.objective == "iwae":
            bounds = self._importance_bound(variables, images, key, self.annealing(step))  # (2)
            return bounds.mean(), (stats, {"loss": bounds.mean()})
        mean, log_var = self._apply("encode", variables, images)
        reconstruction = self._reconstruction(variables, images, mean, log_var, key)
        loss, metrics = self.weighted(step, reconstruction, losses.kl_normal(mean, log_var))  # (1)
        return loss, (stats, metrics)

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        return self.to_images(self._apply("decode", variables, latents))

    def posterior(self, variables: Variables, images: Images, labels: Labels) -> Gaussian:
        return self._apply("encode", variables, images)

    def prior_given(self, variables: Variables, labels: Labels) -> Gaussian:
        standard = jnp.zeros((labels.shape[0], self.config.latents))
        return standard, standard

    def decoder_nll(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        return self._apply("decoder_nll", variables, images, codes)

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        return base.slerp(starts, ends, t)

    def codes(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> Latents:
        return base.draw(self.posterior(variables, images, labels), keys)

    def _reconstruction(self, variables, images, mean, log_var, key):
        """- log p(x|z) [n], the mean over ``samples`` codes."""
        noise = jax.random.normal(key, (self.config.samples, *mean.shape))  # [k, n, z]
        codes = (mean + jnp.exp(0.5 * log_var) * noise).reshape(-1, mean.shape[-1])
        repeated = jnp.tile(images, (self.config.samples, 1, 1, 1))
        nats = self._apply("decoder_nll", variables, repeated, codes)
        return nats.reshape(self.config.samples, -1).mean(0)

    def _importance_bound(self, variables, images, key, beta):
        """(2) [n], with p(z)/q(z|x) to the power of ``beta``, which is 1 after the warm-up."""
        k, (mean, log_var) = self.config.samples, self._apply("encode", variables, images)
        codes = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, (k, *mean.shape))
        repeated = jnp.tile(images, (k, 1, 1, 1))

        def bounds(codes, mean, log_var):
            flat = codes.reshape(-1, codes.shape[-1])
            nats = self._apply("decoder_nll", variables, repeated, flat)
            log_q = losses.log_normal(codes, mean, log_var)  # [k, n]
            log_weights = beta * (losses.log_normal(codes) - log_q) - nats.reshape(k, -1)
            return math.log(k) - jax.nn.logsumexp(log_weights, axis=0), log_weights

        if self.config.gradient == "total":
            return bounds(codes, mean, log_var)[0]
        fixed, *posterior = lax.stop_gradient((codes, mean, log_var))
        bound, vjp, log_weights = jax.vjp(lambda z: bounds(z, *posterior), fixed, has_aux=True)
        (slopes,) = vjp(jnp.ones_like(bound))
        weights = jax.nn.softmax(log_weights, axis=0)[..., None]
        pulls = lax.stop_gradient((1 - beta * (1 - weights)) * slopes)  # (3)
        return bound + (pulls * (codes - fixed)).sum((0, 2))

    def _apply(self, method, variables, *args) -> Any:
        return self.net.apply(variables.params["model"], *args, method=method)
