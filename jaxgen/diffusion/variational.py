"""The variational bound of diffusion, level by level (Ho et al. 2020, equation 5).

    - log p(x_0)  <=  KL(q(x_T|x_0) || N(0, I))
                      + sum over t > 1 of KL(q(x_{t-1}|x_t, x_0) || p(x_{t-1}|x_t))
                      - log p(x_0|x_1)                                                          (1)

p(x_{t-1}|x_t) is the posterior q(x_{t-1}|x_t, x_0) with the denoiser's x_0 in place of the true
one, so that both have one variance and the divergence is (Kingma et al. 2021, equation 13)

    1/2 (snr_{t-1} - snr_t) |x_0 - x_0(x_t)|^2                                                  (2)

The last step is a probability of 256 greys: a Gaussian about x_0(x_1) of variance beta_1, of which
each grey has its interval.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen import losses
from jaxgen.arrays import Keys
from jaxgen.diffusion import process
from jaxgen.diffusion.schedules import Schedule


def terms(
    denoise: Callable, schedule: Schedule, x0: jax.Array, keys: Keys
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The terms of (1) in nats for images ``x0`` [n, h, w, c] of 256 greys in [-1, 1], each level
    with noise of its own.

    Returns the first [n]; those of the steps from t = T .. 1 [T, n]; and the squared error of the
    x_0 that is seen at each t [T, n], as of pixels in [0, 1]. ``denoise(xt, time)`` gives x_0.
    """
    snr = schedule.snr
    times = np.arange(schedule.last, 0, -1)
    rows = (
        jnp.asarray(times),
        jnp.asarray(schedule.alpha[times], x0.dtype),
        jnp.asarray(schedule.sigma[times], x0.dtype),
        jnp.asarray(0.5 * (np.append(snr[times[1:]], 0.0) - snr[times]), x0.dtype),
    )
    sigma_last = float(np.sqrt(schedule.beta[0]))

    def level(_, row):
        time, alpha, sigma, weight = row
        keys_level = jax.vmap(jax.random.fold_in, (0, None))(keys, time)
        eps = jax.vmap(lambda key: jax.random.normal(key, x0.shape[1:]))(keys_level)
        predicted = denoise(process.q_sample(x0, eps, alpha, sigma), time)
        error = losses.squared_error(predicted, x0)
        nats = jnp.where(
            time > 1, weight * error, losses.discretised_gaussian(predicted, x0, sigma_last)
        )
        return None, (nats, error / 4)

    alpha_bar = float(schedule.alpha_bar[-1])
    noise = jnp.full_like(x0, np.log1p(-alpha_bar)).reshape(x0.shape[0], -1)
    start = losses.kl_normal(np.sqrt(alpha_bar) * x0.reshape(x0.shape[0], -1), noise).sum(-1)
    _, (nats, errors) = lax.scan(level, None, rows)
    return start, nats, errors
