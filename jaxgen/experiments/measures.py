"""The figures of a model in a study. They are of validation digits, because a study chooses
settings."""

import functools
import math
from typing import NamedTuple

import jax
import numpy as np

from jaxgen import data, images, sampling
from jaxgen.config import Config
from jaxgen.data import Split, partition
from jaxgen.evaluation import judge, metrics, reference
from jaxgen.evaluation.reference import Reference
from jaxgen.experiments import train
from jaxgen.experiments.trial import Arrays, Context, Result
from jaxgen.families.base import Family, Fitted, Variables, Variational
from jaxgen.families.capabilities import Encodes, HasRate, able
from jaxgen.mapping import map_images

COUNT = 2000  # digits to draw, and real digits to encode
SHOWN = 10  # images in a picture, of as many classes


class Figure(NamedTuple):
    """A figure that every run of a family has."""

    name: str
    better: int  # 1: more is better, -1: less is better, 0: neither


FIGURES = {
    "error": Figure("squared error of a reconstruction", -1),
    "train_error": Figure("squared error of training digits", -1),
    "bound": Figure("bound in nats", -1),
    "rate": Figure("rate of the codes in nats", 0),
    "distortion": Figure("distortion in nats", 0),
    "used": Figure("perplexity of the codes", 1),
    "distance": Figure("Frechet distance in N", -1),
    "distance_normal": Figure("Frechet distance with codes from N(0, I)", -1),
    "recognised": Figure("accuracy of the judge", 1),
    "coverage": Figure("coverage", 1),
    "diversity": Figure("diversity within a digit", 1),
    "collapsed": Figure("mode collapse", -1),
    "seconds": Figure("seconds of training", -1),
    "parameters": Figure("parameters", 0),
}


def measure(context: Context, config: Config, training: Result) -> Result:
    """The figures of a trained model with the sampling settings of ``config``, and one digit of
    each kind for a picture; none of a training that failed."""
    run = training.figures
    result = {"failed": run["failed"], "figures": {}, "curve": run["curve"]}
    if run["failed"]:
        return Result(result)
    model = train.load(training, config)
    figures, arrays = figures_of(model.family, model.variables, config.data)
    figures["seconds"] = run["seconds"]
    if model.family.may_collapse:
        figures["collapsed"] = float(run["collapse"] is not None)
    return Result(result | {"figures": figures}, arrays)


def figures_of(
    family: Family, variables: Variables, source: str
) -> tuple[dict[str, float], Arrays]:
    """The figures that apply to the family of a trained model, and one digit of each kind for a
    picture."""
    digits = data.load(source)
    real = partition.subset(digits.valid, COUNT)
    figures = {"parameters": float(sum(x.size for x in jax.tree.leaves(variables.params)))}
    arrays = {}
    if isinstance(family, Encodes) and not family.encodes_iteratively:
        coder = family.for_inversion()
        figures |= _coding(coder, variables, real, digits.train)
        few = [int(np.argmax(real.labels == digit)) for digit in shown_of(digits)]
        shown, labels = real.images[few], real.labels[few]
        back = sampling.reconstruct(coder, variables, images.to_float(shown), labels, 0)
        arrays |= {"real": shown, "back": images.to_uint8(back)}
    figures |= _drawing(family, variables, source)
    if isinstance(family, Fitted) and family.is_conditional:
        normal = family.with_sampling(prior="normal")
        figures["distance_normal"] = _drawing(normal, variables, source)["distance"]
    drawn = sampling.draw(family, variables, np.array(shown_of(digits), np.int32), 0)
    return figures, arrays | {"drawn": images.to_uint8(drawn)}


def shown_of(digits: data.Digits) -> tuple[int, ...]:
    """The classes in a picture, SHOWN at most."""
    return digits.learned[:SHOWN]


def _coding(family: Family, variables: Variables, real: Split, train: Split) -> dict[str, float]:
    figures = {}

    def apply(method, split):
        return map_images(
            method, variables, images=split.images, labels=split.labels, chunk=COUNT // 2
        )

    for name, split in (("error", real), ("train_error", partition.subset(train, COUNT))):
        back = apply(family.reconstruct, split)
        difference = metrics.pixels(split.images) - back.reshape(len(back), -1)
        figures[name] = float(np.square(difference).sum(1).mean())
    if isinstance(family, HasRate):
        figures["rate"] = float(apply(family.rate, real).mean())
    if isinstance(family, Variational):
        figures["bound"] = float(apply(family.bound, real).mean())
        figures["distortion"] = figures["bound"] - figures["rate"]
    latents = apply(able(family, Encodes).encode, real)
    if np.issubdtype(latents.dtype, np.integer):
        p = np.unique(latents, return_counts=True)[1] / latents.size
        figures["used"] = float(np.exp(-(p * np.log(p)).sum()))
    return figures


def _drawing(family: Family, variables: Variables, source: str) -> dict[str, float]:
    real = _reference(source, COUNT)
    digits = data.load(source)
    asked = reference.labels_for(family, digits.valid.labels, COUNT, digits.learned)
    drawn = images.to_uint8(sampling.draw(family, variables, asked, 0))
    logits, features = judge.look(judge.of(digits), drawn)
    own = metrics.spreads(features, logits.argmax(1), len(digits.names))
    spreads = reference.relative(own, real.spreads)
    figures = {
        "distance": metrics.frechet(features, real.features) / real.unit,
        "coverage": metrics.prdc(real.features, features).coverage,
    }
    if family.is_conditional:
        figures["recognised"] = metrics.accuracy(logits, asked)
    if known := [spread for spread in spreads if math.isfinite(spread)]:
        figures["diversity"] = sum(known) / len(known)
    return {name: float(value) for name, value in figures.items()}


@functools.cache
def _reference(source: str, count: int) -> Reference:
    digits = data.load(source)
    return reference.measure(judge.of(digits), digits, count, "valid")
