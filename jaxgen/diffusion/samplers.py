"""Samplers: from noise to images, given a denoiser.

In every sampler, the step from time t to an earlier time s is a linear combination of the noisy
image, the denoiser's x_0 at t, its x_0 at the step before (in a second-order method), and fresh
noise z:

    x_s = keep x_t + clean x_0(x_t) + before x_0(previous x) + fresh z                          (1)

So a sampler is a table of these four coefficients, one row a step, worked out beforehand in
float64; and one ``lax.scan`` over the rows runs them all. Notation as in ``process``; s and t are
any two times with s < t.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgen.arrays import Keys
from jaxgen.diffusion.schedules import Schedule

Column = np.ndarray | jax.Array

MIDDLE = -3.5, 4.5  # log snr


class Steps(NamedTuple):
    """The rows of (1), from noise to image; each array is [steps]."""

    time: Column  # int32, the t that the step starts from
    keep: Column
    clean: Column
    before: Column
    fresh: Column


def ancestral(schedule: Schedule, times: np.ndarray) -> Steps:
    """Draw from the posterior q(x_s | x_t, x_0) at the x_0 denoised (Ho et al. 2020, equations 6
    and 7).

    With ``times`` = T .. 0 these are the paper's; with fewer times, its process between those
    times. The noise of the last step is 0 by itself.
    """
    t, s = times[:-1], times[1:]
    alpha, var = schedule.alpha, 1 - schedule.alpha_bar
    ratio = alpha[t] / alpha[s]
    added = var[t] - ratio**2 * var[s]  # variance of q(x_t | x_s)
    keep, clean = ratio * var[s] / var[t], alpha[s] * added / var[t]
    return Steps(t, keep, clean, 0 * keep, np.sqrt(added * var[s] / var[t]))


def ddim(schedule: Schedule, times: np.ndarray) -> Steps:
    """Keep the noise that x_0 implies and take it to level s (Song et al. 2021, equation 12 with
    eta 0)."""
    t, s = times[:-1], times[1:]
    keep = schedule.sigma[s] / schedule.sigma[t]
    clean = schedule.alpha[s] - schedule.alpha[t] * keep
    return Steps(t, keep, clean, 0 * keep, 0 * keep)


def dpmpp(schedule: Schedule, times: np.ndarray) -> Steps:
    """DPM-Solver++(2M): DDIM with x_0 extrapolated from two steps (Lu et al. 2022, algorithm 2).

    The first step has nothing before it and the last ends at log snr = infinity: both are plain
    DDIM.
    """
    first = ddim(schedule, times)
    lam = 0.5 * np.log(schedule.snr[times[:-1]])  # half log snr, at every t but the final 0
    steps = np.diff(lam)  # h; the last, to infinity, is left out
    before = 0 * first.clean
    before[1:-1] = -0.5 * steps[1:] / steps[:-1]
    return first._replace(clean=first.clean * (1 - before), before=first.clean * before)


def backwards(schedule: Schedule, times: np.ndarray) -> Steps:
    """DDIM inversion, from an image to its noise: the steps of ``ddim`` in reverse.

    x_0 is predicted at the start of a step, where ``ddim`` predicts it at the other end: with
    smaller steps the two agree better. The image is taken for x at the last time before 0, whose
    noise is invisible.
    """
    rising = times[::-1][1:]
    s, t = rising[:-1], rising[1:]
    keep = schedule.sigma[t] / schedule.sigma[s]
    clean = schedule.alpha[t] - schedule.alpha[s] * keep
    return Steps(s, keep, clean, 0 * keep, 0 * keep)


SAMPLERS: dict[str, Callable[[Schedule, np.ndarray], Steps]] = {
    "ancestral": ancestral,
    "ddim": ddim,
    "dpmpp": dpmpp,
    "fast": dpmpp,  # at the times ``middle``
}


def run(denoise: Callable, steps: Steps, xt, keys: Keys | None = None):
    """Sample from noise ``xt`` [n, h, w, c]; returns x_0, and x after each step.

    ``denoise(xt, time)`` gives x_0 [n, h, w, c] for one integer time. Image i draws its noise from
    ``keys[i]`` alone; a deterministic sampler draws nothing.
    """
    noisy = bool(steps.fresh.any())

    def step(carry, row_and_keys):
        (xt, previous), (row, keys) = carry, row_and_keys
        x0 = denoise(xt, row.time)
        xs = row.keep * xt + row.clean * x0 + row.before * previous
        if noisy:
            xs = xs + row.fresh * jax.vmap(lambda key: jax.random.normal(key, xt.shape[1:]))(keys)
        return (xs, x0), xs

    rows = Steps(jnp.asarray(steps.time), *(jnp.asarray(part, xt.dtype) for part in steps[1:]))
    keys_of_steps = None
    if noisy:
        assert keys is not None
        at_time = jax.vmap(jax.random.fold_in, (0, None))
        keys_of_steps = jax.vmap(at_time, (None, 0))(keys, rows.time)
    (x0, _), path = lax.scan(step, (xt, jnp.zeros_like(xt)), (rows, keys_of_steps))
    return x0, path  # [n, h, w, c], [steps, n, h, w, c]


def even(schedule: Schedule, steps: int) -> np.ndarray:
    """Space ``steps`` + 1 times evenly from T to 0: int32, falling."""
    return np.rint(np.linspace(schedule.last, 0, steps + 1)).astype(np.int32)


def even_snr(schedule: Schedule, steps: int) -> np.ndarray:
    """Space times evenly in log snr from T to 1, then 0 (Lu et al. 2022: best for small images and
    few steps)."""
    noisiest, cleanest = np.log(schedule.snr[[-1, 1]])
    return _at_snr(schedule, np.linspace(noisiest, cleanest, steps))


def middle(schedule: Schedule, steps: int) -> np.ndarray:
    """Space times evenly in log snr over the MIDDLE levels alone, then 0: before them, x_t is
    nearly Gaussian, and after them, nearly x_0."""
    return _at_snr(schedule, np.linspace(*MIDDLE, steps))


def _at_snr(schedule: Schedule, wanted: np.ndarray) -> np.ndarray:
    """The times of these log snr [steps], which rise, then 0: int32 [steps + 1]."""
    steps, log_snr = len(wanted), np.log(schedule.snr[1:])  # log_snr rises towards t = 1
    times = np.append(np.interp(wanted, log_snr[::-1], np.arange(schedule.last, 0, -1)), 0)
    # Rounded times may coincide where levels are dense: each stays above the next, and below the
    # one before.
    left = np.arange(steps, -1, -1)
    return np.clip(np.rint(times), left, schedule.last - steps + left).astype(np.int32)


SPACINGS: dict[str, Callable[[Schedule, int], np.ndarray]] = {"time": even, "snr": even_snr}
