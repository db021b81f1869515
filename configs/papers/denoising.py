"""An autoencoder that is trained to remove noise of 10 % and is measured with more noise.

    bin/reproduce denoising

The repository that it is compared with does not define its noise; here it is Gaussian, of that
standard deviation where white is 1, and what it makes is cut off at black and white.

Measured of the test digits, seed 0:

    noise            10 %    20 %    30 %    40 %    50 %
    PSNR, dB         24.18   22.56   20.21   17.77   15.65
    SSIM             0.945   0.921   0.864   0.767   0.654
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs import ae


def get_config() -> config.Config:
    clean = ae.get_config()
    return replace(clean, model="denoising", net=replace(clean.net, noise=0.1))
