"""What a family of generative models is: a few pure functions of its variables.

The caller may put any method but ``fit`` under ``jit``, ``grad``, ``vmap`` or ``scan``, on one
device or on many: a family holds settings and networks, never arrays. Whole-batch arithmetic (a
mean, stratified times, batch statistics) is written as if there were one device; the compiler
splits it.
"""

import abc
import copy
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import struct

from jaxgen import arrays, densities, losses
from jaxgen.arrays import Batch, Images, Key, Keys, Labels, Latents, Scalar, SoftLabels
from jaxgen.data import Split
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import map_images
from jaxgen.nn import guidance

Metrics = dict[str, jax.Array]  # scalars to log, by name
Gaussian = tuple[jax.Array, jax.Array]  # mean and logarithm of the variance, each [n, z]


class Variables(struct.PyTreeNode):
    """What training changes."""

    # Dictionaries, but JAX and Orbax also put shapes, shardings and the like in their place.
    params: Any  # by player, the weights of each
    # What has no gradient: counters, running statistics, densities fitted to codes. It is drawn
    # with as it is, where params are averaged.
    stats: Any = struct.field(default_factory=dict)


class Family(abc.ABC):
    """A kind of generative model.

    What a subclass defines: ``init``, ``loss``, ``prior``, ``decode``, and the methods of those
    ``capabilities`` that it has. The rest is derived from those. Wherever ``decode`` takes labels,
    it takes shares of digits too.

    A family can be an argument of a compiled program, which is compiled anew for every other
    family.
    """

    may_collapse: ClassVar[bool] = False
    """Whether training may end in a few kinds of images only, so that it has to be monitored."""

    encodes_iteratively: ClassVar[bool] = False
    """Whether ``encode`` takes many steps, so that it is not for thousands of images."""

    codes_depend_on_digit: ClassVar[bool] = False
    """Whether the codes of each digit have a space of their own."""

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        jax.tree_util.register_pytree_node(cls, cls._take_apart, cls._put_together)

    def _take_apart(self) -> tuple[tuple, "Family"]:
        return (), self

    @staticmethod
    def _put_together(family: Any, numbers: tuple) -> Any:
        return family

    @property
    def removes_noise(self) -> bool:
        """Whether it was trained to reconstruct images without the noise that they have."""
        return False

    @property
    def update_order(self) -> tuple[str, ...]:
        """The players in the order in which they learn within a step, one optimiser each: most
        families have one, a GAN has ``("critic", "generator")``."""
        return ("model",)

    @property
    def lr_scale(self) -> Mapping[str, float]:
        """What ``--optim.rate`` is multiplied with for each player; 1 for those not named."""
        return {}

    @property
    def is_conditional(self) -> bool:
        """Whether the digit asked for makes a difference to what is drawn."""
        return True

    def with_sampling(self, **settings: Any) -> "Family":
        """The same family with other sampling settings."""
        family: Any = self
        sampling = dataclasses.replace(family.sampling, **settings)
        return dataclasses.replace(family, sampling=sampling)

    @abc.abstractmethod
    def init(self, key: Key) -> Variables:
        """Fresh variables."""

    @abc.abstractmethod
    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        """The mean loss of ``player`` on a batch, and the new ``stats`` and metrics with it.

        Its gradient is taken with respect to that player's params alone. No two players share a
        metric's name.
        """

    @abc.abstractmethod
    def prior(self, variables: Variables, keys: Keys, labels: Labels) -> Latents:
        """Draw a latent for each key, of the digit in ``labels`` or of any for NO_DIGIT."""

    @abc.abstractmethod
    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        """Turn latents into images in [0, 1]; ``keys`` are for decoding that draws."""

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        """Latents between two, at ``t`` [n] in [0, 1]: on the straight way, or as the distribution
        of latents asks."""
        return jax.tree.map(lambda start, end: lerp(start, end, t), starts, ends)

    def for_inversion(self) -> "Family":
        """The same family, set so that ``decode`` undoes ``encode`` as well as it can."""
        return self

    def for_transfer(self) -> tuple["Family", "Family"]:
        """The family set for the way to the latent, and for the way back, where there is one."""
        return self, self

    def sample(self, variables: Variables, keys: Keys, labels: Labels) -> Images:
        """Draw an image for each key. Image i depends on ``keys[i]`` and ``labels[i]`` alone."""
        latents = self.first_latents(variables, keys, labels)
        return self.decode(variables, latents, labels, split(keys)[1])

    def first_latents(self, variables: Variables, keys: Keys, labels: Labels) -> Latents:
        """The latents of the images that ``sample`` draws with these keys."""
        return self.prior(variables, split(keys)[0], labels)

    def reconstruct(
        self, variables: Variables, images: Images, labels: Labels, keys: Keys
    ) -> Images:
        """Take images to their latents and back; only where there is a way to them."""
        latents = able(self, Encodes).encode(variables, images, labels)
        return self.decode(variables, latents, labels, keys)

    def interpolate(
        self,
        variables: Variables,
        starts: Latents,
        ends: Latents,
        labels: tuple[Labels, Labels],
        t: jax.Array,
        keys: Keys,
    ) -> Images:
        """Images between latents of two digits, at ``t`` [n] in [0, 1]; the digits are blended too.
        They are decoded as ``sample`` decodes with these keys."""
        start, end = map(arrays.soft, labels)
        latents = self.blend(variables, starts, ends, t)
        return self.decode(variables, latents, lerp(start, end, t), split(keys)[1])


