"""What a comparison measures, of a recipe, of a trained model, and of all of them."""

import dataclasses
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from jaxgen import images as pixels
from jaxgen import sampling
from jaxgen.arrays import DIGITS
from jaxgen.config import Config
from jaxgen.data import Digits, partition
from jaxgen.evaluation import codes, judge, metrics, reference, suite
from jaxgen.evaluation.judge import Judge
from jaxgen.evaluation.reference import Reference
from jaxgen.families.base import Family, Variables
from jaxgen.families.ddpm import DDPM
from jaxgen.training import costs
from jaxgen.training.trained import Trained

COUNT = 10_000  # digits that a model is judged by
GLANCE = 2000  # digits drawn at each look at a training
REDRAWN = 2  # times that the Frechet distance is taken again, with other sample seeds
BATCH = 128  # for the cost of training at equal batches
BATCHES = (1, 16, 128)  # for the cost of sampling
PLANE = 800  # real digits whose codes are shown in a plane
SAMPLER_STEPS = (1, 2, 5, 10, 20, 50, 100)
SHOWN = 8  # digits of each kind in a picture
CURVED = 64  # real digits whose coding by diffusion is followed level by level
FIRST_NATS = 0.5  # where that is shown from
# Other judges, for whom other features matter: what they are trained with.
OTHERS: dict[str, dict[str, Any]] = {
    "LeNet": {"seed": 1, "steps": 3200, "network": judge.Layered()},
    "dense layers": {"seed": 1, "network": judge.Layered((), (512, 256, 64))},
}

Arrays = dict[str, np.ndarray]


def cost(config: Config) -> dict[str, Any]:
    """What a recipe costs, at its own batch and at that of all, and what drawing does."""
    own = costs.training(config)
    equal = own
    if config.batch != BATCH:
        equal = costs.training(dataclasses.replace(config, batch=BATCH))
    drawings = [costs.drawing(config, batch) for batch in BATCHES]
    return {
        "own": own._asdict(),
        "equal": equal._asdict(),
        "drawing": {str(drawn.batch): drawn.seconds for drawn in drawings},
    }


