"""Abilities that only some families have, each as a protocol.

A family has a capability if it has its methods: ``isinstance(family, Encodes)``. Code that needs
one calls ``able(family, Encodes)``, which raises UserError for other families.
"""

from typing import Any, Protocol, TypeVar, runtime_checkable

import jax

from jaxgen import families
from jaxgen.arrays import Images, Keys, Labels, Latents
from jaxgen.errors import UserError


@runtime_checkable
class Encodes(Protocol):
    """Maps an image to a latent."""

    def encode(self, variables: Any, images: Images, labels: Labels) -> Latents:
        """The latents from which ``decode`` makes images as near as possible to these; a label may
        be ANY."""
        ...


@runtime_checkable
class Prepares(Protocol):
    """Has to know something of the training digits before the first step."""

    def prepare(self, variables: Any, digits: Any) -> Any:
        """Put it into the ``stats`` of fresh variables, given the split that is trained on; on the
        host."""
        ...


@runtime_checkable
class Fits(Protocol):
    """Fits a density to the latents after training."""

    def fit(self, variables: Any, digits: Any) -> Any:
        """Fit to the latents of the digits of a split; return variables with the result in
        ``stats``. Runs on the host, at every regular save."""
        ...


@runtime_checkable
class HasBound(Protocol):
    """Has a bound of the likelihood."""

    def bound(self, variables: Any, images: Images, labels: Labels, keys: Keys) -> jax.Array:
        """An upper bound of minus the log-likelihood of each image, in nats [n]; if the bound is an
        expectation, an unbiased estimate of it."""
        ...


@runtime_checkable
class HasRate(Protocol):
    """Measures the information in its latents."""

    def rate(self, variables: Any, images: Images, labels: Labels) -> jax.Array:
        """The information in the latent of each image, given the digit, in nats [n]: the
        divergence of the posterior from the prior, or minus the log-probability of the latent."""
        ...


@runtime_checkable
class HasPriorDensity(Protocol):
    """Has the density of its prior."""

    def prior_nll(self, variables: Any, latents: Latents, labels: Labels) -> jax.Array:
        """- log p(latent | digit) in nats [n], for the distribution that ``prior`` draws from."""
        ...


@runtime_checkable
class Transfers(Encodes, Protocol):
    """Writes another digit in the same hand."""

    def transfer(
        self, variables: Any, latents: Latents, sources: Labels, targets: Labels
    ) -> Latents:
        """Move ``latents`` of the digits ``sources`` to the digits ``targets``, in the same hand:
        each keeps its position relative to the latents of its digit."""
        ...

    def for_transfer(self) -> tuple[Any, Any]:
        """The family with the settings to encode and with the settings to decode."""
        ...


@runtime_checkable
class HasTrajectory(Protocol):
    """Draws in several steps."""

    def trajectory(self, variables: Any, keys: Keys, labels: Labels) -> jax.Array:
        """The intermediate images of ``sample``: [n, frames, 28, 28, 1] in [0, 1]."""
        ...


@runtime_checkable
class Completes(Protocol):
    """Is trained to complete partly hidden images."""

    def completes(self, visible: Any) -> bool:
        """Whether it is trained for masks like ``visible`` [n, 28, 28, 1], which is 0 or 1."""
        ...

    def complete(
        self, variables: Any, images: Images, visible: Images, labels: Labels, keys: Keys
    ) -> Images:
        """Draw the pixels where ``visible`` is 0, given the other pixels, which stay."""
        ...


@runtime_checkable
class Diffuses(Protocol):
    """Removes noise level by level."""

    config: Any
    sampling: Any
    schedule: Any  # a ``diffusion.schedules.Schedule``
    noise: Any
    prior: Any
    steps: Any
    progress: Any
    with_sampling: Any

    def denoiser(self, variables: Any, labels: Any, guidance: float) -> Any:
        """A function (noisy images in [-1, 1], time) -> estimates of the clean images."""
        ...


@runtime_checkable
class Quantises(Encodes, Protocol):
    """Has grids of codes of a codebook, and a prior that draws the codes one after another."""

    config: Any
    quantiser: Any
    prior_net: Any
    bits: float
    decode: Any

    def vectors(self, variables: Any, images: Images) -> jax.Array:
        """The encoder's vectors [n, side, side, features], which codes replace."""
        ...

    def rows(self, variables: Any) -> jax.Array:
        """The codebook [k, features]."""
        ...


LACKS: dict[type, str] = {
    Diffuses: "removes no noise level by level",
    Encodes: "has no way from an image to a latent",
    HasBound: "has no bound of its likelihood",
    HasPriorDensity: "cannot say how likely a latent is",
    Transfers: "cannot tell the hand from the digit, since its codes hold both",
    HasTrajectory: "draws in one step, so there is no trajectory to show",
}

Capability = TypeVar("Capability")


def able(family: Any, capability: type[Capability]) -> Capability:
    """The family, if it has a capability; raises UserError if not."""
    if not isinstance(family, capability):
        others = ", ".join(families.names_with(lambda other: isinstance(other, capability)))
        raise UserError(f"{type(family).__name__} {LACKS[capability]}: take {others}")
    return family
