"""The VAE of Burda, Grosse and Salakhutdinov 2015 with one stochastic layer.

    bin/reproduce burda2015

784-200-200-50, tanh, digits made black and white anew at each step. The paper trains in batches of
20 for 3,280 epochs, its rate falling in eight stages from 1e-3; here batches are of 100, the rate
falls as a cosine, and ``bin/reproduce`` says how many epochs it is.
"""

from jaxgen import config
from jaxgen.configs.vae import Net, Sampling


def get_config() -> config.Config:
    return config.Config(
        model="burda2015",
        net=Net(layers=(200, 200), activation="tanh", latents=50, binarise=True),
        sampling=Sampling(prior="normal"),
        optim=config.Optim(rate=2e-3, b2=0.999, clip=0.0, ema=0.9995),
        steps=100_000,
        batch=100,
        log_every=1000,
        sample_every=20_000,
        save_every=10_000,
    )
