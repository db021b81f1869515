"""Published numbers and ours: the trials of each row, and the report."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import execute, paper_measures, runs, train
from jaxgen.experiments.papers import Row
from jaxgen.experiments.runs import Runs
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Trial
from jaxgen.reports.document import Block, Curve, Document, Lines, Section, Table, is_wide
from jaxgen.training.console import Console, duration

DIGITS = 55_000  # training digits in an epoch


@dataclass(frozen=True)
class Reproduction:
    """The rows to reproduce, the number of seeds, the length of the trainings, and the folder."""

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
        """Train and measure what is missing; returns the results of the rows by their labels, of
        further seeds too where an earlier command has them."""
        store, known = Store(self.folder, console.say), runs.find(self.folder / "runs")
        trials = [
            self._measuring(row, seed, known) for seed in range(self.seeds) for row in self.rows
        ]
        execute.carry_out(trials, store, console, scheduler)
        results = {}
        for row in self.rows:
            kept = (store.get(self._measuring(row, seed, known)) for seed in itertools.count())
            found = [result.figures for result in itertools.takewhile(bool, kept) if result]
            results[self.label(row)] = {"found": found, "seeds": list(range(len(found)))}
        return results

    def label(self, row: Row) -> str:
        """The row and the flag of the length of its training, as in the command."""
        if self.full and row.full:
            return f"{row.name} --full"
        return f"{row.name} --steps {self.steps}" if self.steps else row.name

    def config(self, recipe: str, row: Row, seed: int) -> Config:
        """The recipe with the seed and the steps of a row's training."""
        config = replace(configs.recipe(recipe), seed=seed)
        steps = row.full if self.full else self.steps
        return replace(config, steps=steps) if steps else config

    def _measuring(self, row: Row, seed: int, known: Runs) -> Trial:
        recipes = tuple(self.config(recipe, row, seed) for recipe in row.recipes)
        return Trial(
            "measurement",
            f"{self.label(row)} seed {seed}",
            paper_measures.measure,
            (row.name, seed, recipes),
            tuple(_training(x, f"{x.model}-{x.steps}-seed-{seed}", known) for x in recipes),
            seconds=60.0,
        )


def _training(config: Config, name: str, known: Runs) -> Trial:
    """The training of a recipe, which is not repeated where a model of it is finished."""
    trial = train.trial(config, name)
    if not known.finished(config):
        return trial
    # Workers on other machines may not see the run, and then they train.
    return replace(trial, function=train.find_or_train, timing=None, seconds=1.0, together=None)


def document(results: dict[str, Any], rows: tuple[Row, ...]) -> Document:
    """The report of all rows that have results."""
    labels = [(row, label) for row in rows for label in results if label.split()[0] == row.name]
    cells = {label: _cells(row, label, results[label]) for row, label in labels}
    head = ("row", "figure", "published", "ours", "seeds", "verdict")
    # Figures of another measure can only have the same order as the published ones.
    verdicts = [
        line[-1] for row, label in labels if not row.ranked for line in cells[label] if line[-1]
    ]
    return Document(
        "Published numbers, and ours",
        f"We reach {verdicts.count('reached')} of {len(verdicts)} published numbers of the same "
        "measure. Intervals are of 95 %: over seeds by Student's t if there are several seeds, "
        "else over test digits, which does not include the chance of training.",
        (("command", "`bin/reproduce`"),),
        (
            Section("Side by side", (Table(head, tuple(itertools.chain(*cells.values()))),)),
            *(
                Section(f"{label}: {row.paper}", _blocks(row, results[label]))
                for row, label in labels
            ),
        ),
    )


def lines(row: Row, label: str, result: dict[str, Any]) -> list[str]:
    """The lines of a row for the console."""
    return ["  ".join(cell for cell in line if cell) for line in _cells(row, label, result)]


def _cells(row: Row, label: str, result: dict[str, Any]) -> list[tuple[str, ...]]:
    figures = _figures(result)
    lines = []
    for name in dict.fromkeys([*figures, *row.published]):
        published, ours = row.published.get(name), figures.get(name)
        verdict = ""
        if published is not None and ours is not None:
            verdict = ranked(row, figures) if row.ranked else judged(published, ours, row.better)
        shown = "" if published is None else f"{published:g}"
        seeds = str(len(result["seeds"])) if ours else ""
        lines.append((label, name, shown, f"{ours or ''}", seeds, verdict))
    return lines


def _figures(result: dict[str, Any]) -> dict[str, Estimate]:
    """Each figure, with its interval over seeds, or over test digits if there is one seed."""
    seeds = [seed["figures"] for seed in result["found"]]
    figures = {}
    for name, (value, half) in seeds[0].items():
        figures[name] = statistics.mean([seed[name][0] for seed in seeds])
        if len(seeds) == 1 and half is not None:
            figures[name] = Estimate(value, value - half, value + half, 1)
    return figures


def judged(published: float, ours: Estimate, better: int) -> str:
    """The verdict on our figure: reached, not separable from the published number, or worse."""
    behind = better * (published - ours.value)
    if behind <= 0:
        return "reached"
    if ours.is_known and behind <= ours.half:
        return "not separable"
    return f"worse by {behind:.3g}"


def ranked(row: Row, figures: dict[str, Estimate]) -> str:
    """Whether our figures have the order of the published numbers."""
    both = [name for name in row.published if name in figures]
    theirs = sorted(both, key=lambda name: row.published[name])
    ours = sorted(both, key=lambda name: figures[name].value)
    return "same order" if theirs == ours else "another order"


def _blocks(row: Row, result: dict[str, Any]) -> tuple[Block, ...]:
    trainings = result["found"][0]["trainings"]
    told = [
        f"{recipe}: {run['steps']:,} steps of {run['batch']}, "
        f"{run['steps'] * run['batch'] / DIGITS:.0f} epochs, {duration(run['seconds'])}"
        f"{', the model that ships' if run.get('ships') else ''}"
        for recipe, run in trainings.items()
    ]
    text = f"Trained: {'; '.join(told)}."
    if row.full and any(run["steps"] < row.full for run in trainings.values()):
        fraction = max(run["steps"] for run in trainings.values()) / row.full
        text += (
            f" That is {fraction:.1%} of the published length; for all of it: "
            f"`bin/reproduce {row.name} --full`."
        )
    blocks: list[Block] = [
        f"Measure: {row.what}.\n\nTheirs: {row.theirs}\n\nOurs: {row.ours}",
        text,
    ]
    curves = tuple(
        Curve(recipe, [step for step, _ in points], [loss for _, loss in points])
        for recipe, run in trainings.items()
        # Without the first point, beside which all others look flat.
        if (points := run["curve"][1:])
    )
    if curves:
        wide = is_wide([y for curve in curves for y in curve.y])
        blocks.append(Lines(curves, "step", "loss in training", "The loss.", log_y=wide))
    origins = [seed["provenance"] for seed in result["found"]]
    shown = dict.fromkeys(f"jaxgen {x['jaxgen']}, on {x['on']}" for x in origins)
    blocks.append(f"Seeds: {', '.join(map(str, result['seeds']))}. {'; '.join(shown)}.")
    return tuple(blocks)
