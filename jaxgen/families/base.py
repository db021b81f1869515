"""What a family of generative models is: a few pure functions of its variables.

The caller may put any method under ``jit``, ``grad``, ``vmap`` or ``scan``, on one device or on
many: a family holds settings and networks, never arrays. Whole-batch arithmetic (a mean, stratified
times, batch statistics) is written as if there were one device; the compiler splits it.
"""

import abc
from typing import Any, ClassVar

import jax
from flax import struct

from jaxgen.arrays import Batch, Images, Key, Keys, Labels, Latents, Scalar
from jaxgen.errors import UserError

Metrics = dict[str, jax.Array]  # scalars to log, by name


class Variables(struct.PyTreeNode):
    """What training changes."""

    # Dictionaries, but JAX and Orbax also put shapes, shardings and the like in their place.
    params: Any  # by player, the weights of each
    stats: Any = struct.field(default_factory=dict)  # running statistics, which have no gradient


class Family(abc.ABC):
    """A kind of generative model.

    ``turns`` names the players in the order in which they learn within a step, one optimiser each:
    most families have one, a GAN has ``("critic", "generator")``.
    """

    turns: ClassVar[tuple[str, ...]] = ("model",)

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
    def decode(self, variables: Variables, latents: Latents, labels: Labels, keys: Keys) -> Images:
        """Turn latents into images in [0, 1]; ``keys`` are for decoding that draws."""

    def sample(self, variables: Variables, keys: Keys, labels: Labels) -> Images:
        """Draw an image for each key. Image i depends on ``keys[i]`` and ``labels[i]`` alone."""
        keys_prior, keys_decode = split(keys)
        latents = self.prior(variables, keys_prior, labels)
        return self.decode(variables, latents, labels, keys_decode)

    def trajectory(self, variables: Variables, keys: Keys, labels: Labels) -> jax.Array:
        """How ``sample`` comes to its images: [n, frames, 28, 28, 1] in [0, 1]; only where it takes
        several steps."""
        raise UserError(f"{type(self).__name__} draws in one step: there is no trajectory to show")


def split(keys: Keys) -> tuple[Keys, Keys]:
    """Two keys of each."""
    halves = jax.vmap(jax.random.split)(keys)  # [n, 2]
    return halves[:, 0], halves[:, 1]
