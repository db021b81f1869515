"""The VAE of Burda, Grosse and Salakhutdinov 2015 with one stochastic layer.

    bin/reproduce burda2015     70 minutes on two cores (matrix product 120 GFLOP/s)

784-200-200-50, tanh, pixels made black and white anew at each step. The paper trains in batches of
20 for 3,280 epochs with Adam and a learning rate that falls in eight stages. Here batches are of
100, Muon moves the matrices, the learning rate falls as a cosine, beta rises over 20,000 steps, and
the gradient of the encoder goes through the codes alone.

Minus log p of the test digits, seed 0: 86.97 nats (the paper: 86.76).
How the settings were chosen: docs/tuning.md.
"""

from jaxgen import config
from jaxgen.configs.vae import Net, Sampling


def get_config() -> config.Config:
    return config.Config(
        model="burda2015",
        net=Net(
            objective="iwae",  # of one code, it is the evidence lower bound
            gradient="path",
            layers=(200, 200),
            activation="tanh",
            latents=50,
            binarise=True,
            beta_warmup=20_000,
            components=1,  # nothing is drawn from the codes' density
        ),
        sampling=Sampling(prior="normal"),
        optim=config.Optim("muon", rate=5e-3, clip=0.0, ema=0.9995),
        steps=100_000,
        batch=100,
        log_every=1000,
        sample_every=50_000,
        save_every=10_000,
    )
