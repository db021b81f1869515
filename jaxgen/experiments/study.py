"""A study: trains and measures every setting from every seed, and gives its figures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from jaxgen import config as configs
from jaxgen import data, devices
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
from jaxgen.training.console import Console, duration, plural

TIMED = 6  # shapes of network at most that are timed before a study begins
MANY = 500  # runs that are planned without being asked about
LONG = 3 * 3600.0  # seconds that a study may take without being asked about
MEASURING = 12.0  # seconds that a run is measured for, beside the drawing


class Study:
    """A study in a folder, which holds its results and its runs."""

    def __init__(self, grid: Grid, folder: Path, console: Console):
        claim_folder(folder, grid)
        self.grid, self._folder, self._console = grid, folder, console
        self._store = Store(folder / "parts", console.say)
        self._found: dict[tuple[Setting, int], Result] = {}
        # A few shapes of network are timed; others are taken to be like these on average.
        first: dict[tuple, Config] = {}
        for setting in grid.settings:
            config = grid.trained(setting, grid.seeds[0])
            first.setdefault(stack.shape(config), config)
        shapes = list(first)
        chosen = {shapes[place * len(shapes) // TIMED] for place in range(TIMED)}
        self._timings = {one: train.timing(first[one]) for one in shapes if one in chosen}

    def carry_out(self, yes: bool, scheduler: str | None = None) -> None:
        """Train and measure what is missing, here or by the workers of a Dask ``scheduler``. Raises
        UserError where that takes many hours, unless ``yes``."""
        trainings, measurings = self._trials()

        def what(rest: list[Trial]) -> str:
            count = sum(trial.function is not measures.measure for trial in rest)
            settings, seeds = len(self.grid.settings), len(self.grid.seeds)
            several = plural(settings, "setting"), plural(seeds, "seed"), plural(count, "training")
            return "{}, {}: {}".format(*several)

        most = float("inf") if yes else LONG
        trials = [*trainings.values(), *measurings.values()]
        timings = list(self._timings.values())
        given = self._folder, self._store, self._console, what, most, scheduler
        execute.carry_out(trials, timings, *given)
        for key, trial in measurings.items():
            found = self._store.get(trial)
            assert found
            self._found[key] = found

    def _trials(self) -> tuple[dict[Config, Trial], dict[tuple[Setting, int], Trial]]:
        """The trainings, all of a seed before the next, and what is measured of them."""
        trainings: dict[Config, Trial] = {}
        measurings = {}
        eye = judge.load().hash
        for seed in self.grid.seeds:
            for setting in self.grid.settings:
                config, trained = (f(setting, seed) for f in (self.grid.recipe, self.grid.trained))
                if trained not in trainings:
                    trainings[trained] = replace(
                        train.trial(trained, setting.run_name(seed), None, self._store),
                        seconds=lambda config=trained: self._seconds(config)["training"],
                    )
                measurings[setting, seed] = Trial(
                    setting.name(seed),
                    f"measuring {setting.name(seed)}",
                    measures.measure,
                    (config,),
                    (trainings[trained],),
                    [configs.to_dict(config), measures.COUNT, eye],
                    lambda config=config: self._measuring_seconds(config),
                )
        return trainings, measurings

    def _seconds(self, config: Config) -> dict[str, float]:
        timing = self._timings.get(stack.shape(config))
        if timing:
            return train.seconds(timing, self._store)
        known = [train.seconds(timing, self._store) for timing in self._timings.values()]
        return {name: float(np.mean([one[name] for one in known])) for name in known[0]}

    def _measuring_seconds(self, config: Config) -> float:
        thousands = measures.COUNT / 1000
        return MEASURING + thousands * train.drawing_steps(config) * self._seconds(config)["step"]

    def cautions(self) -> list[str]:
        """Why the judge's figures mean nothing for some of the digits that were learned, a sentence
        each."""
        cautions = []
        for source in dict.fromkeys(setting.config.data for setting in self.grid.settings):
            if caution := judge.caution(judge.load(), data.load(source).valid):
                cautions.append(f"of {source} {caution}")
        return cautions

    # What was found.

    def failed(self, setting: Setting, seed: int) -> str | None:
        """Why a training failed."""
        return self._found[setting, seed].figures["failed"]

    def curve(self, setting: Setting, seed: int) -> dict[int, float]:
        """The loss by steps."""
        return dict(map(tuple, self._found[setting, seed].figures["curve"]))

    def arrays(self, setting: Setting, seed: int) -> Arrays:
        """The digits of a run for a picture; none where it failed."""
        return self._found[setting, seed].arrays

    def figures(self, setting: Setting, name: str) -> dict[int, float]:
        """A figure by seed, where there is one."""
        known = {seed: self._found[setting, seed].figures["figures"] for seed in self.grid.seeds}
        return {seed: figures[name] for seed, figures in known.items() if name in figures}

    def names(self) -> list[str]:
        """The figures that there are."""
        settings = self.grid.settings
        return [name for name in FIGURES if any(self.figures(one, name) for one in settings)]


def require_reasonable(
    base: Config, settings: int, seeds: int, yes: bool, console: Console
) -> None:
    """Raise UserError for hundreds of runs that nobody has said yes to, with their hours."""
    runs = settings * seeds
    if runs <= MANY or yes:
        return
    console.say(f"{runs:,} runs: timing one of them")
    found = train.time_of(base)
    each = found["training"] + MEASURING + 2 * train.drawing_steps(base) * found["step"]
    raise UserError(
        f"that is {settings:,} settings and {runs:,} runs, about "
        f"{duration(runs * each / devices.workers())} hours on this machine: "
        "give --yes too if that is meant, fewer values, or --each to vary one thing at a time"
    )


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
        if theirs == question:
            return
        about = "on the digits as earlier versions divided them"
        if "format" in theirs["base"]:
            model, steps = theirs["base"]["model"], theirs["base"]["steps"]
            about = f"of another question ({', '.join(theirs['varied'])} of {model}, {steps} steps)"
    except FileNotFoundError:
        files.write(place, json.dumps(question, indent=1) + "\n")
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{place} cannot be read ({error}): give --out another folder") from None
    raise UserError(f"{folder} holds a study {about}: give --out another folder")
