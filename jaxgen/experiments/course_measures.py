"""The trials of a comparison: they time a recipe, train it, and measure the model."""

import functools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import data, sampling
from jaxgen import images as pixels
from jaxgen.classes import DIGITS
from jaxgen.config import Config, to_dict
from jaxgen.data import partition
from jaxgen.errors import UserError
from jaxgen.evaluation import codes, judge, metrics, reference, suite
from jaxgen.evaluation.reference import Reference
from jaxgen.experiments import runs, train
from jaxgen.experiments.trial import Context, Result, Trial
from jaxgen.families.capabilities import Diffuses
from jaxgen.mapping import map_images
from jaxgen.training import costs, loop, trained
from jaxgen.training.folder import RunFolder, read_log
from jaxgen.training.trained import Trained

COUNT = 10_000  # digits that are drawn for the figures of a model
GLANCE = 2000  # digits that are drawn at each look at a training
REDRAWN = 2  # more Frechet distances, with other sample seeds
BATCH = 128  # for the cost of training at equal batches
BATCHES = (1, 16, 128)  # for the cost of sampling
PLANE = 800  # real digits whose codes are shown in a plane
SAMPLER_STEPS = (1, 2, 5, 10, 20, 50, 100)
SHOWN = 8  # digits of each kind in a picture
CURVED = 64  # real digits whose rate and distortion are measured at each noise level of diffusion
FIRST_NATS = 0.5  # the curve of rate and distortion begins at this rate
LOOKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # fractions of a training at which it is judged
# The settings of other judges, with other features.
OTHERS: dict[str, dict[str, Any]] = {
    "LeNet": {"seed": 1, "steps": 3200, "network": judge.Layered()},
    "dense layers": {"seed": 1, "network": judge.Layered((), (512, 256, 64))},
}


def cost(context: Context, config: Config) -> Result:
    """The cost of training, at the recipe's batch and at BATCH, and the cost of drawing."""
    own = costs.training(config)
    equal = own if config.batch == BATCH else costs.training(replace(config, batch=BATCH))
    drawing = {str(batch): costs.drawing(config, batch, batch) for batch in BATCHES}
    return Result({"own": own._asdict(), "equal": equal._asdict(), "drawing": drawing})


def train_with_looks(
    context: Context, config: Config, budget: float | None, *cost: Result
) -> Result:
    """Train a recipe, and judge some drawn digits on the way. A ``budget`` in seconds becomes a
    number of steps by the recipe's ``cost``. A finished run of the recipe is not trained again, nor
    is a model that ships, and has no curve. A training that fails is a result too."""
    if budget:
        steps = max(int(budget / float(np.median(cost[0].figures["own"]["seconds"]))), 1)
        config = replace(config, steps=steps)
    earlier = runs.find(context.folder / "runs")
    if found := train.found(context, config, earlier):
        figures = found.figures
        return Result(figures | {"curve": [], "failed": figures["collapse"]})
    earlier.require_at_rest(config)
    run = RunFolder(context.folder / "runs" / f"{config.model}-{config.seed}-{config.steps}")
    curve, failed = [], None
    for stage in sorted({max(round(fraction * config.steps), 1) for fraction in LOOKS}):
        look, failed = _look(context, run, config, stage)
        if failed:
            break
        curve.append(look)
    seconds = curve[-1]["seconds"] if curve else None
    figures = {"run": str(run), "steps": config.steps, "curve": curve, "seconds": seconds}
    return Result(figures | {"failed": failed or train.collapse(run, config.data)})


def _look(
    context: Context, run: RunFolder, config: Config, stage: int
) -> tuple[dict[str, float], str | None]:
    """Train up to a step, and judge GLANCE drawn digits. Returns the figures, and why training
    failed, or None. The store keeps the figures: later in the training, the weights of this step
    are gone."""
    key = [to_dict(config), judge.load().hash, GLANCE]
    look = Trial("look", f"{run.path.name}-{stage}", train_with_looks, key=key)
    if (result := context.store.get(look)) is None:
        part = replace(runs.with_horizon(config), steps=stage, save_every=stage, sample_every=0)
        listener = train.Listener(context, config.steps)
        [failed] = loop.train_apart([part], [run], listener, context.say)
        if failed:
            return {}, failed
        model = trained.load(run, part, context.say)
        figures = {"step": stage, "seconds": _seconds(run, stage)}
        result = Result(figures | _judged(model, 0, _reference(GLANCE)))
        context.store.put(look, result)
    return result.figures, None


def _seconds(run: RunFolder, step: int) -> float:
    """Seconds of training up to a step."""
    lines = read_log(run.metrics)
    return float(lines[min(step, len(lines)) - 1]["seconds"])


