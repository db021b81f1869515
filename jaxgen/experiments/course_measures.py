"""What the trials of a comparison do: they time a recipe, train it, and measure the model."""

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import data, families, sampling
from jaxgen import images as pixels
from jaxgen.arrays import DIGITS
from jaxgen.config import Config, to_dict
from jaxgen.data import partition
from jaxgen.errors import UserError
from jaxgen.evaluation import codes, judge, metrics, reference, suite
from jaxgen.evaluation.reference import Reference
from jaxgen.experiments import runs, train
from jaxgen.experiments.trial import Arrays, Context, Result, Trial
from jaxgen.families.base import Variables
from jaxgen.families.capabilities import Diffuses
from jaxgen.training import costs, loop, trained
from jaxgen.training.folder import RunFolder, read_log
from jaxgen.training.trained import Trained

COUNT = 10_000  # digits that a model is judged by
GLANCE = 2000  # digits drawn at each look at a training
REDRAWN = 2  # times that the Frechet distance is taken again, with other sample seeds
BATCH = 128  # for the cost of training at equal batches
BATCHES = (1, 16, 128)  # for the cost of sampling
PLANE = 800  # real digits whose codes are shown in a plane
SAMPLER_STEPS = (1, 2, 5, 10, 20, 50, 100)
SHOWN = 8  # digits of each kind in a picture
CURVED = 64  # real digits whose coding is followed level by level, in families that code so
FIRST_NATS = 0.5  # from which that is shown
LOOKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)  # fractions of a training after which it is judged
# Other judges, for whom other features matter: what they are trained with.
OTHERS: dict[str, dict[str, Any]] = {
    "LeNet": {"seed": 1, "steps": 3200, "network": judge.Layered()},
    "dense layers": {"seed": 1, "network": judge.Layered((), (512, 256, 64))},
}

Progress = Callable[[str], None]


def cost(context: Context, config: Config) -> Result:
    """What a recipe costs, at its own batch and at BATCH, and what drawing does."""
    own = costs.training(config)
    equal = own
    if config.batch != BATCH:
        equal = costs.training(replace(config, batch=BATCH))
    return Result(
        {
            "own": own._asdict(),
            "equal": equal._asdict(),
            "drawing": {str(batch): costs.drawing(config, batch, batch) for batch in BATCHES},
        }
    )


def train_with_looks(
    context: Context, config: Config, budget: float | None, *cost: Result
) -> Result:
    """Train a recipe, and judge some drawn digits on the way. With a ``budget`` in seconds, its
    ``cost`` says how many steps those are. A run of the recipe that is there already is taken as it
    is. A training that fails is a result too."""
    if budget:
        steps = max(int(budget / float(np.median(cost[0].figures["own"]["seconds"]))), 1)
        config = replace(config, steps=steps)
    there = runs.find(context.folder / "runs")
    found: dict[str, Any] = {"steps": config.steps, "curve": []}
    if run := there.finished(config):
        failed = train.collapse(run, config.data)
        return Result(
            {"run": str(run), **found, "seconds": _seconds(run, config.steps), "failed": failed}
        )
    there.require_at_rest(config)
    name = f"{config.model}-{config.seed}-{config.steps}"
    run, failed = RunFolder(context.folder / "runs" / name), None
    drawer = sampling.Drawer(families.build(config))
    for stage in sorted({max(round(part * config.steps), 1) for part in LOOKS}):
        look = _look(name, stage, config)
        # Kept by itself: once training has gone on, there are no weights of this stage left.
        if (known := context.store.get(look)) is None:
            part = replace(runs.with_horizon(config), steps=stage, save_every=stage, sample_every=0)
            listener = train.Listener(context, config.steps)
            [failed] = loop.train_apart([part], [run], listener, context.say)
            if failed:
                break
            model = trained.load(run, part, context.say)
            figures = {"step": stage, "seconds": _seconds(run, stage)}
            known = Result(figures | glance(model, drawer))
            context.store.put(look, known)
        found["curve"].append(known.figures)
    found["seconds"] = found["curve"][-1]["seconds"] if found["curve"] else None
    found["failed"] = failed or train.collapse(run, config.data)
    return Result({"run": str(run), **found})


