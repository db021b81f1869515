"""Digits as 49 codes of a codebook of 128, and a transformer that writes such codes.

    bin/train --model vqvae

Measured by ``bin/evaluate --count 10000`` against the test digits; training took 5.6 minutes on the
two cores of a cloud machine:

    seed   recognised   Frechet   recall   coverage   squared error   codes used   bits of the prior
    0      98.69 %      0.047 N   0.867    0.892      1.42            128          125
    1      98.91 %      0.049 N   0.865    0.895      1.52            128          121
    2      98.86 %      0.048 N   0.867    0.896      1.46            128          127
    real   99.61 %      0.071 N   0.894    0.890

The squared error is of a test digit and its reconstruction, the 784 pixels summed. 49 codes of 128
are 343 bits; the prior says them in those of the last column (of the last training batch).
``--steps 1000`` takes 1.7 minutes; of the validation digits it gives 96.3 %, 0.093 N.

Chosen on the validation digits, as ``bin/evaluate --against valid --count 2000`` measures, one seed
(0) each, so that small differences may be chance. "w" is guidance, "t" temperature. "error" is the
squared error of the reconstruction, "bits" those of a digit under the prior:

    trained                            error   bits    w 1             w 1.5           w 2
    3000 steps, as set                 1.43    128     -               98.9 % 0.101    99.9 % 0.165
        5,000 drawn                                                    98.5 % 0.082    99.7 % 0.144
        5,000 drawn, w 1.25                                            97.0 % 0.072
    700 steps, as set                  2.08    113     75.9 % 0.459    89.5 % 0.239    94.5 % 0.209
        t 0.9                                                                          96.7 % 0.149
    700 steps, Adam at 2e-3            2.64    125     65.9 % 0.669    -               -
    1000 steps, Adam, 256 codes        1.93    153     71.0 % 0.551    84.8 % 0.349    91.0 % 0.292
        t 0.9                                                          88.6 % 0.257    -

More training makes the reconstruction better and the codes harder to say: the prior's bits rise.
The other quantisers were tested to train, and not tuned.
"""

from dataclasses import dataclass
from typing import Literal

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Net):
    """The autoencoder, its codebook, the objective, and the prior of the codes."""

    grid: Literal[7, 14] = 7
    """Positions along an edge of the grid of codes."""
    width: int = 32
    """Channels at 14 x 14."""
    inner_width: int = 64
    """Channels of the grid, where the residual blocks are."""
    blocks: int = 1
    """Residual blocks, in the encoder and again in the decoder."""
    quantiser: Literal["ema", "gradient", "fsq"] = "ema"
    """Rows that are running averages of the vectors that took them; rows that follow a gradient, as
    in the paper; or rounding each number of a vector to levels (Mentzer et al. 2023)."""
    codes: int = 128
    """Rows of the codebook; fsq has as many as its levels have combinations."""
    features: int = 16
    """Numbers in a row of the codebook; fsq has as many as levels."""
    levels: tuple[int, ...] = (8, 6, 5)
    """Levels of each number of a vector, for fsq."""
    commitment: float = 0.25
    """beta, how much |z_e - sg[e]|^2 counts; fsq has no such term."""
    decay: float = 0.99
    """Of the running averages of ema, per step."""
    restart: float = 0.03
    """Share of its even share of the vectors below which a code of ema is put upon one of them
    anew; 0 never."""
    prior_width: int = 96
    """Numbers in a vector of the prior's transformer."""
    prior_depth: int = 2
    """Layers of the prior's transformer."""
    prior_heads: int = 4
    """Heads of each of those."""
    prior_pace: float = 1.0
    """Learning rate of the prior, as a multiple of --optim.rate."""
    label_drop: float = 0.1
    """Share of the digits hidden from the prior in training, so that it knows any digit too."""

    def __post_init__(self):
        for name in ("width", "inner_width", "features", "blocks", "prior_depth", "prior_heads"):
            value = getattr(self, name)
            config.require(f"net.{name.replace('_', '-')}", value, value >= 1, "1 or more")
        config.require("net.codes", self.codes, self.codes >= 2, "2 or more")
        levels = " ".join(map(str, self.levels)) or "(none)"
        fine = bool(self.levels) and min(self.levels, default=0) >= 2
        config.require("net.levels", levels, fine, "one number or more, each 2 or more")
        config.require("net.commitment", self.commitment, self.commitment >= 0, "0 or more")
        config.require("net.decay", self.decay, 0 <= self.decay < 1, "in [0, 1)")
        config.require("net.restart", self.restart, 0 <= self.restart < 1, "in [0, 1)")
        config.require(
            "net.prior-width",
            self.prior_width,
            self.prior_width >= 1 and self.prior_width % self.prior_heads == 0,
            f"a multiple of --net.prior-heads {self.prior_heads}",
        )
        config.require("net.prior-pace", self.prior_pace, self.prior_pace > 0, "above 0")
        config.require("net.label-drop", self.label_drop, 0 <= self.label_drop < 1, "in [0, 1)")


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """How the prior draws."""

    temperature: float = 1.0
    """What the logits of the codes are divided by; less than 1 draws likelier codes, and digits
    more alike."""
    guidance: float = 1.5
    """How far the digit asked for is exaggerated; 1 not at all, which takes half the time."""

    def __post_init__(self):
        config.require("sampling.temperature", self.temperature, self.temperature > 0, "above 0")
        config.require("sampling.guidance", self.guidance, self.guidance >= 0, "0 or more")


def get_config() -> config.Config:
    return config.Config(
        model="vqvae",
        net=Net(),
        sampling=Sampling(),
        optim=config.Optim(name="muon", rate=5e-3, ema=0.0),
        steps=3000,
        sample_every=500,
        save_every=500,
    )
