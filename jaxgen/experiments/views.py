"""The views of a study: charts of figures and rows of digits along each thing that was varied."""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxgen import images
from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.experiments.findings import say
from jaxgen.experiments.grid import Axis, Setting
from jaxgen.experiments.measures import FIGURES, SHOWN
from jaxgen.experiments.questions import Question
from jaxgen.experiments.study import Study
from jaxgen.pages.document import COLOURS, Block, Curve, Dot, Dots, Lines, Pictures, Table, is_wide

VIEWS = 4  # sections at most of one study that varies more than two things together
PLOTS = (("error", "train_error"), ("distance", "distance_normal"), ("recognised",))


class View(NamedTuple):
    """What a section shows: the settings along one axis, for each value of another if there is
    one."""

    axis: Axis
    lines: dict[str, list[Setting]]  # by name, which is empty where there is one
    fixed: str  # what the others are at


def of(study: Study) -> list[View]:
    """The sections of a study."""
    grid = study.grid
    if grid.design == "each" or len(grid.axes) == 1:
        return [View(axis, {"": grid.along(axis)[0]}, "") for axis in grid.axes]
    first, second, *rest = grid.axes
    found = []
    for choice in itertools.islice(itertools.product(*(axis.values for axis in rest)), VIEWS):
        fixed = [(axis.name, value) for axis, value in zip(rest, choice, strict=True)]
        lines = {
            f"{second.name.rpartition('.')[2]} {value}": [
                setting
                for setting in grid.settings
                if set(fixed) | {(second.name, value)} <= set(setting.values)
            ]
            for value in second.values
        }
        found.append(View(first, lines, ", ".join(f"{name} {value}" for name, value in fixed)))
    return found


def title(view: View, count: int) -> str:
    """What a section is called, of ``count`` that there are."""
    if view.fixed:
        return f"Along {view.axis.name}, with {view.fixed}"
    return f"Along {view.axis.name}" if count > 1 else "The answer"


def plots(study: Study, question: Question | None) -> list[list[str]]:
    """The figures of each chart, of those that there are."""
    known = study.names()
    groups = question.plots if question else PLOTS
    found = [[name for name in group if name in known] for group in groups]
    return [group for group in found if group]


def blocks(study: Study, question: Question | None, view: View) -> list[Block]:
    """The charts and pictures of a view."""
    found: list[Block] = []
    for group in plots(study, question):
        # Several lines of one figure, or several figures along one line.
        for names in [group] if len(view.lines) == 1 else [[name] for name in group]:
            found += _chart(study, view, names)
    if question and question.coding and len(view.lines) == 1:
        found += _coding(study, view)
    if question and question.curves:
        found += _losses(study, view)
    return found + _pictures(study, view)


def _chart(study: Study, view: View, names: list[str]) -> list[Block]:
    scale = numbers(view.axis)
    lines = list(view.lines.items())[:COLOURS]
    if scale is None:
        return [
            block
            for name in names
            for line, settings in lines
            for block in _dots(study, view, name, line, settings)
        ]
    called, place = scale
    curves = []
    for line, settings in lines:
        for name in names:
            points = [(place(s.of(view.axis.name)), _mean(study, s, name)) for s in settings]
            known = sorted((x, y) for x, y in points if y is not None)
            if not known:
                continue
            x, y = zip(*known, strict=True)
            many = all(one.is_known for one in y)
            curves.append(
                Curve(
                    line or FIGURES[name].name,
                    x,
                    [one.value for one in y],
                    [one.low for one in y] if many else (),
                    [one.high for one in y] if many else (),
                )
            )
    if not curves:
        return []
    values = [y for curve in curves for y in (*curve.y, *curve.low)]
    places = [x for curve in curves for x in curve.x]
    return [
        Lines(
            tuple(curves),
            called,
            FIGURES[names[0]].name,
            f"Means over seeds{', and their intervals' if len(study.grid.seeds) > 1 else ''}.",
            log_x=is_wide(places),
            log_y=is_wide(values),
        )
    ]


def _dots(study, view, name, line, settings) -> list[Block]:
    found = [(s.of(view.axis.name), _mean(study, s, name)) for s in settings]
    dots = tuple(
        Dot(value, one.value, one.low, one.high) if one.is_known else Dot(value, one.value)
        for value, one in found
        if one is not None
    )
    if not dots:
        return []
    with_line = f" ({line})" if line else ""
    return [Dots(dots, FIGURES[name].name + with_line, f"By {view.axis.name}; means over seeds.")]


