"""Carry a comparison out: train what is missing, measure everything, and keep each finding."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import data, families, sampling
from jaxgen.compare import measuring
from jaxgen.compare import plan as plans
from jaxgen.compare.clock import Clock, Telling
from jaxgen.compare.measuring import Arrays, Measures
from jaxgen.compare.parts import Job, Parts
from jaxgen.compare.plan import Entry, Plan
from jaxgen.config import Config, to_dict
from jaxgen.data import partition
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, suite
from jaxgen.evaluation.judge import Judge
from jaxgen.families.base import Variational
from jaxgen.families.ddpm import DDPM
from jaxgen.training import loop, trained, watch
from jaxgen.training.console import Console
from jaxgen.training.folder import RunFolder, read_log

CURVE = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # shares of a training after which it is looked at


class Comparison:
    """A comparison in a folder, which holds its parts and the runs that it trains."""

    def __init__(self, plan: Plan, folder: Path, console: Console):
        self.plan, self.folder, self.console = plan, folder, console
        self.parts = Parts(folder / "parts", "jaxgen.compare.measuring", console.say)
        self.runs = folder / "runs"
        self.judge = judge.load()
        self.digits = data.load("mnist")
        self.skipped: list[str] = []  # reasons
        self._failed: set[str] = set()  # names of jobs
        self._clock = Clock(lambda line: None)
        self._measures = Measures(
            self.judge, self.digits, self.amount, lambda line: self._clock.at(line)
        )

    @property
    def amount(self) -> suite.Amount:
        """How much is measured of each model."""
        return suite.FULL if self.plan.full else suite.QUICK._replace(count=measuring.COUNT)

    def carry_out(self) -> None:
        """Make every finding that is not there yet."""
        for reason in plans.runs(self.runs).unreadable:
            self._skip(reason)
        if strided := self.strided():
            self.console.say(
                f"not compared: {', '.join(strided)}, trained on the split of earlier versions"
            )
        with self.console.status() as tell:
            self._clock = Clock(tell)
            while jobs := self._missing():
                job, *later = jobs
                seconds = job.seconds()
                left = sum(other.seconds() for other in later)
                self.console.say(self._clock.begin(job.what, seconds, left))
                try:
                    self.parts.put(job.name, job.of, *job.make())
                except UserError as error:
                    self._failed.add(job.name)
                    self._skip(f"{job.what}: {error}")
                self._clock.end()

    def _missing(self) -> list[Job]:
        """The jobs that are to be done yet, in their order."""
        stages = (self._costs, self._trainings, self._measurements, self._others)
        return [
            job
            for stage in stages
            for job in stage()
            if job.name not in self._failed and self.parts.get(job.name, job.of) is None
        ]

    def _skip(self, reason: str) -> None:
        self.skipped.append(reason)
        self.console.say(f"skipped: {reason}")

    def strided(self) -> list[str]:
        """The runs of these recipes that were trained on the split of earlier versions."""
        return plans.strided([entry.config for entry in self.plan.entries], self.runs)

    # What a recipe costs.

    def _costs(self) -> list[Job]:
        return [
            Job(
                f"cost-{model}",
                f"timing {model}",
                self._cost_of(model),
                lambda: 10.0,
                lambda model=model: (measuring.cost(self._first(model)), {}),
            )
            for model in self.plan.models
        ]

    def _first(self, model: str) -> Config:
        """The recipe of the first seed."""
        return next(entry.config for entry in self.plan.entries if entry.model == model)

    def _cost_of(self, model: str) -> Any:
        return to_dict(replace(self._first(model), steps=1))

    def cost(self, model: str) -> dict[str, Any] | None:
        """What was found of a recipe's cost."""
        return self.parts.get(f"cost-{model}", self._cost_of(model))

    def step_seconds(self, model: str) -> float:
        """Seconds of a train step, or a guess."""
        cost = self.cost(model)
        return float(np.median(cost["own"]["seconds"])) if cost else 0.1

    def _drawing_seconds(self, model: str) -> float:
        """Seconds that a digit takes to be drawn among many, or a guess."""
        batch = measuring.BATCHES[-1]
        cost = self.cost(model)
        return float(np.median(cost["drawing"][str(batch)])) / batch if cost else 0.002

    # Training, with looks on the way.

    def planned(self, entry: Entry) -> Config:
        """The recipe with as many steps as the budget allows, where there is one."""
        if self.plan.budget is None:
            return entry.config
        steps = max(int(self.plan.budget / self.step_seconds(entry.model)), 1)
        return replace(entry.config, steps=steps)

    def _key(self, entry: Entry) -> str:
        """The name of an entry's run and of its parts, which comparisons of other steps leave
        alone."""
        return f"{entry.name}-{self.planned(entry).steps}"

    def _trainings(self) -> list[Job]:
        return [
            Job(
                f"train-{self._key(entry)}",
                f"training {entry.name}",
                to_dict(self.planned(entry)),
                lambda entry=entry: self._training_seconds(entry),
                lambda entry=entry: self._train(self.planned(entry), self._key(entry)),
            )
            for entry in self.plan.entries
        ]

    def _training_seconds(self, entry: Entry) -> float:
        config = self.planned(entry)
        if plans.find(config, self.runs):
            return 1.0
        looking = 3 + measuring.GLANCE * self._drawing_seconds(entry.model)
        return 1.2 * config.steps * self.step_seconds(entry.model) + looking * len(CURVE)

    def _train(self, config: Config, name: str):
        if run := plans.find(config, self.runs):
            seconds = _seconds(run, config.steps)
            found = {"run": str(run), "steps": config.steps, "seconds": seconds, "curve": []}
            return found | {"failed": self._collapse(run)}, {}
        plans.require_at_rest(config, self.runs)
        run, curve, failed = RunFolder(self.runs / name), [], None
        listener = Telling(self._clock, config.steps)
        family = families.build(config)
        drawer = sampling.Drawer(family)
        for stage in sorted({max(round(share * config.steps), 1) for share in CURVE}):
            # Kept by itself: once training has gone on, there are no weights of this stage left.
            look, of = f"look-{name}-{stage}", [to_dict(config), self.judge.hash, measuring.GLANCE]
            seen = self.parts.get(look, of)
            if seen is None:
                whole = plans.with_horizon(config)
                part = replace(whole, steps=stage, save_every=stage, sample_every=0)
                try:
                    loop.train_apart(part, run, listener, self.console.say)
                except loop.Diverged as error:
                    failed = str(error)  # a finding
                    break
                model = trained.load(run, part, self.console.say)
                seen = {"step": stage, "seconds": _seconds(run, stage)}
                seen |= self._measures.glance(drawer, model)
                self.parts.put(look, of, seen)
            curve.append(seen)
        return {
            "run": str(run),
            "steps": config.steps,
            "seconds": curve[-1]["seconds"] if curve else None,
            "curve": curve,
            "failed": failed or self._collapse(run),
        }, {}

    def _collapse(self, run: RunFolder) -> str | None:
        """What makes a mode collapse of the last look at a run that was watched."""
        seen = watch.last(run.path / "watch.jsonl")
        return watch.Watch(self.digits).collapse(seen) if seen else None

    # Measuring.

    def ready(self) -> list[tuple[Entry, dict[str, Any]]]:
        """The entries that have been trained, with what was found then."""
        found = [(entry, self.training(entry)) for entry in self.plan.entries]
        return [(entry, training) for entry, training in found if training]

    def training(self, entry: Entry) -> dict[str, Any] | None:
        return self.parts.get(f"train-{self._key(entry)}", to_dict(self.planned(entry)))

    def _measurements(self) -> list[Job]:
        return [
            Job(
                self._measured_name(entry),
                f"measuring {entry.name}",
                self._measured_of(entry),
                lambda entry=entry: self._measuring_seconds(entry),
                lambda entry=entry: self._measures.model(self._load(entry)),
            )
            for entry in self.plan.entries
            if self._has_weights(entry)
        ]

    def _has_weights(self, entry: Entry) -> bool:
        """Whether there are trained weights to measure, or will be."""
        training = self.training(entry)
        if training is None:
            return f"train-{self._key(entry)}" not in self._failed
        return bool(training["curve"] or not training["failed"])

    def _measured_of(self, entry: Entry) -> Any:
        return [to_dict(self.planned(entry)), self.amount, self.judge.hash, measuring.REDRAWN]

    def _measuring_seconds(self, entry: Entry) -> float:
        family, amount = families.build(entry.config), self.amount
        drawn = (1 + measuring.REDRAWN) * measuring.COUNT
        seconds = 40 + drawn * self._drawing_seconds(entry.model)
        # The likelihoods, as two cores took them.
        if isinstance(family, Variational):
            seconds += 2 * 3.4e-5 * amount.likely * amount.samples
        elif family.has("bound"):
            seconds += 0.18 * amount.coded
        return seconds

    def measured(self, entry: Entry) -> dict[str, Any] | None:
        """What was measured of an entry."""
        return self.parts.get(self._measured_name(entry), self._measured_of(entry))

    def arrays(self, entry: Entry) -> Arrays:
        """The arrays of an entry that was measured."""
        return self.parts.arrays(self._measured_name(entry))

    def _measured_name(self, entry: Entry) -> str:
        return f"measure-{self._key(entry)}{'-full' if self.plan.full else ''}"

    def _load(self, entry: Entry) -> trained.Trained:
        training = self.training(entry)
        assert training is not None
        run = RunFolder(Path(training["run"]))
        config = plans.with_horizon(self.planned(entry))
        model = trained.load(run, config, self.console.say)
        steps = training["curve"][-1]["step"] if training["curve"] else training["steps"]
        if model.step != steps:
            raise UserError(
                f"{run} is at step {model.step} and not {steps}: "
                "bring it there with bin/train, or give --out another folder"
            )
        return model

    # What is of the comparison as a whole.

    def _others(self) -> list[Job]:
        jobs = []
        for entry in self.plan.entries:
            family = families.build(entry.config)
            if isinstance(family, DDPM) and entry.config.seed == 0 and self._has_weights(entry):
                jobs.append(
                    Job(
                        f"steps-{self._key(entry)}",
                        "drawing with fewer and more steps of diffusion",
                        [*self._measured_of(entry), measuring.SAMPLER_STEPS],
                        lambda: 60.0,
                        lambda entry=entry: (self._measures.sampler_steps(self._load(entry)), {}),
                    )
                )
        of = [self._measured_of(entry) for entry, _ in self.ready()]
        for name, settings in measuring.OTHERS.items():
            weights = self.folder / f"judge of {name}.safetensors"
            jobs += [
                Job(
                    f"judge of {name}",
                    f"training a judge of {name}",
                    [repr(settings), partition.RULE],
                    lambda: 60.0,
                    lambda weights=weights, settings=settings: (
                        judge.train(weights, self._clock.at, **settings),
                        {},
                    ),
                ),
                Job(
                    f"distances of {name}",
                    f"asking a judge of {name}",
                    [of, repr(settings), partition.RULE],
                    lambda: 20.0,
                    lambda weights=weights, settings=settings: (
                        self._ask(judge.load(weights, None, settings["network"])),
                        {},
                    ),
                ),
            ]
        return jobs

    def sampler_steps(self) -> list[dict[str, Any]] | None:
        """Quality of diffusion by steps of sampling."""
        return self._found("steps-")

    def other_judges(self) -> dict[str, dict[str, Any]]:
        """What other judges make of the models: accuracy, hash, and distances by model."""
        found = {}
        for name in measuring.OTHERS:
            accuracy, asked = (self._found(f"{what} of {name}") for what in ("judge", "distances"))
            if accuracy and asked:
                found[name] = {"accuracy": accuracy} | asked
        return found

    def _found(self, beginning: str):
        job = next((job for job in self._others() if job.name.startswith(beginning)), None)
        return self.parts.get(job.name, job.of) if job else None

    def _ask(self, other: Judge) -> dict[str, Any]:
        entries = [entry for entry, _ in self.ready() if self.measured(entry)]
        drawn = (self.arrays(entry)["images"] for entry in entries)
        distances: dict[str, list[float]] = {}
        for entry, distance in zip(entries, self._measures.distances(other, drawn), strict=True):
            distances.setdefault(entry.model, []).append(distance)
        return {"judge": other.hash, "distances": distances}


def _seconds(run: RunFolder, step: int) -> float:
    """Seconds of training up to a step."""
    lines = read_log(run.metrics)
    return float(lines[min(step, len(lines)) - 1]["seconds"])
