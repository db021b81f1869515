"""A study in a folder: every setting is trained and measured from every seed."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jaxgen import config as configs
from jaxgen import data, families
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.experiments import execute, measures, train
from jaxgen.experiments.grid import Grid, Setting
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Result, Trial
from jaxgen.training import stack
from jaxgen.training.console import Console

TIMED = 6  # network shapes at most that are timed before a study begins
LONG = 3 * 3600.0  # seconds that a study may take without --yes
MEASURING = 12.0  # seconds of the measurement of a run, without drawing


class Study(NamedTuple):
    """A study that is finished: the results of each setting and seed."""

    grid: Grid
    results: Mapping[tuple[Setting, int], Result]

    def failed(self, setting: Setting, seed: int) -> str | None:
        """Why a training failed."""
        return self.results[setting, seed].figures["failed"]

    def figures(self, setting: Setting, name: str) -> dict[int, float]:
        """A figure by seed, for the seeds that have it."""
        by_seed = {seed: self.results[setting, seed].figures["figures"] for seed in self.grid.seeds}
        return {seed: figures[name] for seed, figures in by_seed.items() if name in figures}

    def names(self) -> list[str]:
        """The figures that some setting has."""
        return [
            name
            for name in FIGURES
            if any(self.figures(setting, name) for setting in self.grid.settings)
        ]


def carry_out(
    grid: Grid, folder: Path, console: Console, yes: bool, scheduler: str | None = None
) -> Study:
    """Train and measure what is missing, on this machine or by the workers of a Dask ``scheduler``.
    Raises UserError if that takes many hours, unless ``yes``, if the folder holds another study, or
    if a setting cannot be."""
    require_possible(grid)
    claim_folder(folder, grid)
    store, timed, hashes = Store(folder, console.say), _timed(grid), judges(grid)
    trials = {
        (setting, seed): _trial(grid, setting, seed, timed, hashes)
        for seed in grid.seeds  # all settings of a seed before the next seed
        for setting in grid.settings
    }
    execute.carry_out(trials.values(), store, console, scheduler, math.inf if yes else LONG)
    return Study(grid, {key: store[trial] for key, trial in trials.items()})


def require_possible(grid: Grid) -> None:
    """Raise UserError for a setting that cannot be trained or drawn from, before hours of training
    of the others."""
    for setting in grid.settings:
        for config in (grid.recipe(setting, 0), grid.trained(setting, 0)):
            try:
                families.build(data.with_classes(config))
            except UserError as error:
                raise UserError(f"{setting.label}: {error}") from None


def _timed(grid: Grid) -> dict[tuple, Config]:
    """The recipe that is timed for each network shape. Of more than TIMED shapes only some are
    timed, each for its neighbours."""
    first: dict[tuple, Config] = {}
    for setting in grid.settings:
        config = grid.trained(setting, grid.seeds[0])
        first.setdefault(stack.shape(config), config)
    recipes, count = list(first.values()), len(first)
    few = min(TIMED, count)
    return {shape: recipes[n * few // count * count // few] for n, shape in enumerate(first)}


def _trial(
    grid: Grid,
    setting: Setting,
    seed: int,
    timed: Mapping[tuple, Config],
    hashes: Mapping[str, str],
) -> Trial:
    """The measurement of a setting and seed, after its training; ``hashes`` as of ``judges``."""
    config, trained = grid.recipe(setting, seed), grid.trained(setting, seed)
    training = train.trial(trained, setting.run_name(seed), timed[stack.shape(trained)])
    steps = train.drawing_steps(config) * measures.COUNT / 1000
    return Trial(
        "measurement",
        setting.name(seed),
        measures.measure,
        (config,),
        (training,),
        [configs.to_dict(config), measures.COUNT, hashes[config.data]],
        training.timing,
        lambda figures: MEASURING + steps * figures["step"],
    )


def require_judges(grid: Grid) -> None:
    """Raise UserError for a data source whose images no judge reads."""
    for source in _sources(grid):
        digits = data.load(source)
        judge.require(judge.of(digits), digits)


def judges(grid: Grid) -> dict[str, str]:
    """The SHA-256 of the judge of each data source of a study."""
    return {source: judge.of(data.load(source)).hash for source in _sources(grid)}


def _sources(grid: Grid) -> list[str]:
    return list(dict.fromkeys(setting.config.data for setting in grid.settings))


def claim_folder(folder: Path, grid: Grid) -> None:
    """Write the question of the study into the folder; other values of an axis and more seeds do
    not change the question. Raises UserError if the folder holds another question, and trainings
    for it."""
    base = configs.to_dict(replace(grid.base, seed=0))
    for axis in grid.axes:
        *outer, last = axis.name.replace("-", "_").split(".")
        (base[outer[0]] if outer else base)[last] = "varied"
    varied = [axis.name for axis in grid.axes]
    question = {"varied": varied, "design": grid.design, "base": json.loads(json.dumps(base))}
    path, text = folder / "study.json", json.dumps(question, indent=1) + "\n"
    try:
        other = json.loads(path.read_text())
        model, steps = other["base"]["model"], other["base"]["steps"]
        about = f"{', '.join(other['varied'])} of {model}, {steps} steps"
    except FileNotFoundError:
        files.write(path, text)
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}): give --out another folder") from None
    if other != question and not (folder / "runs").exists():
        files.write(path, text)  # of a study that was refused, as it would take too long
    elif other != question:
        raise UserError(
            f"{folder} holds a study of another question ({about}): give --out another folder"
        )
