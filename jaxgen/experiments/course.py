"""The comparison of families: each is trained, looked at on the way, and measured alike."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

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

BEST = {"ddpm": "ddpm_full"}  # the recipe of a family where each trains as long as it likes


class Entry(NamedTuple):
    """A recipe and a seed."""

    model: str
    config: Config

    @property
    def name(self) -> str:
        return f"{self.model}-{self.config.seed}"


class Trials(NamedTuple):
    """What is carried out for an entry."""

    cost: Trial
    training: Trial
    measuring: Trial
    sampler: Trial | None  # where a family draws in several steps


@dataclass(frozen=True)
class Plan:
    """Which recipes are compared, from how many seeds, and how long each is trained."""

    entries: tuple[Entry, ...]
    seeds: int
    steps: int | None
    budget: float | None  # seconds
    full: bool

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.model for entry in self.entries))

    @property
    def training(self) -> str:
        """How long each model is trained, in words."""
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
    """Plan a comparison; without ``models`` that of all families. Raises UserError for what cannot
    be compared."""
    configs.require("seeds", seeds, seeds >= 1, "1 or more")
    if steps is not None:
        configs.require("steps", steps, steps >= 1, "1 or more")
    if steps and budget:
        raise UserError(f"--steps {steps} and --budget {budget} exclude each other: give one")
    known = [*COURSE, *(name for name in families.names() if name not in COURSE)]
    models = models or tuple(known if steps or budget else (BEST.get(one, one) for one in known))
    of = [configs.recipe(model).family for model in models]
    if len(set(of)) < len(of):
        raise UserError(f"--models {','.join(models)} names a family twice: one recipe of each")
    entries = []
    for model in models:
        recipe = configs.recipe(model)
        recipe = replace(recipe, steps=steps) if steps else recipe
        entries += [Entry(model, replace(recipe, seed=seed)) for seed in range(seeds)]
    return Plan(tuple(entries), seeds, steps, seconds(budget) if budget else None, full)


def seconds(text: str) -> float:
    """Read a time such as 120s, 2m or 90."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    value = float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2], 1) if found else 0
    configs.require("budget", text, value > 0, "a time such as 120s or 5m")
    return value


