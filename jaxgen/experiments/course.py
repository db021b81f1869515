"""The comparison of families: every family is trained, judged on the way, and measured alike."""

import functools
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import jaxgen
from jaxgen import config as configs
from jaxgen import data, devices, families
from jaxgen.config import Config, to_dict
from jaxgen.data import partition
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, suite
from jaxgen.experiments import course_measures as measures
from jaxgen.experiments import execute, executors, runs, train
from jaxgen.experiments.claims import COURSE
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Arrays, Trial
from jaxgen.families.base import Variational
from jaxgen.families.capabilities import HasBound
from jaxgen.training import folder as folders
from jaxgen.training.console import Console

BEST = {"ddpm": "ddpm_full"}  # the recipe of a family if there is no limit of steps or time


@dataclass(frozen=True)
class Plan:
    """The recipes to compare, the number of seeds, and the length of each training."""

    models: tuple[str, ...]
    seeds: int
    steps: int | None  # as in the recipe if None
    budget: float | None  # seconds, in place of steps
    full: bool

    @property
    def recipes(self) -> list[Config]:
        """The recipes to train: all seeds of a model before the next model."""
        recipes = [configs.recipe(model) for model in self.models]
        return [
            replace(recipe, seed=seed, steps=self.steps or recipe.steps)
            for recipe in recipes
            for seed in range(self.seeds)
        ]

    @property
    def training(self) -> str:
        """The length of each training in words."""
        if self.budget:
            return f"for {self.budget:.0f} s"
        return f"for {self.steps:,} steps" if self.steps else "as its recipe says"

    @property
    def amount(self) -> suite.Amount:
        """How much is measured of each model."""
        return suite.FULL if self.full else suite.QUICK._replace(count=measures.COUNT)


def make(
    models: tuple[str, ...], seeds: int, steps: int | None, budget: str | None, full: bool
) -> Plan:
    """Plan a comparison of ``models``, or of all families. Raises UserError for wrong values."""
    configs.require("seeds", seeds, seeds >= 1, "1 or more")
    if steps is not None:
        configs.require("steps", steps, steps >= 1, "1 or more")
    if steps and budget:
        raise UserError(f"--steps {steps} and --budget {budget} exclude each other: give one")
    if not models:
        names = [*COURSE, *(name for name in families.names() if name not in COURSE)]
        models = tuple(names if steps or budget else (BEST.get(name, name) for name in names))
    if len({configs.recipe(model).family for model in models}) < len(models):
        raise UserError(f"--models {','.join(models)} names a family twice: one recipe of each")
    return Plan(models, seeds, steps, seconds(budget) if budget else None, full)


