"""Trials that train a recipe, and trials that time one."""

import functools
import hashlib
import math
import operator
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import config as configs
from jaxgen import data, families, sampling
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.experiments import runs
from jaxgen.experiments.runs import Runs
from jaxgen.experiments.trial import Context, Result, Trial
from jaxgen.training import collapse as collapses
from jaxgen.training import costs, loop, published, stack, trained
from jaxgen.training.console import Console
from jaxgen.training.folder import ModelFolder, RunFolder, read_log
from jaxgen.training.published import Published

POINTS = 25  # of the curve of the loss
TIMED = 20  # steps that time a training


def trial(config: Config, name: str, timed: Config | None = None) -> Trial:
    """The training of a recipe in the folder ``name`` of the experiment's runs. It takes as long as
    the training of the recipe ``timed``, if given."""
    return Trial(
        "training",
        name,
        train,
        (config, name),
        key=configs.to_dict(config),
        timing=timing(timed or config),
        seconds=operator.itemgetter("training"),
        together=train_together,
        is_there=functools.partial(is_there, config),
    )


def is_there(config: Config, figures: dict[str, Any]) -> bool:
    """Whether the run of a training still holds its last step. One that failed has nothing."""
    if figures["failed"]:
        return True
    run, config = folder(Result(figures)), replace(config, steps=figures["steps"])
    try:
        saved = run.load()
    except UserError:
        return False
    if not runs.same(replace(config, classes=saved.classes), saved):
        return False
    return not isinstance(run, RunFolder) or runs.newest(run) == config.steps


def train(context: Context, config: Config, name: str) -> Result:
    """Train, or go on with a stopped run of the recipe. A training that diverges is a result
    too."""
    run = RunFolder(context.folder / "runs" / name)
    [failed] = loop.train_apart([config], [run], Listener(context, config.steps), context.say)
    return _result(run, config, failed)


def find_or_train(context: Context, config: Config, name: str) -> Result:
    """As ``train``, unless there is a finished run of the recipe, or a model of it that ships."""
    known = runs.find(context.folder / "runs")
    return found(context, config, known) or train(context, config, name)


def found(context: Context, config: Config, known: Runs) -> Result | None:
    """The training of a finished run of the recipe, or of the model that ships, which has no curve
    of the loss; None if there is neither."""
    folder = known.finished(config)
    if folder is None:
        return None
    if isinstance(folder, RunFolder):
        return _result(folder, config, None)
    assert isinstance(folder, Published)
    context.say(f"{folder}, which comes with jaxgen, is taken: bin/train trains one of your own")
    return Result(
        {
            "run": f"{folder.path}",
            "steps": config.steps,
            "batch": config.batch,
            "seconds": folder.facts()["training"]["seconds"],
            "curve": [],
            "failed": None,
            "collapse": None,
            "ships": True,
        }
    )


def train_together(context: Context, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Result]]:
    """Train recipes of one shape in one program, where there are several at the same step."""
    folders = {trial: RunFolder(context.folder / "runs" / trial.arguments[1]) for trial in trials}
    for indices in stack.groups([trial.arguments[0] for trial in trials]):
        at: dict[int, list[Trial]] = {}
        for trial in (trials[index] for index in indices):
            at.setdefault(runs.newest(folders[trial]), []).append(trial)
        for group in at.values():
            if len(group) == 1:
                continue
            context.say(f"in one program: {', '.join(trial.title for trial in group)}")
            recipes = [trial.arguments[0] for trial in group]
            of_group = [folders[trial] for trial in group]
            reasons = loop.train_apart(recipes, of_group, Console(quiet=True))
            for trial, config, run, why in zip(group, recipes, of_group, reasons, strict=True):
                yield trial, _result(run, config, why)


def _result(run: RunFolder, config: Config, failed: str | None) -> Result:
    lines = read_log(run.metrics)
    return Result(
        {
            "run": str(run.path),
            "steps": config.steps,
            "batch": config.batch,
            "seconds": float(lines[-1]["seconds"]) if lines else 0.0,
            "curve": curve(lines),
            "failed": failed,
            "collapse": None if failed else collapse(run, config.data),
            "ships": False,
        }
    )


def curve(lines: Sequence[dict[str, Any]]) -> list[tuple[int, float]]:
    """The loss of the first player over the steps: its means over POINTS stretches of the log."""
    points = []
    for rows in np.array_split(np.arange(len(lines)), POINTS):
        if len(rows):
            name = min((name for name in lines[0] if name.endswith("loss")), key=len)
            mean = float(np.mean([lines[row][name] for row in rows]))
            points.append((int(lines[rows[-1]]["step"]), mean))
    return [point for point in points if math.isfinite(point[1])]


def collapse(run: RunFolder, source: str) -> str | None:
    """Why the last look at a run shows a mode collapse; None without a collapse or a look."""
    look = collapses.last(run.looks)
    return collapses.Monitor(data.load(source)).collapse(look) if look else None


def load(training: Result, config: Config) -> trained.Trained:
    """The model of a training, with the settings of sampling in ``config``."""
    return trained.load(folder(training), config, lambda line: None)


def folder(training: Result) -> ModelFolder:
    """The folder of a training. A model that ships is that of this process's package, which may be
    elsewhere than that of the process that found it."""
    path = Path(training.figures["run"])
    return published.at(published.SHIPPED / path.name if training.figures.get("ships") else path)


class Listener(Console):
    """A console that passes the progress of a training to a trial's context."""

    def __init__(self, context: Context, steps: int):
        super().__init__(quiet=True)
        self._context, self._steps = context, steps

    def progress(self, step, total, metrics, speed, line) -> None:
        self._context.progress(f"step {step:,} of {self._steps:,}", step / self._steps)


def timing(config: Config) -> Trial:
    """The trial that times a recipe's training and drawing."""
    shape = repr(stack.shape(config))
    name = f"{config.model}-{hashlib.sha256(shape.encode()).hexdigest()[:8]}"
    return Trial("timing", name, measure_time, (config,), key=shape)


def measure_time(context: Context, config: Config) -> Result:
    """Seconds of the whole ``training``, and of one ``step`` of drawing 1,000 digits."""
    config = data.with_classes(config)
    costs.fresh(config)  # compiles, so that the next call finds the program in JAX's cache
    began = time.monotonic()
    state, block = costs.fresh(config)
    state, _ = block(state, 0, 2)
    compiling = time.monotonic() - began
    began = time.monotonic()
    state, _ = block(state, 2, 2 + TIMED)
    training = compiling + config.steps * (time.monotonic() - began) / TIMED
    family, steps = families.build(config), 1
    if hasattr(config.sampling, "steps"):
        family, steps = family.with_sampling(steps=2), 2
    few = sampling.balanced(sampling.CHUNK)
    sampling.draw(family, state.variables, few, 0)
    began = time.monotonic()
    sampling.draw(family, state.variables, few, 0)
    drawing = (time.monotonic() - began) * 1000 / len(few)
    return Result({"training": training, "step": drawing / steps})


def drawing_steps(config: Config) -> int:
    """The number of steps in which a family draws."""
    return getattr(config.sampling, "steps", 1)
