"""The autoencoder of Hinton and Salakhutdinov 2006, in their sizes: 784-1000-500-250-30.

    bin/train --model ae        2.2 minutes on two cores (matrix product 250 GFLOP/s)

``bin/evaluate --count 10000`` against the test digits, seeds 0, 1 and 2:

    recognised   97.0 to 97.1 %                       real digits: 99.5 %
    Frechet      0.096 to 0.100 N                                  0.012 N
    coverage     0.89 to 0.90                                      0.94

How the settings were chosen: docs/tuning.md.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Coder):
    """Encoder, decoder and objective."""

    layers: tuple[int, ...] = (1000, 500, 250)
    """Of the encoder, and in reverse order of the decoder. dense: neurons of each hidden layer;
    conv: channels at 14 x 14, channels at 7 x 7, then neurons of hidden layers."""
    latents: int = 30
    """Dimensions of the code."""
    loss: Literal["squared", "cross-entropy"] = "squared"
    """The loss of a reconstruction."""
    noise: float = 0.0
    """Standard deviation of the noise on the input of the encoder, where white is 1; above 0 it is
    a denoising autoencoder."""
    components: int = 10
    """Gaussians in the density that is fitted to the codes of each digit."""

    def __post_init__(self):
        super().__post_init__()
        config.require("net.noise", self.noise, self.noise >= 0, "0 or more")
        config.require("net.components", self.components, self.components >= 1, "1 or more")


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """How codes are drawn."""

    prior: Literal["fitted", "normal"] = "fitted"
    """fitted: from the density of the codes of a digit; normal: from N(0, I), without a digit."""


def get_config() -> config.Config:
    return config.Config(
        model="ae",
        net=Net(),
        sampling=Sampling(),
        optim=config.Optim(rate=2e-3, ema=0.999),
        steps=4000,
        batch=256,
        log_every=200,
        sample_every=2000,
        save_every=2000,
    )