def _look(name: str, stage: int, config: Config) -> Trial:
    """The name and the key under which a look is kept."""
    key = [to_dict(config), judge.load().hash, GLANCE]
    return Trial(f"look-{name}-{stage}", "", train_with_looks, key=key)


def measure(context: Context, config: Config, amount: suite.Amount, training: Result) -> Result:
    """Everything that is measured of a trained model; None where there are no weights."""
    if not has_weights(training):
        return Result(None)
    model = _load(training, config)
    return Result(*figures_of(model, amount, context.progress))


def measure_sampler(context: Context, config: Config, training: Result) -> Result:
    """Quality by the number of steps of drawing; None where there are no weights."""
    if not has_weights(training):
        return Result(None)
    return Result(sampler_steps(_load(training, config)))


def has_weights(training: Result) -> bool:
    """Whether a training left weights to measure."""
    return bool(training.figures["curve"] or not training.figures["failed"])


def train_judge(context: Context, name: str) -> Result:
    """Train another judge: the proportion of the test digits that it recognises."""
    weights = _weights(context, name)
    return Result(judge.train(weights, context.progress, **OTHERS[name]))


def ask_judge(
    context: Context, name: str, models: tuple[str, ...], trained: Result, *measured: Result | None
) -> Result:
    """What another judge makes of the digits of all models: distances in its own N."""
    other = judge.load(_weights(context, name), None, OTHERS[name]["network"])
    held = partition.subset(data.load("mnist").test, COUNT).images
    real = judge.look(other, held)[1]
    unit = metrics.frechet(judge.look(other, reference.noisy(held))[1], real)
    distances: dict[str, list[float]] = {}
    for model, found in zip(models, measured, strict=True):
        if found and found.figures:
            features = judge.look(other, found.arrays["images"])[1]
            distances.setdefault(model, []).append(metrics.frechet(features, real) / unit)
    return Result({"judge": other.hash, "distances": distances})


def _weights(context: Context, name: str) -> Path:
    return context.folder / f"judge of {name}.safetensors"


def _load(training: Result, config: Config) -> trained.Trained:
    run, steps = RunFolder(Path(training.figures["run"])), training.figures["steps"]
    config = runs.with_horizon(replace(config, steps=steps))
    model = trained.load(run, config, lambda line: None)
    curve = training.figures["curve"]
    last = curve[-1]["step"] if curve else steps
    if model.step != last:
        raise UserError(
            f"{run} is at step {model.step} and not {last}: "
            "bring it there with bin/train, or give --out another folder"
        )
    return model


def _seconds(run: RunFolder, step: int) -> float:
    """Seconds of training up to a step."""
    lines = read_log(run.metrics)
    return float(lines[min(step, len(lines)) - 1]["seconds"])


def glance(model: Trained, drawer: sampling.Drawer | None = None) -> dict[str, float]:
    """How good GLANCE drawn digits are."""
    return _judged(drawer or sampling.Drawer(model.family), model, 0, _reference(GLANCE))


def figures_of(model: Trained, amount: suite.Amount, progress: Progress) -> tuple[Any, Arrays]:
    """Everything that is measured of a trained model: figures and arrays."""
    family, variables, digits = model.family, model.variables, data.load("mnist")
    real = _real(amount.count)
    found = suite.measure(family, variables, digits, judge.load(), real, amount, progress=progress)
    progress("drawing again, with other seeds")
    drawer = sampling.Drawer(family)
    again = [
        _judged(drawer, model, seed, real.reference)["frechet"] for seed in range(1, 1 + REDRAWN)
    ]
    progress("laying out codes in a plane")
    few = partition.subset(digits.test, PLANE)
    plane = codes.plane(family, variables, few)
    figures = found.to_dict() | {"frechet_again": again, "drawing_seconds": found.drawing}
    figures["coding"] = _coding(model, found.codes)
    arrays = {
        "images": found.images,
        "labels": found.labels,
        "picture": picture(drawer, variables),
        "copies": _copies(found),
    }
    if plane is not None:
        arrays |= {"plane": plane, "plane_labels": few.labels}
    return figures, arrays


