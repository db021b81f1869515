"""The conditional VAE of Sohn, Lee and Yan 2015 that completes digits of which it sees quadrants.

    bin/reproduce sohn2015

784-500-500, a code of 200, black and white digits. The paper trains a network for each number of
quadrants; here one sees none to three, drawn by chance at each step. The digit is hidden of nine
training digits in ten, and of all that are measured.

Measured of the test digits, seed 0, the bound in nats, beside ``sohn2015_nn``; 25 minutes of
training each on one core:

    quadrants seen         1       2      3
    CVAE                   70.3    50.4   23.9
    without a code         107.6   69.0   30.6
"""

from jaxgen import config
from jaxgen.configs.cvae import Net, Sampling


def get_config() -> config.Config:
    return config.Config(
        model="sohn2015",
        net=Net(
            layers=(500, 500),
            activation="relu",
            latents=200,
            binarise=True,
            prior_width=500,
            label_drop=0.9,
            part="quadrants",
        ),
        sampling=Sampling(),
        optim=config.Optim(rate=1e-3, ema=0.999),
        steps=20_000,
        batch=100,
        log_every=500,
        sample_every=5000,
        save_every=5000,
    )
