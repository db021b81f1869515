"""The conditional variational autoencoder, of the size of the VAE.

    bin/train --model cvae      3.3 minutes on two cores (matrix product 205 GFLOP/s)

``bin/evaluate --count 10000`` against the test digits, seeds 0, 1 and 2:

    recognised   97.3 to 97.5 %                       real digits: 99.5 %
    Frechet      0.100 to 0.103 N                                  0.012 N
    coverage     0.90                                              0.94

How the settings were chosen: docs/tuning.md.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Variational):
    """Encoder, decoder, prior and bound."""

    prior_width: int = 256
    """Neurons of the hidden layer of the prior, and of the encoder of the visible quadrants."""
    label_drop: float = 0.1
    """Fraction of the labels that are dropped in training, so that the model learns "any digit"."""
    part: Literal["none", "quadrants"] = "none"
    """What the model is given besides the digit: nothing, or some quadrants of the image, so that
    it can complete the others."""

    def __post_init__(self):
        super().__post_init__()
        config.require("net.prior-width", self.prior_width, self.prior_width >= 1, "1 or more")
        config.require("net.label-drop", self.label_drop, 0 <= self.label_drop < 1, "in [0, 1)")


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """Nothing to set: a code is drawn from p(z|y)."""


def get_config() -> config.Config:
    return config.Config(
        model="cvae",
        net=Net(network="conv", layers=(32, 64, 256), kernel=4, latents=10),
        sampling=Sampling(),
        optim=config.Optim(name="muon", rate=5e-3, ema=0.999),
        steps=2800,
        log_every=200,
        sample_every=1400,
        save_every=1400,
    )
