"""The vector-quantised autoencoder (van den Oord, Vinyals and Kavukcuoglu 2017), with a prior.

An encoder turns an image x into a grid of vectors z_e(x), and the nearest row e of a codebook
replaces each vector. From these rows a decoder makes the image again. The latent of an image is the
numbers of its rows, 49 codes. The objective, with sg the stop-gradient,

    |x - decoder(e)|^2 + |sg[z_e(x)] - e|^2 + beta |z_e(x) - sg[e]|^2                           (3)

is summed over an image. No gradient passes through the choice of a row, so the encoder takes the
gradient of the decoder's input unchanged (straight through). A codebook that is a running average
needs no middle term, a fixed codebook needs neither of the last two terms (``nn.quantisers``).

Grids of codes are drawn from a prior p(codes | digit), a transformer that learns together with the
autoencoder from the codes of the same batches.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
from jax import lax

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
)
from jaxgen.config import Config
from jaxgen.configs.vqvae import Net, Sampling
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Guided, Metrics, Variables, drop_labels, lerp
from jaxgen.nn import quantisers, transformer
from jaxgen.nn.grids import GridDecoder, GridEncoder

WINDOW = 430  # steps since a used code was last chosen: an epoch of batches of 128
DECAY = 0.99  # of the average count of each code, over about the last hundred steps


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    if config.optim.ema != 0:
        raise UserError(
            f"--optim.ema {config.optim.ema} cannot be: the codebook is not averaged, and averaged "
            "networks would not fit it; --optim.ema 0 draws with the weights as they are"
        )
    return VQVAE(config.net, config.sampling, len(config.classes))


@dataclass(frozen=True)
class VQVAE(Guided):
    """Its latents are grids of codes, int32 [n, 7, 7]."""

    config: Net
    sampling: Sampling
    classes: int

    learns_at_once = True  # the prior from the codes in the autoencoder's loss

    @property
    def update_order(self) -> tuple[str, ...]:
        return ("model", "prior")

    @property
    def lr_scale(self) -> Mapping[str, float]:
        return {"prior": self.config.prior_pace}

    @property
    def quantiser(self) -> quantisers.Quantiser:
        c = self.config
        return {
            "ema": lambda: quantisers.Ema(c.codes, c.features, c.decay, c.restart),
            "gradient": lambda: quantisers.Gradient(c.codes, c.features),
            "fsq": lambda: quantisers.Fsq(c.levels),
        }[c.quantiser]()

    @property
    def encoder(self) -> GridEncoder:
        c = self.config
        return GridEncoder(c.grid, c.width, c.inner_width, c.blocks, self.quantiser.features)

    @property
    def decoder(self) -> GridDecoder:
        c = self.config
        return GridDecoder(c.grid, c.width, c.inner_width, c.blocks)

    @property
    def prior_net(self) -> transformer.Prior:
        c = self.config
        features = self.quantiser.features if c.prior_tied else 0
        return transformer.Prior(
            self.quantiser.size,
            c.grid,
            c.prior_width,
            c.prior_depth,
            c.prior_heads,
            self.classes,
            features,
        )

    @property
    def bits(self) -> float:
        """The bits of a grid if all codes are equally likely: 49 log2 K, K the codebook's size."""
        return self.config.grid**2 * math.log2(self.quantiser.size)

    def init(self, key: Key) -> Variables:
        key_encoder, key_decoder, key_codebook, key_prior = jax.random.split(key, 4)
        side, size = self.config.grid, self.quantiser.size
        grids = jnp.zeros((1, side, side, self.quantiser.features))
        codebook, stats = self.quantiser.init(key_codebook)
        model = {
            "encoder": self.encoder.init(key_encoder, jnp.zeros((1, *IMAGE))),
            "decoder": self.decoder.init(key_decoder, grids),
            "codebook": codebook,
        }
        table = jnp.zeros((size, self.quantiser.features))
        prior = self.prior_net.init(key_prior, grids, jnp.zeros(1, jnp.int32), table)
        usage = {"often": jnp.zeros(size), "idle": jnp.full(size, WINDOW)}
        stats = {"steps": jnp.int32(0), "codebook": stats, "usage": usage}
        return Variables({"model": model, "prior": prior}, stats)

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str | None
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        key_model, key_prior = jax.random.split(key)
        if player == "prior":
            codes = self.encode(variables, batch.images, batch.labels)
            loss, metrics = self.loss_prior(
                variables, self.rows(variables)[codes], codes, batch.labels, key_prior
            )
            return loss, (variables.stats, metrics)
        loss, (stats, metrics), rows, codes = self.loss_model(variables, batch, key_model)
        if player is None:
            loss_prior, more = self.loss_prior(variables, rows, codes, batch.labels, key_prior)
            loss, metrics = loss + loss_prior, metrics | more
        return loss, (stats, metrics)

    def loss_model(self, variables, batch, key):
        """(3), and the codebook's updates from the batch without a gradient; with the rows and the
        codes of the images."""
        key_start, key_learn = jax.random.split(key)
        quantiser, stats = self.quantiser, variables.stats
        encoded = self.vectors(variables, batch.images)
        flat = lax.stop_gradient(encoded).reshape(-1, quantiser.features)
        codebook = lax.cond(
            stats["steps"] == 0,
            lambda: quantiser.start(stats["codebook"], flat, key_start),
            lambda: stats["codebook"],
        )
        table = quantiser.rows(variables.params["model"]["codebook"], codebook)
        codes = quantisers.nearest(table, lax.stop_gradient(encoded))  # [b, 7, 7]
        rows = table[codes]

        # |x - decoder(e)|^2, where the gradient of e goes to z_e.
        passed = encoded + lax.stop_gradient(rows - encoded)
        reconstruction = losses.squared_error(self.images(variables, passed), batch.images).mean()
        # |sg[z_e] - e|^2
        pull_rows = total_square(lax.stop_gradient(encoded) - rows).mean()
        # |z_e - sg[e]|^2
        pull_vectors = total_square(encoded - lax.stop_gradient(rows)).mean()
        loss = reconstruction
        if quantiser.pulls_rows:
            loss += pull_rows
        if quantiser.pulls_vectors:
            loss += self.config.commitment * pull_vectors

        # The codebook learns last, since the whole loss uses the old codebook.
        codebook = quantiser.learn(codebook, flat, codes.ravel(), key_learn)
        usage, counts = self.count_usage(stats["usage"], codes)
        metrics = {
            "loss": loss,
            "reconstruction": reconstruction,
            "quantisation": pull_vectors,
            "perplexity": quantisers.perplexity(counts),
            "perplexity_recent": quantisers.perplexity(usage["often"]),
            "codes_used": (usage["idle"] < WINDOW).mean(),
        }
        stats = {"steps": stats["steps"] + 1, "codebook": codebook, "usage": usage}
        return loss, (stats, metrics), rows, codes

    def count_usage(self, usage, codes):
        """Update, for each code, its average count and the steps since it was last chosen; return
        them and the counts in the batch."""
        counts = jnp.bincount(codes.ravel(), length=self.quantiser.size).astype(jnp.float32)
        often = DECAY * usage["often"] + (1 - DECAY) * counts
        idle = jnp.where(counts > 0, 0, usage["idle"] + 1)
        return {"often": often, "idle": idle}, counts

    def loss_prior(self, variables, rows, codes, labels, key):
        labels = drop_labels(labels, self.config.label_drop, key)
        loss = self._nll(variables, lax.stop_gradient(rows), codes, labels).mean()
        return loss, {"prior/loss": loss, "prior/bits": loss / math.log(2)}

    def prior_nll(self, variables: Variables, latents: Latents, labels: Labels) -> jax.Array:
        return self._nll(variables, self.rows(variables)[latents], latents, labels)

    def _nll(self, variables, rows, codes, labels):
        """``prior_nll`` of codes, whose rows are given."""
        params, table = variables.params["prior"], lax.stop_gradient(self.rows(variables))
        logits = cast(jax.Array, self.prior_net.apply(params, rows, labels, table))
        hot = jax.nn.one_hot(codes.reshape(codes.shape[0], -1), self.quantiser.size)
        return (jax.nn.logsumexp(logits, axis=-1) - (hot * logits).sum(-1)).sum(-1)

    def noise(self, keys: Keys) -> Noise:
        return {"gumbel": transformer.noise(self.prior_net, keys)}

    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        params, table, s = variables.params["prior"], self.rows(variables), self.sampling
        return transformer.sample(
            self.prior_net, params, table, noise["gumbel"], labels, s.temperature, s.guidance
        )

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        return self.images(variables, self.rows(variables)[latents])

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        return quantisers.nearest(self.rows(variables), self.vectors(variables, images))

    def rate(self, variables: Variables, images: Images, labels: Labels) -> jax.Array:
        codes = self.encode(variables, images, labels)
        return self.prior_nll(variables, codes, labels)

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        """The codes nearest to the interpolated rows."""
        table = self.rows(variables)
        codes = quantisers.nearest(table, lerp(table[starts], table[ends], t))
        t = t[:, None, None]
        return jnp.where(t == 0, starts, jnp.where(t == 1, ends, codes))

    def rows(self, variables: Variables) -> jax.Array:
        """The codebook [k, e]."""
        params = variables.params["model"]["codebook"]
        return self.quantiser.rows(params, variables.stats["codebook"])

    def vectors(self, variables: Variables, images: Images) -> jax.Array:
        """z_e of images: [n, 7, 7, e]."""
        params = variables.params["model"]["encoder"]
        return self.quantiser.bound(cast(jax.Array, self.encoder.apply(params, images)))

    def images(self, variables: Variables, vectors: jax.Array) -> Images:
        """The images of grids of vectors [n, 7, 7, e]."""
        params = variables.params["model"]["decoder"]
        return cast(jax.Array, self.decoder.apply(params, vectors))


def total_square(differences: jax.Array) -> losses.PerImage:
    """|.|^2 of grids of vectors [n, h, w, e], summed over an image."""
    return jnp.square(differences).sum((1, 2, 3))
