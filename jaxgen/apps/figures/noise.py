"""Diffusion: noise added to an image, and noise that becomes images, with the network's prediction
of x_0 at each step (Ho et al. 2020, figure 2)."""

import functools

import jax.numpy as jnp
import numpy as np
from jax import lax
from matplotlib.figure import Figure

from jaxgen.apps import measuring
from jaxgen.apps.figures import drawing
from jaxgen.arrays import SIDE
from jaxgen.diffusion import process, samplers
from jaxgen.diffusion.process import to_images
from jaxgen.families.base import Variables, split
from jaxgen.families.capabilities import Diffuses, able
from jaxgen.mapping import map_images


def draw(lesson: drawing.Lesson) -> Figure:
    family = able(lesson.family, Diffuses)
    if family.sampling.sampler == "fast":  # it starts from medium noise
        family = family.with_sampling(sampler="dpmpp")
    times = np.append(family.steps().time, 0)
    chosen = np.unique(np.linspace(0, len(times) - 1, drawing.FRAMES).round().astype(int))
    labels = np.full(2, lesson.digit, np.int32)
    test = lesson.digits.test
    real = 2 * measuring.random_images(test, labels[:1], lesson.seed) - 1  # [1, h, w, c]
    eps = np.random.default_rng(lesson.seed).standard_normal(real.shape)
    alpha, sigma = (
        level[times[chosen[::-1]], None, None, None]
        for level in (family.schedule.alpha, family.schedule.sigma)
    )
    noisy = to_images(process.q_sample(real, eps, alpha, sigma))
    denoise = functools.partial(denoised, family)
    paths, guesses = map_images(denoise, lesson.variables, seed=lesson.seed, chunk=2, labels=labels)

    figure = drawing.figure(5.7)
    above, below = figure.subplots(2, 1, height_ratios=(1, 4))
    drawing.rows(above, np.asarray(noisy)[None], [f"a test {lesson.one}"], "Noise is added")
    rows = np.stack([paths[0], guesses[0], paths[1], guesses[1]])[:, chosen]
    guess = "what the network\npredicts"
    names = ["drawn from noise", guess, "another noise", guess]
    drawing.rows(below, rows, names, "The network removes it")
    pitch = 2 * SIDE + 2
    for axes, shown in ((above, times[chosen[::-1]]), (below, times[chosen])):
        ticks = [2 + pitch * column + SIDE for column in range(len(chosen))]
        axes.set_xticks(ticks, [f"t = {time}" for time in shown])
    return figure


def denoised(family: Diffuses, variables: Variables, keys, labels):
    """The states from noise to images, and the x_0 that the network predicts from each of them:
    both [n, steps + 1, 28, 28, 1] in [0, 1], with the image at the end."""
    keys_prior, keys_decode = split(keys)
    noise = family.prior(variables, family.noise(keys_prior), labels)
    denoise = family.denoiser(variables, labels, family.sampling.guidance)
    steps = family.steps()
    x0, path = samplers.run(denoise, steps, noise, keys_decode)
    states = jnp.concatenate([noise[None], path[:-1]])
    _, guesses = lax.scan(
        lambda carry, row: (carry, denoise(*row)), None, (states, jnp.asarray(steps.time))
    )
    both = [jnp.concatenate([way, x0[None]]).swapaxes(0, 1) for way in (states, guesses)]
    return tuple(map(to_images, both))
