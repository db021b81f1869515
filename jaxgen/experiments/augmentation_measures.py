"""Does drawn data help? Classifiers that learn from few real digits, with and without drawn ones.

For each number n and each seed, n real digits of each class are chosen. Generators learn from these
digits alone, and 5,000 digits are drawn from each generator. Small classifiers then learn from

    real                              the real digits
    real, shift and rotate            the real digits, at each step shifted and rotated at random
    real + MODEL                      real and drawn digits, half of each batch
    real + MODEL, shift and rotate    the same, shifted and rotated
    MODEL alone                       the drawn digits

all for the same number of steps, and are tested on the test digits of MNIST. The judge, which
learned from 50,000 labels, does not filter digits.
"""

import shutil
import time
from typing import NamedTuple

import numpy as np

from jaxgen import data, images, sampling
from jaxgen.config import Config
from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import classification_accuracy as cas
from jaxgen.evaluation import judge
from jaxgen.evaluation.distort import shift_and_rotate
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import train
from jaxgen.experiments.trial import Context, Result

DRAWN = 5000  # digits from each generator
STEPS = 1000  # of each classifier
BATCH = 128  # digits in a step
NETWORK = judge.Layered()  # a LeNet: it learns more from few digits than the judge's network


class Way(NamedTuple):
    """The training set of a classifier."""

    model: str | None = None  # the generator of drawn digits
    real: bool = True
    changed: bool = False  # shifted and rotated

    def __str__(self) -> str:
        learned = " + ".join(part for part in ("real" * self.real, self.model) if part)
        return learned + ", shift and rotate" * self.changed + " alone" * (not self.real)


REAL, CHANGED = Way(), Way(changed=True)


def draw(context: Context, config: Config, name: str) -> Result:
    """Train a generator, and draw digits."""
    training = train.train(context, config, name)
    if why := training.figures["failed"]:
        raise UserError(why)
    model, labels = train.load(training, config), sampling.balanced(DRAWN)
    drawn = sampling.draw(model.family, model.variables, labels, config.seed)
    # Nothing needs the weights of so many runs.
    shutil.rmtree(context.folder / "runs" / name / "checkpoints")
    arrays = {"images": images.to_uint8(drawn), "labels": labels}
    return Result({"run": training.figures["run"]}, arrays)


def score(context: Context, way: Way, size: int, seed: int, *drawn: Result) -> Result:
    """Train a classifier; the figure is its accuracy on the test digits."""
    digits = data.load(source(size, seed))
    learned = digits.train
    for result in drawn:
        split = Split(result.arrays["images"], result.arrays["labels"])
        learned = joined(learned, split) if way.real else split
    return Result(accuracy(learned, digits.test, way, seed, STEPS).value)


def time_classifier(context: Context) -> Result:
    """Seconds of a classifier, from a training of 1 step and a training of 51."""
    digits, seconds = data.load(source(10, 0)), []
    for steps in (1, 1, 51, 51):  # the first call of each compiles
        began = time.monotonic()
        accuracy(digits.train, digits.test, CHANGED, 0, steps)
        seconds.append(time.monotonic() - began)
    _, short, _, long = seconds
    return Result(short + STEPS * (long - short) / 50)


def source(size: int, seed: int) -> str:
    """The data source of the real digits, for generators and classifiers."""
    return f"mnist:{size}:{seed}"


def joined(real: Split, drawn: Split) -> Split:
    """Real and drawn digits. The real digits are repeated until their number is about the same."""
    times = max(round(len(drawn.labels) / len(real.labels)), 1)
    return Split(
        np.concatenate([np.tile(real.images, (times, 1, 1, 1)), drawn.images]),
        np.concatenate([np.tile(real.labels, times), drawn.labels]),
    )


def accuracy(learned: Split, test: Split, way: Way, seed: int, steps: int) -> Estimate:
    """The accuracy on the digits ``test`` of a classifier that learns from ``learned``."""
    change = shift_and_rotate if way.changed else None
    return cas.score(learned, test, seed, network=NETWORK, steps=steps, batch=BATCH, change=change)
