"""What some families can do besides training and drawing, each as a protocol.

A family has a capability where it has its methods: ``isinstance(family, Encodes)``. Who needs one
takes ``able(family, Encodes)``, which refuses other families in a sentence.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

import jax

from jaxgen import families
from jaxgen.arrays import Images, Keys, Labels, Latents
from jaxgen.errors import UserError


@runtime_checkable
class Encodes(Protocol):
    """Has a way from an image to a latent."""

    def encode(self, variables: Any, images: Images, labels: Labels) -> Latents:
        """The latents that ``decode`` turns into images as near to these as may be; a label may be
        NO_DIGIT."""
        ...


@runtime_checkable
class Fits(Protocol):
    """Fits something to the latents after training."""

    def fit(self, variables: Any, digits: Any) -> Any:
        """Fit to the latents of the digits of a split what is to be fitted, and put it into
        ``stats``; on the host, whenever the run is saved."""
        ...


@runtime_checkable
class HasBound(Protocol):
    """Bounds the likelihood."""

    def bound(self, variables: Any, images: Images, labels: Labels, keys: Keys) -> jax.Array:
        """An upper bound of minus the log-likelihood of each image, in nats [n]; where it is an
        expectation, a draw of it."""
        ...


@runtime_checkable
class HasRate(Protocol):
    """Knows how much its latents say."""

    def rate(self, variables: Any, images: Images, labels: Labels) -> jax.Array:
        """What the latent says of each image beyond what its digit does, in nats [n]: the
        divergence of its latent from the prior, or how unlikely the prior finds it."""
        ...


@runtime_checkable
class HasPriorDensity(Protocol):
    """Knows how likely a latent is."""

    def prior_nll(self, variables: Any, latents: Latents, labels: Labels) -> jax.Array:
        """- log p(latent given the digit) in nats [n], as ``prior`` draws it."""
        ...


@runtime_checkable
class Transfers(Encodes, Protocol):
    """Writes another digit in the same hand."""

    def transfer(
        self, variables: Any, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        """The latents of the digits ``targets`` in the same hand as ``latents`` of ``sources``:
        where these lie among those of their digit, the others lie among those of theirs."""
        ...

    def for_transfer(self) -> tuple[Any, Any]:
        """The family set for the way to the latent, and for the way back."""
        ...


@runtime_checkable
class HasTrajectory(Protocol):
    """Draws in several steps."""

    def trajectory(self, variables: Any, keys: Keys, labels: Labels) -> jax.Array:
        """How ``sample`` comes to its images: [n, frames, 28, 28, 1] in [0, 1]."""
        ...


@runtime_checkable
class Completes(Protocol):
    """Was trained to complete images whose part is hidden."""

    def completes(self, visible: Any) -> bool:
        """Whether it was trained for masks such as ``visible`` [n, 28, 28, 1], 1 where visible."""
        ...

    def complete(
        self, variables: Any, images: Images, visible: Images, labels: Labels, keys: Keys
    ) -> Images:
        """Draw what is hidden, where ``visible`` is 0, given what is not, which stays as it is."""
        ...


@runtime_checkable
class Diffuses(Protocol):
    """Takes noise away, level by level."""

    config: Any
    sampling: Any
    schedule: Any  # a ``diffusion.schedules.Schedule``
    prior: Any
    steps: Any
    progress: Any
    with_sampling: Any

    def denoiser(self, variables: Any, labels: Any, guidance: float) -> Any:
        """A function of noisy images in [-1, 1] and a time, which guesses the clean ones."""
        ...


@runtime_checkable
class Quantises(Encodes, Protocol):
    """Has codes of a codebook on a grid, and a prior that draws one after the other."""

    config: Any
    quantiser: Any
    prior_net: Any
    bits: float
    decode: Any

    def vectors(self, variables: Any, images: Images) -> jax.Array:
        """The vectors [n, side, side, features] that codes stand for."""
        ...

    def rows(self, variables: Any) -> jax.Array:
        """The codebook [k, features]."""
        ...


LACKS: dict[type, str] = {
    Encodes: "has no way from an image to a latent",
    HasPriorDensity: "cannot say how likely a latent is",
    Transfers: "cannot tell the hand from the digit, for its codes say both at once",
    HasTrajectory: "draws in one step, so there is no trajectory to show",
}

Capability = TypeVar("Capability")


def able(family: Any, capability: type[Capability]) -> Capability:
    """The family, as one that has a capability. Raises UserError where it has not."""
    if not isinstance(family, capability):
        others = ", ".join(families.names_with(lambda other: isinstance(other, capability)))
        raise UserError(f"{type(family).__name__} {LACKS[capability]}: take {others}")
    return family
