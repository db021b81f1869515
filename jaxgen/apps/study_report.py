"""The report of the study of augmentation: a verdict, a chart, tables, and the drawn digits."""

import math

import numpy as np

from jaxgen import images
from jaxgen.apps import study
from jaxgen.apps.study import CHANGED, DRAWN, REAL, STEPS, Study, Way
from jaxgen.compare.claims import Estimate, estimate
from jaxgen.pages.document import COLOURS, Curve, Document, Lines, Pictures, Section, Table, Text

SHOWN = 40  # drawn digits of each generator in a picture


def document(found: Study, provenance: tuple[tuple[str, str], ...]) -> Document:
    """The report of a study that is finished."""
    return Document(
        "Does drawn data help a classifier?",
        "\n\n".join(verdicts(found)),
        provenance,
        (
            Section("How it was found", (Text(_how(found)),)),
            Section("Accuracy", (_chart(found), _accuracies(found))),
            Section("Differences", (_gains(found),)),
            Section("What the generators drew", _pictures(found)),
        ),
    )


def verdicts(found: Study) -> list[str]:
    """For each size and generator, whether its digits help, in a sentence."""
    return [
        _verdict(found, model, size)
        for size in sorted(found.plan.sizes)
        for model in found.plan.models
    ]


def _verdict(found: Study, model: str, size: int) -> str:
    alone, instead = (found.gain(Way(model), over, size) for over in (REAL, CHANGED))
    beside = found.gain(Way(model, changed=True), CHANGED, size)
    digits = "1 real digit" if size == 1 else f"{size} real digits"
    nothing = f"makes no difference that {found.plan.seeds} seeds can show"
    words = {1: "helps", 0: nothing, -1: "harms"}
    than = {1: "better than", 0: "not told from", -1: "worse than"}
    more = {1: "helps further", 0: "makes no difference", -1: "harms"}
    return (
        f"With {digits} of each kind, adding those of {model} {words[sign(alone)]} "
        f"({points(alone)} points). It is {than[sign(instead)]} shift and rotate "
        f"({points(instead)}); beside shift and rotate it {more[sign(beside)]} ({points(beside)})."
    )


def sign(gain: Estimate) -> int:
    """1 or -1 where the interval lies on one side of 0, else 0."""
    return (gain.value > gain.half) - (gain.value < -gain.half)


def points(gain: Estimate) -> str:
    """A difference in percentage points, with its interval."""
    if not math.isfinite(gain.half):
        return f"{100 * gain.value:+.1f}"
    low, high = gain.value - gain.half, gain.value + gain.half
    return f"{100 * gain.value:+.1f}, {100 * low:+.1f} to {100 * high:+.1f}"


def _percent(value: Estimate) -> str:
    if not math.isfinite(value.half):
        return f"{100 * value.value:.2f}"
    return f"{100 * value.value:.2f} ± {100 * value.half:.2f}"


def _how(found: Study) -> str:
    return (
        f"For each seed, some training digits of MNIST are chosen, as many of each of the ten. "
        f"Generators ({', '.join(found.plan.models)}) are trained on these alone, for half of the "
        f"steps of their recipes, and {DRAWN:,} digits are drawn from each. Small classifiers "
        f"(a LeNet, {STEPS:,} steps) learn from the real digits, from drawn ones, or from both, "
        "half of each batch of either kind, and are tested on the 10,000 test digits. Shift and "
        "rotate moves each digit anew at every step, by up to 2 pixels and 17 degrees. Nothing is "
        f"filtered. Intervals are of {found.plan.seeds} seeds, by Student's t; differences compare "
        "each seed with itself."
    )


def _chart(found: Study) -> Lines:
    sizes = sorted(found.plan.sizes)
    ways = [way for way in found.plan.ways() if way.real][:COLOURS]
    curves = []
    for way in ways:
        values = [estimate((100 * found.accuracies(way, size)).tolist()) for size in sizes]
        known = all(math.isfinite(value.half) for value in values)
        curves.append(
            Curve(
                f"{way}",
                sizes,
                [value.value for value in values],
                [value.value - value.half for value in values] if known else (),
                [value.value + value.half for value in values] if known else (),
            )
        )
    return Lines(
        tuple(curves),
        "real digits of each of the ten",
        "test digits recognised, per cent",
        "Accuracy of classifiers by what they learned from; means over seeds and their intervals.",
        log_x=True,
    )


def _accuracies(found: Study) -> Table:
    sizes = sorted(found.plan.sizes)
    rows = tuple(
        (f"{way}", *(_percent(estimate(found.accuracies(way, size).tolist())) for size in sizes))
        for way in found.plan.ways()
    )
    head = ("learned from", *(f"{size} a class" for size in sizes))
    return Table(head, rows, "Test digits recognised, per cent.")


def _gains(found: Study) -> Table:
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


def _pictures(found: Study) -> tuple[Pictures, ...]:
    shown = []
    for size in sorted(found.plan.sizes):
        for model in found.plan.models:
            drawn = found.drawn(model, size)[:SHOWN]
            what = f"{model}, trained on {size} digits of each kind, seed 0"
            shown.append(
                Pictures(images.grid(drawn, 20, scale=1), what, f"Digits drawn by {what}.")
            )
    return tuple(shown)


def to_dict(found: Study) -> dict:
    """The figures for ``json.dumps``."""
    sizes = sorted(found.plan.sizes)
    return {
        "models": list(found.plan.models),
        "sizes": sizes,
        "seeds": found.plan.seeds,
        "drawn": DRAWN,
        "classifier": repr(study.NETWORK),
        "accuracy": {
            f"{way}": {
                str(size): np.round(found.accuracies(way, size), 6).tolist() for size in sizes
            }
            for way in found.plan.ways()
        },
        "verdicts": verdicts(found),
    }
