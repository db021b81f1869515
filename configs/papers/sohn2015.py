"""The conditional VAE of Sohn, Lee and Yan 2015 that completes digits from some quadrants.

    bin/reproduce sohn2015      25 minutes on one core

784-500-500, a code of 200 dimensions, black and white pixels. The paper trains one network for each
number of visible quadrants; here one network sees none to three, chosen at random at each step. The
labels of nine training digits in ten are dropped, and the labels of all measured ones.

Bound of the test digits with 1, 2 and 3 quadrants visible, seed 0: 70.2, 50.4 and 24.2 nats;
without a code (``sohn2015_nn``): 107.2, 69.0 and 30.5.
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