class Measures:
    """Measures models beside the same real digits. ``tell`` hears what goes on."""

    def __init__(
        self, eye: Judge, digits: Digits, amount: suite.Amount, tell: Callable[[str], None]
    ):
        self._judge, self._digits, self._amount, self._tell = eye, digits, amount, tell
        self._references: dict[int, Reference] = {}
        self._real: suite.Real | None = None

    def glance(self, drawer: sampling.Drawer, model: Trained) -> dict[str, float]:
        """How good the drawn digits are on the way."""
        return self._judged(drawer, model.variables, model.family, 0, self._reference(GLANCE))

    def model(self, model: Trained) -> tuple[dict[str, Any], Arrays]:
        """Everything that is measured of a trained model: figures and arrays."""
        family, variables, real = model.family, model.variables, self._real_digits()
        found = suite.measure(
            family, variables, self._digits, self._judge, real, self._amount, told=self._tell
        )
        self._tell("drawing again, with other seeds")
        drawer = sampling.Drawer(family)
        again = [
            self._judged(drawer, variables, family, seed, real.reference)["frechet"]
            for seed in range(1, 1 + REDRAWN)
        ]
        self._tell("laying out codes in a plane")
        few = partition.subset(self._digits.test, PLANE)
        plane = codes.plane(family, variables, few)
        told = found.to_dict() | {"frechet_again": again, "drawing_seconds": found.drawing}
        told["coding"] = self._coding(model, found.codes)
        arrays = {
            "images": found.images,
            "labels": found.labels,
            "picture": picture(drawer, variables),
            "copies": self._copies(found),
        }
        if plane is not None:
            arrays |= {"plane": plane, "plane_labels": few.labels}
        return told, arrays

    def sampler_steps(self, model: Trained) -> list[dict[str, Any]]:
        """The quality of diffusion by the number of steps it is drawn with."""
        assert isinstance(model.family, DDPM)
        real, rows = self._reference(GLANCE), []
        for steps in SAMPLER_STEPS:
            sampler = dataclasses.replace(model.family.sampling, steps=steps)
            family = dataclasses.replace(model.family, sampling=sampler)
            drawer = sampling.Drawer(family)
            drawer.draw(model.variables, sampling.balanced(1), 0)  # compiles
            began = time.perf_counter()
            found = self._judged(drawer, model.variables, family, 0, real)
            seconds = (time.perf_counter() - began) / GLANCE
            rows.append({"steps": steps, "seconds": seconds} | found)
        return rows

    def distances(self, other: Judge, drawn: Iterable[np.ndarray]) -> list[float]:
        """What another judge makes of drawn digits: distances in its own N."""
        held = partition.subset(self._digits.test, COUNT).images
        real = judge.look(other, held)[1]
        unit = metrics.frechet(judge.look(other, reference.noisy(held))[1], real)
        return [metrics.frechet(judge.look(other, images)[1], real) / unit for images in drawn]

    def _judged(
        self,
        drawer: sampling.Drawer,
        variables: Variables,
        family: Family,
        seed: int,
        real: Reference,
    ) -> dict[str, float]:
        """The distance of digits drawn with a seed, in N, and the share recognised."""
        labels = reference.asked_of(family, self._digits.test.labels, real.n)
        drawn = drawer.draw(variables, labels, seed)
        logits, features = judge.look(self._judge, pixels.to_uint8(drawn))
        distance = metrics.frechet(features, real.features) / real.unit
        return {"frechet": distance, "recognised": metrics.accuracy(logits, labels)}

    def _copies(self, found: suite.Suite) -> np.ndarray:
        """The drawn digits nearest to training digits, above these: uint8 [h, w]."""
        near = found.report.closest[:SHOWN]
        drawn = found.images[[one.image for one in near]]
        train = self._digits.train.images[[one.train for one in near]]
        return pixels.grid(np.concatenate([drawn, train]), columns=len(near), scale=1)

    def _coding(self, model: Trained, kept: codes.Codes) -> list[tuple[float, float]] | None:
        """Rate in nats and squared error: of a code; of diffusion, from level to level."""
        family, few = model.family, partition.subset(self._digits.test, CURVED)
        if not isinstance(family, DDPM):
            rate, error = kept.rate, kept.squared_error
            return None if rate is None or error is None else [(rate, error)]

        def progress(variables, keys, images, labels):
            start, nats, errors = family.progress(variables, images, labels, keys)
            return (start[:, None] + nats.cumsum(0).T), errors.T

        program = sampling.Program(progress, CURVED)
        images = pixels.to_float(few.images)
        rates, errors = program(model.variables, 0, np.arange(CURVED), images, few.labels)
        # What is seen at a level is known before its own step is told. The first levels tell next
        # to nothing.
        rates, errors = rates.mean(0)[:-1], errors.mean(0)[1:]
        first = min(np.searchsorted(rates, FIRST_NATS), len(rates) - 1)
        places = np.unique(np.geomspace(first + 1, len(rates), 40).astype(int)) - 1
        return [(float(rates[place]), float(errors[place])) for place in places]

    def _reference(self, n: int) -> Reference:
        """n real digits, measured once."""
        if n not in self._references:
            self._references[n] = reference.measure(self._judge, self._digits, n)
        return self._references[n]

    def _real_digits(self) -> suite.Real:
        """What real digits get, measured once."""
        if self._real is None:
            self._real = suite.real_figures(self._judge, self._digits, self._amount.count, "test")
        return self._real


def picture(drawer: sampling.Drawer, variables: Variables) -> np.ndarray:
    """Some digits of each kind: uint8 [h, w]."""
    labels = np.repeat(np.arange(DIGITS, dtype=np.int32), SHOWN)
    return pixels.grid(drawer.draw(variables, labels, 0), columns=SHOWN, scale=1)
