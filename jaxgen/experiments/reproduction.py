"""Published numbers and ours: what is trained and measured for each row, and the report of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import execute, paper_measures, train
from jaxgen.experiments.papers import Row
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Trial
from jaxgen.pages.document import Block, Curve, Document, Lines, Section, Table, is_wide
from jaxgen.training.console import Console, duration

DIGITS = 55_000  # training digits of MNIST, in an epoch


@dataclass(frozen=True)
class Reproduction:
    """The rows to reproduce, from how many seeds, trained for how long, in which folder."""

    rows: tuple[Row, ...]
    seeds: int
    steps: int | None
    full: bool
    folder: Path

    def __post_init__(self):
        configs.require("seeds", self.seeds, self.seeds >= 1, "1 or more")
        if self.steps is not None and self.full:
            raise UserError(f"--steps {self.steps} and --full exclude each other: give one")

    def carry_out(self, console: Console, scheduler: str | None = None) -> dict[str, Any]:
        """Train and measure what is missing; returns the findings of the rows by their labels."""
        store, seeds = Store(self.folder, console.say), range(self.seeds)
        trials = {(row.name, n): self._measuring(row, n) for n in seeds for row in self.rows}
        execute.carry_out(trials.values(), store, console, scheduler)
        return {
            self.label(row): {
                "found": [store[trials[row.name, n]].figures for n in seeds],
                "seeds": list(seeds),
            }
            for row in self.rows
        }

    def label(self, row: Row) -> str:
        """The row and how long it is trained, as the command has them."""
        if self.full and row.full:
            return f"{row.name} --full"
        return f"{row.name} --steps {self.steps}" if self.steps else row.name

    def config(self, recipe: str, row: Row, seed: int) -> Config:
        """The recipe as it is trained for a row."""
        config = replace(configs.recipe(recipe), seed=seed)
        steps = row.full if self.full else self.steps
        return replace(config, steps=steps) if steps else config

    def _measuring(self, row: Row, seed: int) -> Trial:
        recipes = tuple(self.config(recipe, row, seed) for recipe in row.recipes)
        return Trial(
            "measurement",
            f"{self.label(row)} seed {seed}",
            paper_measures.measure,
            (row.name, seed, recipes),
            tuple(train.trial(one, f"{one.model}-{one.steps}-seed-{seed}") for one in recipes),
            seconds=60.0,
        )


def document(found: dict[str, Any], rows: tuple[Row, ...]) -> Document:
    """The report of all rows that have findings."""
    known = [(row, label) for row in rows for label in found if label.split()[0] == row.name]
    cells = [line for row, label in known for line in _cells(row, label, found[label])]
    head = ("row", "of what", "published", "ours", "seeds", "verdict")
    count = sum(line[-1] == "reached" for line in cells)
    compared = sum(bool(line[-1]) for line in cells)
    return Document(
        "Published numbers, and ours",
        f"Of {compared} published numbers that ours can be held against, {count} are reached. "
        "Intervals are of 95 %: over seeds by Student's t where there are several, else over test "
        "digits where that is known, which leaves out the chance of training.",
        (("command", "`bin/reproduce`"),),
        (
            Section("Side by side", (Table(head, tuple(cells)),)),
            *(Section(f"{label}: {row.paper}", _blocks(row, found[label])) for row, label in known),
        ),
    )


def lines(row: Row, label: str, found: dict[str, Any]) -> list[str]:
    """A row for a person at a console."""
    return ["  ".join(cell for cell in line if cell) for line in _cells(row, label, found)]


def _cells(row: Row, label: str, found: dict[str, Any]) -> list[tuple[str, ...]]:
    figures = _figures(found)
    lines = []
    for name in dict.fromkeys([*figures, *row.published]):
        published, one = row.published.get(name), figures.get(name)
        verdict = ""
        if published is not None and one is not None:
            verdict = ranked(row, figures) if row.ranked else judged(published, one, row.better)
        shown = "" if published is None else f"{published:g}"
        seeds = str(len(found["seeds"])) if one else ""
        lines.append((label, name, shown, f"{one or ''}", seeds, verdict))
    return lines


def _figures(found: dict[str, Any]) -> dict[str, Estimate]:
    """Each figure, with its interval over seeds, or of one seed over test digits."""
    seeds = [one["figures"] for one in found["found"]]
    figures = {}
    for name, (value, half) in seeds[0].items():
        figures[name] = statistics.mean([own[name][0] for own in seeds])
        if len(seeds) == 1 and half is not None:
            figures[name] = Estimate(value, value - half, value + half, 1)
    return figures


def judged(published: float, ours: Estimate, better: int) -> str:
    """Whether ours is as good as what is published: reached, not told from it, or by how much it is
    worse."""
    behind = better * (published - ours.value)
    if behind <= 0:
        return "reached"
    if ours.is_known and behind <= ours.half:
        return "not told apart"
    return f"worse by {behind:.3g}"


def ranked(row: Row, figures: dict[str, Estimate]) -> str:
    """Whether ours are in the order of the published ones."""
    both = [name for name in row.published if name in figures]
    theirs = sorted(both, key=lambda name: row.published[name])
    ours = sorted(both, key=lambda name: figures[name].value)
    return "same order" if theirs == ours else "another order"


def _blocks(row: Row, found: dict[str, Any]) -> tuple[Block, ...]:
    first = found["found"][0]["trainings"]
    trainings = [
        f"{recipe}: {one['steps']:,} steps of {one['batch']}, "
        f"{one['steps'] * one['batch'] / DIGITS:.0f} epochs, {duration(one['seconds'])}"
        for recipe, one in first.items()
    ]
    text = f"Trained: {'; '.join(trainings)}."
    if row.full and any(one["steps"] < row.full for one in first.values()):
        fraction = max(one["steps"] for one in first.values()) / row.full
        text += (
            f" That is {fraction:.1%} of the published length; for all of it: "
            f"`bin/reproduce {row.name} --full`."
        )
    blocks: list[Block] = [
        f"What is measured: {row.what}.\n\nTheirs: {row.theirs}\n\nOurs: {row.ours}",
        text,
    ]
    curves = tuple(
        Curve(recipe, [step for step, _ in points], [loss for _, loss in points])
        for recipe, one in first.items()
        # Beside the first stretch the rest would look flat.
        if (points := one["curve"][1:])
    )
    if curves:
        wide = is_wide([y for curve in curves for y in curve.y])
        blocks.append(Lines(curves, "step", "loss in training", "The loss.", log_y=wide))
    where = [one["provenance"] for one in found["found"]]
    known = dict.fromkeys(f"jaxgen {one['jaxgen']}, on {one['on']}" for one in where)
    blocks.append(f"Seeds: {', '.join(map(str, found['seeds']))}. {'; '.join(known)}.")
    return tuple(blocks)
