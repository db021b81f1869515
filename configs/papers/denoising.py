"""An autoencoder that is trained to take away noise of 10 % and is asked about more.

    bin/reproduce denoising

The repository that it is compared with does not define its noise; here it is Gaussian, of that
standard deviation where white is 1, and what it makes is cut off at black and white.
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs import ae


def get_config() -> config.Config:
    clean = ae.get_config()
    return replace(clean, model="denoising", net=replace(clean.net, noise=0.1))
