"""The figures of a comparison, by model and by name, and the verdicts on the course's claims.

All figures are from the JSON of ``Comparison.to_dict``, so the JSON has every figure of the report.
The name of a measured figure is its path in the JSON, such as ``codes.rate``.
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
DEFINITIONS = {  # the figures that define each ordering
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
        self.families = {name: model["family"] for name, model in self.models.items()}
        # The measurements of each model that has weights, seed by seed.
        self.measured: dict[str, list[dict[str, Any]]] = {}
        for name, model in self.models.items():
            if seeds := [seed["measured"] for seed in model["seeds"].values() if seed["measured"]]:
                self.measured[name] = seeds
        self.seeds = {name: list(map(_measured, seeds)) for name, seeds in self.measured.items()}
        self.figures = {
            name: _costs(model)
            | self._by_other_judges(name)
            | _over_seeds(self.seeds.get(name, []))
            for name, model in self.models.items()
        }
        # The figures of real digits, by the same names as a model's.
        self.real = _real(next(iter(self.measured.values()))[0]) if self.measured else {}

    def _by_other_judges(self, model: str) -> Figures:
        return {
            f"{name}, N": mean(judge["distances"][model])
            for name, judge in self.json["other_judges"].items()
            if model in judge["distances"]
        }

    def by_family(self, name: str) -> Figures:
        """A figure of each family that has it."""
        return {
            self.families[model]: figures[name]
            for model, figures in self.figures.items()
            if name in figures
        }

    @functools.cached_property
    def claims(self) -> list[Claim]:
        """Each ordering under each definition that has figures of two families."""
        claims = [
            Claim(ordering, TITLES.get(name, name), self.by_family(name), name == FRECHET)
            for ordering, definitions in DEFINITIONS.items()
            for name in definitions
        ]
        return [claim for claim in claims if claim.statements]

    def rank_correlation(self, judge: str) -> float | None:
        """Spearman's correlation of the models' mean distances by our judge and by another judge;
        None for two models."""
        distances = self.json["other_judges"][judge]["distances"]
        if len(distances) < 3:
            return None
        ours = [self.figures[model][FRECHET].value for model in distances]
        spearman: Any = stats.spearmanr(ours, [np.mean(seeds) for seeds in distances.values()])
        return float(spearman.statistic)

    def to_dict(self) -> dict[str, Any]:
        """The JSON, with the rank correlations and the verdicts on the claims."""
        ranks = {name: self.rank_correlation(name) for name in self.json["other_judges"]}
        claims = [claim.to_dict() for claim in self.claims]
        return self.json | {"rank_correlation": ranks, "claims": claims}


def by_sample_seed(measured: dict[str, Any]) -> list[float]:
    """The distances of one model in N, one for each sample seed."""
    return [measured["generated"]["frechet_in_noise_units"], *measured["frechet_again"]]


def _measured(measured: dict[str, Any]) -> Figures:
    """The figures of a model from one seed. The interval of the distance is for the chance of
    drawing, without the chance of training."""
    distances = by_sample_seed(measured)
    value, half = distances[0], mean(distances).half * math.sqrt(len(distances))  # of one drawing
    return dict(_flat(measured)) | {FRECHET: Estimate(value, value - half, value + half, 1)}


def _real(measured: dict[str, Any]) -> Figures:
    """The figures of real digits, which every measurement of a model contains."""
    paths = {
        "generated": "real",
        "useful": "useful_real",
        "parzen": "parzen_real",
        "populations": "populations_of_real",
    }
    figures = dict(_flat({name: measured[path] for name, path in paths.items()}))
    low, high = measured["real"]["frechet_in_noise_units_interval"]
    return figures | {FRECHET: figures[FRECHET]._replace(low=low, high=high)}


def _flat(json: Any, path: str = "") -> Iterator[tuple[str, Estimate]]:
    """The numbers and estimates in nested dictionaries, by their paths."""
    if isinstance(json, dict) and "value" in json:
        yield path, Estimate(*(json[field] for field in Estimate._fields))
    elif isinstance(json, dict):
        for name, value in json.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    elif isinstance(json, int | float):
        yield path, Estimate(float(json), -math.inf, math.inf, 1)


def _over_seeds(seeds: list[Figures]) -> Figures:
    """The mean of each figure over the seeds that have it; the figure itself if one seed has it."""
    means = {}
    for name in dict.fromkeys(name for figures in seeds for name in figures):
        values = [figures[name] for figures in seeds if name in figures]
        means[name] = values[0] if len(values) == 1 else mean([one.value for one in values])
    return means


def _costs(model: dict[str, Any]) -> Figures:
    """The costs of training and drawing. Times have intervals over repetitions; costs up to a
    quality have intervals over seeds."""
    if not (cost := model["cost"]):
        return {}
    own, equal, steps = cost["own"], cost["equal"], model["config"]["steps"]
    tera = own["operations"] / 1e12
    speed = own["operations"] / np.array(own["seconds"]) / own["products"]
    costs = {
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
        costs[f"ms per digit, {n} at once"] = mean(cost["drawing"][str(n)]).times(1000 / n)
    curves = [seed["training"]["curve"] for seed in model["seeds"].values()]
    reached = [next((x for x in looks if x["frechet"] <= QUALITY), {}) for looks in curves]
    if reached and all(reached):
        costs[f"seconds to {QUALITY} N"] = mean([look["seconds"] for look in reached])
        costs[f"TFLOP to {QUALITY} N"] = mean([tera * look["step"] for look in reached])
    return costs
