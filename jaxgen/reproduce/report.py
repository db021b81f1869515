"""Published and ours side by side."""

import math
from typing import Any

from jaxgen.compare.claims import Estimate, estimate
from jaxgen.pages.document import Block, Curve, Document, Lines, Section, Table, Text, is_wide
from jaxgen.reproduce.rows import Row
from jaxgen.reproduce.work import Reproduction
from jaxgen.training.console import duration

DIGITS = 55_000  # training digits of MNIST, in an epoch


def told(reproduction: Reproduction) -> dict[str, Any]:
    """What was found of the rows, by their labels, as JSON can hold it."""
    return {
        reproduction.label(row): {
            "found": [reproduction.found(row, seed) for seed in reproduction.seeds],
            "seeds": list(reproduction.seeds),
        }
        for row in reproduction.rows
    }


def document(found: dict[str, Any], rows: tuple[Row, ...]) -> Document:
    """The report of all rows that something was found of."""
    known = [(row, label) for row in rows for label in found if label.split()[0] == row.name]
    lines = [line for row, label in known for line in _lines(row, label, found[label])]
    head = ("row", "of what", "published", "ours", "seeds", "verdict")
    count = sum(line[-1] == "reached" for line in lines)
    compared = sum(bool(line[-1]) for line in lines)
    return Document(
        "Published numbers, and ours",
        f"Of {compared} published numbers that ours can be held against, {count} are reached. "
        "Intervals are of 95 %: over seeds by Student's t where there are several, else over test "
        "digits where that is known, which leaves out the chance of training.",
        (("command", "`bin/reproduce`"),),
        (
            Section("Side by side", (Table(head, tuple(lines)),)),
            *(Section(f"{label}: {row.paper}", _blocks(row, found[label])) for row, label in known),
        ),
    )


def lines(row: Row, label: str, told: dict[str, Any]) -> list[str]:
    """A row for a person at a console."""
    return ["  ".join(cell for cell in line if cell) for line in _lines(row, label, told)]


def _lines(row: Row, label: str, told: dict[str, Any]) -> list[tuple[str, ...]]:
    figures = _figures(told)
    ranked = _ranked(row, figures)
    found = []
    for name, one in figures.items():
        published = row.published.get(name)
        verdict = ""
        if published is not None:
            verdict = ranked if row.ranked else judged(published, one, row.better)
        shown = "" if published is None else f"{published:g}"
        found.append((label, name, shown, str(one), str(len(told["seeds"])), verdict))
    missing = [(name, value) for name, value in row.published.items() if name not in figures]
    found += [(label, name, f"{value:g}", "", "", "") for name, value in missing]
    return found


def _figures(told: dict[str, Any]) -> dict[str, Estimate]:
    """Each figure, with its interval over seeds, or of one seed over test digits."""
    seeds = [one["figures"] for one in told["found"]]
    found = {}
    for name, (value, half) in seeds[0].items():
        one = estimate([figures[name][0] for figures in seeds])
        if len(seeds) == 1 and half is not None and math.isfinite(half):
            one = Estimate(value, half, 1)
        found[name] = one
    return found


def judged(published: float, ours: Estimate, better: int) -> str:
    """Whether ours is as good as what is published: reached, not told from it, or by how much it is
    worse."""
    behind = better * (published - ours.value)
    if behind <= 0:
        return "reached"
    if math.isfinite(ours.half) and behind <= ours.half:
        return "not told apart"
    return f"worse by {behind:.3g}"


def _ranked(row: Row, figures: dict[str, Estimate]) -> str:
    both = [name for name in row.published if name in figures]
    theirs = sorted(both, key=lambda name: row.published[name])
    ours = sorted(both, key=lambda name: figures[name].value)
    return "same order" if theirs == ours else "another order"


def _blocks(row: Row, told: dict[str, Any]) -> tuple[Block, ...]:
    first = told["found"][0]["trainings"]
    blocks: list[Block] = [
        Text(f"What is measured: {row.what}.\n\nTheirs: {row.theirs}\n\nOurs: {row.ours}")
    ]
    trainings = [
        f"{recipe}: {one['steps']:,} steps of {one['batch']}, {_epochs(one):.0f} epochs, "
        f"{duration(one['seconds'])}"
        for recipe, one in first.items()
    ]
    text = f"Trained: {'; '.join(trainings)}."
    if row.full and any(one["steps"] < row.full for one in first.values()):
        share = max(one["steps"] for one in first.values()) / row.full
        text += (
            f" That is {share:.1%} of the published length; for all of it: "
            f"`bin/reproduce {row.name} --full`."
        )
    blocks.append(Text(text))
    curves = tuple(
        Curve(recipe, [step for step, _ in points], [loss for _, loss in points])
        for recipe, one in first.items()
        # Beside the first stretch the rest would look flat.
        if (points := one["curve"][1:])
    )
    if curves:
        wide = is_wide([y for curve in curves for y in curve.y])
        blocks.append(Lines(curves, "step", "loss in training", "The loss.", log_y=wide))
    blocks.append(Text(f"Seeds: {', '.join(map(str, told['seeds']))}. {_provenance(told)}."))
    return tuple(blocks)


def _provenance(told: dict[str, Any]) -> str:
    """With what and where it was found; said once if it was the same for all seeds."""
    where = [one["provenance"] for one in told["found"]]
    known = dict.fromkeys(f"jaxgen {one['jaxgen']}, on {one['on']}" for one in where)
    return "; ".join(known)


def _epochs(one: dict[str, Any]) -> float:
    return one["steps"] * one["batch"] / DIGITS
