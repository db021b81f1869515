"""Does drawn data help a classifier? What is trained and tested, and the report of it."""

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
from jaxgen.experiments.augmentation_measures import (
    BATCH,
    CHANGED,
    DRAWN,
    NETWORK,
    REAL,
    STEPS,
    Way,
    source,
)
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Arrays, Trial
from jaxgen.pages.document import COLOURS, Curve, Document, Lines, Pictures, Section, Table
from jaxgen.training.console import Console, plural

SHOWN = 40  # drawn digits of each generator in a picture


@dataclass(frozen=True)
class Augmentation:
    """What is studied: generators, numbers of real digits of each of the ten, and seeds."""

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
        """What the classifiers learn from."""
        drawn = [
            way
            for model in self.models
            for way in (Way(model), Way(model, changed=True), Way(model, real=False))
        ]
        return [REAL, CHANGED, *drawn]

    def config(self, model: str, size: int, seed: int) -> Config:
        """The recipe of a generator: on these digits, and for half of the usual steps."""
        recipe = configs.recipe(model)
        return replace(recipe, data=source(size, seed), seed=seed, steps=max(recipe.steps // 2, 1))

    def carry_out(self, folder: Path, console: Console, scheduler: str | None = None) -> "Findings":
        """Train and test what is missing, in a folder."""
        store = Store(folder / "parts", console.say)
        timings = {
            model: train.timing(self.config(model, max(self.sizes), 0)) for model in self.models
        }
        classifier = Trial(
            "seconds of a classifier", "timing a classifier", measures.time_classifier
        )
        cases = [(size, seed) for size in sorted(self.sizes) for seed in range(self.seeds)]
        generators = {
            (model, *case): self._generator(model, *case, timings[model], store)
            for case in cases
            for model in self.models
        }

        def seconds() -> float:
            known = store.get(classifier)
            return known.figures if known else 10.0

        classifiers = {}
        for size, seed in cases:
            for way in self.ways():
                after = (generators[way.model, size, seed],) if way.model else ()
                classifiers[way, size, seed] = Trial(
                    f"score-{way}-{size}-{seed}",
                    f"{way}: {size} digits of each kind, seed {seed}",
                    measures.score,
                    (way, size, seed),
                    after,
                    [repr(NETWORK), STEPS, BATCH],
                    seconds,
                )

        def what(rest: list[Trial]) -> str:
            count = sum(trial.function is measures.draw for trial in rest)
            generators = plural(count, "generator")
            return f"{generators} and {plural(len(rest) - count, 'classifier')} to train"

        trials = [*generators.values(), *classifiers.values()]
        given = folder, store, console, what
        execute.carry_out(trials, [*timings.values(), classifier], *given, scheduler=scheduler)
        accuracies = {key: store.get(trial) for key, trial in classifiers.items()}
        drawn = {key: store.get(trial) for key, trial in generators.items() if key[2] == 0}
        return Findings(
            self,
            {key: found.figures for key, found in accuracies.items() if found},
            {key[:2]: found.arrays for key, found in drawn.items() if found},
        )

    def _generator(self, model: str, size: int, seed: int, timing: Trial, store: Store) -> Trial:
        config = self.config(model, size, seed)
        return Trial(
            f"drawn-{model}-{size}-{seed}",
            f"{model} on {size} digits of each kind, seed {seed}",
            measures.draw,
            (config, f"{model}-{size}-{seed}"),
            key=[configs.to_dict(config), DRAWN],
            seconds=lambda: train.seconds(timing, store)["training"],
        )


class Findings(NamedTuple):
    """The accuracies of classifiers by way, size and seed; and the digits that generators drew."""

    plan: Augmentation
    accuracies: dict[tuple[Way, int, int], float]
    drawn: dict[tuple[str, int], Arrays]  # by model and size, of seed 0

    def of(self, way: Way, size: int) -> list[float]:
        """The accuracies of one way, by seed."""
        return [self.accuracies[way, size, seed] for seed in range(self.plan.seeds)]

    def gain(self, way: Way, over: Way, size: int) -> Estimate:
        """How many percentage points better one way is than another, each seed compared with
        itself."""
        pairs = zip(self.of(way, size), self.of(over, size), strict=True)
        return statistics.mean([100 * (one - other) for one, other in pairs])

    def to_dict(self) -> dict[str, Any]:
        """The figures for ``json.dumps``."""
        sizes = sorted(self.plan.sizes)
        return {
            "models": list(self.plan.models),
            "sizes": sizes,
            "seeds": self.plan.seeds,
            "drawn": DRAWN,
            "classifier": repr(NETWORK),
            "accuracy": {
                f"{way}": {str(size): np.round(self.of(way, size), 6).tolist() for size in sizes}
                for way in self.plan.ways()
            },
            "verdicts": verdicts(self),
        }


def document(found: Findings, provenance: tuple[tuple[str, str], ...]) -> Document:
    """The report."""
    return Document(
        "Does drawn data help a classifier?",
        "\n\n".join(verdicts(found)),
        provenance,
        (
            Section("How it was found", (_how(found.plan),)),
            Section("Accuracy", (_chart(found), _accuracies(found))),
            Section("Differences", (_gains(found),)),
            Section("What the generators drew", _pictures(found)),
        ),
    )


def verdicts(found: Findings) -> list[str]:
    """For each size and generator, whether its digits help, in a sentence."""
    plan = found.plan
    return [_verdict(found, model, size) for size in sorted(plan.sizes) for model in plan.models]


def _verdict(found: Findings, model: str, size: int) -> str:
    alone, instead = (found.gain(Way(model), over, size) for over in (REAL, CHANGED))
    beside = found.gain(Way(model, changed=True), CHANGED, size)
    digits = "1 real digit" if size == 1 else f"{size} real digits"
    nothing = f"makes no difference that {found.plan.seeds} seeds can show"
    words = {1: "helps", 0: nothing, -1: "harms"}
    than = {1: "better than", 0: "not told from", -1: "worse than"}
    more = {1: "helps further", 0: "makes no difference", -1: "harms"}
    return (
        f"With {digits} of each kind, adding those of {model} {words[alone.sign]} "
        f"({points(alone)} points). It is {than[instead.sign]} shift and rotate "
        f"({points(instead)}); beside shift and rotate it {more[beside.sign]} ({points(beside)})."
    )


def points(gain: Estimate) -> str:
    """A difference in percentage points, with its interval."""
    if not gain.is_known:
        return f"{gain.value:+.1f}"
    return f"{gain.value:+.1f} ± {gain.half:.1f}"


def _how(plan: Augmentation) -> str:
    return (
        f"For each seed, some training digits of MNIST are chosen, as many of each of the ten. "
        f"Generators ({', '.join(plan.models)}) are trained on these alone, for half of the "
        f"steps of their recipes, and {DRAWN:,} digits are drawn from each. Small classifiers "
        f"(a LeNet, {STEPS:,} steps) learn from the real digits, from drawn ones, or from both, "
        "half of each batch of either kind, and are tested on the 10,000 test digits. Shift and "
        "rotate moves each digit anew at every step, by up to 2 pixels and 17 degrees. Nothing is "
        f"filtered. Intervals are of {plan.seeds} seeds, by Student's t; differences compare "
        "each seed with itself."
    )


def _chart(found: Findings) -> Lines:
    sizes = sorted(found.plan.sizes)
    curves = []
    for way in [way for way in found.plan.ways() if way.real][:COLOURS]:
        values = [statistics.mean(found.of(way, size)).times(100) for size in sizes]
        known = all(value.is_known for value in values)
        low, high = ([one[end] for one in values] if known else [] for end in (1, 2))
        curves.append(Curve(f"{way}", sizes, [value.value for value in values], low, high))
    return Lines(
        tuple(curves),
        "real digits of each of the ten",
        "test digits recognised, per cent",
        "Accuracy of classifiers by what they learned from; means over seeds and their intervals.",
        log_x=True,
    )


def _accuracies(found: Findings) -> Table:
    def percent(values: list[float]) -> str:
        one = statistics.mean(values).times(100)
        return f"{one.value:.2f} ± {one.half:.2f}" if one.is_known else f"{one.value:.2f}"

    sizes = sorted(found.plan.sizes)
    rows = [
        (f"{way}", *(percent(found.of(way, size)) for size in sizes)) for way in found.plan.ways()
    ]
    head = ("learned from", *(f"{size} a class" for size in sizes))
    return Table(head, tuple(rows), "Test digits recognised, per cent.")


def _gains(found: Findings) -> Table:
    sizes, pairs = sorted(found.plan.sizes), [(CHANGED, REAL)]
    for model in found.plan.models:
        pairs += [
            (Way(model), REAL),
            (Way(model), CHANGED),
            (Way(model, changed=True), CHANGED),
            (Way(model, real=False), REAL),
        ]
    rows = tuple(
        (f"{way} over {other}", *(points(found.gain(way, other, size)) for size in sizes))
        for way, other in pairs
    )
    head = ("", *(f"{size} a class" for size in sizes))
    return Table(head, rows, "Differences in percentage points, with 95 % intervals.")


def _pictures(found: Findings) -> tuple[Pictures, ...]:
    shown = []
    for size in sorted(found.plan.sizes):
        for model in found.plan.models:
            drawn = found.drawn[model, size]["images"][:SHOWN]
            what = f"{model}, trained on {size} digits of each kind, seed 0"
            shown.append(
                Pictures(images.grid(drawn, 20, scale=1), what, f"Digits drawn by {what}.")
            )
    return tuple(shown)
