"""The figures of a comparison, by model and by name, and what they say of the course's claims.

All are read off the JSON of ``Comparison.to_dict``, so that the report shows no figure that is not
there. What was measured is named by its path in the JSON, such as ``codes.rate``.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import stats

from jaxgen.evaluation.statistics import Estimate, exact, mean
from jaxgen.experiments import claims
from jaxgen.experiments.claims import Claim
from jaxgen.experiments.course_measures import BATCH, BATCHES
from jaxgen.experiments.trial import Arrays

QUALITY = 0.3  # N: the quality up to which the cost of training is counted
WHOLE = "seconds of the whole training"
DRAWING = f"ms per digit, {BATCHES[-1]} at once"
DISTANCE = "Frechet distance, N"
FRECHET = "generated.frechet_in_noise_units"
RECOGNISED = "generated.recognised"
REAL = "real digits"
CAS = "classification accuracy score (CAS)"
TITLES = {FRECHET: DISTANCE, RECOGNISED: "accuracy of the judge", "useful": CAS}
DEFINITIONS = {  # of what the course orders: names of figures
    claims.TRAINING: [
        f"{unit} {what}"
        for what in (f"per 1,000 steps of {BATCH}", "of the whole training", f"to {QUALITY} N")
        for unit in ("seconds", "TFLOP")
    ],
    claims.SAMPLING: [f"ms per digit, {n} at once" for n in BATCHES],
    claims.QUALITY: list(TITLES),
}

Figures = dict[str, Estimate]  # by name


class Results:
    """The JSON of a comparison, the arrays of the first seed of each model, and all figures."""

    def __init__(self, json: dict[str, Any], arrays: Mapping[str, Arrays]):
        self.json, self.arrays, self.models = json, arrays, json["models"]
        self.families: dict[str, str] = {name: own["family"] for name, own in self.models.items()}
        self.measured: dict[str, list[dict[str, Any]]] = {}
        """What was measured of each model that has weights, seed by seed."""
        for name, model in self.models.items():
            if known := [seed["measured"] for seed in model["seeds"].values() if seed["measured"]]:
                self.measured[name] = known
        self.seeds = {name: list(map(_measured, known)) for name, known in self.measured.items()}
        self.figures = {
            name: _costs(own) | self._by_other_judges(name) | _over_seeds(self.seeds.get(name, []))
            for name, own in self.models.items()
        }
        self.real = _real(next(iter(self.measured.values()))[0]) if self.measured else {}
        """The figures of real digits, by the names that they have of a model."""

    def _by_other_judges(self, model: str) -> Figures:
        known = {name: judge["distances"] for name, judge in self.json["other_judges"].items()}
        return {f"{name}, N": mean(own[model]) for name, own in known.items() if model in own}

    def by_family(self, name: str) -> Figures:
        """A figure of each family that has it."""
        found = {self.families[model]: own.get(name) for model, own in self.figures.items()}
        return {family: one for family, one in found.items() if one}

    @functools.cached_property
    def claims(self) -> list[Claim]:
        """Each ordering under each definition for which there are figures of two families."""
        found = [
            Claim(ordering, TITLES.get(name, name), self.by_family(name), name == FRECHET)
            for ordering, definitions in DEFINITIONS.items()
            for name in definitions
        ]
        return [claim for claim in found if claim.statements]

    def rank_correlation(self, judge: str) -> float | None:
        """Spearman's correlation of the models' mean distances by this judge and by another; None
        for two models."""
        theirs = self.json["other_judges"][judge]["distances"]
        if len(theirs) < 3:
            return None
        ours = [self.figures[model][FRECHET].value for model in theirs]
        found: Any = stats.spearmanr(ours, [np.mean(own) for own in theirs.values()])
        return float(found.statistic)

    def to_dict(self) -> dict[str, Any]:
        """The JSON, and what is decided by it."""
        ranks = {name: self.rank_correlation(name) for name in self.json["other_judges"]}
        decided = [claim.to_dict() for claim in self.claims]
        return self.json | {"rank_correlation": ranks, "claims": decided}


def drawn_again(measured: dict[str, Any]) -> list[float]:
    """The distance of one model in N, from sample seed to sample seed."""
    return [measured["generated"]["frechet_in_noise_units"], *measured["frechet_again"]]


def _measured(measured: dict[str, Any]) -> Figures:
    """The figures of a model from one seed, with the intervals of drawing other digits: these leave
    the chance of training out."""
    again = mean(drawn_again(measured))
    value, half = drawn_again(measured)[0], again.half * math.sqrt(again.n)  # of one drawing
    return dict(_flat(measured)) | {FRECHET: Estimate(value, value - half, value + half, 1)}


def _real(measured: dict[str, Any]) -> Figures:
    """The figures of real digits, which were measured together with a model."""
    names = {"generated": "real", "useful": "useful_real", "parzen": "parzen_real"}
    names["populations"] = "populations_of_real"
    figures = dict(_flat({name: measured[theirs] for name, theirs in names.items()}))
    low, high = measured["real"]["frechet_in_noise_units_interval"]
    return figures | {FRECHET: figures[FRECHET]._replace(low=low, high=high)}


def _flat(found: Any, path: str = "") -> Iterator[tuple[str, Estimate]]:
    """The numbers and estimates in nested dictionaries, by their paths."""
    if isinstance(found, dict) and "value" in found:
        yield path, Estimate(*(found[field] for field in Estimate._fields))
    elif isinstance(found, dict):
        for name, value in found.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    elif isinstance(found, int | float):
        yield path, Estimate(float(found), -math.inf, math.inf, 1)


def _over_seeds(seeds: list[Figures]) -> Figures:
    """The mean of each figure over the seeds that have it; from one seed the figure as it is."""
    found = {}
    for name in dict.fromkeys(name for figures in seeds for name in figures):
        known = [figures[name] for figures in seeds if name in figures]
        found[name] = known[0] if len(known) == 1 else mean([one.value for one in known])
    return found


def _costs(model: dict[str, Any]) -> Figures:
    """What training and drawing cost. Times have intervals over repetitions; costs up to a quality
    have intervals over seeds."""
    if not (cost := model["cost"]):
        return {}
    own, equal, steps = cost["own"], cost["equal"], model["config"]["steps"]
    tera = own["operations"] / 1e12
    speed = own["operations"] / np.array(own["seconds"]) / own["products"]
    found = {
        f"seconds per 1,000 steps of {BATCH}": mean(equal["seconds"]).times(1000),
        f"TFLOP per 1,000 steps of {BATCH}": exact(equal["operations"] / 1e9),
        WHOLE: mean(own["seconds"]).times(steps),
        "TFLOP of the whole training": exact(steps * tera),
        "parameters": exact(float(own["parameters"])),
        "steps": exact(float(steps)),
        "batch": exact(float(model["config"]["batch"])),
        "GFLOP a step": exact(1000 * tera),
        "ms a step": mean(own["seconds"]).times(1000),
        "of a matrix product": exact(float(np.median(speed))),
        "MiB on a device": exact(own["memory"] / 2**20),
    }
    for n in BATCHES:
        found[f"ms per digit, {n} at once"] = mean(cost["drawing"][str(n)]).times(1000 / n)
    curves = [seed["training"]["curve"] for seed in model["seeds"].values()]
    reached = [next((x for x in looks if x["frechet"] <= QUALITY), {}) for looks in curves]
    if reached and all(reached):
        found[f"seconds to {QUALITY} N"] = mean([look["seconds"] for look in reached])
        found[f"TFLOP to {QUALITY} N"] = mean([tera * look["step"] for look in reached])
    return found
