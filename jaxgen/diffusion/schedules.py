"""Noise schedules: how much of the image is left at each time.

A schedule is the ``alpha_bar`` of Ho et al. 2020 at the times t = 0 .. T. It falls from 1 (the
clean image, t = 0) to nearly 0 (noise, t = T):

    q(x_t | x_0) = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)                                (1)
    beta_t       = 1 - alpha_bar_t / alpha_bar_{t-1}                                            (2)
    snr_t        = alpha_bar_t / (1 - alpha_bar_t)                                              (3)

Everything is computed once, in float64, because it lives on differences of nearly equal numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

MAX_BETA = 0.999  # Nichol and Dhariwal 2021: so that the noisiest step can still be taken back


@dataclass(frozen=True, eq=False)
class Schedule:
    """The noise levels of a diffusion process."""

    alpha_bar: np.ndarray  # float64 [T + 1]; alpha_bar[0] = 1

    @classmethod
    def from_betas(cls, betas: np.ndarray) -> "Schedule":
        """Multiply up (2); ``betas`` [T] lie above 0 and are cut off at ``MAX_BETA``."""
        kept = 1 - np.minimum(betas, MAX_BETA)
        return cls(np.concatenate([[1.0], np.cumprod(kept)]))

    @classmethod
    def from_curve(cls, curve: np.ndarray) -> "Schedule":
        """Take ``alpha_bar`` [T + 1] as it stands, but for betas above ``MAX_BETA``."""
        return cls.from_betas(1 - curve[1:] / curve[:-1])

    @property
    def last(self) -> int:
        """T, the number of noise levels."""
        return len(self.alpha_bar) - 1

    @property
    def alpha(self) -> np.ndarray:
        """What multiplies the image in (1): float64 [T + 1]."""
        return np.sqrt(self.alpha_bar)

    @property
    def sigma(self) -> np.ndarray:
        """What multiplies the noise in (1): float64 [T + 1]."""
        return np.sqrt(1 - self.alpha_bar)

    @property
    def beta(self) -> np.ndarray:
        """The variance that each step adds, (2): float64 [T], the first for t = 1."""
        return 1 - self.alpha_bar[1:] / self.alpha_bar[:-1]

    @property
    def snr(self) -> np.ndarray:
        """Signal-to-noise ratios (3): float64 [T + 1], infinite at t = 0."""
        with np.errstate(divide="ignore"):
            return self.alpha_bar / (1 - self.alpha_bar)


def linear(steps: int) -> Schedule:
    """Betas in even steps from 1e-4 to 0.02 (Ho et al. 2020, where T is 1000).

    For another T they are scaled by 1000 / T, so that it ends as noisy.
    """
    return Schedule.from_betas(np.linspace(1e-4, 0.02, steps) * 1000 / steps)


def cosine(steps: int) -> Schedule:
    """A squared cosine with offset 0.008 (Nichol and Dhariwal 2021, equation 17)."""
    time = np.arange(steps + 1) / steps
    curve = np.cos((time + 0.008) / 1.008 * np.pi / 2) ** 2
    return Schedule.from_curve(curve / curve[0])


def sigmoid(steps: int) -> Schedule:
    """A sigmoid from -3 to 3, stretched to fall from 1 to 0 (Jabri et al. 2022)."""
    fall = 1 / (1 + np.exp(np.linspace(-3, 3, steps + 1)))
    return Schedule.from_curve((fall - fall[-1]) / (fall[0] - fall[-1]))


SCHEDULES: dict[str, Callable[[int], Schedule]] = {
    "linear": linear,
    "cosine": cosine,
    "sigmoid": sigmoid,
}
