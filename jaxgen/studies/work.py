"""One run of a study: trained, then measured at each way of drawing that is asked for.

A run that diverges is a finding too. The figures are of validation digits, since a study is how
settings are chosen.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import data, families, images, sampling
from jaxgen.config import Config
from jaxgen.data import Split, partition
from jaxgen.evaluation import codes, judge, metrics, reference
from jaxgen.evaluation.reference import Reference
from jaxgen.families.base import Family, Fitted, Variables, Variational, over
from jaxgen.training import costs, loop, trained, watch
from jaxgen.training.console import Console
from jaxgen.training.folder import RunFolder, read_log

COUNT = 2000  # digits that are drawn, and real ones that are encoded
SHOWN = 10  # digits in a picture, one of each
POINTS = 25  # of the loss over the steps
TIMED = 20  # steps that a training is timed by
MEASURING = 12.0  # seconds that a run is measured for, beside the drawing

Found = dict[str, Any]  # figures by their names; and what else there is to say, as JSON can hold it
Arrays = dict[str, np.ndarray]


class Task(NamedTuple):
    """A training, and the recipes that its weights are measured with: they differ in how it is
    drawn from."""

    folder: Path
    config: Config
    measured: tuple[Config, ...]


class Seconds(NamedTuple):
    """What a recipe takes here, once its programs have been compiled and, if they can be, kept."""

    training: float
    step: float  # of drawing what is measured, of which some families take several

    def of(self, measured: Sequence[Config]) -> float:
        """The training, and measuring it with each of these recipes."""
        steps = sum(_steps(config) for config in measured)
        return self.training + MEASURING * len(measured) + self.step * steps


def _steps(config: Config) -> int:
    return getattr(config.sampling, "steps", 1)


def _with_steps(config: Config, steps: int) -> Config:
    """The recipe with so many steps of drawing, where its family takes several."""
    if not hasattr(config.sampling, "steps"):
        return config
    sampled: Any = config.sampling
    return dataclasses.replace(config, sampling=dataclasses.replace(sampled, steps=steps))


def time_of(config: Config) -> Seconds:
    """Time a recipe."""
    costs.fresh(config)
    began = time.monotonic()
    state, block = costs.fresh(config)
    state, _ = block(state, 0, 2)
    compiling = time.monotonic() - began
    began = time.monotonic()
    state, _ = block(state, 2, 2 + TIMED)
    training = compiling + config.steps * (time.monotonic() - began) / TIMED
    short = _with_steps(config, 2)
    drawer, few = sampling.Drawer(families.build(short)), sampling.balanced(sampling.CHUNK)
    drawer.draw(state.variables, few, 0)
    began = time.monotonic()
    drawer.draw(state.variables, few, 0)
    drawing = (time.monotonic() - began) * COUNT / len(few)
    return Seconds(training, drawing / _steps(short))


def carry_out(task: Task) -> list[tuple[Found, Arrays]]:
    """Train, and measure with each recipe."""
    quiet, failed = Console(quiet=True), None
    try:
        loop.train_apart(task.config, RunFolder(task.folder), quiet, quiet.say)
    except loop.Diverged as error:
        failed = str(error)
    return measured(task, failed)


def measured(task: Task, failed: str | None) -> list[tuple[Found, Arrays]]:
    """Measure a run that was trained, or has failed for a reason: what was found with each recipe,
    and the digits for a picture."""
    run = RunFolder(task.folder)
    found = []
    for config in task.measured:
        told: Found = {"failed": failed, "figures": {}, "curve": curve(run)}
        arrays: Arrays = {}
        if not failed:
            model = trained.load(run, config, lambda line: None)
            told["figures"], arrays = measure(model.family, model.variables, config.data)
            told["figures"] |= _of_run(run, config)
        found.append((told, arrays))
    return found


def curve(run: RunFolder) -> list[tuple[int, float]]:
    """The loss over the steps, of the first player where there are several: the means of POINTS
    stretches of them."""
    lines = read_log(run.metrics)
    points = []
    for part in np.array_split(np.arange(len(lines)), POINTS):
        if len(part):
            name = min((name for name in lines[0] if name.endswith("loss")), key=len)
            mean = float(np.mean([lines[place][name] for place in part]))
            points.append((int(lines[part[-1]]["step"]), mean))
    return [point for point in points if math.isfinite(point[1])]


def _of_run(run, config) -> dict[str, float]:
    figures = {"seconds": float(read_log(run.metrics)[-1]["seconds"])}
    if seen := watch.last(run.path / "watch.jsonl"):
        collapse = watch.Watch(data.load(config.data)).collapse(seen)
        figures["collapsed"] = float(collapse is not None)
    return figures


def measure(family: Family, variables: Variables, source: str) -> tuple[dict[str, float], Arrays]:
    """The figures of a trained model, of which some families have more than others, and one digit
    of each kind for a picture."""
    digits = data.load(source)
    real = partition.subset(digits.valid, COUNT)
    figures = {"parameters": float(sum(x.size for x in jax.tree.leaves(variables.params)))}
    arrays = {}
    if family.has("encode") and not family.searches:
        figures |= _coding(family.faithful(), variables, real, digits.train)
        few = [int(np.argmax(real.labels == digit)) for digit in range(SHOWN)]
        back = sampling.reconstruct(
            family.faithful(), variables, images.to_float(real.images[few]), real.labels[few], 0
        )
        arrays |= {"real": real.images[few], "back": images.to_uint8(back)}
    figures |= _drawing(family, variables, source)
    if isinstance(family, Fitted) and family.hears_labels:
        normal = dataclasses.replace(family.sampling, prior="normal")
        blind = dataclasses.replace(family, sampling=normal)  # pyright: ignore[reportArgumentType]
        figures["distance_normal"] = _drawing(blind, variables, source)["distance"]
    drawn = sampling.Drawer(family).draw(variables, sampling.balanced(SHOWN), 0)
    return figures, arrays | {"drawn": images.to_uint8(drawn)}


def _coding(family: Family, variables: Variables, real: Split, train: Split) -> dict[str, float]:
    chunk, figures = COUNT // 2, {}
    for name, part in (("error", real), ("train_error", partition.subset(train, COUNT))):
        back = over(family.reconstruct, variables, part, chunk)
        lost = metrics.pixels(part.images) - back.reshape(len(back), -1)
        figures[name] = float(np.square(lost).sum(1).mean())
    if family.has("rate"):
        rates = over(codes.without_keys(family.rate), variables, real, chunk)
        figures["rate"] = float(rates.mean())
    if isinstance(family, Variational):
        figures["bound"] = float(over(family.bound, variables, real, chunk).mean())
        figures["distortion"] = figures["bound"] - figures["rate"]
    latents = over(codes.without_keys(family.encode), variables, real, chunk)
    if np.issubdtype(latents.dtype, np.integer):
        shares = np.unique(latents, return_counts=True)[1] / latents.size
        figures["used"] = float(np.exp(-(shares * np.log(shares)).sum()))
    return figures


def _drawing(family: Family, variables: Variables, source: str) -> dict[str, float]:
    held = _held(source, COUNT)
    asked = reference.asked_of(family, data.load(source).valid.labels, COUNT)
    drawn = images.to_uint8(sampling.Drawer(family).draw(variables, asked, 0))
    logits, features = judge.look(judge.load(), drawn)
    apart = reference.relative(metrics.spreads(features, logits.argmax(1)), held.spreads)
    figures = {
        "distance": metrics.frechet(features, held.features) / held.unit,
        "coverage": metrics.prdc(held.features, features).coverage,
    }
    if family.hears_labels:
        figures["recognised"] = metrics.accuracy(logits, asked)
    if known := [spread for spread in apart if math.isfinite(spread)]:
        figures["diversity"] = sum(known) / len(known)
    return {name: float(value) for name, value in figures.items()}


@functools.cache
def _held(source: str, count: int) -> Reference:
    """The validation digits that drawn ones are held against, seen once."""
    return reference.measure(judge.load(), data.load(source), count, "valid")