def seconds(text: str) -> float:
    """Read a time such as 120s, 2m or 90."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    value = float(match[1]) * {"m": 60, "min": 60, "h": 3600}.get(match[2], 1) if match else 0
    configs.require("budget", text, value > 0, "a time such as 120s or 5m")
    return value


class Comparison:
    """A comparison in a folder, with its results and the runs that it trains."""

    def __init__(self, plan: Plan, folder: Path, console: Console):
        self.plan, self._console = plan, console
        self.skipped: list[str] = []  # reasons
        self._store = Store(folder, console.say)
        self._runs = runs.find(folder / "runs")
        recipes = plan.recipes
        self._strided = self._runs.strided(recipes)
        self._timings = {config.model: self._timing(config) for config in recipes}
        self._trainings = {config: self._training(config) for config in recipes}
        self._measurings = {config: self._measuring(config) for config in recipes}
        self._samplers = [
            self._sampler(config)
            for config in recipes
            if config.seed == 0 and train.drawing_steps(config) > 1
        ]
        self._judges = {name: self._judge(name) for name in measures.OTHERS}

    def carry_out(self, scheduler: str | None = None) -> None:
        """Carry out every trial that has no result: one after the other, since times are compared,
        or by the workers of a Dask ``scheduler``."""
        self._skip(self._runs.unreadable)
        if self._strided:
            self._console.say(
                f"not compared: {', '.join(self._strided)}, trained on the split of earlier "
                "versions"
            )
        timings = list(self._timings.values())
        models = [*self._trainings.values(), *self._measurings.values(), *self._samplers]
        judges = [trial for pair in self._judges.values() for trial in pair]
        failed: dict[Trial, str] = {}
        with executors.Cluster(scheduler) if scheduler else executors.Here() as executor:
            # Timings first: the estimates of all other trials need them.
            for trials in (timings, [*timings, *models, *judges]):
                failed = execute.run(trials, self._store, executor, self._console)
        self._skip([f"{trial.title}: {reason}" for trial, reason in failed.items()])

    def _skip(self, reasons: list[str]) -> None:
        self.skipped += reasons
        for reason in reasons:
            self._console.say(f"skipped: {reason}")

    # The trials.

    def _timing(self, config: Config) -> Trial:
        first = replace(config, seed=0, steps=1)
        return Trial("timing", config.model, measures.cost, (first,), key=to_dict(first))

    def _training(self, config: Config) -> Trial:
        budget, timing = self.plan.budget, self._timings[config.model]

        def seconds(cost: dict[str, Any]) -> float:
            if not budget and self._runs.finished(config):
                return 1.0
            training = budget or config.steps * float(np.median(cost["own"]["seconds"]))
            return 1.2 * training + (3 + measures.GLANCE * _drawing(cost)) * len(measures.LOOKS)

        return Trial(
            "training",
            self._name(config),
            measures.train_with_looks,
            (config, budget),
            (timing,) if budget else (),
            [to_dict(config), budget, judge.load().hash, measures.GLANCE, measures.LOOKS],
            timing,
            seconds,
            is_there=functools.partial(train.is_there, config),
        )

    def _measuring(self, config: Config) -> Trial:
        family, amount = families.build(config), self.plan.amount
        likely = 0.0  # seconds of the likelihoods on two cores
        if isinstance(family, Variational):
            likely = 2 * 3.4e-5 * amount.likely * amount.samples
        elif isinstance(family, HasBound):
            likely = 0.18 * amount.coded
        drawn = (1 + measures.REDRAWN) * measures.COUNT
        return Trial(
            "measurement",
            f"{self._name(config)}{'-full' if self.plan.full else ''}",
            measures.measure,
            (config, amount),
            (self._trainings[config],),
            [to_dict(config), amount, judge.load().hash, measures.REDRAWN],
            self._timings[config.model],
            lambda cost: 40 + drawn * _drawing(cost) + likely,
        )

    def _sampler(self, config: Config) -> Trial:
        return Trial(
            "drawing",
            f"{self._name(config)} in fewer and more steps",
            measures.measure_sampler,
            (config,),
            (self._trainings[config],),
            [to_dict(config), judge.load().hash, measures.GLANCE, measures.SAMPLER_STEPS],
            seconds=60.0,
        )

    def _judge(self, name: str) -> tuple[Trial, Trial]:
        """The training of another judge, and the distances of all models by it."""
        key = [repr(measures.OTHERS[name]), partition.RULE]
        training = Trial("judge", name, measures.train_judge, (name,), key=key, seconds=60.0)
        distances = Trial(
            "distance",
            f"by the judge {name}",
            measures.ask_judge,
            (name, tuple(config.model for config in self._measurings)),
            (training, *self._measurings.values()),
            key,
            seconds=20.0,
            tolerant=True,
        )
        return training, distances

    def _name(self, config: Config) -> str:
        budget = self.plan.budget
        length = f"{budget:.0f}s" if budget else config.steps
        return f"{config.model}-{config.seed}-{length}"

    # The results.

    def _figures(self, trial: Trial) -> Any:
        """The figures of a trial; None if it has no result."""
        result = self._store.get(trial)
        return result and result.figures

    def arrays(self) -> dict[str, Arrays]:
        """The arrays of the first measured seed of each model."""
        arrays: dict[str, Arrays] = {}
        for config, trial in self._measurings.items():
            result = self._store.get(trial)
            if result and result.figures:
                arrays.setdefault(config.model, result.arrays)
        return arrays

    def to_dict(self, command: str) -> dict[str, Any]:
        """All results, for ``json.dumps``."""
        models: dict[str, Any] = {}
        for config, trial in self._trainings.items():
            training = self._figures(trial)
            trained = replace(config, steps=training["steps"]) if training else config
            cost = self._figures(self._timings[config.model])
            model = {"family": config.family, "config": to_dict(trained), "cost": cost, "seeds": {}}
            seeds = models.setdefault(config.model, model)["seeds"]
            if training:
                measured = self._figures(self._measurings[config])
                seeds[str(config.seed)] = {"training": training, "measured": measured}
        judges = {name: list(map(self._figures, pair)) for name, pair in self._judges.items()}
        return {
            "jaxgen": jaxgen.__version__,
            "commit": folders.commit(),
            "command": command,
            "devices": devices.describe(),
            "machine": folders.machine(),
            "judge": judge.load().hash,
            "data": data.load("mnist").source,
            "seeds": self.plan.seeds,
            "training": self.plan.training,
            "count": measures.COUNT,
            "glance": measures.GLANCE,
            "models": models,
            "sampler_steps": next(filter(None, map(self._figures, self._samplers)), None),
            "other_judges": {
                name: {"accuracy": accuracy, **distances}
                for name, (accuracy, distances) in judges.items()
                if accuracy and distances
            },
            "skipped": self.skipped,
            "strided": self._strided,
        }


def _drawing(cost: dict[str, Any]) -> float:
    """Seconds of drawing one digit in the largest batch."""
    batch = measures.BATCHES[-1]
    return float(np.median(cost["drawing"][str(batch)])) / batch
