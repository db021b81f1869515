"""The variational autoencoder.

    bin/train --model vae

TO BE MEASURED 1 N
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Variational):
    """Encoder, decoder and bound."""

    objective: Literal["elbo", "iwae"] = "elbo"
    """The evidence lower bound; or the one of Burda et al. 2016, nearer with more samples."""
    samples: int = 1
    """Codes drawn for an image in training."""
    components: int = 10
    """Gaussians in the density that is fitted to the codes of each digit."""

    def __post_init__(self):
        super().__post_init__()
        config.require("net.samples", self.samples, self.samples >= 1, "1 or more")
        config.require("net.components", self.components, self.components >= 1, "1 or more")
        if self.objective == "iwae":
            plain = "as it is by default: it belongs to --net.objective elbo"
            config.require("net.beta", self.beta, self.beta == 1, plain)
            config.require("net.beta-warmup", self.beta_warmup, self.beta_warmup == 0, plain)
            config.require("net.free-bits", self.free_bits, self.free_bits == 0, plain)


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """Where codes come from that become digits."""

    prior: Literal["fitted", "normal"] = "fitted"
    """The density fitted to the codes of the digit; or N(0, I), which knows no digit."""


def get_config() -> config.Config:
    return config.Config(
        model="vae",
        net=Net(network="conv", layers=(32, 64, 256), latents=10),
        sampling=Sampling(),
        optim=config.Optim(rate=2e-3, ema=0.999),
        steps=4000,
        log_every=200,
        sample_every=2000,
        save_every=2000,
    )
