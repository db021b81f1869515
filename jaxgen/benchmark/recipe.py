"""Train a recipe of jaxgen by the clock of the peers (``programs/clock.py``: the same arguments and
lines), on the digits that ``bin/train`` would read.

    python -m jaxgen.benchmark.recipe --settings NAME --digits SOURCE ...

The clock starts with the process: imports, reading the digits and compiling the train step count,
as does fitting a density of codes for each draw. The program that draws is compiled in a draw that
does not count. The learning rate falls over the recipe's own steps, after which training ends, even
if there are seconds left.

``SETTINGS`` has the recipes, and settings that come near the architecture of a peer:

    ae-mlp, vae-mlp      pythae's networks where none is given: one hidden layer of 512, 16 latents,
                         its losses, batches and learning rate
    vae-adam             the recipe ``vae`` with Adam: vae-ours of ``programs/pythae_models.py``
    ddpm-network         the U-Net without the Gaussians, with Adam: what ``programs/ours_unet.py``
                         is in PyTorch
    vqvae-autoencoder    without the prior, with Adam: vqvae-ours of ``programs/pythae_models.py``

There are none for pythae's convolutional networks (four halvings, batch normalisation), for DCGAN
(batch normalisation), nor for the U-Nets of diffusers and denoising-diffusion-pytorch (a grid of
28 x 28 or 32 x 32, attention): jaxgen has no such layers.
"""

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxgen import config as configs
from jaxgen import data, devices, sampling
from jaxgen.arrays import Key
from jaxgen.benchmark.programs import clock
from jaxgen.config import Config, Optim
from jaxgen.families.base import Variables
from jaxgen.families.vqvae import VQVAE
from jaxgen.training.console import Console
from jaxgen.training.loop import fitted
from jaxgen.training.stack import BLOCK, Stack

SECONDS = 0.5  # of a block of steps: a mark waits for the end of its block
# Adam as pythae's trainer has it, and steps for as long as there are seconds.
PLAIN = Optim(rate=1e-4, b2=0.999, clip=0.0, ema=0.0, warmup=0, decay="none")
ENDLESS = 10_000_000


def _mlp(name: str, **net: Any) -> Config:
    recipe = configs.recipe(name)
    hidden = {"network": "dense", "layers": (512,), "activation": "relu", "latents": 16}
    changed = replace(recipe.net, **hidden, **net)
    return replace(recipe, net=changed, batch=64, optim=PLAIN, steps=ENDLESS)


def _network() -> Config:
    recipe = configs.recipe("ddpm")
    sampling: Any = recipe.sampling
    net: Any = recipe.net
    return replace(
        recipe,
        net=replace(net, gaussian=0),
        sampling=replace(sampling, sampler="dpmpp", steps=10, guidance=2.0),
        optim=replace(recipe.optim, name="adam", rate=4e-3),
    )


def _vae_adam() -> Config:
    recipe = configs.recipe("vae")
    return replace(recipe, optim=replace(recipe.optim, name="adam", rate=2e-3))


def _autoencoder() -> Config:
    recipe = configs.recipe("vqvae")
    return replace(recipe, optim=replace(recipe.optim, name="adam", rate=2e-3))


SETTINGS: dict[str, Callable[[], Config]] = {
    **{name: functools.partial(configs.recipe, name) for name in configs.names()},
    "ae-mlp": lambda: _mlp("ae"),
    "vae-mlp": lambda: _mlp("vae", likelihood="gaussian", sigma=1.0),
    "vae-adam": _vae_adam,
    "ddpm-network": _network,
    "vqvae-autoencoder": _autoencoder,
}


class Autoencoder(VQVAE):
    """The family without the prior: it has no sampler."""

    learns_at_once = False

    @property
    def update_order(self) -> tuple[str, ...]:
        return super().update_order[:1]

    def init(self, key: Key) -> Variables:
        variables = super().init(key)
        player = self.update_order[0]
        return variables.replace(params={player: variables.params[player]})


def main() -> None:
    job = clock.arguments()
    config = replace(SETTINGS[job.settings](), data=job.digits)
    devices.start(batch=config.batch)
    stack = Stack([config])
    has_sampler = job.settings != "vqvae-autoencoder"
    if not has_sampler:
        settings: Any = (config.net, config.sampling, len(config.classes))
        # In the place of the family that the trainer would build.
        stack.trainers[0].__dict__["family"] = Autoencoder(*settings)
    train(job, stack, has_sampler)


def train(job, stack: Stack, has_sampler: bool) -> None:
    """Train until the seconds or the steps of the recipe are over, and draw at each mark."""
    config, family = stack.recipes[0], stack.trainers[0].family
    digits = data.load(config.data).train
    state = stack.init(digits)
    block = stack.compile(state, digits, Console(quiet=True))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    timer = clock.Clock(job, config.batch, parameters)
    ready, step, size = state, 0, 2

    def fit() -> None:
        nonlocal ready
        ready = fitted(family, state, digits)

    def draw(count: int = job.count) -> np.ndarray:
        images = sampling.draw(family, ready.averaged, sampling.balanced(count), config.seed)
        return np.rint(images[..., 0] * 255).astype(np.uint8)

    def warm_up() -> None:  # the program that draws is the same for any number of digits
        draw(1)

    while not timer.is_over:
        stop = min(step + size, config.steps)
        began = time.perf_counter()
        state, _ = block(state, step, stop)
        each = (time.perf_counter() - began) / (stop - step)
        timer.add(each, stop - step)
        step, size = stop, int(np.clip(SECONDS / each, 1, BLOCK))
        timer.report(draw if has_sampler else None, fit, warm_up, ends=step == config.steps)


if __name__ == "__main__":
    main()