class Comparison:
    """A comparison in a folder, which holds its results and the runs that it trains."""

    def __init__(self, plan: Plan, folder: Path, console: Console):
        self.plan, self.folder, self._console = plan, folder, console
        self._store = Store(folder, console.say)
        self._trials = {entry: self._of(entry) for entry in plan.entries}
        self.skipped: list[str] = []  # reasons

    def carry_out(self, scheduler: str | None = None) -> None:
        """Carry out every trial that has no result yet: one after the other, since times are
        compared, or by the workers of a Dask ``scheduler``."""
        there = runs.find(self.folder / "runs")
        self._skip(there.unreadable)
        if strided := self._strided():
            self._console.say(
                f"not compared: {', '.join(strided)}, trained on the split of earlier versions"
            )
        own = self._trials.values()
        costs = list(dict.fromkeys(trials.cost for trials in own))
        rest = [
            *(trials.training for trials in own),
            *(trials.measuring for trials in own),
            *(trials.sampler for trials in own if trials.sampler),
            *(trial for pair in self._others().values() for trial in pair),
        ]
        failed: dict[Trial, str] = {}
        with executors.Cluster(scheduler) if scheduler else executors.Here() as executor:
            # Costs first: they say how long the rest takes.
            for trials in (costs, [*costs, *rest]):
                failed = execute.run(trials, self._store, executor, self._console)
        self._skip([f"{trial.title}: {reason}" for trial, reason in failed.items()])

    def _skip(self, reasons: list[str]) -> None:
        self.skipped += reasons
        for reason in reasons:
            self._console.say(f"skipped: {reason}")

    def _strided(self) -> list[str]:
        recipes = [entry.config for entry in self.plan.entries]
        return runs.find(self.folder / "runs").strided(recipes)

    # The trials.

    def _of(self, entry: Entry) -> Trials:
        config, amount = entry.config, self.plan.amount
        first = replace(config, seed=0, steps=1)
        budget = self.plan.budget
        cost = Trial("timing", entry.model, measures.cost, (first,), key=to_dict(first))
        name = f"{entry.name}-{f'{budget:.0f}s' if budget else config.steps}"
        training = Trial(
            "training",
            name,
            measures.train_with_looks,
            (config, budget),
            (cost,) if budget else (),
            [to_dict(config), budget, judge.load().hash, measures.GLANCE, measures.LOOKS],
            cost,
            lambda _: self._training_seconds(entry, cost),
        )
        key = [to_dict(config), amount, judge.load().hash, measures.REDRAWN]
        measuring = Trial(
            "measurement",
            f"{name}{'-full' if self.plan.full else ''}",
            measures.measure,
            (config, amount),
            (training,),
            key,
            cost,
            lambda _: self._measuring_seconds(entry, cost),
        )
        sampler = Trial(
            "drawing",
            f"{name} in fewer and more steps",
            measures.measure_sampler,
            (config,),
            (training,),
            [*key, measures.SAMPLER_STEPS],
            seconds=60.0,
        )
        several = train.drawing_steps(config) > 1 and config.seed == 0
        return Trials(cost, training, measuring, sampler if several else None)

    def _others(self) -> dict[str, tuple[Trial, Trial]]:
        """For each other judge its training, and what it makes of all models."""
        measured = tuple(trials.measuring for trials in self._trials.values())
        models = tuple(entry.model for entry in self._trials)
        found = {}
        for name, settings in measures.OTHERS.items():
            key = [repr(settings), partition.RULE]
            one = Trial("judge", name, measures.train_judge, (name,), key=key, seconds=60.0)
            asking = Trial(
                "distance",
                f"by the judge {name}",
                measures.ask_judge,
                (name, models),
                (one, *measured),
                key,
                seconds=20.0,
                tolerant=True,
            )
            found[name] = one, asking
        return found

    def _training_seconds(self, entry: Entry, cost: Trial) -> float:
        config = entry.config
        if not self.plan.budget and runs.find(self.folder / "runs").finished(config):
            return 1.0
        step, drawing = self._known(cost)
        training = self.plan.budget or config.steps * step
        return 1.2 * training + (3 + measures.GLANCE * drawing) * len(measures.LOOKS)

    def _measuring_seconds(self, entry: Entry, cost: Trial) -> float:
        family, amount = families.build(entry.config), self.plan.amount
        estimate = 40 + (1 + measures.REDRAWN) * measures.COUNT * self._known(cost)[1]
        # The likelihoods, as two cores took them.
        if isinstance(family, Variational):
            estimate += 2 * 3.4e-5 * amount.likely * amount.samples
        elif isinstance(family, HasBound):
            estimate += 0.18 * amount.coded
        return estimate

    def _known(self, cost: Trial) -> tuple[float, float]:
        """Seconds of a train step, and of a digit drawn among many; a guess before it is known."""
        if (known := self._store.get(cost)) is None:
            return 0.1, 0.002
        batch = measures.BATCHES[-1]
        drawing = float(np.median(known.figures["drawing"][str(batch)])) / batch
        return float(np.median(known.figures["own"]["seconds"])), drawing

    # What was found.

    def arrays(self) -> dict[str, Arrays]:
        """The arrays of the first seed of each model that was measured."""
        found: dict[str, Arrays] = {}
        for entry, trials in self._trials.items():
            known = self._store.get(trials.measuring)
            if known and known.figures:
                found.setdefault(entry.model, known.arrays)
        return found

    def to_dict(self, command: str) -> dict[str, Any]:
        """All findings, for ``json.dumps``."""
        plan, models = self.plan, {}
        for entry, trials in self._trials.items():
            cost, training, measured = (self._store.get(one) for one in trials[:3])
            steps = training.figures["steps"] if training else entry.config.steps
            model = models.setdefault(
                entry.model,
                {
                    "family": entry.config.family,
                    "config": to_dict(replace(entry.config, steps=steps)),
                    "cost": cost and cost.figures,
                    "seeds": {},
                },
            )
            if training:
                found = {"training": training.figures, "measured": measured and measured.figures}
                model["seeds"][str(entry.config.seed)] = found
        samplers = [trials.sampler for trials in self._trials.values() if trials.sampler]
        drawn = [found for trial in samplers if (found := self._store.get(trial))]
        others = {}
        for name, pair in self._others().items():
            trained, asked = (self._store.get(one) for one in pair)
            if trained and asked:
                others[name] = {"accuracy": trained.figures} | asked.figures
        return {
            "jaxgen": jaxgen.__version__,
            "commit": folders.commit(),
            "command": command,
            "devices": devices.describe(),
            "machine": folders.machine(),
            "judge": judge.load().hash,
            "data": data.load("mnist").source,
            "seeds": plan.seeds,
            "training": plan.training,
            "count": measures.COUNT,
            "glance": measures.GLANCE,
            "models": models,
            "sampler_steps": drawn[0].figures if drawn else None,
            "other_judges": others,
            "skipped": self.skipped,
            "strided": self._strided(),
        }
