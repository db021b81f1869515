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
which has seen 50,000 labels, and it takes no part. Every part is kept as soon as it is found.
"""

import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgen import config as configs
from jaxgen import data, families, images, sampling
from jaxgen.compare.claims import Estimate, estimate
from jaxgen.compare.clock import SideBySide
from jaxgen.compare.parts import Job, Parts
from jaxgen.config import Config
from jaxgen.data import Split
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, usefulness
from jaxgen.evaluation.distort import shift_and_rotate
from jaxgen.evaluation.report import Share
from jaxgen.training import costs, loop, trained
from jaxgen.training.console import Console, duration
from jaxgen.training.folder import RunFolder
from jaxgen.training.workers import Workers

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


@dataclass(frozen=True)
class Plan:
    """What is studied."""

    models: tuple[str, ...]
    sizes: tuple[int, ...]  # real digits of each of the ten
    seeds: int

    def __post_init__(self):
        for model in self.models:
            if not families.build(configs.recipe(model)).hears_labels:
                raise UserError(f"{model} draws any digit, and a classifier needs to know which")
        configs.require("sizes", self.sizes, len(self.sizes) > 0, "1 number or more")
        for size in self.sizes:
            configs.require("sizes", size, size >= 1, "1 or more each")
        configs.require("seeds", self.seeds, self.seeds >= 1, "1 or more")

    def cells(self) -> list[tuple[int, int]]:
        """Sizes and seeds."""
        return [(size, seed) for size in sorted(self.sizes) for seed in range(self.seeds)]

    def ways(self) -> list[Way]:
        """What the classifiers learn from."""
        drawn = [
            way
            for model in self.models
            for way in (Way(model), Way(model, changed=True), Way(model, real=False))
        ]
        return [REAL, CHANGED, *drawn]


class Piece(NamedTuple):
    """A part of a study, which one process finds."""

    plan: Plan
    folder: Path
    name: str


def find(piece: Piece) -> None:
    """Train a generator or a classifier, and keep what is found."""
    study = Study(piece.plan, piece.folder, Console(quiet=True))
    job = next(job for job in study.jobs() if job.name == piece.name)
    study.parts.put(job.name, job.of, *job.make())


def time_generator(config: Config) -> float:
    """Seconds that a generator takes to be trained."""
    return config.steps * float(np.median(costs.training(config).seconds))


def time_classifier(digits: str) -> float:
    """Seconds that a classifier takes, by a training of few steps and one of more."""
    source, taken = data.load(digits), []
    for steps in (1, 1, 51, 51):  # each for the first time is compiled
        began = time.monotonic()
        score(source.train, source.test, CHANGED, 0, steps)
        taken.append(time.monotonic() - began)
    _, once, _, often = taken
    return once + STEPS * (often - once) / 50


class Study:
    """A study in a folder, which holds its parts and the runs of its generators."""

    def __init__(self, plan: Plan, folder: Path, console: Console):
        self.plan, self.folder, self.console = plan, folder, console
        self.parts = Parts(folder / "parts", "jaxgen.apps.study", console.say)
        self._times: dict[str, float] = {}

    def carry_out(self) -> None:
        """Find every part that is missing; says first how long that will take."""
        rest = [job for job in self.jobs() if self.parts.get(job.name, job.of) is None]
        if not rest:
            return
        with Workers(len(rest)) as workers:
            self._time(workers)
            seconds = sum(job.seconds() for job in rest)
            self.console.say(self._announced(rest, seconds, workers.count))
            clock = SideBySide(seconds, workers.count)
            for kind in ("drawn", "score"):  # of what is drawn in the first the others learn
                jobs = [job for job in rest if job.name.startswith(kind)]
                pieces = [Piece(self.plan, self.folder, job.name) for job in jobs]
                for place, _ in workers.each(find, pieces):
                    left = clock.done(jobs[place].seconds())
                    self.console.say(f"{jobs[place].what}; {left} left in all")

    def jobs(self) -> list[Job]:
        """All there is to find."""
        cells = self.plan.cells()
        generators = [self._drawn(model, *cell) for cell in cells for model in self.plan.models]
        return generators + [self._scored(way, *cell) for cell in cells for way in self.plan.ways()]

    # What it costs.

    def _time(self, workers: Workers) -> None:
        """Time a few steps of each kind of training, as the workers do them."""
        found = self.parts.get("seconds", [self.plan.models, workers.count])
        if found is None:
            self.console.say("timing a few steps of each training")
            recipes = [self.config(model, max(self.plan.sizes), 0) for model in self.plan.models]
            found = {
                self.plan.models[place]: seconds
                for place, seconds in workers.each(time_generator, recipes)
            }
            ((_, found["classifier"]),) = workers.each(time_classifier, ["mnist:10"])
            self.parts.put("seconds", [self.plan.models, workers.count], found)
        self._times = found

    def _announced(self, jobs: list[Job], seconds: float, workers: int) -> str:
        trainings = sum(job.name.startswith("drawn") for job in jobs)
        side = f", {workers} at a time" if workers > 1 else ""
        return (
            f"{trainings} generators and {len(jobs) - trainings} classifiers to train{side}, about "
            f"{duration(seconds / workers)} on this machine; stopped, the same command goes on"
        )

    # Generators.

    def config(self, model: str, size: int, seed: int) -> Config:
        """The recipe of a generator: on these digits, and for half of the usual steps."""
        recipe = configs.recipe(model)
        return replace(recipe, data=source(size, seed), seed=seed, steps=max(recipe.steps // 2, 1))

    def _drawn(self, model: str, size: int, seed: int) -> Job:
        config = self.config(model, size, seed)
        return Job(
            f"drawn-{model}-{size}-{seed}",
            f"{model} on {size} digits of each kind, seed {seed}",
            [configs.to_dict(config), DRAWN],
            lambda: self._times[model],
            lambda: self._draw(config, f"{model}-{size}-{seed}"),
        )

    def _draw(self, config: Config, name: str):
        run = RunFolder(self.folder / "runs" / name)
        loop.train_apart(config, run, self.console, self.console.say)
        model = trained.load(run, config, self.console.say)
        labels = sampling.balanced(DRAWN)
        drawn = sampling.Drawer(model.family).draw(model.variables, labels, config.seed)
        # The digits are what is needed, and there are many runs.
        shutil.rmtree(run.checkpoints)
        return {"run": str(run)}, {"images": images.to_uint8(drawn), "labels": labels}

    # Classifiers.

    def _scored(self, way: Way, size: int, seed: int) -> Job:
        drawn = self._drawn(way.model, size, seed).of if way.model else None
        return Job(
            f"score-{way}-{size}-{seed}",
            f"{way}: {size} digits of each kind, seed {seed}",
            [way, source(size, seed), drawn, repr(NETWORK), STEPS, BATCH],
            lambda: self._times["classifier"],
            lambda: (self._score(way, size, seed), {}),
        )

    def _score(self, way: Way, size: int, seed: int) -> Share:
        digits = data.load(source(size, seed))
        learned = digits.train
        if way.model:
            arrays = self.parts.arrays(f"drawn-{way.model}-{size}-{seed}")
            drawn = Split(arrays["images"], arrays["labels"])
            learned = joined(learned, drawn) if way.real else drawn
        return score(learned, digits.test, way, seed, STEPS)

    # What was found.

    def accuracies(self, way: Way, size: int) -> np.ndarray:
        """Shares of the test digits that classifiers recognise, one a seed."""
        jobs = [self._scored(way, size, seed) for seed in range(self.plan.seeds)]
        found: list[Any] = [self.parts.get(job.name, job.of) for job in jobs]
        return np.array([share[0] for share in found])

    def gain(self, way: Way, over: Way, size: int) -> Estimate:
        """How much better one way is than another, each seed compared with itself."""
        gains = self.accuracies(way, size) - self.accuracies(over, size)
        return estimate(gains.tolist())

    def drawn(self, model: str, size: int, seed: int = 0) -> np.ndarray:
        """What a generator drew: uint8 [n, 28, 28, 1]."""
        return self.parts.arrays(f"drawn-{model}-{size}-{seed}")["images"]


def source(size: int, seed: int) -> str:
    """The data source of the real digits: what generators and classifiers are given."""
    return f"mnist:{size}:{seed}"


def joined(real: Split, drawn: Split) -> Split:
    """Real and drawn digits, the real ones repeated until there are about as many."""
    times = max(round(len(drawn.labels) / len(real.labels)), 1)
    return Split(
        np.concatenate([np.tile(real.images, (times, 1, 1, 1)), drawn.images]),
        np.concatenate([np.tile(real.labels, times), drawn.labels]),
    )


def score(learned: Split, test: Split, way: Way, seed: int, steps: int) -> Share:
    """The share of the digits ``test`` that a classifier recognises after ``learned``."""
    change = shift_and_rotate if way.changed else None
    return usefulness.score(
        learned, test, seed, network=NETWORK, steps=steps, batch=BATCH, change=change
    )
