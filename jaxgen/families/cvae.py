"""The conditional variational autoencoder (Sohn, Lee and Yan 2015).

A variational autoencoder whose networks all take the digit y as input, with a learned prior of
codes, one Gaussian per digit; in nats per image:

    loss = - E_q log p(x|z,y)  +  beta KL(q(z|x,y) || p(z|y))  >=  - log p(x|y), if beta is 1    (1)

To draw a digit y, a code is drawn from p(z|y) and decoded. Some labels are replaced by ANY in
training, so that ANY is a condition too.

In the paper the condition is a part of the image. With ``--net.part quadrants`` the networks also
take the visible part as input, from nothing to three quadrants, and (1) sums over the hidden
pixels, which ``complete`` draws.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgen import losses
from jaxgen.arrays import (
    IMAGE,
    Batch,
    Images,
    Key,
    Keys,
    Labels,
    Latents,
    Noise,
    Scalar,
    SoftLabels,
    soft,
)
from jaxgen.config import Config
from jaxgen.configs.cvae import Net, Sampling
from jaxgen.families import base
from jaxgen.families.base import Family, Gaussian, Metrics, Variables, Variational
from jaxgen.nn.blocks import ACTIVATIONS, ZEROS
from jaxgen.nn.coders import Decoder, Encoder, LogSigma
from jaxgen.nn.dense import Dense


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    return CVAE(config.net, len(config.classes))


class Network(nn.Module):
    """The prior p(z|y), the encoder q(z|x,y) and the decoder p(x|z,y). The vector y holds the
    condition: the digit and the features of the visible part."""

    config: Net
    classes: int

    def setup(self):
        c = self.config
        self.encoder = Encoder(c.network, c.layers, c.activation, c.kernel, out=2 * c.latents)
        self.decoder = Decoder(c.network, c.layers, c.activation, c.kernel)
        self.log_sigma = LogSigma(c.sigma)
        self.prior_hidden = Dense(c.prior_width)
        self.prior_out = Dense(2 * c.latents, kernel_init=ZEROS)  # N(0, I) at first
        if c.part != "none":
            self.seen = Encoder(c.network, c.layers, c.activation, c.kernel, out=c.prior_width)

    def condition(self, images, visible, labels):  # -> y [n, e]; visible [n, h, w, 1] is 0 or 1
        if self.config.part == "none":
            return soft(labels, self.classes)
        features = self.seen(jnp.concatenate([images * visible, visible], axis=-1))
        hidden = ACTIVATIONS[self.config.activation](features)
        return jnp.concatenate([soft(labels, self.classes), hidden], -1)

    def prior(self, condition):  # -> mean [n, z], log variance [n, z]
        hidden = ACTIVATIONS[self.config.activation](self.prior_hidden(condition))
        return tuple(jnp.split(self.prior_out(hidden), 2, axis=-1))

    def encode(self, images, condition):  # -> mean [n, z], log variance [n, z]
        return tuple(jnp.split(self.encoder(images, condition), 2, axis=-1))

    def decode(self, codes, condition):  # -> logits [n, h, w, c]
        return self.decoder(jnp.concatenate([codes, condition], axis=-1))

    def decoder_nll(self, images, codes, condition, counts):  # -> nats [n], sums where counts is 1
        nats = losses.LIKELIHOODS[self.config.likelihood].nats
        return nats(self.decode(codes, condition), images, self.log_sigma(), counts)

    def __call__(self, images, visible, labels, noise):
        """The terms of (1): reconstruction of hidden pixels [n], divergence by latent [n, z]."""
        condition = self.condition(images, visible, labels)
        mean, log_var = self.encode(images, condition)
        codes = mean + jnp.exp(0.5 * log_var) * noise
        reconstruction = self.decoder_nll(images, codes, condition, 1 - visible)
        return reconstruction, losses.kl_normal(mean, log_var, *self.prior(condition))


@dataclass(frozen=True)
class CVAE(Variational):
    """All of its networks take the digit as input."""

    codes_depend_on_digit: ClassVar[bool] = True

    config: Net
    classes: int

    @property
    def net(self) -> Network:
        return Network(self.config, self.classes)

    def init(self, key: Key) -> Variables:
        image, code = jnp.zeros((1, *IMAGE)), jnp.zeros((1, self.config.latents))
        params = self.net.init(key, image, image, jnp.zeros(1, jnp.int32), code)
        return Variables({"model": params}, {"step": jnp.int32(0)})  # for the warm-up of beta

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        c, step = self.config, variables.stats["step"]
        images, key = self.inputs(batch.images, key)
        key_noise, key_drop, key_part = jax.random.split(key, 3)
        count = batch.labels.shape[0]
        noise = jax.random.normal(key_noise, (count, c.latents))
        labels = base.drop_labels(batch.labels, c.label_drop, key_drop)
        visible = nothing(labels)
        if c.part == "quadrants":
            visible = some_quadrants(key_part, count)
        terms = self._apply("__call__", variables, images, visible, labels, noise)
        loss, metrics = self.weighted(step, *terms)  # (1)
        return loss, ({"step": step + 1}, metrics)

    def noise(self, keys: Keys) -> Noise:
        return {"normal": base.normals(keys, self.config.latents)}

    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        return base.scaled(self.prior_given(variables, labels), noise["normal"])

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        return self._decode(variables, latents, self._condition(variables, labels))

    def posterior(self, variables: Variables, images: Images, labels: Labels) -> Gaussian:
        return self._apply("encode", variables, images, self._condition(variables, labels))

    def prior_given(self, variables: Variables, labels: Labels) -> Gaussian:
        return self._apply("prior", variables, self._condition(variables, labels))

    def decoder_nll(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        condition = self._condition(variables, labels)
        return self._apply("decoder_nll", variables, images, codes, condition, 1.0)

    def prior_nll(self, variables: Variables, latents: Latents, labels: Labels) -> jax.Array:
        return -losses.log_normal(latents, *self.prior_given(variables, labels))

    def transfer(
        self, variables: Variables, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        """mu_t + sigma_t (z - mu_s) / sigma_s, with the moments of p(z|y)."""
        mean, log_var = self.prior_given(variables, sources)
        mean_target, log_var_target = self.prior_given(variables, targets)
        return mean_target + jnp.exp(0.5 * (log_var_target - log_var)) * (latents - mean)

    def bound_given(
        self, variables: Variables, images: Images, visible: Images, labels: Labels, keys: Keys
    ) -> jax.Array:
        """(1) with beta 1 in nats [n], for the pixels where ``visible`` is 0, given the digit and
        the other pixels, from one code per image."""
        noise = base.normals(keys, self.config.latents)
        terms = self._apply("__call__", variables, images, visible, labels, noise)
        return terms[0] + terms[1].sum(-1)

    def completes(self, visible: Any) -> bool:
        """Whether it is trained with quadrants, and the masks consist of whole quadrants."""
        quarters = np.reshape(visible, (-1, 2, IMAGE[0] // 2, 2, IMAGE[1] // 2))
        return self.config.part == "quadrants" and not np.ptp(quarters, axis=(2, 4)).any()

    def complete(
        self, variables: Variables, images: Images, visible: Images, labels: Labels, keys: Keys
    ) -> Images:
        """Draw the pixels where ``visible`` is 0, given the other pixels, which stay."""
        condition = self._apply("condition", variables, images, visible, labels)
        codes = base.draw(self._apply("prior", variables, condition), keys)
        completed = self._decode(variables, codes, condition)
        return jnp.where(visible == 1, images, completed)

    def _condition(self, variables, labels):
        """The condition if no pixel is visible."""
        none = nothing(labels)
        return self._apply("condition", variables, none, none, labels)

    def _decode(self, variables, codes, condition):
        return self.to_images(self._apply("decode", variables, codes, condition))

    def _apply(self, method, variables, *args) -> Any:
        return self.net.apply(variables.params["model"], *args, method=method)


def nothing(labels: jax.Array) -> Images:
    """Masks that show no pixel, one for each of ``labels`` [n, ...]."""
    return jnp.zeros((labels.shape[0], *IMAGE))


def some_quadrants(key: Key, count: int) -> Images:
    """Masks that show none, one, two or three quadrants, drawn at random: 1 where visible."""
    key_order, key_count = jax.random.split(key)
    order = jax.random.uniform(key_order, (count, 4)).argsort(axis=1).argsort(axis=1)
    shown = jax.random.randint(key_count, (count, 1), 0, 4)  # quadrants in each mask
    corners = (order < shown).astype(jnp.float32).reshape(count, 2, 2, 1)
    return corners.repeat(IMAGE[0] // 2, axis=1).repeat(IMAGE[1] // 2, axis=2)
