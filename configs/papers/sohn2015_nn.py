"""What Sohn, Lee and Yan 2015 hold their CVAE against: a network without a code.

    bin/reproduce sohn2015

As ``sohn2015``, with a divergence so dear that the code says nothing: what remains is a network
that goes from what is visible to the probability of each hidden pixel.
"""

from dataclasses import replace

from jaxgen import config
from jaxgen.configs.papers import sohn2015


def get_config() -> config.Config:
    coded = sohn2015.get_config()
    return replace(coded, model="sohn2015_nn", net=replace(coded.net, latents=1, beta=1000.0))