def measure(context: Context, config: Config, amount: suite.Amount, training: Result) -> Result:
    """All figures of a trained model; None if there are no weights."""
    if (model := _load(training, config)) is None:
        return Result(None)
    family, variables, digits = model.family, model.variables, data.load("mnist")
    real, progress = _real(amount.count), context.progress
    measured = suite.measure(
        family, variables, digits, judge.load(), real, amount, progress=progress
    )
    progress("drawing again, with other seeds")
    again = [_judged(model, seed, real.reference)["frechet"] for seed in range(1, 1 + REDRAWN)]
    labels = np.repeat(np.arange(len(DIGITS), dtype=np.int32), SHOWN)
    drawn = sampling.draw(family, variables, labels, 0)
    closest = measured.report.closest[:SHOWN]
    copies = measured.images[[neighbour.image for neighbour in closest]]
    copied = digits.train.images[[neighbour.train for neighbour in closest]]
    arrays = {
        "images": measured.images,
        "labels": measured.labels,
        "picture": pixels.grid(drawn, columns=SHOWN, scale=1),
        "copies": pixels.grid(np.concatenate([copies, copied]), columns=len(closest), scale=1),
    }
    progress("laying out codes in a plane")
    few = partition.subset(digits.test, PLANE)
    if (plane := codes.plane(family, variables, few)) is not None:
        arrays |= {"plane": plane, "plane_labels": few.labels}
    figures = measured.to_dict() | {"frechet_again": again, "drawing_seconds": measured.drawing}
    return Result(figures | {"coding": _coding(model, measured.codes)}, arrays)


def measure_sampler(context: Context, config: Config, training: Result) -> Result:
    """Seconds and quality by the number of steps of drawing; None if there are no weights."""
    if (model := _load(training, config)) is None:
        return Result(None)
    rows = []
    for steps in SAMPLER_STEPS:
        other = model.with_sampling(steps=steps)
        sampling.draw(other.family, other.variables, sampling.balanced(1), 0)  # compiles
        began = time.perf_counter()
        quality = _judged(other, 0, _reference(GLANCE))
        rows.append({"steps": steps, "seconds": (time.perf_counter() - began) / GLANCE} | quality)
    return Result(rows)


def _load(training: Result, config: Config) -> Trained | None:
    """The model of a training; None if it failed before the first look. Raises UserError if the
    run has weights of another step."""
    figures = training.figures
    if figures["failed"] and not figures["curve"]:
        return None
    run = train.folder(training)
    config = runs.with_horizon(replace(config, steps=figures["steps"]))
    model = trained.load(run, config, lambda line: None)
    last = figures["curve"][-1]["step"] if figures["curve"] else config.steps
    if model.step != last:
        raise UserError(
            f"{run} is at step {model.step} and not {last}: "
            "train it to that step with bin/train, or give --out another folder"
        )
    return model


def _judged(model: Trained, seed: int, real: Reference) -> dict[str, float]:
    """The distance of digits drawn with a seed, in N, and the proportion recognised."""
    digits = data.load("mnist")
    labels = reference.labels_for(model.family, digits.test.labels, real.n, digits.learned)
    drawn = sampling.draw(model.family, model.variables, labels, seed)
    logits, features = judge.look(judge.load(), pixels.to_uint8(drawn))
    distance = metrics.frechet(features, real.features) / real.unit
    return {"frechet": distance, "recognised": metrics.accuracy(logits, labels)}


def _coding(model: Trained, measured: codes.Codes) -> list[tuple[float, float]] | None:
    """Rate in nats and squared error: of the code, or of each noise level of diffusion."""
    family = model.family
    if not isinstance(family, Diffuses):
        rate, error = measured.rate, measured.squared_error
        return None if rate is None or error is None else [(rate, error)]

    def progress(variables, keys, images, labels):
        start, nats, errors = family.progress(variables, images, labels, keys)
        return (start[:, None] + nats.cumsum(0).T), errors.T

    few = partition.subset(data.load("mnist").test, CURVED)
    images = pixels.to_float(few.images)
    rates, errors = map_images(
        progress, model.variables, chunk=CURVED, images=images, labels=few.labels
    )
    # The rate after a step belongs to the error at the next level. The first levels have almost no
    # rate.
    rates, errors = rates.mean(0)[:-1], errors.mean(0)[1:]
    first = min(np.searchsorted(rates, FIRST_NATS), len(rates) - 1)
    levels = np.unique(np.geomspace(first + 1, len(rates), 40).astype(int)) - 1
    return [(float(rates[level]), float(errors[level])) for level in levels]


@functools.cache
def _reference(n: int) -> Reference:
    return reference.measure(judge.load(), data.load("mnist"), n)


@functools.cache
def _real(n: int) -> suite.Real:
    return suite.real_figures(judge.load(), data.load("mnist"), n, "test")


# Other judges.


def train_judge(context: Context, name: str) -> Result:
    """Train another judge; the figure is its accuracy on the test digits."""
    return Result(judge.train(_weights(context, name), context.progress, **OTHERS[name]))


def ask_judge(
    context: Context, name: str, models: tuple[str, ...], trained: Result, *measured: Result | None
) -> Result:
    """The distances of the digits of all models by another judge, in its own N."""
    other = judge.load(_weights(context, name), None, OTHERS[name]["network"])
    test = partition.subset(data.load("mnist").test, COUNT).images
    real = judge.look(other, test)[1]
    unit = metrics.frechet(judge.look(other, reference.noisy(test))[1], real)
    distances: dict[str, list[float]] = {}
    for model, result in zip(models, measured, strict=True):
        if result and result.figures:
            features = judge.look(other, result.arrays["images"])[1]
            distances.setdefault(model, []).append(metrics.frechet(features, real) / unit)
    return Result({"judge": other.hash, "distances": distances})


def _weights(context: Context, name: str) -> Path:
    return context.folder / f"judge of {name}.safetensors"
