"""A family of generative models: a few pure functions of its variables.

All methods except ``fit`` may be called under ``jit``, ``grad``, ``vmap`` or ``scan``, on one
device or on many: a family holds settings and networks, never arrays. Arithmetic over a batch (a
mean, stratified times, batch statistics) is written for one device; the compiler splits it.
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
from jaxgen.arrays import Batch, Images, Key, Keys, Labels, Latents, Noise, Scalar, SoftLabels
from jaxgen.classes import DIGITS
from jaxgen.data import Split
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import map_images
from jaxgen.nn import guidance

Metrics = dict[str, jax.Array]  # scalars to log, by name
Gaussian = tuple[jax.Array, jax.Array]  # mean and logarithm of the variance, each [n, z]


class Variables(struct.PyTreeNode):
    """The arrays that training changes."""

    # Nested dictionaries of arrays, or of shapes or shardings that JAX and Orbax put there.
    params: Any  # the weights, by player
    # Arrays without gradients: counters, running statistics, ``Densities`` fitted to codes. Images
    # are drawn with the average of the params, but with the last stats.
    stats: Any = struct.field(default_factory=dict)


class Family(abc.ABC):
    """A kind of generative model.

    A subclass defines ``init``, ``loss``, ``noise``, ``prior``, ``decode``, and the methods of its
    ``capabilities``. The other methods are derived from these. ``decode`` takes soft labels too.

    A family can be an argument of a compiled program, which JAX compiles again for each other
    family.
    """

    may_collapse: ClassVar[bool] = False
    """Whether training may end in a mode collapse, so that it is monitored."""

    encodes_iteratively: ClassVar[bool] = False
    """Whether ``encode`` takes many steps, too slow for thousands of images."""

    learns_at_once: ClassVar[bool] = False
    """Whether all players learn in one turn, from one ``loss`` without a player; else in turns,
    where each meets those that have just learned."""

    codes_depend_on_digit: ClassVar[bool] = False
    """Whether the same code means different things for different digits."""

    classes: int = len(DIGITS)
    """The number of classes of images, which are digits unless the data say others. Labels are
    their numbers, or ANY."""

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        jax.tree_util.register_pytree_node(cls, cls._flatten, cls._unflatten)

    def _flatten(self) -> tuple[tuple, "Family"]:
        return (), self

    @staticmethod
    def _unflatten(family: Any, numbers: tuple) -> Any:
        return family

    @property
    def removes_noise(self) -> bool:
        """Whether it is trained to remove noise from images."""
        return False

    @property
    def update_order(self) -> tuple[str, ...]:
        """The players in the order of their updates within a step, each with its own optimiser.
        Most families have one player; a GAN has ``("critic", "generator")``."""
        return ("model",)

    @property
    def condition_rate(self) -> float:
        """The fraction of the steps that compute what ``loss`` has under a condition
        (``lax.cond``)."""
        return 1.0

    @property
    def lr_scale(self) -> Mapping[str, float]:
        """A factor for ``--optim.rate`` by player; 1 for players that are missing."""
        return {}

    @property
    def is_conditional(self) -> bool:
        """Whether the images that it draws depend on the label."""
        return True

    def with_sampling(self, **settings: Any) -> "Family":
        """The same family with these sampling settings changed."""
        family: Any = self
        sampling = dataclasses.replace(family.sampling, **settings)
        return dataclasses.replace(family, sampling=sampling)

    @abc.abstractmethod
    def init(self, key: Key) -> Variables:
        """Fresh variables."""

    @abc.abstractmethod
    def loss(
        self, variables: Variables, batch: Batch, key: Key, *, player: str | None
    ) -> tuple[Scalar, tuple[dict, Metrics]]:
        """The mean loss of ``player`` on a batch, with the new ``stats`` and the metrics.

        Its gradient is taken with respect to the params of that player only. Two players never use
        the same name for a metric. None is only for families that learn at once: the sum of the
        losses, whose gradient with respect to each player's params is that of its own loss.
        """

    @abc.abstractmethod
    def noise(self, keys: Keys) -> Noise:
        """All the random numbers that ``prior`` needs, for each key: arrays [n, ...] by name. A
        name begins with the distribution: ``normal``, ``gumbel``, or ``digit`` for the classes."""

    @abc.abstractmethod
    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        """Turn noise into latents; the label ANY is any digit."""

    @abc.abstractmethod
    def decode(
        self, variables: Variables, latents: Latents, labels: Labels | SoftLabels, keys: Keys
    ) -> Images:
        """Turn latents into images in [0, 1]; a random decoder uses ``keys``."""

    def blend(self, variables: Variables, starts: Latents, ends: Latents, t: jax.Array) -> Latents:
        """Interpolate latents at ``t`` [n] in [0, 1]: linearly, or along another path that suits
        the distribution of latents."""
        return jax.tree.map(lambda start, end: lerp(start, end, t), starts, ends)

    def for_inversion(self) -> "Family":
        """The same family with the settings for which ``decode`` inverts ``encode`` best."""
        return self

    def for_transfer(self) -> tuple["Family", "Family"]:
        """The family with the settings to encode and with the settings to decode."""
        return self, self

    def sample(self, variables: Variables, keys: Keys, labels: Labels) -> Images:
        """Draw an image for each key. Image i depends on ``keys[i]`` and ``labels[i]`` alone."""
        latents = self.first_latents(variables, keys, labels)
        return self.decode(variables, latents, labels, split(keys)[1])

    def soft(self, labels: Labels | SoftLabels) -> SoftLabels:
        """Labels as soft labels [n, classes + 1]; see ``arrays.soft``."""
        return arrays.soft(labels, self.classes)

    def first_latents(self, variables: Variables, keys: Keys, labels: Labels) -> Latents:
        """The latents of the images that ``sample`` draws with these keys."""
        return self.prior(variables, self.noise(split(keys)[0]), labels)

    def reconstruct(
        self, variables: Variables, images: Images, labels: Labels, keys: Keys
    ) -> Images:
        """Encode and decode images; UserError if the family does not encode."""
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
        """Images between latents of two digits, at ``t`` [n] in [0, 1]; the labels are blended too.
        Decoding uses the same keys as in ``sample``."""
        start, end = map(self.soft, labels)
        latents = self.blend(variables, starts, ends, t)
        return self.decode(variables, latents, lerp(start, end, t), split(keys)[1])


class Guided(Family):
    """A family that draws with classifier-free guidance: its networks learn each digit and
    ANY, and ``sampling.guidance`` is a ``nn.guidance.Weight``.

    If such a family is an argument of a compiled program, the guidance is a number there: one
    compilation serves all values except 1, which needs no prediction for ANY.
    """

    sampling: Any

    @property
    def is_conditional(self) -> bool:
        return self.sampling.guidance > 0  # else the network does not get the digit

    def _flatten(self) -> tuple[tuple, "Family"]:
        weight = self.sampling.guidance
        if not guidance.is_guided(weight):
            return (), self
        return (weight,), self.with_sampling(guidance=2.0)

    @staticmethod
    def _unflatten(family: Any, numbers: tuple) -> Any:
        sampling = copy.copy(family.sampling)
        for weight in numbers:  # without the checks of settings, which need a concrete value
            object.__setattr__(sampling, "guidance", weight)
        return dataclasses.replace(family, sampling=sampling)


class Fitted(Family):
    """A family that draws codes [n, z] from N(0, I) if ``sampling.prior`` is "normal", else from
    the density ``stats["density"]``, which is fitted to the codes of training digits."""

    config: Any  # latents: dimensions of a code; components: Gaussians per digit
    sampling: Any  # prior: "fitted" or "normal"

    @property
    def is_conditional(self) -> bool:
        return self.sampling.prior == "fitted"

    def noise(self, keys: Keys) -> Noise:
        if self.sampling.prior == "fitted":
            return densities.noise(keys, self.classes, self.config.components, self.config.latents)
        return {"normal": normals(keys, self.config.latents)}

    def prior(self, variables: Variables, noise: Noise, labels: Labels) -> Latents:
        if self.sampling.prior == "fitted":
            return densities.draw(variables.stats["density"], noise, labels)
        return noise["normal"]

    def codes(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> Latents:
        """The codes of training digits, for the fit of the density."""
        return able(self, Encodes).encode(variables, images, labels)

    def fit(self, variables: Variables, digits: Split) -> Variables:
        codes = map_images(
            self.codes, variables, images=digits.images, labels=digits.labels, chunk=1024
        )
        density = densities.fit(codes, digits.labels, self.classes, self.config.components)
        return variables.replace(stats=variables.stats | {"density": density})

    def prior_nll(self, variables: Variables, latents: Latents, labels: Labels) -> jax.Array:
        if self.sampling.prior == "fitted":
            return -densities.log_density(variables.stats["density"], latents, labels)
        return -losses.log_normal(latents)

    def transfer(
        self, variables: Variables, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        return densities.transfer(variables.stats["density"], latents, sources, targets)


class Variational(Family):
    """A family whose encoder gives a Gaussian q(z | x, y), so that its likelihood has a bound.

    Its latents are codes [n, z]. A subclass also defines ``posterior``, ``prior_given`` and
    ``decoder_nll``.
    """

    config: Any  # likelihood, binarise, beta, beta_warmup, free_bits

    @property
    def is_bernoulli(self) -> bool:
        """Whether pixels are Bernoulli: then only black and white images have a likelihood, and for
        grey images the bound is a bound of the cross-entropy."""
        return self.config.likelihood == "bernoulli"

    def inputs(self, images: Images, key: Key) -> tuple[Images, Key]:
        """The images for training, binarised at random if ``config.binarise``, and a fresh key."""
        if not self.config.binarise:
            return images, key
        key_pixels, key = jax.random.split(key)
        return jax.random.bernoulli(key_pixels, images).astype(images.dtype), key

    def annealing(self, step: jax.Array) -> jax.Array:
        """The factor of beta at a step of training: it rises to 1 during the warm-up."""
        return jnp.minimum(1.0, (step + 1) / max(self.config.beta_warmup, 1))

    def weighted(
        self, step: jax.Array, reconstruction: jax.Array, kl: jax.Array
    ) -> tuple[Scalar, Metrics]:
        """The loss and its metrics, from the reconstruction in nats [n] and the divergence of each
        latent [n, z]. A latent's mean divergence costs at least free_bits (Kingma et al. 2016,
        appendix C.8)."""
        reconstruction, kl = reconstruction.mean(), kl.mean(0)
        costly = jnp.maximum(kl, self.config.free_bits).sum()
        loss = reconstruction + self.config.beta * self.annealing(step) * costly
        return loss, {"loss": loss, "reconstruction": reconstruction, "kl": kl.sum()}

    def to_images(self, logits: jax.Array) -> Images:
        """The mean of p(x | z, y) for the decoder's logits."""
        return losses.LIKELIHOODS[self.config.likelihood].mean(logits)

    @abc.abstractmethod
    def posterior(self, variables: Variables, images: Images, labels: Labels) -> Gaussian:
        """q(z | x, y)."""

    @abc.abstractmethod
    def prior_given(self, variables: Variables, labels: Labels) -> Gaussian:
        """p(z | y), the prior in the bound."""

    @abc.abstractmethod
    def decoder_nll(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        """- log p(x | z, y) in nats [n]."""

    def encode(self, variables: Variables, images: Images, labels: Labels) -> Latents:
        return self.posterior(variables, images, labels)[0]

    def rate(self, variables: Variables, images: Images, labels: Labels) -> jax.Array:
        posterior = self.posterior(variables, images, labels)
        return losses.kl_normal(*posterior, *self.prior_given(variables, labels)).sum(-1)

    def bound(self, variables: Variables, images: Images, labels: Labels, keys: Keys) -> jax.Array:
        """The loss with beta 1, from one code per image."""
        codes = draw(self.posterior(variables, images, labels), keys)
        nats = self.decoder_nll(variables, images, labels, codes)
        return nats + self.rate(variables, images, labels)

    def log_joint(
        self, variables: Variables, images: Images, labels: Labels, codes: jax.Array
    ) -> jax.Array:
        """log p(x, z | y) in nats [n]."""
        prior = losses.log_normal(codes, *self.prior_given(variables, labels))
        return prior - self.decoder_nll(variables, images, labels, codes)


def draw(gaussian: Gaussian, keys: Keys) -> jax.Array:
    """Draw from each of n Gaussians: [n, z]."""
    return scaled(gaussian, normals(keys, gaussian[0].shape[-1]))


def scaled(gaussian: Gaussian, noise: jax.Array) -> jax.Array:
    """Turn draws from N(0, I) into draws from each of n Gaussians: [n, z]."""
    mean, log_var = gaussian
    return mean + jnp.exp(0.5 * log_var) * noise


def normals(keys: Keys, *shape: int) -> jax.Array:
    """Draw from N(0, I) for each key: [n, *shape]."""
    return jax.vmap(lambda key: jax.random.normal(key, shape))(keys)


def drop_labels(labels: Labels, rate: float, key: Key) -> Labels:
    """Labels of a batch, each replaced by ANY with probability ``rate``, so that the model
    learns "any digit" too."""
    return jnp.where(jax.random.bernoulli(key, rate, labels.shape), arrays.ANY, labels)


def split(keys: Keys) -> tuple[Keys, Keys]:
    """Split each key in two."""
    halves = jax.vmap(jax.random.split)(keys)  # [n, 2]
    return halves[:, 0], halves[:, 1]


def lerp(starts: jax.Array, ends: jax.Array, t: jax.Array) -> jax.Array:
    """Linear interpolation from ``starts`` to ``ends`` [n, ...] at ``t`` [n], exact at 0 and 1."""
    t = t.reshape(-1, *(1,) * (starts.ndim - 1))
    return (1 - t) * starts + t * ends


def slerp(starts: jax.Array, ends: jax.Array, t: jax.Array) -> jax.Array:
    """Spherical interpolation from ``starts`` to ``ends`` [n, ...] at ``t`` [n] (Shoemake 1985),
    with linear interpolation of the lengths.

    In many dimensions all draws from N(0, I) have nearly the same length; the points on a straight
    line between two draws are shorter.
    """
    a, b = (x.reshape(x.shape[0], -1) for x in (starts, ends))
    lengths = [jnp.linalg.norm(x, axis=1, keepdims=True) for x in (a, b)]
    cosine = (a * b).sum(1, keepdims=True) / jnp.maximum(lengths[0] * lengths[1], 1e-12)
    angle = jnp.arccos(cosine.clip(-1, 1))
    t = t[:, None]
    # Nearly parallel vectors have no arc, or many: interpolate linearly.
    flat = jnp.sin(angle) < 1e-3
    sine = jnp.where(flat, 1.0, jnp.sin(angle))
    from_start = jnp.where(flat, 1 - t, jnp.sin((1 - t) * angle) / sine)
    from_end = jnp.where(flat, t, jnp.sin(t * angle) / sine)
    units = [x / jnp.maximum(length, 1e-12) for x, length in zip((a, b), lengths, strict=True)]
    length = (1 - t) * lengths[0] + t * lengths[1]
    points = length * (from_start * units[0] + from_end * units[1])
    points = jnp.where(t == 0, a, jnp.where(t == 1, b, points))  # exact at both ends
    return points.reshape(starts.shape)
