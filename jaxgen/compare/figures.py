"""What a comparison has found, as JSON can hold it, and the figures that are read off that.

The report is made of the JSON alone, so no figure in the one is not in the other.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

import jaxgen
from jaxgen import config as configs
from jaxgen import devices
from jaxgen.compare import claims, measuring
from jaxgen.compare.claims import Estimate, Ordering, Statement
from jaxgen.compare.measuring import BATCHES
from jaxgen.compare.run import Comparison
from jaxgen.training import folder

QUALITY = 0.3  # N: the quality that the cost of training to is asked for
WHOLE = "seconds of the whole training"
DRAWING = f"ms per digit, {BATCHES[-1]} at once"
DISTANCE = "Frechet distance, N"
DISTANCE_PATH = ("generated", "frechet_in_noise_units")


def to_dict(comparison: Comparison, command: str) -> dict[str, Any]:
    """All findings, for ``json.dumps``."""
    plan, models = comparison.plan, {}
    for entry in plan.entries:
        model = models.setdefault(
            entry.model,
            {
                "family": entry.config.family,
                "config": configs.to_dict(comparison.planned(entry)),
                "cost": comparison.cost(entry.model),
                "seeds": {},
            },
        )
        training, measured = comparison.training(entry), comparison.measured(entry)
        if training:
            found = {"training": training, "measured": measured}
            model["seeds"][str(entry.config.seed)] = found
    told = {
        "jaxgen": jaxgen.__version__,
        "commit": folder.commit(),
        "command": command,
        "devices": devices.describe(),
        "machine": folder.machine(),
        "judge": comparison.judge.hash,
        "data": comparison.digits.source,
        "seeds": plan.seeds,
        "training": plan.training,
        "count": measuring.COUNT,
        "glance": measuring.GLANCE,
        "models": models,
        "sampler_steps": comparison.sampler_steps(),
        "other_judges": comparison.other_judges(),
        "skipped": comparison.skipped,
        "strided": comparison.strided(),
    }
    ranks = {name: rank_correlation(told, name) for name in told["other_judges"]}
    found = [claim.to_dict() for claim in decided(told)]
    return told | {"rank_correlation": ranks, "claims": found}


def rank_correlation(told, judge: str) -> float | None:
    """Spearman's, of the models' mean distances by this judge and by another; None of two."""
    theirs = told["other_judges"][judge]["distances"]
    if len(theirs) < 3:
        return None
    ours = [float(np.mean(values(told, model, *DISTANCE_PATH))) for model in theirs]
    ranks = stats.rankdata(ours), stats.rankdata([np.mean(found) for found in theirs.values()])
    return float(np.corrcoef(*ranks)[0, 1])


class Claim(NamedTuple):
    """An ordering of the course under one definition of what it orders."""

    ordering: Ordering
    by: str
    figures: dict[str, Estimate]  # by family
    statements: list[Statement]
    less_is_more: bool

    @property
    def ranked(self) -> list[str]:
        """The families as the figures order them, the most first."""
        return sorted(
            self.figures,
            key=lambda family: self.figures[family].value,
            reverse=not self.less_is_more,
        )

    def to_dict(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "ordering": self.ordering.name,
            "course": self.ordering.text,
            "by": self.by,
            "figures": {
                family: {"value": one.value, "half": one.half if math.isfinite(one.half) else None}
                for family, one in self.figures.items()
            },
            "found": self.ranked,
            "statements": [statement._asdict() for statement in self.statements],
            "verdict": claims.verdict(self.statements),
        }


def decided(told) -> list[Claim]:
    """Each ordering under each definition for which there are figures of two families."""

    def claim(ordering, by, figures, less_is_more=False):
        found = claims.statements(ordering, figures, less_is_more=less_is_more)
        return Claim(ordering, by, figures, found, less_is_more)

    found = [claim(claims.TRAINING, by, figures) for by, figures in training_costs(told).items()]
    found += [claim(claims.SAMPLING, by, figures) for by, figures in sampling_costs(told).items()]
    found.append(claim(claims.QUALITY, DISTANCE, frechet(told), less_is_more=True))
    found.append(claim(claims.QUALITY, "share recognised", recognised(told)))
    found.append(claim(claims.QUALITY, "usefulness", useful(told)))
    return [one for one in found if one.statements]


def measured_seeds(told, model: str) -> list[dict[str, Any]]:
    """What was measured of each seed of a model, the first seed first."""
    return [
        seed["measured"] for seed in told["models"][model]["seeds"].values() if seed["measured"]
    ]


def first_measured(told) -> dict[str, dict[str, Any]]:
    """What was measured of the first seed of each model that was measured."""
    seeds = {model: measured_seeds(told, model) for model in told["models"]}
    return {model: measured[0] for model, measured in seeds.items() if measured}


def values(told, model: str, *path: str) -> list[float]:
    """A measured figure of each seed of a model, where it is there."""
    found = []
    for measured in measured_seeds(told, model):
        figure: Any = measured
        for key in path:
            figure = figure and figure.get(key)
        if figure is not None:
            found.append(float(figure))
    return found


def estimates(told, *path: str) -> dict[str, Estimate]:
    """A measured figure by family, with its interval over seeds.

    Of one seed, the interval is that of drawing other digits: which leaves training out."""
    found = {}
    for model, known in told["models"].items():
        figures = values(told, model, *path)
        if not figures:
            continue
        one = claims.estimate(figures)
        if one.n == 1:
            one = one._replace(half=_half_of_drawing(told, model, path))
        found[known["family"]] = one
    return found


def drawn_again(measured) -> list[float]:
    """The distance of one model in N, from sample seed to sample seed."""
    return [measured["generated"]["frechet_in_noise_units"], *measured["frechet_again"]]


def _half_of_drawing(told, model, path) -> float:
    """Half the interval of a figure over drawn digits, where that is known."""
    if path == DISTANCE_PATH:
        drawn = claims.estimate(drawn_again(measured_seeds(told, model)[0]))
        return drawn.half * math.sqrt(drawn.n)  # of one drawing, not of their mean
    ends = [values(told, model, *path[:-1], end) for end in ("low", "high")]
    return (ends[1][0] - ends[0][0]) / 2 if all(ends) else math.inf


def frechet(told) -> dict[str, Estimate]:
    """Distance in N, by family."""
    return estimates(told, *DISTANCE_PATH)


def recognised(told) -> dict[str, Estimate]:
    """Share recognised as the digit asked for, by family."""
    return estimates(told, "generated", "recognised", "value")


def useful(told) -> dict[str, Estimate]:
    """Share of the test digits that a classifier recognises after drawn ones alone, by family."""
    return estimates(told, "useful", "value")


def training_costs(told) -> dict[str, dict[str, Estimate]]:
    """The cost of training by each definition, by family. Times have intervals over repetitions;
    those to a quality over seeds."""
    found: dict[str, dict[str, Estimate]] = {}
    for model in told["models"].values():
        family, cost, steps = model["family"], model["cost"], model["config"]["steps"]
        if not cost:
            continue
        own, equal = cost["own"], cost["equal"]
        trillions = own["operations"] / 1e12
        costs = {
            f"seconds per 1,000 steps of {measuring.BATCH}": _times(1e3, equal["seconds"]),
            f"TFLOP per 1,000 steps of {measuring.BATCH}": _exact(1e3 * equal["operations"] / 1e12),
            WHOLE: _times(steps, own["seconds"]),
            "TFLOP of the whole training": _exact(steps * trillions),
        }
        if reached := _reached(model):
            seconds = [look["seconds"] for look in reached]
            costs[f"seconds to {QUALITY} N"] = claims.estimate(seconds)
            work = [trillions * look["step"] for look in reached]
            costs[f"TFLOP to {QUALITY} N"] = claims.estimate(work)
        for by, one in costs.items():
            found.setdefault(by, {})[family] = one
    return found


def sampling_costs(told) -> dict[str, dict[str, Estimate]]:
    """The cost of drawing by the number of digits at once, by family, over repetitions."""
    return {
        f"ms per digit, {batch} at once": {
            model["family"]: _times(1e3 / batch, model["cost"]["drawing"][str(batch)])
            for model in told["models"].values()
            if model["cost"]
        }
        for batch in BATCHES
    }


def _times(factor, figures) -> Estimate:
    return claims.estimate([factor * figure for figure in figures])


def _exact(value) -> Estimate:
    return Estimate(value, 0, 1)


def _reached(model) -> list[dict[str, Any]]:
    """The first look at each seed that found the quality; none where one has not, or no curve."""
    found = []
    for seed in model["seeds"].values():
        there = [look for look in seed["training"]["curve"] if look["frechet"] <= QUALITY]
        if not there:
            return []
        found.append(there[0])
    return found
