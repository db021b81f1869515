"""The importance weighted autoencoder of Burda, Grosse and Salakhutdinov 2015, k = 50.

    bin/reproduce burda2015_iwae50

As ``burda2015``, trained on the bound of 50 codes.
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs.papers import burda2015


def get_config() -> config.Config:
    plain = burda2015.get_config()
    return replace(
        plain,
        model="burda2015_iwae50",
        net=replace(plain.net, objective="iwae", samples=50),
    )
