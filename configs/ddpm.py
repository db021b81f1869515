"""bin/train --model ddpm; 98 %"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Net):
    """The U-Net, the process and the objective."""

    width: int = 32
    """Channels at 14 x 14."""
    inner_width: int = 64
    """Channels at 7 x 7."""
    blocks: int = 1
    """Residual blocks at 14 x 14, on each side of the inner grid."""
    inner_blocks: int = 2
    """Residual blocks at 7 x 7, with attention between them."""
    times: int = 1000
    """T, the number of noise levels."""
    schedule: Literal["linear", "cosine", "sigmoid"] = "cosine"
    """How the noise grows with time."""
    predict: Literal["eps", "x0", "v"] = "v"
    """What the network says of a noisy image."""
    weight: Literal["none", "snr", "min-snr"] = "none"
    """How much an error counts at each noise level, as a weight on the error of x_0; none: as
    predicted."""
    stratified: bool = True
    """Whether the times of a batch are spread evenly over 1 .. T."""
    label_drop: float = 0.1
    """Share of the digits hidden in training, so that guidance has something to differ from."""

    def __post_init__(self):
        for name in ("width", "inner_width"):
            value = getattr(self, name)
            config.require(
                f"net.{name.replace('_', '-')}",
                value,
                value >= 4 and value % 4 == 0,
                "a multiple of 4",
            )
        for name in ("blocks", "inner_blocks", "times"):
            value = getattr(self, name)
            config.require(f"net.{name.replace('_', '-')}", value, value >= 1, "1 or more")
        config.require("net.label-drop", self.label_drop, 0 <= self.label_drop < 1, "in [0, 1)")


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """How noise becomes digits."""

    sampler: Literal["ancestral", "ddim", "dpmpp"] = "dpmpp"
    """ancestral is that of Ho et al. 2020, for which 1000 steps are meant; the others need few."""
    steps: int = 8
    """Times that the network is asked, once with the digit and, when guided, once without."""
    spacing: Literal["time", "snr"] = "time"
    """Where the steps lie: evenly in time, or in the logarithm of the signal-to-noise ratio."""
    guidance: float = 2.5
    """How far the digit asked for is exaggerated; 1 not at all."""

    def __post_init__(self):
        config.require("sampling.steps", self.steps, self.steps >= 1, "1 or more")
        config.require("sampling.guidance", self.guidance, self.guidance >= 0, "0 or more")


def get_config() -> config.Config:
    return config.Config(
        model="ddpm",
        net=Net(),
        sampling=Sampling(),
        optim=config.Optim(name="muon", rate=8e-3, ema=0.99),
        batch=96,
    )
