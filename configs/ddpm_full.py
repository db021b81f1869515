"""Diffusion trained until it is hard to make better on two cores.

    bin/train --model ddpm_full

TO BE MEASURED 1 N
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs import ddpm


def get_config() -> config.Config:
    short = ddpm.get_config()
    return replace(
        short,
        model="ddpm_full",
        net=replace(short.net, inner_blocks=4),
        sampling=replace(short.sampling, steps=20, guidance=1.25),
        optim=replace(short.optim, ema=0.999),
        steps=12_000,
        batch=128,
        log_every=200,
        sample_every=3000,
        save_every=1000,
    )
