"""The conditional VAE of Sohn, Lee and Yan 2015 that completes digits of which it sees quadrants.

    bin/reproduce sohn2015

784-500-500, a code of 200, black and white digits. The paper trains a network for each number of
quadrants; here one sees none to three, drawn by chance at each step. The digit is hidden of nine
training digits in ten, and of all that are measured.
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
