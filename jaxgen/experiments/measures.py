"""What a study measures of a model: figures of validation digits, since a study is how settings are
chosen."""

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

COUNT = 2000  # digits that are drawn, and real ones that are encoded
SHOWN = 10  # digits in a picture, one of each


class Figure(NamedTuple):
    """A figure that every run of a family has."""

    name: str
    better: int
    """-1 where less is better, 1 where more is, 0 where neither is."""


FIGURES = {
    "error": Figure("squared error of a reconstruction", -1),
    "train_error": Figure("squared error of training digits", -1),
    "bound": Figure("bound in nats", -1),
    "rate": Figure("rate of the codes in nats", 0),
    "distortion": Figure("distortion in nats", 0),
    "used": Figure("perplexity of the codes", 1),
    "distance": Figure("Frechet distance in N", -1),
    "distance_normal": Figure("Frechet distance with codes from N(0, I)", -1),
    "recognised": Figure("share recognised as the digit asked for", 1),
    "coverage": Figure("coverage", 1),
    "diversity": Figure("diversity within a digit", 1),
    "collapsed": Figure("mode collapse", -1),
    "seconds": Figure("seconds of training", -1),
    "parameters": Figure("parameters", 0),
}


def measure(context: Context, config: Config, training: Result) -> Result:
    """The figures of a training, drawn from as ``config`` says; and one digit of each kind for a
    picture. Of a training that failed, there are none."""
    known = training.figures
    found = {"failed": known["failed"], "figures": {}, "curve": known["curve"]}
    if known["failed"]:
        return Result(found)
    model = train.load(training, config)
    figures, arrays = figures_of(model.family, model.variables, config.data)
    figures["seconds"] = known["seconds"]
    if model.family.may_collapse:
        figures["collapsed"] = float(known["collapse"] is not None)
    return Result(found | {"figures": figures}, arrays)


def figures_of(
    family: Family, variables: Variables, source: str
) -> tuple[dict[str, float], Arrays]:
    """The figures of a trained model, of which some families have more than others, and one digit
    of each kind for a picture."""
    digits = data.load(source)
    real = partition.subset(digits.valid, COUNT)
    figures = {"parameters": float(sum(x.size for x in jax.tree.leaves(variables.params)))}
    arrays = {}
    if isinstance(family, Encodes) and not family.encodes_iteratively:
        figures |= _coding(family.for_inversion(), variables, real, digits.train)
        few = [int(np.argmax(real.labels == digit)) for digit in range(SHOWN)]
        back = sampling.reconstruct(
            family.for_inversion(),
            variables,
            images.to_float(real.images[few]),
            real.labels[few],
            0,
        )
        arrays |= {"real": real.images[few], "back": images.to_uint8(back)}
    figures |= _drawing(family, variables, source)
    if isinstance(family, Fitted) and family.is_conditional:
        normal = family.with_sampling(prior="normal")
        figures["distance_normal"] = _drawing(normal, variables, source)["distance"]
    drawn = sampling.draw(family, variables, sampling.balanced(SHOWN), 0)
    return figures, arrays | {"drawn": images.to_uint8(drawn)}


def _coding(family: Family, variables: Variables, real: Split, train: Split) -> dict[str, float]:
    figures = {}

    def each(method, part):
        return map_images(
            method, variables, images=part.images, labels=part.labels, chunk=COUNT // 2
        )

    for name, part in (("error", real), ("train_error", partition.subset(train, COUNT))):
        back = each(family.reconstruct, part)
        lost = metrics.pixels(part.images) - back.reshape(len(back), -1)
        figures[name] = float(np.square(lost).sum(1).mean())
    if isinstance(family, HasRate):
        figures["rate"] = float(each(family.rate, real).mean())
    if isinstance(family, Variational):
        figures["bound"] = float(each(family.bound, real).mean())
        figures["distortion"] = figures["bound"] - figures["rate"]
    latents = each(able(family, Encodes).encode, real)
    if np.issubdtype(latents.dtype, np.integer):
        p = np.unique(latents, return_counts=True)[1] / latents.size
        figures["used"] = float(np.exp(-(p * np.log(p)).sum()))
    return figures


def _drawing(family: Family, variables: Variables, source: str) -> dict[str, float]:
    held = _held(source, COUNT)
    asked = reference.asked_of(family, data.load(source).valid.labels, COUNT)
    drawn = images.to_uint8(sampling.draw(family, variables, asked, 0))
    logits, features = judge.look(judge.load(), drawn)
    apart = reference.relative(metrics.spreads(features, logits.argmax(1)), held.spreads)
    figures = {
        "distance": metrics.frechet(features, held.features) / held.unit,
        "coverage": metrics.prdc(held.features, features).coverage,
    }
    if family.is_conditional:
        figures["recognised"] = metrics.accuracy(logits, asked)
    if known := [spread for spread in apart if math.isfinite(spread)]:
        figures["diversity"] = sum(known) / len(known)
    return {name: float(value) for name, value in figures.items()}


@functools.cache
def _held(source: str, count: int) -> Reference:
    """The figures of the validation digits that drawn ones are compared with, measured once."""
    return reference.measure(judge.load(), data.load(source), count, "valid")
