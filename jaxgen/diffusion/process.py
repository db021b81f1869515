"""The forward process, and the three quantities that a network may predict.

    x_t = alpha_t x_0 + sigma_t eps,    alpha_t^2 = alpha_bar_t,    sigma_t^2 = 1 - alpha_bar_t (1)
    v_t = alpha_t eps - sigma_t x_0                                  (Salimans and Ho 2022)     (2)

Given x_t, each of x_0, eps and v gives the others. Images are in [-1, 1] here; ``alpha`` and
``sigma`` broadcast against them.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax


class Prediction(NamedTuple):
    """A quantity to predict: the target in training, and how x_0 follows from it in sampling."""

    target: Callable[..., jax.Array]  # (x0, eps, alpha, sigma) -> the target of the network
    to_x0: Callable[..., jax.Array]  # (xt, predicted, alpha, sigma) -> x_0
    from_x0: Callable[..., jax.Array]  # (xt, x_0, alpha, sigma) -> predicted
    per_x0: Callable[..., jax.Array]  # snr -> |error of the target|^2 per |error of x_0|^2


def q_sample(x0, eps, alpha, sigma):
    """Draw from q(x_t | x_0), equation (1)."""
    return alpha * x0 + sigma * eps


PREDICTIONS = {
    "eps": Prediction(
        target=lambda x0, eps, alpha, sigma: eps,
        to_x0=lambda xt, eps, alpha, sigma: (xt - sigma * eps) / alpha,
        from_x0=lambda xt, x0, alpha, sigma: (xt - alpha * x0) / sigma,
        per_x0=lambda snr: snr,
    ),
    "x0": Prediction(
        target=lambda x0, eps, alpha, sigma: x0,
        to_x0=lambda xt, x0, alpha, sigma: x0,
        from_x0=lambda xt, x0, alpha, sigma: x0,
        per_x0=lambda snr: 1 + 0 * snr,
    ),
    "v": Prediction(
        target=lambda x0, eps, alpha, sigma: alpha * eps - sigma * x0,
        to_x0=lambda xt, v, alpha, sigma: alpha * xt - sigma * v,
        from_x0=lambda xt, x0, alpha, sigma: (alpha * xt - x0) / sigma,
        per_x0=lambda snr: snr + 1,
    ),
}

# How much an error counts, as a weight on |x_0 - prediction of x_0|^2 given the signal-to-noise
# ratio. None leaves the prediction's own squared error as it is: for eps that is L_simple of Ho et
# al. 2020, and the same as "snr".
WEIGHTS: dict[str, Callable[[jax.Array], jax.Array] | None] = {
    "none": None,
    "snr": lambda snr: snr,
    "min-snr": lambda snr: snr.clip(max=5.0),  # Hang et al. 2023, gamma 5
}


def to_images(x):
    """Clip to [-1, 1], and scale to [0, 1]."""
    return (x.clip(-1, 1) + 1) / 2
