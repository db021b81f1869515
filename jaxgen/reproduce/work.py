"""Trains what rows are about and measures it, seed by seed; what was found is kept."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jaxgen
from jaxgen import config as configs
from jaxgen import devices
from jaxgen.compare.parts import Parts
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.reproduce import measures
from jaxgen.reproduce.rows import Row
from jaxgen.studies.work import curve
from jaxgen.training import loop, seals, together, trained
from jaxgen.training.console import Console, duration
from jaxgen.training.folder import RunFolder, commit, machine, read_log
from jaxgen.training.workers import Workers


class Training(NamedTuple):
    """A recipe, from a seed, and the folder of its run."""

    config: Config
    folder: Path


class Measuring(NamedTuple):
    """A row, and the runs of one seed that it is measured of."""

    row: str
    seed: int
    trainings: tuple[Training, ...]


class Reproduction:
    """The rows that are asked for, in a folder of their runs and findings."""

    def __init__(
        self,
        rows: tuple[Row, ...],
        seeds: int,
        steps: int | None,
        full: bool,
        folder: Path,
        console: Console,
    ):
        configs.require("seeds", seeds, seeds >= 1, "1 or more")
        if steps is not None and full:
            raise UserError(f"--steps {steps} and --full exclude each other: give one")
        self.rows, self.seeds = rows, range(seeds)
        self._rows = {row.name: row for row in rows}
        self._steps, self._full = steps, full
        self._folder, self._console = folder, console
        self._parts = Parts(folder / "parts", "jaxgen.reproduce.measures", self._console.say)

    def carry_out(self) -> None:
        """Train and measure what is missing."""
        missing = [
            self._measuring(row, seed)
            for seed in self.seeds
            for row in self.rows
            if self.found(row, seed) is None
        ]
        wanted = dict.fromkeys(training for one in missing for training in one.trainings)
        trainings = [training for training in wanted if not _is_done(training)]
        began = time.monotonic()
        if devices.workers() == 1:
            trainings = self._train_together(trainings)
        self._each(train, trainings, "trained")
        self._each(measure, missing, "measured")
        if missing:
            self._console.say(f"all of it took {duration(time.monotonic() - began)}")

    def _train_together(self, trainings: list[Training]) -> list[Training]:
        """Train those of which several can be one program; what is left is returned."""
        left = []
        for places in together.groups([training.config for training in trainings]):
            group = [trainings[place] for place in places]
            if len(group) == 1:
                left += group
                continue
            self._console.say(f"to be trained together: {', '.join(map(_name, group))}")
            failed = together.train([one.config for one in group], [one.folder for one in group])
            if whys := [why for why in failed if why]:
                raise UserError(whys[0])
        return left

    def _each(self, function, items, verb: str) -> None:
        if not items:
            return
        self._console.say(f"{len(items)} to be {verb}: {', '.join(map(_name, items))}")
        with Workers(len(items)) as workers:
            if workers.count == 1:
                found = ((place, function(item, self._console)) for place, item in enumerate(items))
                self._keep(found, items, verb)
                return
            rest = list(range(len(items)))
            with self._console.status() as tell:

                def beat():
                    tell("; ".join(_progress(items[place]) for place in rest[: workers.count]))

                try:
                    self._keep(workers.each(function, items, beat), items, verb, rest)
                except SystemExit:
                    self._console.say("stopped: the same command goes on from there")
                    raise

    def _keep(self, found, items, verb: str, rest: list[int] | None = None) -> None:
        """Keep what is found as it is, and take its places out of the ``rest``."""
        for place, one in found:
            if one is not None:
                row, seed = self._rows[items[place].row], items[place].seed
                self._parts.put(self._part(row, seed), self._of(row, seed), one)
            if rest is not None:
                rest.remove(place)
            self._console.say(f"{verb} {_name(items[place])}")

    def config(self, recipe: str, row: Row, seed: int) -> Config:
        """The recipe as it is trained for a row."""
        config = replace(configs.recipe(recipe), seed=seed)
        steps = row.full if self._full else self._steps
        return replace(config, steps=steps) if steps else config

    def _measuring(self, row: Row, seed: int) -> Measuring:
        trainings = []
        for recipe in row.recipes:
            config = self.config(recipe, row, seed)
            name = f"{recipe}-{config.steps}-seed-{seed}"
            trainings.append(Training(config, self._folder / "runs" / name))
        return Measuring(row.name, seed, tuple(trainings))

    def label(self, row: Row) -> str:
        """The row and how long it is trained, as the command has them."""
        return " ".join([row.name, *self._length(row)])

    def _length(self, row: Row) -> list[str]:
        if self._full and row.full:
            return ["--full"]
        return ["--steps", str(self._steps)] if self._steps else []

    def _part(self, row: Row, seed: int) -> str:
        return "".join([row.name, *self._length(row), "-", str(seed)])

    def _of(self, row: Row, seed: int) -> Any:
        recipes = [configs.to_dict(self.config(recipe, row, seed)) for recipe in row.recipes]
        return recipes

    def found(self, row: Row, seed: int) -> dict[str, Any] | None:
        """What was measured of a row: ``figures`` by name, and of each recipe in
        ``trainings`` its ``steps``, ``batch``, ``seconds`` of training and ``curve``; and the
        ``provenance``."""
        return self._parts.get(self._part(row, seed), self._of(row, seed))


def _is_done(training: Training) -> bool:
    run = RunFolder(training.folder)
    return max(seals.steps(run.checkpoints), default=0) == training.config.steps


def _name(item: Training | Measuring) -> str:
    if isinstance(item, Measuring):
        return f"{item.row} seed {item.seed}"
    return f"{item.config.model} seed {item.config.seed}"


def _progress(item: Training | Measuring) -> str:
    if isinstance(item, Measuring):
        return f"measuring {_name(item)}"
    metrics = RunFolder(item.folder).metrics
    step = sum(1 for _ in metrics.open()) if metrics.exists() else 0
    return f"{_name(item)}: step {step:,} of {item.config.steps:,}"


def train(training: Training, console: Console | None = None) -> None:
    """Train; told to a console if there is one."""
    console = console or Console(quiet=True)
    loop.train_apart(training.config, RunFolder(training.folder), console, console.say)


def measure(item: Measuring, console: Console | None = None) -> dict[str, Any]:
    """What is found of the models of a row: see ``Reproduction.found``."""
    models, told = {}, {}
    for training in item.trainings:
        config, run = training.config, RunFolder(training.folder)
        models[config.model] = trained.load(run, config, lambda line: None)
        last = read_log(run.metrics)[-1]
        told[config.model] = {
            "steps": config.steps,
            "batch": config.batch,
            "seconds": last["seconds"],
            "curve": curve(run),
        }
    with (console or Console(quiet=True)).status() as tell:
        figures = measures.measure(item.row, models, item.seed, tell)
    provenance = {
        "jaxgen": f"{jaxgen.__version__}, commit {commit() or 'unknown'}",
        "on": f"{devices.describe()}, {machine()}",
    }
    return {"figures": figures, "trainings": told, "provenance": provenance}
