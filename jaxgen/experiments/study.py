"""A study: every setting is trained and measured from every seed, in a folder of its own."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jaxgen import config as configs
from jaxgen import data
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.experiments import execute, measures, train
from jaxgen.experiments.grid import Grid, Setting
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Arrays, Result, Trial
from jaxgen.training import stack
from jaxgen.training.console import Console

TIMED = 6  # shapes of network at most that are timed before a study begins
LONG = 3 * 3600.0  # seconds that a study may take without being asked about
MEASURING = 12.0  # seconds that a run is measured for, beside the drawing


class Study(NamedTuple):
    """A study that is finished: what was measured of each setting and seed."""

    grid: Grid
    found: Mapping[tuple[Setting, int], Result]

    def failed(self, setting: Setting, seed: int) -> str | None:
        """Why a training failed."""
        return self.found[setting, seed].figures["failed"]

    def curve(self, setting: Setting, seed: int) -> dict[int, float]:
        """The loss by steps."""
        return dict(map(tuple, self.found[setting, seed].figures["curve"]))

    def arrays(self, setting: Setting, seed: int) -> Arrays:
        """The digits of a run for a picture; none where it failed."""
        return self.found[setting, seed].arrays

    def figures(self, setting: Setting, name: str) -> dict[int, float]:
        """A figure by seed, where there is one."""
        known = {seed: self.found[setting, seed].figures["figures"] for seed in self.grid.seeds}
        return {seed: figures[name] for seed, figures in known.items() if name in figures}

    def names(self) -> list[str]:
        """The figures that there are."""
        settings = self.grid.settings
        return [name for name in FIGURES if any(self.figures(one, name) for one in settings)]


def carry_out(
    grid: Grid, folder: Path, console: Console, yes: bool, scheduler: str | None = None
) -> Study:
    """Train and measure what is missing, here or by the workers of a Dask ``scheduler``. Raises
    UserError where that takes many hours, unless ``yes``, or where the folder holds another
    study."""
    claim_folder(folder, grid)
    store, timed, eye = Store(folder, console.say), _timed(grid), judge.load().hash
    trials = {
        (setting, seed): _trial(grid, setting, seed, timed, eye)
        for seed in grid.seeds  # all of a seed before the next
        for setting in grid.settings
    }
    execute.carry_out(trials.values(), store, console, scheduler, math.inf if yes else LONG)
    return Study(grid, {key: store[trial] for key, trial in trials.items()})


def _timed(grid: Grid) -> dict[tuple, Config]:
    """By the shape of its network, the recipe that is timed for a setting: of many shapes a few
    are, each for the ones next to it."""
    first: dict[tuple, Config] = {}
    for setting in grid.settings:
        config = grid.trained(setting, grid.seeds[0])
        first.setdefault(stack.shape(config), config)
    each, count = list(first.values()), len(first)
    few = min(TIMED, count)
    return {shape: each[n * few // count * count // few] for n, shape in enumerate(first)}


def _trial(
    grid: Grid, setting: Setting, seed: int, timed: Mapping[tuple, Config], eye: str
) -> Trial:
    """The measurement of a setting and seed, after its training."""
    config, trained = grid.recipe(setting, seed), grid.trained(setting, seed)
    training = train.trial(trained, setting.run_name(seed), timed[stack.shape(trained)])
    steps = train.drawing_steps(config) * measures.COUNT / 1000
    return Trial(
        "measurement",
        setting.name(seed),
        measures.measure,
        (config,),
        (training,),
        [configs.to_dict(config), measures.COUNT, eye],
        training.timing,
        lambda figures: MEASURING + steps * figures["step"],
    )


def cautions(grid: Grid) -> list[str]:
    """Why the judge's figures mean nothing for some of the digits that are learned, a sentence
    each."""
    eye = judge.load()
    found = {
        source: judge.caution(eye, data.load(source).valid)
        for source in dict.fromkeys(setting.config.data for setting in grid.settings)
    }
    return [f"of {source} {caution}" for source, caution in found.items() if caution]


def claim_folder(folder: Path, grid: Grid) -> None:
    """Note in the folder which question is studied there: with other values or more seeds it is the
    same question. Raises UserError where the folder holds another one."""
    base = configs.to_dict(replace(grid.base, seed=0))
    for axis in grid.axes:
        *outer, last = axis.name.replace("-", "_").split(".")
        (base[outer[0]] if outer else base)[last] = "varied"
    varied = [axis.name for axis in grid.axes]
    question = {"varied": varied, "design": grid.design, "base": json.loads(json.dumps(base))}
    place = folder / "study.json"
    try:
        theirs = json.loads(place.read_text())
        model, steps = theirs["base"]["model"], theirs["base"]["steps"]
        about = f"{', '.join(theirs['varied'])} of {model}, {steps} steps"
    except FileNotFoundError:
        files.write(place, json.dumps(question, indent=1) + "\n")
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{place} cannot be read ({error}): give --out another folder") from None
    if theirs != question:
        raise UserError(
            f"{folder} holds a study of another question ({about}): give --out another folder"
        )
