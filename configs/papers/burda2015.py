"""The VAE of Burda, Grosse and Salakhutdinov 2015 with one stochastic layer.

    bin/reproduce burda2015

784-200-200-50, tanh, digits made black and white anew at each step. The paper trains in batches of
20 for 3,280 epochs with Adam, its rate falling in eight stages from 1e-3. Here batches are of 100,
matrices follow Muon, the rate falls as a cosine, the divergence's weight rises over the first
20,000 steps, and the encoder's gradient goes through the codes alone; ``bin/reproduce`` says how
many epochs it is.

Measured of the test digits, seeds 0 and 1: 86.93 and 86.80 nats (86.76 in the paper). 100,000 steps
take 70 minutes on two cores that multiply matrices at 120 GFLOP/s, five sixths of it for Muon; an
H100 takes two runs in 4.4 minutes, four other trainings beside them. Adam with 200,000 steps and
the divergence in closed form, at rate 2e-3, came to 87.79.

Chosen on 5,000 validation digits with 1,000 codes by importance, one seed:

    40,000 steps of Muon, beta rises over 8,000     rate 3e-3   5e-3
    the bound with its divergence in closed form         89.3   89.4
    its gradient through the codes alone                 89.1   88.6

Before, beta 1 from the first step:

    Adam, 50,000 steps   rate 1e-3   92.3     2e-3   91.3     4e-3   93.1
    Muon, 30,000 steps   rate 1e-3   92.1     3e-3   89.9     8e-3   92.8

And on 1,000 digits with 300 codes, by Adam, after trainings that take about as long:

    batch   rate     steps    beta rises over   nats
    100     2e-3     8,000    0 steps           100.2
    100     2e-3     8,000    3,000             98.1
    100     2e-3     8,000    6,000             98.6
    50      1.5e-3   14,000   0                 99.5
    20      1e-3     25,000   0                 101.6
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