def sampler_steps(model: Trained) -> list[dict[str, Any]]:
    """Seconds and quality by the number of steps that a family draws in."""
    rows = []
    for steps in SAMPLER_STEPS:
        other = model.drawn_with(steps=steps)
        drawer = sampling.Drawer(other.family)
        drawer.draw(other.variables, sampling.balanced(1), 0)  # compiles
        began = time.perf_counter()
        found = glance(other, drawer)
        rows.append({"steps": steps, "seconds": (time.perf_counter() - began) / GLANCE} | found)
    return rows


def picture(drawer: sampling.Drawer, variables: Variables) -> np.ndarray:
    """Some digits of each kind: uint8 [h, w]."""
    labels = np.repeat(np.arange(DIGITS, dtype=np.int32), SHOWN)
    return pixels.grid(drawer.draw(variables, labels, 0), columns=SHOWN, scale=1)


def _judged(
    drawer: sampling.Drawer, model: Trained, seed: int, real: Reference
) -> dict[str, float]:
    """The distance of digits drawn with a seed, in N, and the proportion recognised."""
    labels = reference.asked_of(model.family, data.load("mnist").test.labels, real.n)
    drawn = drawer.draw(model.variables, labels, seed)
    logits, features = judge.look(judge.load(), pixels.to_uint8(drawn))
    apart = metrics.frechet(features, real.features) / real.unit
    return {"frechet": apart, "recognised": metrics.accuracy(logits, labels)}


def _copies(found: suite.Suite) -> np.ndarray:
    """The drawn digits nearest to training digits, above these: uint8 [h, w]."""
    near = found.report.closest[:SHOWN]
    drawn = found.images[[one.image for one in near]]
    train = data.load("mnist").train.images[[one.train for one in near]]
    return pixels.grid(np.concatenate([drawn, train]), columns=len(near), scale=1)


def _coding(model: Trained, kept: codes.Codes) -> list[tuple[float, float]] | None:
    """Rate in nats and squared error: of a code; of diffusion, from level to level."""
    family = model.family
    few = partition.subset(data.load("mnist").test, CURVED)
    if not isinstance(family, Diffuses):
        rate, error = kept.rate, kept.squared_error
        return None if rate is None or error is None else [(rate, error)]

    def progress(variables, keys, images, labels):
        start, nats, errors = family.progress(variables, images, labels, keys)
        return (start[:, None] + nats.cumsum(0).T), errors.T

    program = sampling.Program(progress, CURVED)
    images = pixels.to_float(few.images)
    rates, errors = program(model.variables, 0, np.arange(CURVED), images, few.labels)
    # What is known at a level was told before its own step. The first levels tell next to nothing.
    rates, errors = rates.mean(0)[:-1], errors.mean(0)[1:]
    first = min(np.searchsorted(rates, FIRST_NATS), len(rates) - 1)
    levels = np.unique(np.geomspace(first + 1, len(rates), 40).astype(int)) - 1
    return [(float(rates[level]), float(errors[level])) for level in levels]


@functools.cache
def _reference(n: int) -> Reference:
    """n real digits, measured once."""
    return reference.measure(judge.load(), data.load("mnist"), n)


@functools.cache
def _real(n: int) -> suite.Real:
    """What n real digits get, measured once."""
    return suite.real_figures(judge.load(), data.load("mnist"), n, "test")
