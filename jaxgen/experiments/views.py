"""The views of a study: charts of figures and rows of digits along its axes."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jaxgen import images
from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.experiments.findings import say
from jaxgen.experiments.grid import Axis, Setting
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.questions import Question
from jaxgen.experiments.study import Study
from jaxgen.reports.document import (
    COLOURS,
    Block,
    Curve,
    Dot,
    Dots,
    Lines,
    Pictures,
    Table,
    is_wide,
)

VIEWS = 4  # sections at most of a study with more than two axes
PLOTS = (("error", "train_error"), ("distance", "distance_normal"), ("recognised",))


class View(NamedTuple):
    """A section: the settings along one axis, in a line for each value of a second axis."""

    axis: Axis
    lines: dict[str, list[Setting]]  # by value of the second axis; without one, the name is empty
    fixed: str  # the values of all other axes


def of(study: Study) -> list[View]:
    """The sections of a study."""
    grid = study.grid
    if grid.design == "each":
        return [View(axis, {"": grid.along(axis)[0]}, "") for axis in grid.axes]
    views: dict[str, dict[str, list[Setting]]] = {}
    for line in grid.along(grid.axes[0]):
        second, others = line[0].values[1:2], line[0].values[2:]
        name = "".join(f"{axis.rpartition('.')[2]} {value}" for axis, value in second)
        fixed = ", ".join(f"{axis} {value}" for axis, value in others)
        views.setdefault(fixed, {})[name] = line
    return [View(grid.axes[0], lines, fixed) for fixed, lines in list(views.items())[:VIEWS]]


def title(view: View, count: int) -> str:
    """The heading of one of ``count`` sections."""
    if view.fixed:
        return f"Along {view.axis.name}, with {view.fixed}"
    return f"Along {view.axis.name}" if count > 1 else "The answer"


def plots(study: Study, question: Question | None) -> list[list[str]]:
    """The figures of each chart that the study has."""
    known = study.names()
    groups = question.plots if question else PLOTS
    charts = [[name for name in group if name in known] for group in groups]
    return [chart for chart in charts if chart]


def blocks(study: Study, question: Question | None, view: View) -> Iterator[Block]:
    """The charts and pictures of a view."""
    is_one = len(view.lines) == 1
    for group in plots(study, question):
        # Several lines of one figure, or several figures along one line.
        for names in [group] if is_one else [[name] for name in group]:
            yield from _chart(study, view, names)
    if question and question.coding and is_one and view.axis.name == "net.beta":
        yield from _coding(study, view)
    if question and question.curves:
        yield from _losses(study, view)
    yield from _pictures(study, view)


def _chart(study: Study, view: View, names: list[str]) -> Iterator[Block]:
    """Curves in one chart if the values of the axis are numbers; else dots, in a chart for each
    line and figure."""
    figures = {
        (line, name): means
        for line, settings in list(view.lines.items())[:COLOURS]
        for name in names
        if (means := _along(study, view.axis, settings, name))
    }
    if (scale := numbers(view.axis)) is None:
        for (line, name), means in figures.items():
            dots = [
                Dot(value, x.value, *((x.low, x.high) if x.is_known else ()))
                for value, x in means.items()
            ]
            x = f"{FIGURES[name].name} ({line})" if line else FIGURES[name].name
            yield Dots(tuple(dots), x, f"By {view.axis.name}; means over seeds.")
    elif figures:
        curves = []
        for (line, name), means in figures.items():
            points = sorted((scale[1](value), *estimate) for value, estimate in means.items())
            x, y, low, high, _ = zip(*points, strict=True)
            if not all(estimate.is_known for estimate in means.values()):
                low, high = (), ()
            curves.append(Curve(line or FIGURES[name].name, x, y, low, high))
        intervals = ", and their intervals" if len(study.grid.seeds) > 1 else ""
        yield Lines(
            tuple(curves),
            scale[0],
            FIGURES[names[0]].name,
            f"Means over seeds{intervals}.",
            log_x=is_wide([x for curve in curves for x in curve.x]),
            log_y=is_wide([y for curve in curves for y in (*curve.y, *curve.low)]),
        )


def _coding(study: Study, view: View) -> Iterator[Block]:
    """Distortion over rate, and beta as in the beta-VAE and as in the course."""
    (settings,) = view.lines.values()
    figures = [_along(study, view.axis, settings, name) for name in ("rate", "distortion", "bound")]
    known = [value for value in view.axis.values if all(value in means for means in figures)]
    if len(known) < 2:
        return
    points = sorted([means[value].value for means in figures[:2]] for value in known)
    x, y = zip(*points, strict=True)
    yield Lines(
        (Curve("distortion", x, y),),
        "rate: information of the code, nats",
        "distortion, nats",
        "The nats of a digit given its code, over the nats of the code.",
    )
    head = (
        "beta of distortion + beta rate",
        "beta of rate + beta distortion",
        "rate, nats",
        "distortion, nats",
        "bound: their sum",
    )
    rows = [
        (value, say(1 / float(value)), *(_cell(means[value]) for means in figures))
        for value in known
    ]
    yield Table(head, tuple(rows), "The beta of the course is the factor of the other term.")


def _losses(study: Study, view: View) -> Iterator[Block]:
    """The loss over the steps, for the last line of settings."""
    name, settings = list(view.lines.items())[-1]
    curves = []
    for setting in settings[:COLOURS]:
        runs = [study.results[setting, seed].figures for seed in study.grid.seeds]
        losses = [dict(map(tuple, run["curve"])) for run in runs]
        if steps := sorted(set.intersection(*map(set, losses))):
            means = [float(np.mean([loss[step] for loss in losses])) for step in steps]
            curves.append(Curve(setting.of(view.axis.name), steps, means))
    if curves:
        wide = is_wide([y for curve in curves for y in curve.y])
        caption = f"Means over seeds, by {view.axis.name}{f', with {name}' if name else ''}."
        yield Lines(tuple(curves), "step", "loss in training", caption, log_y=wide)


def _pictures(study: Study, view: View) -> Iterator[Pictures]:
    """Drawn digits along the axis; with a single line, reconstructed digits too."""
    seed = study.grid.seeds[0]
    for line, settings in view.lines.items():
        arrays = {
            setting.of(view.axis.name): run
            for setting in settings
            if (run := study.results[setting, seed].arrays)
        }
        if not arrays:
            continue
        where = f", with {line}" if line else ""
        drawn = {value: run["drawn"] for value, run in arrays.items()}
        yield _picture(drawn, f"Drawn digits by {view.axis.name}{where}; seed {seed}.")
        if all("back" in run for run in arrays.values()) and len(view.lines) == 1:
            real = {"digit": next(iter(arrays.values()))["real"]}
            back = {value: run["back"] for value, run in arrays.items()}
            caption = f"Validation digits, and their reconstructions by {view.axis.name}."
            yield _picture(real | back, caption)


def _picture(rows: dict[str, np.ndarray], caption: str) -> Pictures:
    columns = len(next(iter(rows.values())))
    whole = images.grid(np.concatenate(list(rows.values())), columns, scale=1)
    words = f"{len(rows)} rows of digits: {', '.join(rows)}"
    return Pictures(whole, caption, words, rows=tuple(rows))


def every_setting(study: Study) -> Table:
    """All figures of all settings."""
    names = study.names()
    rows = [
        (
            ", ".join(value for _, value in setting.values),
            *(_cell(_mean(study, setting, name)) for name in names),
        )
        for setting in study.grid.settings
    ]
    axes = ", ".join(axis.name for axis in study.grid.axes)
    head = (axes, *(FIGURES[name].name for name in names))
    return Table(head, tuple(rows), "Means over the seeds that were trained to the end.")


def _along(study: Study, axis: Axis, settings: list[Setting], name: str) -> dict[str, Estimate]:
    """The means of a figure over seeds, by the values of an axis that have it."""
    return {
        setting.of(axis.name): estimate
        for setting in settings
        if (estimate := _mean(study, setting, name))
    }


def _mean(study: Study, setting: Setting, name: str) -> Estimate | None:
    values = list(study.figures(setting, name).values())
    return mean(values) if values else None


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    return f"{estimate}" if estimate.is_known and estimate.half else say(estimate.value)


def numbers(axis: Axis) -> tuple[str, Callable[[str], float]] | None:
    """The title of an axis of numbers, and a function ``number(value)``; None if the values are no
    numbers."""
    if axis.name == "data" and all(value.split(":")[0] == "mnist" for value in axis.values):
        return "training digits", _digits
    if axis.name == "net.layers":
        layers = [value.split("-") for value in axis.values]
        first, depths = layers[0], {len(widths) for widths in layers}
        if len({width for widths in layers for width in widths}) == 1:
            return f"hidden layers of {first[0]}", lambda value: len(value.split("-"))
        if len(depths) == 1 and all(len(set(widths)) == 1 for widths in layers):
            title = f"neurons in each of {len(first)} hidden layers"
            return title, lambda value: float(value.split("-")[0])
        return None
    try:
        is_finite = all(math.isfinite(float(value)) for value in axis.values)
    except ValueError:
        return None
    return (axis.name, float) if is_finite else None


def _digits(source: str) -> float:
    parts = source.split(":")
    return 10 * float(parts[1]) if len(parts) > 1 else 55_000.0
