"""Does drawn data help? Classifiers that learn from few real digits, with and without drawn ones.

For each number n of real digits a class and each seed, n digits of each of the ten are chosen.
Generators are trained on those and on no others, and 5,000 digits are drawn from each of them.
Small classifiers then learn from

    real                              the real digits
    real, shift and rotate            the same, at each step a little shifted and rotated anew
    real + MODEL                      real and drawn digits, half of each batch of either kind
    real + MODEL, shift and rotate    the same, shifted and rotated
    MODEL alone                       the drawn digits

all for as many steps, and are tested on the test digits of MNIST. Nothing is filtered by the judge,
which has seen 50,000 labels, and it takes no part.
"""

import shutil
import time
from typing import NamedTuple

import numpy as np

from jaxgen import data, images, sampling
from jaxgen.config import Config
from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import classification_accuracy, judge
from jaxgen.evaluation.distort import shift_and_rotate
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import train
from jaxgen.experiments.trial import Context, Result

DRAWN = 5000  # digits from each generator
STEPS = 1000  # of each classifier
BATCH = 128  # digits in a step
NETWORK = judge.Layered()  # a LeNet: of few digits it learns more than the judge's own network


class Way(NamedTuple):
    """What a classifier learns from."""

    model: str | None = None  # which has drawn some of it, or all
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
    # The digits are what is needed, and there are many runs.
    shutil.rmtree(context.folder / "runs" / name / "checkpoints")
    arrays = {"images": images.to_uint8(drawn), "labels": labels}
    return Result({"run": training.figures["run"]}, arrays)


def score(context: Context, way: Way, size: int, seed: int, *drawn: Result) -> Result:
    """Train a classifier: the proportion of the test digits that it recognises."""
    digits = data.load(source(size, seed))
    learned = digits.train
    for found in drawn:
        made = Split(found.arrays["images"], found.arrays["labels"])
        learned = joined(learned, made) if way.real else made
    return Result(accuracy(learned, digits.test, way, seed, STEPS).value)


def time_classifier(context: Context) -> Result:
    """Seconds that a classifier takes, by a training of few steps and one of more."""
    digits, taken = data.load(source(10, 0)), []
    for steps in (1, 1, 51, 51):  # each for the first time is compiled
        began = time.monotonic()
        accuracy(digits.train, digits.test, CHANGED, 0, steps)
        taken.append(time.monotonic() - began)
    _, once, _, often = taken
    return Result(once + STEPS * (often - once) / 50)


def source(size: int, seed: int) -> str:
    """The data source of the real digits, for generators and classifiers."""
    return f"mnist:{size}:{seed}"


def joined(real: Split, drawn: Split) -> Split:
    """Real and drawn digits, the real ones repeated until there are about as many."""
    times = max(round(len(drawn.labels) / len(real.labels)), 1)
    return Split(
        np.concatenate([np.tile(real.images, (times, 1, 1, 1)), drawn.images]),
        np.concatenate([np.tile(real.labels, times), drawn.labels]),
    )


def accuracy(learned: Split, test: Split, way: Way, seed: int, steps: int) -> Estimate:
    """The proportion of the digits ``test`` that a classifier recognises after ``learned``."""
    change = shift_and_rotate if way.changed else None
    return classification_accuracy.score(
        learned, test, seed, network=NETWORK, steps=steps, batch=BATCH, change=change
    )