class Guided(Family):
    """A family whose networks know a digit and any digit, and which draws with guidance:
    ``sampling.guidance`` is a ``nn.guidance.Weight``.

    A compiled program that has such a family as an argument takes the guidance as a number, and is
    compiled once for all of them but 1, where any digit is not asked for.
    """

    sampling: Any

    @property
    def is_conditional(self) -> bool:
        return self.sampling.guidance > 0  # else the network is not told the digit

    def _take_apart(self) -> tuple[tuple, "Family"]:
        weight = self.sampling.guidance
        if not guidance.is_guided(weight):
            return (), self
        return (weight,), self.with_sampling(guidance=2.0)

    @staticmethod
    def _put_together(family: Any, numbers: tuple) -> Any:
        sampling = copy.copy(family.sampling)
        for weight in numbers:  # past the settings' own checks, for it has no value in a program
            object.__setattr__(sampling, "guidance", weight)
        return dataclasses.replace(family, sampling=sampling)


class Fitted(Family):
    """A family that draws codes [n, z] from a density that was fitted to the codes of training
    digits and is kept in ``stats`` as "density"; or, with prior "normal", from N(0, I)."""

    config: Any  # latents, the dimensions of a code, and components, the Gaussians of a digit
    sampling: Any  # prior, "fitted" or "normal"

    @property
    def is_conditional(self) -> bool:
        return self.sampling.prior == "fitted"

    def prior(self, variables: Variables, keys: Keys, labels: Labels) -> Latents:
        if self.sampling.prior == "fitted":
            return densities.draw(variables.stats["density"], keys, labels)
        return normals(keys, self.config.latents)

    def codes(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> Latents:
        """The codes of training digits that the density is fitted to."""
        return able(self, Encodes).encode(variables, images, labels)

    def fit(self, variables: Variables, digits: Split) -> Variables:
        codes = map_images(
            self.codes, variables, images=digits.images, labels=digits.labels, chunk=1024
        )
        density = densities.fit(codes, digits.labels, self.config.components)
        return variables.replace(stats=variables.stats | {"density": density})

    def prior_nll(self, variables: Variables, latents: Latents, labels: Labels) -> jax.Array:
        if self.sampling.prior == "fitted":
            return -densities.log_density(variables.stats["density"], latents, labels)
        return -losses.log_normal(latents)

    def transfer(
        self, variables: Variables, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        return densities.transferred(variables.stats["density"], latents, sources, targets)


class Variational(Family):
    """A family whose encoder says a Gaussian q(z given x, y), so that its likelihood has a bound.

    Its latents are codes [n, z]. A subclass also defines ``posterior``, ``prior_given`` and
    ``decoder_nll``. Gaussians are a mean and the logarithm of a variance, each [n, z].
    """

    config: Any  # likelihood, binarise, beta, beta_warmup, free_bits

    @property
    def is_bernoulli(self) -> bool:
        """Whether pixels are black or white with a probability, so that such digits have a
        likelihood, and the bound of grey ones is the bound of a cross-entropy."""
        return self.config.likelihood == "bernoulli"

    def inputs(self, images: Images, key: Key) -> tuple[Images, Key]:
        """Images as the family is trained on them, greys made black or white if it is so set, and
        a key for what comes next."""
        if not self.config.binarise:
            return images, key
        key_pixels, key = jax.random.split(key)
        return jax.random.bernoulli(key_pixels, images).astype(images.dtype), key

    def warmth(self, step: jax.Array) -> jax.Array:
        """The share of beta that counts at a step of training."""
        return jnp.minimum(1.0, (step + 1) / max(self.config.beta_warmup, 1))

    def weighed(
        self, step: jax.Array, reconstruction: jax.Array, kl: jax.Array
    ) -> tuple[Scalar, Metrics]:
        """The loss and its metrics, of a reconstruction in nats [n] and the divergences of each
        dimension of a code [n, z], which cost nothing below free_bits (Kingma et al. 2016, appendix
        C.8)."""
        reconstruction, kl = reconstruction.mean(), kl.mean(0)
        costly = jnp.maximum(kl, self.config.free_bits).sum()
        loss = reconstruction + self.config.beta * self.warmth(step) * costly
        return loss, {"loss": loss, "reconstruction": reconstruction, "kl": kl.sum()}

    def to_images(self, logits: jax.Array) -> Images:
        """The mean of p(x given z, y) that the decoder's logits stand for."""
        return losses.LIKELIHOODS[self.config.likelihood].mean(logits)

    @abc.abstractmethod
    def posterior(self, variables: Variables, images: Images, labels: Labels) -> Gaussian:
        """q(z given x, y)."""

    @abc.abstractmethod
    def prior_given(self, variables: Variables, labels: Labels) -> Gaussian:
        """p(z given y), which the bound holds the posterior against."""

    @abc.abstractmethod
    def decoder_nll(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        """- log p(x given z, y) in nats [n]."""

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        return self.posterior(variables, images, labels)[0]

    def rate(self, variables: Variables, images: Images, labels: Labels) -> jax.Array:
        posterior = self.posterior(variables, images, labels)
        return losses.kl_normal(*posterior, *self.prior_given(variables, labels)).sum(-1)

    def bound(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> jax.Array:
        """The loss with beta 1, from one code an image."""
        codes = draw(self.posterior(variables, images, labels), keys)
        nats = self.decoder_nll(variables, images, labels, codes)
        return nats + self.rate(variables, images, labels)

    def log_joint(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        """log p(x, z given y) in nats [n]."""
        prior = losses.log_normal(codes, *self.prior_given(variables, labels))
        return prior - self.decoder_nll(variables, images, labels, codes)


def draw(gaussian: Gaussian, keys: Keys) -> jax.Array:
    """A draw [n, z] of each of n Gaussians."""
    mean, log_var = gaussian
    return mean + jnp.exp(0.5 * log_var) * normals(keys, mean.shape[-1])


def normals(keys: Keys, *shape: int) -> jax.Array:
    """A draw of N(0, I) [n, ...shape] for each key."""
    return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)


def drop_labels(labels: Labels, rate: float, key: Key) -> Labels:
    """Labels of a batch, each replaced by NO_DIGIT with probability ``rate``, so that the model
    learns "any digit" too."""
    return jnp.where(jax.random.bernoulli(key, rate, labels.shape), arrays.NO_DIGIT, labels)


def split(keys: Keys) -> tuple[Keys, Keys]:
    """Two keys of each."""
    halves = jax.vmap(jax.random.split)(keys)  # [n, 2]
    return halves[:, 0], halves[:, 1]


def lerp(starts: jax.Array, ends: jax.Array, t: jax.Array) -> jax.Array:
    """The points at each ``t`` [n] of the straight ways from ``starts`` to ``ends`` [n, ...],
    exact at both."""
    t = t.reshape(-1, *(1,) * (starts.ndim - 1))
    return (1 - t) * starts + t * ends


def slerp(starts: jax.Array, ends: jax.Array, t: jax.Array) -> jax.Array:
    """The points at each ``t`` [n] of the great arcs between ``starts`` and ``ends`` [n, ...],
    their lengths blended too (Shoemake 1985).

    Draws from N(0, I) in many dimensions have nearly one length, and a straight way between two
    leads through where none are.
    """
    a, b = (x.reshape(len(x), -1) for x in (starts, ends))
    lengths = [jnp.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    cosine = (a * b).sum(1, keepdims=True) / jnp.maximum(lengths[0] * lengths[1], 1e-12)
    angle = jnp.arccos(cosine.clip(-1, 1))
    t = t[:, None]
    # Nearly on one line there is no arc to take, or no saying which.
    flat = jnp.sin(angle) < 1e-3
    sine = jnp.where(flat, 1.0, jnp.sin(angle))
    from_start = jnp.where(flat, 1 - t, jnp.sin((1 - t) * angle) / sine)
    from_end = jnp.where(flat, t, jnp.sin(t * angle) / sine)
    units = [x / jnp.maximum(length, 1e-12) for x, length in zip((a, b), lengths, strict=True)]
    length = (1 - t) * lengths[0] + t * lengths[1]
    points = length * (from_start * units[0] + from_end * units[1])
    points = jnp.where(t == 0, a, jnp.where(t == 1, b, points))  # exact at both ends
    return points.reshape(starts.shape)
