"""Carries a study out: says how long it will take, trains what is missing, keeps what is found."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import config as configs
from jaxgen import data
from jaxgen.compare.clock import SideBySide
from jaxgen.compare.parts import Parts
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.studies import plan as plans
from jaxgen.studies import work
from jaxgen.studies.figures import FIGURES
from jaxgen.studies.plan import Plan, Setting
from jaxgen.studies.work import Arrays, Found, Task
from jaxgen.training import together
from jaxgen.training.console import Console, duration
from jaxgen.training.workers import Workers

TIMED = 6  # shapes at most that are timed before a study begins
MANY = 500  # runs that are planned without being asked about
LONG = 3 * 3600.0  # seconds that a study may take without being asked about


class Study:
    """A study in a folder, which holds its parts and its runs."""

    def __init__(self, plan: Plan, folder: Path, console: Console):
        plans.claim_folder(folder, plan)
        self.plan, self.folder, self.console = plan, folder, console
        self._parts = Parts(folder / "parts", "jaxgen.studies.work", console.say)
        self._judge = judge.load().hash
        self._known: dict[Config, Found] = {}  # what has been read

    def carry_out(self, yes: bool) -> None:
        """Train and measure what is missing; says first how long that will take. Raises UserError
        where that is long, unless ``yes``."""
        tasks = self._missing()
        if not tasks:
            return
        with Workers() as workers:
            seconds = self._estimates(tasks, workers)
            total = sum(seconds) / workers.count
            self.console.say(self._announced(tasks, total, workers))
            if total > LONG and not yes:
                raise UserError(
                    f"{len(tasks)} trainings would take about {duration(total)}: "
                    "give --yes too if that is meant, or fewer values, seeds or steps"
                )
            clock = SideBySide(sum(seconds), workers.count)
            for done, (place, results) in enumerate(_train(tasks, workers), 1):
                self._keep(tasks[place], results)
                left = clock.done(seconds[place])
                self.console.say(
                    f"{done} of {len(tasks)}: {tasks[place].folder.name}"
                    f"{', ' + why if (why := results[0][0]['failed']) else ''}; {left} left"
                )

    def cautions(self) -> list[str]:
        """Why the judge's figures mean nothing for some of the digits that were learned, a sentence
        each."""
        cautions = []
        for source in dict.fromkeys(setting.config.data for setting in self.plan.settings):
            if caution := judge.caution(judge.load(), data.load(source).valid):
                cautions.append(f"of {source} {caution}")
        return cautions

    # What is to be done.

    def _missing(self) -> list[Task]:
        """The trainings that something is to be measured of, all of a seed before the next."""
        tasks = []
        for seed in self.plan.seeds:
            for config, settings in self.plan.trainings(seed).items():
                recipes = [self.plan.recipe(setting, seed) for setting in settings]
                missing = tuple(recipe for recipe in recipes if self._found(recipe) is None)
                if missing:
                    name = plans.folder_name(settings[0], seed)
                    tasks.append(Task(self.folder / "runs" / name, config, missing))
        return tasks

    def _announced(self, tasks, total, workers) -> str:
        side = f", {workers.count} at a time" if workers.count > 1 else ""
        return (
            f"{len(self.plan.settings)} settings, {len(self.plan.seeds)} "
            f"seed{'s' if len(self.plan.seeds) > 1 else ''}: {len(tasks)} trainings{side}, about "
            f"{duration(total)} on this machine; stopped, the same command goes on"
        )

    def _estimates(self, tasks: list[Task], workers: Workers) -> list[float]:
        """Seconds that each task will take: trainings of some shapes are timed."""
        shapes = list(dict.fromkeys(together.static(task.config) for task in tasks))
        chosen = {shapes[place * len(shapes) // TIMED] for place in range(TIMED)}
        first = {together.static(task.config): task.config for task in reversed(tasks)}
        self.console.say(f"timing {len(chosen)} of {len(shapes)} shapes of network")
        timed_of = [work.Seconds._fields, list(map(repr, shapes))]
        found = self._parts.get("seconds", timed_of)
        if found is None:
            timed = {}
            asked = [first[one] for one in shapes if one in chosen]
            for place, seconds in workers.each(work.time_of, asked):
                timed[together.static(asked[place])] = seconds
            usual = work.Seconds(*np.mean(list(timed.values()), axis=0).tolist())
            found = [timed.get(one, usual) for one in shapes]
            self._parts.put("seconds", timed_of, found)
        seconds = {one: work.Seconds(*two) for one, two in zip(shapes, found, strict=True)}
        return [seconds[together.static(task.config)].of(task.measured) for task in tasks]

    # What was found.

    def _keep(self, task: Task, results: list[tuple[Found, Arrays]]) -> None:
        for config, (found, arrays) in zip(task.measured, results, strict=True):
            self._parts.put(self._name(config), self._of(config), found, arrays)

    def _found(self, config: Config) -> Found | None:
        if config not in self._known:
            found = self._parts.get(self._name(config), self._of(config))
            if found is None:
                return None
            self._known[config] = found
        return self._known[config]

    def _of(self, config: Config) -> Any:
        return [configs.to_dict(config), work.COUNT, self._judge]

    def _name(self, config: Config) -> str:
        setting = next(s for s in self.plan.settings if self.plan.recipe(s, config.seed) == config)
        return plans.part_name(setting, config.seed)

    def found(self, setting: Setting, seed: int) -> Found:
        """What was found of a run that was carried out."""
        found = self._found(self.plan.recipe(setting, seed))
        assert found is not None
        return found

    def arrays(self, setting: Setting, seed: int) -> Arrays:
        """The digits of a run for a picture; none where it failed."""
        if self.found(setting, seed)["failed"]:
            return {}
        return self._parts.arrays(plans.part_name(setting, seed))

    def figures(self, setting: Setting, name: str) -> dict[int, float]:
        """A figure by seed, where there is one."""
        found = {seed: self.found(setting, seed)["figures"] for seed in self.plan.seeds}
        return {seed: figures[name] for seed, figures in found.items() if name in figures}

    def names(self) -> list[str]:
        """The figures that there are."""
        return [
            name
            for name in FIGURES
            if any(self.figures(setting, name) for setting in self.plan.settings)
        ]


def require_reasonable(
    base: Config, settings: int, seeds: int, yes: bool, console: Console
) -> None:
    """Raise UserError for thousands of runs that nobody has said yes to, with their hours."""
    runs = settings * seeds
    if runs <= MANY or yes:
        return
    console.say(f"{runs:,} runs: timing one of them")
    with Workers() as workers:
        ((_, seconds),) = workers.each(work.time_of, [base])
    hours = duration(runs * seconds.of([base]) / workers.count)
    raise UserError(
        f"that is {settings:,} settings and {runs:,} runs, about {hours} hours on this machine: "
        "give --yes too if that is meant, fewer values, or --each to vary one thing at a time"
    )


def _train(tasks: list[Task], workers: Workers) -> Iterator[tuple[int, list[tuple[Found, Arrays]]]]:
    """Carry tasks out: the place of each, and what was found, as they are done. Without other
    processes, trainings of one shape are one program."""
    if workers.count > 1:
        yield from workers.each(work.carry_out, tasks)
        return
    for places in together.groups([task.config for task in tasks]):
        group = [tasks[place] for place in places]
        failed = together.train([task.config for task in group], [t.folder for t in group])
        for place, why in zip(places, failed, strict=True):
            yield place, work.measured(tasks[place], why)
