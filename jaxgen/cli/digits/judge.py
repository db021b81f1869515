"""Train a judge for a data set whose images the judge of MNIST cannot read, such as clothes or
another script. It learns as that of MNIST has, in some minutes, and is kept. From then on it makes
all figures of models that learn from these data.

examples:
  bin/digits judge kmnist
  bin/digits judge files:mine/
  bin/evaluate --model cvae"""

from dataclasses import dataclass

from etils import epy

from jaxgen import config as configs
from jaxgen import data
from jaxgen.cli import flags
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.evaluation import judge, reference


@dataclass(frozen=True)
class Judge:
    steps: int = 4800
    """Steps of training, each of 128 images."""
    fresh: bool = False
    """Train it again where there is one, or where the judge of MNIST reads the images."""

    def __post_init__(self):
        configs.require("steps", self.steps, self.steps >= 1, "1 or more")


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Judge(), "digits judge", __doc__, args[len(names) :])
    if len(names) != 1:
        raise UserError("which data set? bin/digits judge kmnist")
    digits = data.load(data.with_absolute_path(names[0]), print)
    devices.start()
    found, where = judge.of(digits), judge.own(digits)
    if not wanted.fresh and judge.caution(found, digits) is None:
        whose = "their own" if where.exists() else "that of MNIST"
        print(f"there is a judge that reads these images, {whose}: --fresh trains another one")
    else:
        judge.train_for(digits, steps=wanted.steps)
        found = judge.of(digits)
    most = reference.most_of(digits)
    if most < reference.least_of(found):
        print(f"{most} images to compare with are too few for a Frechet distance")
        return
    real = reference.measure(found, digits, most)
    recognised = real.figures.recognised
    assert recognised is not None
    print(
        f"{recognised[0]:.2%} of {most:,} test images are recognised; as many training images that "
        f"it has not seen are at {real.figures.frechet / real.unit:.3f} N of them"
    )
    print(f"judge {found.hash[:12]}{f': {where}' if where.exists() else ''}")
