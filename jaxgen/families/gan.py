"""Generative adversarial networks (Goodfellow et al. 2014): a generator of images against a critic.

The generator G makes an image from noise z ~ N(0, I) and a digit y. The critic scores images of the
digit: D = sigmoid(score) is its probability that an image is real. They learn in turns:

    critic      max  E log D(x, y) + E log(1 - D(G(z, y), y))                                    (1)
    generator   min  E log(1 - D(G(z, y), y))       "minimax", in theory                         (2)
                max  E log D(G(z, y), y)            "non-saturating", in practice                (3)

(2) has almost no gradient if the critic is sure that an image is generated, as soon happens with a
bad generator. (3) has the same fixed point, and its gradient is largest in that case. Other
objectives are "hinge" (Lim and Ye 2017), "wasserstein" (Arjovsky et al. 2017) and "relativistic"
(Jolicoeur-Martineau 2019: it compares real and generated images in pairs of one digit). A penalty
on the gradient of the critic's score keeps the game stable, with ``penalty_weight`` w:

    r1          w / 2 E |grad score(x, y)|^2            at real images (Mescheder et al. 2018)   (4)
    gp          w E (|grad score(x', y)| - 1)^2         between real and generated ones          (5)
                                                        (Gulrajani et al. 2017)

For ANY the digit is drawn at random and is a part of the latent. No network maps an image to
its latent: ``encode`` searches for it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from jaxgen import arrays, descent, losses
from jaxgen.arrays import Batch, Images, Key, Keys, Labels, Latents, Noise, Scalar, SoftLabels
from jaxgen.config import Config
from jaxgen.configs.gan import Net, Sampling
from jaxgen.families import base
from jaxgen.families.base import Family, Metrics, Variables
from jaxgen.nn.critics import Critic, Generator


class Latent(NamedTuple):
    """The noise and the digit of an image."""

    noise: jax.Array  # [n, z]
    digit: SoftLabels  # used for ANY


class Objective(NamedTuple):
    """The losses of the players [n], from the scores of real and of generated images [n]."""

    critic: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array, jax.Array], jax.Array]
    pairs: bool = False  # whether the generator's loss depends on the real images


def cross_entropy(real, fake):
    """Minus (1): log D is the log-sigmoid of a score s, and log(1 - D) the log-sigmoid of -s."""
    return -nn.log_sigmoid(real) - nn.log_sigmoid(-fake)


OBJECTIVES = {
    "minimax": Objective(cross_entropy, lambda real, fake: nn.log_sigmoid(-fake)),
    "non-saturating": Objective(cross_entropy, lambda real, fake: -nn.log_sigmoid(fake)),
    "hinge": Objective(
        lambda real, fake: nn.relu(1 - real) + nn.relu(1 + fake), lambda real, fake: -fake
    ),
    "wasserstein": Objective(lambda real, fake: fake - real, lambda real, fake: -fake),
    "relativistic": Objective(
        lambda real, fake: -nn.log_sigmoid(real - fake),
        lambda real, fake: -nn.log_sigmoid(fake - real),
        pairs=True,
    ),
}

# The search of ``encode``, for each image.
CANDIDATES = 100
STARTS = 4  # the best candidates, which are refined
SEARCH_STEPS = 200
SEARCH_RATE = 0.2
# Weight of |z|^2 against |G(z) - x|^2: keeps z in the range of the training.
TYPICAL = 0.02


def build(config: Config) -> Family:
    assert isinstance(config.net, Net) and isinstance(config.sampling, Sampling)
    return GAN(config.net, config.sampling, len(config.classes))


@dataclass(frozen=True)
class GAN(Family):
    """A generator and a critic; both take the digit as input."""

    config: Net
    sampling: Sampling
    classes: int

    may_collapse = True
    encodes_iteratively = True

    @property
    def update_order(self) -> tuple[str, ...]:
        # The critic first: the generator meets the one that has just learned.
        return ("critic",) * self.config.critic_turns + ("generator",)

    @property
    def lr_scale(self) -> Mapping[str, float]:
        return {"critic": self.config.critic_pace}

    @property
    def condition_rate(self) -> float:
        return 1 / self.config.penalty_every

    @property
    def is_conditional(self) -> bool:
        return self.config.label_drop < 1

    @property
    def critic(self) -> Critic:
        c = self.config
        return Critic(c.network, c.layers, c.critic_blocks, c.critic_digit, c.kernel, self.classes)

    @property
    def generator(self) -> Generator:
        c = self.config
        return Generator(c.network, c.layers, c.blocks, c.kernel, self.classes)

    def init(self, key: Key) -> Variables:
        key_critic, key_generator = jax.random.split(key)
        labels = jnp.zeros(1, jnp.int32)
        latents = jnp.zeros((1, self.config.latents))
        critic = self.critic.init(key_critic, jnp.zeros((1, *arrays.IMAGE)), labels)
        generator = self.generator.init(key_generator, latents, labels)
        return Variables({"critic": critic, "generator": generator})

    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        key_drop, key_latent, key_mix = jax.random.split(key, 3)
        key_time = jax.random.fold_in(key_mix, 0)
        count = batch.labels.shape[0]
        labels = base.drop_labels(batch.labels, self.config.label_drop, key_drop)
        latents = jax.random.normal(key_latent, (count, self.config.latents))
        generated = self.generate(variables, latents, labels)

        fake = self.score(variables, generated, labels)
        objective = OBJECTIVES[self.config.objective]
        if player == "generator":
            real = self.score(variables, batch.images, labels) if objective.pairs else fake
            loss = objective.generator(real, fake).mean()
            return loss, (variables.stats, {"generator/loss": loss})
        real = self.score(variables, batch.images, labels)
        loss = objective.critic(real, fake).mean()
        penalty = self.sometimes(
            lambda: self.penalty(variables, batch.images, generated, labels, key_mix), key_time
        )
        metrics = {
            "critic/loss": loss,
            "critic/real": real.mean(),
            "critic/fake": fake.mean(),
            "critic/penalty": penalty,
        }
        return loss + penalty, (variables.stats, metrics)

    def noise(self, keys: Keys) -> Noise:
        keys_normal, keys_digit = base.split(keys)
        digits = jax.vmap(lambda key: jax.random.randint(key, (), 0, self.classes))(keys_digit)
        return {"normal": base.normals(keys_normal, self.config.latents), "digit": digits}

    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        digits = jnp.where(labels == arrays.ANY, noise["digit"], labels)
        return Latent(self.sampling.truncation * noise["normal"], self.soft(digits))

    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        digits = self.soft(labels)
        if not self.config.label_drop:  # the networks were never trained with ANY
            none = digits[:, self.classes :]
            digits = digits.at[:, self.classes].set(0) + none * latents.digit
        return self.generate(variables, latents.noise, digits)

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        """Minimise |G(z, y) - x|^2 + TYPICAL |z|^2 by multi-start descent, and keep the best end.
        For ANY the candidates are of all digits."""
        noise = jax.random.normal(jax.random.key(0), (CANDIDATES, self.config.latents))
        keys = jax.vmap(jax.random.key)(jnp.arange(images.shape[0]))  # nothing is drawn

        def candidate(numbers):  # [n], one for each image
            digits = jnp.where(labels == arrays.ANY, numbers % self.classes, labels)
            return Latent(noise[numbers], self.soft(digits))

        def energies(latents):
            fixed = latents._replace(digit=lax.stop_gradient(latents.digit))
            errors = jnp.square(self.decode(variables, fixed, labels, keys) - images)
            return errors.sum((1, 2, 3)) + TYPICAL * jnp.square(latents.noise).sum(-1)

        starts = descent.best_of(energies, candidate, labels.shape[0], CANDIDATES, STARTS)
        ends, last = descent.descend(energies, starts, SEARCH_STEPS, SEARCH_RATE)
        return descent.pick(ends, last.argmin(0))

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        noise = base.slerp(starts.noise, ends.noise, t)
        return Latent(noise, base.lerp(starts.digit, ends.digit, t))

    def prior_nll(self, variables: Variables, latents: Latents, labels: Labels) -> jax.Array:
        return -losses.log_normal(latents.noise, 0.0, 2 * math.log(self.sampling.truncation))

    def transfer(
        self, variables: Variables, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        """The same noise: its distribution is the same for every digit."""
        return latents._replace(digit=self.soft(targets))

    def generate(
        self, variables: Variables, noise: jax.Array, labels: Labels | SoftLabels
    ) -> Images:
        return cast(jax.Array, self.generator.apply(variables.params["generator"], noise, labels))

    def score(self, variables: Variables, images: Images, labels: Labels) -> jax.Array:
        """The critic's scores of images of the digits ``labels``: logits [n]."""
        return cast(jax.Array, self.critic.apply(variables.params["critic"], images, labels))

    def penalty(
        self, variables: Variables, images: Images, generated: Images, labels: Labels, key: Key
    ) -> jax.Array:
        """(4) or (5), a mean over the batch."""
        c = self.config
        if c.penalty == "none":
            return jnp.zeros(())
        if c.penalty == "r1":
            slopes = self.slopes(variables, images, labels)
            return c.penalty_weight / 2 * slopes.mean()
        t = jax.random.uniform(key, (images.shape[0], 1, 1, 1))
        slopes = self.slopes(variables, t * images + (1 - t) * generated, labels)
        # The root has no gradient at 0.
        return c.penalty_weight * jnp.square(jnp.sqrt(slopes + 1e-12) - 1).mean()

    def sometimes(self, penalty: Callable[[], jax.Array], key: Key) -> jax.Array:
        """``penalty_every`` times the penalty in one of so many steps, which ``key`` chooses; else
        0, without computing it."""
        every = self.config.penalty_every
        if every == 1:
            return penalty()
        is_due = jax.random.uniform(key) < 1 / every
        return lax.cond(is_due, lambda: every * penalty(), lambda: jnp.zeros(()))

    def slopes(self, variables: Variables, images: Images, labels: Labels) -> jax.Array:
        """|grad score|^2 [n] with respect to the pixels in [0, 1] of each image."""
        grads = jax.grad(lambda images: self.score(variables, images, labels).sum())(images)
        return jnp.square(grads).sum((1, 2, 3))
