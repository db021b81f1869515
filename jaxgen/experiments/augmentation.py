"""Does drawn data help a classifier? The trials of the study, and its report."""

import itertools
import operator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgen import config as configs
from jaxgen import families, images
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import augmentation_measures as measures
from jaxgen.experiments import execute, train
from jaxgen.experiments.augmentation_measures import CHANGED, REAL, Way
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Arrays, Trial
from jaxgen.reports.document import COLOURS, Curve, Document, Lines, Pictures, Section, Table
from jaxgen.training.console import Console, plural

SHOWN = 40  # drawn digits of each generator in a picture


@dataclass(frozen=True)
class Augmentation:
    """The study: generators, numbers of real digits per class, and the number of seeds."""

    models: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: int

    def __post_init__(self):
        for model in self.models:
            if not families.build(configs.recipe(model)).is_conditional:
                raise UserError(f"{model} draws any digit, and a classifier needs to know which")
        configs.require("sizes", self.sizes, len(self.sizes) > 0, "1 number or more")
        for size in self.sizes:
            configs.require("sizes", size, size >= 1, "1 or more each")
        configs.require("seeds", self.seeds, self.seeds >= 1, "1 or more")

    def ways(self) -> list[Way]:
        """The training sets of the classifiers."""
        ways = [REAL, CHANGED]
        for model in self.models:
            ways += [Way(model), Way(model, changed=True), Way(model, real=False)]
        return ways

    def config(self, model: str, size: int, seed: int) -> Config:
        """The recipe of a generator: on few real digits, for half of the usual steps."""
        recipe = configs.recipe(model)
        return replace(
            recipe, data=measures.source(size, seed), seed=seed, steps=max(recipe.steps // 2, 1)
        )

    def carry_out(self, folder: Path, console: Console, scheduler: str | None = None) -> "Findings":
        """Train and test what is missing, on this machine or by the workers of a Dask
        ``scheduler``."""
        store = Store(folder, console.say)
        timing = Trial("timing", "classifier", measures.time_classifier)
        generators, classifiers = dict[tuple, Trial](), dict[tuple, Trial]()
        for size, seed in itertools.product(sorted(self.sizes), range(self.seeds)):
            for model in self.models:
                generators[model, size, seed] = self._generator(model, size, seed)
            for way in self.ways():
                classifiers[way, size, seed] = Trial(
                    "classifier",
                    f"{way}, {size} digits of each kind, seed {seed}",
                    measures.score,
                    (way, size, seed),
                    (generators[way.model, size, seed],) if way.model else (),
                    [repr(measures.NETWORK), measures.STEPS, measures.BATCH],
                    timing,
                    float,
                )
        trials = [*generators.values(), *classifiers.values()]  # long trials first
        execute.carry_out(trials, store, console, scheduler)
        return Findings(
            self,
            {key: store[trial].figures for key, trial in classifiers.items()},
            {key[:2]: store[trial].arrays for key, trial in generators.items() if key[2] == 0},
        )

    def _generator(self, model: str, size: int, seed: int) -> Trial:
        config = self.config(model, size, seed)
        return Trial(
            "generator",
            f"{model}, {size} digits of each kind, seed {seed}",
            measures.draw,
            (config, f"{model}-{size}-{seed}"),
            key=[configs.to_dict(config), measures.DRAWN],
            timing=train.timing(self.config(model, max(self.sizes), 0)),
            seconds=operator.itemgetter("training"),
        )


class Findings(NamedTuple):
    """The results of the study."""

    plan: Augmentation
    accuracies: dict[tuple[Way, int, int], float]  # by way, size and seed
    drawn: dict[tuple[str, int], Arrays]  # the digits of seed 0, by model and size

    @property
    def sizes(self) -> list[int]:
        return sorted(self.plan.sizes)

    def of(self, way: Way, size: int) -> list[float]:
        """The accuracies of a way, by seed."""
        return [self.accuracies[way, size, seed] for seed in range(self.plan.seeds)]

    def percent(self, way: Way, size: int) -> Estimate:
        """The accuracy of a way, in per cent."""
        return statistics.mean(self.of(way, size)).times(100)

    def gain(self, way: Way, over: Way, size: int) -> Estimate:
        """The accuracy of a way minus the accuracy of another, in percentage points, seed by
        seed."""
        pairs = zip(self.of(way, size), self.of(over, size), strict=True)
        return statistics.mean([100 * (one - other) for one, other in pairs])

    def to_dict(self) -> dict[str, Any]:
        """The figures for ``json.dumps``."""
        return {
            "models": list(self.plan.models),
            "sizes": self.sizes,
            "seeds": self.plan.seeds,
            "drawn": measures.DRAWN,
            "classifier": repr(measures.NETWORK),
            "accuracy": {
                f"{way}": {f"{n}": np.round(self.of(way, n), 6).tolist() for n in self.sizes}
                for way in self.plan.ways()
            },
            "verdicts": verdicts(self),
        }


def document(findings: Findings, provenance: tuple[tuple[str, str], ...]) -> Document:
    """The report."""
    return Document(
        "Does drawn data help a classifier?",
        "\n\n".join(verdicts(findings)),
        provenance,
        (
            Section("Method", (_method(findings.plan),)),
            Section("Accuracy", (_chart(findings), _accuracies(findings))),
            Section("Differences", (_gains(findings),)),
            Section("Drawn digits", _pictures(findings)),
        ),
    )


def verdicts(findings: Findings) -> list[str]:
    """Sentences that say whether drawn digits help, for each size and generator."""
    return [
        _verdict(findings, model, size) for size in findings.sizes for model in findings.plan.models
    ]


def _verdict(findings: Findings, model: str, size: int) -> str:
    alone, instead = (findings.gain(Way(model), over, size) for over in (REAL, CHANGED))
    beside = findings.gain(Way(model, changed=True), CHANGED, size)
    digits = "1 real digit" if size == 1 else f"{size} real digits"
    nothing = f"makes no difference that {plural(findings.plan.seeds, 'seed')} can show"
    words = {1: "helps", 0: nothing, -1: "harms"}
    than = {1: "better than", 0: "not separable from", -1: "worse than"}
    more = {1: "helps further", 0: "makes no difference", -1: "harms"}
    return (
        f"With {digits} of each kind, adding digits of {model} {words[alone.sign]} "
        f"({points(alone)} points). It is {than[instead.sign]} shift and rotate "
        f"({points(instead)}). Together with shift and rotate, it {more[beside.sign]} "
        f"({points(beside)})."
    )


def points(gain: Estimate) -> str:
    """A difference in percentage points, with its interval."""
    return f"{gain.value:+.1f}" + (f" ± {gain.half:.1f}" if gain.is_known else "")


def _method(plan: Augmentation) -> str:
    return (
        f"For each seed, some training digits of MNIST are chosen, the same number of each class. "
        f"Generators ({', '.join(plan.models)}) learn from these digits alone, for half of the "
        f"steps of their recipes, and {measures.DRAWN:,} digits are drawn from each. Small "
        f"classifiers (a LeNet, {measures.STEPS:,} steps) learn from the real digits, from drawn "
        "digits, or from both, half of each batch, and are tested on the 10,000 test digits. Shift "
        "and rotate moves each digit at random at every step, by up to 2 pixels and 17 degrees. No "
        f"digits are filtered. Intervals are of {plan.seeds} seeds, by Student's t; differences "
        "compare each seed with itself."
    )


def _chart(findings: Findings) -> Lines:
    curves = []
    for way in [way for way in findings.plan.ways() if way.real][:COLOURS]:
        estimates = [findings.percent(way, size) for size in findings.sizes]
        values, low, high, _ = zip(*estimates, strict=True)
        low, high = (low, high) if findings.plan.seeds > 1 else ((), ())
        curves.append(Curve(f"{way}", findings.sizes, values, low, high))
    return Lines(
        tuple(curves),
        "real digits per class",
        "accuracy on test digits, %",
        "Accuracy of classifiers by their training sets; means over seeds and their intervals.",
        log_x=True,
    )


def _accuracies(findings: Findings) -> Table:
    def cell(percent: Estimate) -> str:
        return f"{percent.value:.2f}" + (f" ± {percent.half:.2f}" if percent.is_known else "")

    rows = [
        (f"{way}", *(cell(findings.percent(way, size)) for size in findings.sizes))
        for way in findings.plan.ways()
    ]
    head = ("training set", *(f"{size} per class" for size in findings.sizes))
    return Table(head, tuple(rows), "Accuracy on test digits, %.")


def _gains(findings: Findings) -> Table:
    pairs = [(CHANGED, REAL)]
    for model in findings.plan.models:
        pairs += [
            (Way(model), REAL),
            (Way(model), CHANGED),
            (Way(model, changed=True), CHANGED),
            (Way(model, real=False), REAL),
        ]
    rows = [
        (f"{way} over {other}", *(points(findings.gain(way, other, n)) for n in findings.sizes))
        for way, other in pairs
    ]
    head = ("", *(f"{size} per class" for size in findings.sizes))
    return Table(head, tuple(rows), "Differences in percentage points, with 95 % intervals.")


def _pictures(findings: Findings) -> tuple[Pictures, ...]:
    pictures = []
    for size, model in itertools.product(findings.sizes, findings.plan.models):
        caption = f"{model}, trained on {size} digits of each kind, seed 0"
        drawn = images.grid(findings.drawn[model, size]["images"][:SHOWN], 20, scale=1)
        pictures.append(Pictures(drawn, caption, f"Digits drawn by {caption}."))
    return tuple(pictures)
