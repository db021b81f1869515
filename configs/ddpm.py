"""card to come"""

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
    inner_blocks: int = 3
    """Residual blocks at 7 x 7, with attention between them."""
    times: int = 1000
    """T, the number of noise levels."""
    schedule: Literal["linear", "cosine", "sigmoid"] = "cosine"
    """How the noise grows with time."""
    predict: Literal["eps", "x0", "v"] = "v"
    """What the network says of a noisy image."""
    weight: Literal["none", "snr", "min-snr"] = "none"
    """How much an error counts at each noise level, as a weight on the error of x_0; none: as predicted."""
    stratified: bool = True
    """Whether the times of a batch are spread evenly over 1 .. T."""
    label_drop: float = 0.1
    """Share of the digits hidden in training, so that guidance has something to differ from."""


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """How noise becomes digits."""

    sampler: Literal["ancestral", "ddim", "dpmpp"] = "dpmpp"
    steps: int = 12
    spacing: Literal["time", "snr"] = "time"
    guidance: float = 1.5


def get_config() -> config.Config:
    return config.Config(model="ddpm", net=Net(), sampling=Sampling())
