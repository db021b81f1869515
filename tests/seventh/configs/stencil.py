"""A family that is none of jaxgen's own: one grey picture of each digit, with some noise."""

from dataclasses import dataclass

from jaxgen import config


@dataclass(frozen=True)
class Net(config.Net):
    """The pictures."""

    noise: float = 0.1
    """Standard deviation of the noise that is drawn."""


@dataclass(frozen=True)
class Sampling(config.Sampling):
    """Nothing can be set."""


def get_config() -> config.Config:
    return config.Config(
        model="stencil", net=Net(), sampling=Sampling(), optim=config.Optim(rate=0.1)
    )
