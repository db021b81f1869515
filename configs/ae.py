"""The autoencoder of Hinton and Salakhutdinov 2006, in their sizes: 784-1000-500-250-30.

    bin/train --model ae

TO BE MEASURED 1 N
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Coder):
    """Encoder, decoder and objective."""

    layers: tuple[int, ...] = (1000, 500, 250)
    """From the image to the code, and back in the other order. dense: neurons of each hidden layer;
    conv: channels at 14 x 14, channels at 7 x 7, then neurons of hidden layers."""
    latents: int = 30
    """Dimensions of the code."""
    loss: Literal["squared", "cross-entropy"] = "squared"
    """What is between an image and its reconstruction."""
    noise: float = 0.0
    """Standard deviation, where white is 1, of the noise that the encoder has to see through; above
    0 it is a denoising autoencoder."""
    components: int = 10
    """Gaussians in the density that is fitted to the codes of each digit."""

    def __post_init__(self):
        super().__post_init__()
        config.require("net.noise", self.noise, self.noise >= 0, "0 or more")
        config.require("net.components", self.components, self.components >= 1, "1 or more")


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """Where codes come from that become digits."""

    prior: Literal["fitted", "normal"] = "fitted"
    """The density fitted to the codes of the digit; or N(0, I), which knows no digit."""


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