def _coding(study: Study, view: View) -> list[Block]:
    """Distortion over rate, and beta as the beta-VAE has it and as the course does."""
    (settings,) = view.lines.values()
    rows, points = [], []
    for setting in settings:
        rate, distortion, bound = (
            _mean(study, setting, name) for name in ("rate", "distortion", "bound")
        )
        if rate is None or distortion is None or bound is None:
            continue
        value = setting.of(view.axis.name)
        points.append((rate.value, distortion.value))
        rows.append((value, say(1 / float(value)), *map(_cell, (rate, distortion, bound))))
    if len(points) < 2 or view.axis.name != "net.beta":
        return []
    x, y = zip(*sorted(points), strict=True)
    head = (
        "beta of distortion + beta rate",
        "beta of rate + beta distortion",
        "rate, nats",
        "distortion, nats",
        "bound: their sum",
    )
    return [
        Lines(
            (Curve("distortion", x, y),),
            "rate: what the code says of a digit, nats",
            "distortion, nats",
            "What a digit costs after its code, over what the code costs.",
        ),
        Table(head, tuple(rows), "The course weighs the other term, so its beta is the inverse."),
    ]


def _losses(study: Study, view: View) -> list[Block]:
    """The loss over the steps, for the last line of settings."""
    name, settings = list(view.lines.items())[-1]
    curves = []
    for setting in settings[:COLOURS]:
        found = [study.curve(setting, seed) for seed in study.grid.seeds]
        steps = sorted(set.intersection(*(set(own) for own in found)))
        means = [float(np.mean([own[step] for own in found])) for step in steps]
        if steps:
            curves.append(Curve(setting.of(view.axis.name), steps, means))
    if not curves:
        return []
    wide = is_wide([y for curve in curves for y in curve.y])
    caption = f"Means over seeds, by {view.axis.name}{f', with {name}' if name else ''}."
    return [Lines(tuple(curves), "step", "loss in training", caption, log_y=wide)]


def _pictures(study: Study, view: View) -> list[Block]:
    blocks: list[Block] = []
    seed = study.grid.seeds[0]
    for line, settings in view.lines.items():
        arrays = {s.of(view.axis.name): study.arrays(s, seed) for s in settings}
        known = {value: own for value, own in arrays.items() if own}
        if not known:
            continue
        where = f", with {line}" if line else ""
        drawn = {value: own["drawn"] for value, own in known.items()}
        caption = f"Drawn digits by {view.axis.name}{where}; seed {seed}."
        blocks.append(_picture(drawn, caption))
        if all("back" in own for own in known.values()) and len(view.lines) == 1:
            first = next(iter(known.values()))
            rows = {"digit": first["real"]} | {value: own["back"] for value, own in known.items()}
            blocks.append(
                _picture(
                    rows, f"Validation digits, and what {view.axis.name} makes of them and back."
                )
            )
    return blocks


def _picture(rows: dict[str, np.ndarray], caption: str) -> Pictures:
    whole = images.grid(np.concatenate(list(rows.values())), columns=SHOWN, scale=1)
    return Pictures(
        whole,
        caption,
        f"{len(rows)} rows of digits: {', '.join(rows)}",
        rows=tuple(rows),
    )


def every_setting(study: Study) -> Table:
    """All figures of all settings."""
    names = study.names()
    rows = []
    for setting in study.grid.settings:
        cells = [_cell(_mean(study, setting, name)) for name in names]
        rows.append((", ".join(value for _, value in setting.values), *cells))
    head = (
        ", ".join(axis.name for axis in study.grid.axes),
        *(FIGURES[name].name for name in names),
    )
    return Table(head, tuple(rows), "Means over the seeds that were trained to the end.")


def _cell(one: Estimate | None) -> str:
    if one is None:
        return ""
    return f"{one}" if one.is_known and one.half else say(one.value)


def _mean(study: Study, setting: Setting, name: str) -> Estimate | None:
    found = list(study.figures(setting, name).values())
    return mean(found) if found else None


def numbers(axis: Axis) -> tuple[str, Callable[[str], float]] | None:
    """What an axis of numbers is called, and the number of a value; None where values are none."""
    if axis.name == "data" and all(value.split(":")[0] == "mnist" for value in axis.values):
        return "training digits", _digits
    if axis.name == "net.layers":
        layers = [value.split("-") for value in axis.values]
        if len({width for own in layers for width in own}) == 1:
            return f"hidden layers of {layers[0][0]}", lambda value: len(value.split("-"))
        if all(len(set(own)) == 1 for own in layers) and len({len(own) for own in layers}) == 1:
            many = len(layers[0])
            return f"neurons in each of {many} hidden layers", lambda v: float(v.split("-")[0])
        return None
    try:
        known = [float(value) for value in axis.values]
    except ValueError:
        return None
    return (axis.name, float) if all(map(math.isfinite, known)) else None


def _digits(source: str) -> float:
    kept = source.split(":")[1:]
    return 10 * float(kept[0]) if kept else 55_000.0
