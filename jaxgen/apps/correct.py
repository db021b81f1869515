"""Correcting damaged handwriting: p(x given what is seen), where the damage is known by its kind.

    AE, VAE, CVAE, GAN   the latent whose image, damaged, explains what is seen (``search``)
    AE with --net.noise  a denoising autoencoder, once there and back
    VQ-VAE               codes near to those of what is seen, drawn with the prior (``fill``)
    diffusion            noise is what it was trained to take away: it starts part-way, at the time
                         whose noise is that of the damage; for other damages each denoised image is
                         moved towards what is seen (Zhu et al. 2023, "DiffPIR")

The digit is never given: it is read off what is seen (``reader``).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.stats import norm

from jaxgen.apps import complete, fill, reader, search
from jaxgen.apps.damage import ROUGH, Damage
from jaxgen.arrays import Images, Keys, Labels
from jaxgen.diffusion import samplers
from jaxgen.families.ae import AE
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.ddpm import DDPM, to_images
from jaxgen.families.vqvae import VQVAE
from jaxgen.sampling import FEW, Program, few

ROUNDS = 3  # of guessing what the noise was where it was cut off
MOVES = 5  # steps of descent towards what is seen, in each step of diffusion


class Corrected(NamedTuple):
    images: np.ndarray  # float32 [n, 28, 28, 1]
    digits: np.ndarray  # int32 [n], read off what is seen


def harm(damage: Damage, images: np.ndarray, seed: int) -> np.ndarray:
    """Damage images float32 [n, 28, 28, 1]; image i goes by ``seed`` and i."""
    program = Program(lambda nothing, keys, images: damage.apply(images, keys), FEW)
    return program((), seed, np.arange(len(images)), images)


def correct(
    family: Family,
    variables: Variables,
    reading: Any,
    seen: np.ndarray,
    damage: Damage,
    seed: int,
) -> Corrected:
    """Correct images float32 [n, 28, 28, 1]; ``reading`` are the variables of the reader."""
    mend = _method(family, damage)

    def one(both, keys, seen):
        variables, reading = both
        digits = reader.read(reading, seen, jnp.ones_like(seen)).argmax(-1)
        return mend(family, variables, seen, damage, digits, keys), digits

    return Corrected(
        *Program(one, few(len(seen)))((variables, reading), seed, np.arange(len(seen)), seen)
    )


def _method(family: Family, damage: Damage) -> Callable[..., Images]:
    if isinstance(family, DDPM):
        return moved if damage.sigma is None else part_way
    if isinstance(family, VQVAE):
        return filled
    if isinstance(family, AE) and family.config.noise:
        return there_and_back
    return searched


def searched(family, variables, seen, damage, labels, keys) -> Images:
    latents = search.search(family, variables, seen, damage.nats, labels, keys)
    return family.decode(variables, latents, labels, keys)


def filled(family, variables, seen, damage, labels, keys) -> Images:
    return fill.mend(family, variables, seen, labels, keys)


def there_and_back(family, variables, seen, damage, labels, keys) -> Images:
    return family.reconstruct(variables, seen, labels, keys)


def part_way(
    family: DDPM,
    variables: Variables,
    seen: Images,
    damage: Damage,
    labels: Labels,
    keys: Keys,
) -> Images:
    """The mean of x_0 given x_t, at the t where the noise has the size that it has in what is seen.

    Where noise was cut off at black or white, more of it was there: its mean beyond the edge, given
    the x_0 guessed so far, stands in its place.
    """
    sigma, schedule = damage.sigma, family.schedule
    assert sigma is not None
    # An image in [-1, 1] is twice as wide as one in [0, 1], and so is its noise.
    time = int(np.abs(schedule.sigma / schedule.alpha - 2 * sigma).argmin())
    guess = family.denoiser(variables, labels, 1.0)

    def clean(noisy):
        return to_images(guess(schedule.alpha[time] * (2 * noisy - 1), time))

    def refine(noisy, _):
        x0 = clean(noisy)
        black, white = -x0 / sigma, (x0 - 1) / sigma
        below = x0 - sigma * jnp.exp(norm.logpdf(black) - norm.logcdf(black))
        above = x0 + sigma * jnp.exp(norm.logpdf(white) - norm.logcdf(white))
        return jnp.where(seen <= 0, below, jnp.where(seen >= 1, above, seen)), None

    return clean(lax.scan(refine, seen, length=ROUNDS)[0])


def moved(
    family: DDPM,
    variables: Variables,
    seen: Images,
    damage: Damage,
    labels: Labels,
    keys: Keys,
) -> Images:
    """Sampling in which each denoised image x_0 becomes the x with the least

    nats(seen, x) + |x - x_0|^2 / (2 r_t^2),    r_t = sigma_t / alpha_t
    """
    family = complete.by_chance(family)
    guess = family.denoiser(variables, labels, family.sampling.guidance)
    # In [0, 1]; never surer of x_0 than digits are of themselves.
    spread = jnp.minimum(0.5 * family.schedule.sigma / family.schedule.alpha, 0.5)
    slope = jax.grad(lambda images: damage.nats(seen, images).sum())

    def denoise(xt, time):
        x0 = to_images(guess(xt, time))
        pull = 1 / jnp.square(spread[time])

        def step(images, _):
            # The nats bend by 1 / ROUGH^2 at most.
            moves = (slope(images) + pull * (images - x0)) / (1 / ROUGH**2 + pull)
            return (images - moves).clip(0, 1), None

        return 2 * lax.scan(step, x0, length=MOVES)[0] - 1

    keys_noise, keys_steps = split(keys)
    noise = family.prior(variables, keys_noise, labels)
    return to_images(samplers.run(denoise, family.steps(), noise, keys_steps)[0])
