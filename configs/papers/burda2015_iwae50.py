"""The importance weighted autoencoder of Burda, Grosse and Salakhutdinov 2015, k = 50.

    bin/reproduce burda2015_iwae50     6 minutes for two runs on an H100; ten hours on two cores

As ``burda2015``, trained on the bound of 50 codes for as many steps.

Minus log p of the test digits, seeds 0 and 1 on the split of earlier versions:
85.04 and 84.76 nats (the paper: 84.78).
How the settings were chosen: docs/tuning.md.
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs.papers import burda2015_iwae5


def get_config() -> config.Config:
    fewer = burda2015_iwae5.get_config()
    return replace(fewer, model="burda2015_iwae50", net=replace(fewer.net, samples=50))
