"""The report of a study: the question, its answers, charts and pictures, and the method."""

import csv
import io

import numpy as np

from jaxgen.experiments import findings, measures, views
from jaxgen.experiments.grid import Axis
from jaxgen.experiments.questions import Question
from jaxgen.experiments.study import Study
from jaxgen.reports.document import Document, Section
from jaxgen.training.console import plural
from jaxgen.training.trained import listed

Lines = dict[str, dict[str, dict[int, float]]]  # a figure by line, value of the axis, and seed


def document(
    study: Study, question: Question | None, provenance: tuple[tuple[str, str], ...]
) -> Document:
    """The report of a study that is finished."""
    shown, varied = views.of(study), [axis.name for axis in study.grid.axes]
    asks = f"What does {listed(varied)} change in {study.grid.base.model}?"
    sections = [
        Section(views.title(view, len(shown)), tuple(views.blocks(study, question, view)))
        for view in shown
    ]
    sections += [
        Section("All settings", (views.every_setting(study),)),
        Section("Method", (_method(study),)),
    ]
    return Document(
        question.asks if question else asks,
        "\n\n".join(sentences(study, question)),
        provenance,
        tuple(section for section in sections if section.blocks),
    )


def sentences(study: Study, question: Question | None) -> list[str]:
    """The results in paragraphs: the claims, each axis, and the failed trainings."""
    axes = {axis.name: axis for axis in study.grid.axes}
    paragraphs = []
    for claim in question.claims if question else ():
        if claim.setting in axes:
            lines = _lines(study, axes[claim.setting], claim.figure)
            paragraphs.append(findings.decided(claim, _means(lines), lines))
    names = dict.fromkeys(name for group in views.plots(study, question) for name in group)
    coding = ["rate"] if question and question.coding else []
    for axis in study.grid.axes:
        others = [name for name in axes if name != axis.name]
        over = listed(others) if len(study.grid.along(axis)) > 1 else ""
        for name in [*names, *coding]:
            paragraphs.append(findings.along(name, axis, _means(_lines(study, axis, name)), over))
    return [paragraph for paragraph in [*paragraphs, _failures(study)] if paragraph]


def _lines(study: Study, axis: Axis, name: str) -> Lines:
    """A figure along an axis. Each choice of the other axes is a line."""
    return {
        ", ".join(f"{other} {value}" for other, value in line[0].values if other != axis.name): {
            setting.of(axis.name): study.figures(setting, name) for setting in line
        }
        for line in study.grid.along(axis)
    }


def _means(lines: Lines) -> dict[str, dict[int, float]]:
    """The mean figure over the lines, by value and seed, for the seeds that all lines have."""
    means = {}
    for value in dict.fromkeys(value for line in lines.values() for value in line):
        figures = [line[value] for line in lines.values() if value in line]
        seeds = [seed for seed in figures[0] if all(seed in by_seed for by_seed in figures)]
        means[value] = {seed: float(np.mean([x[seed] for x in figures])) for seed in seeds}
    return means


def _failures(study: Study) -> str:
    grid, diverged, collapsed = study.grid, [], []
    for setting in grid.settings:
        reasons = [study.failed(setting, seed) for seed in grid.seeds]
        if failed := [reason for reason in reasons if reason]:
            why = failed[0].split(":")[0]
            diverged.append(f"{setting.label}: {len(failed)} of {len(reasons)} ({why})")
        if count := int(sum(study.figures(setting, "collapsed").values())):
            collapsed.append(f"{setting.label}: {count} of {len(grid.seeds)}")
    ends = {"diverged": diverged, "ended in mode collapse": collapsed}
    return " ".join(f"Trainings that {end}: {'; '.join(x)}." for end, x in ends.items() if x)


def _method(study: Study) -> str:
    grid, n = study.grid, len(study.grid.seeds)
    varied = "all together" if grid.design == "grid" else "one thing at a time"
    text = (
        f"{grid.base.model} was trained with {len(grid.settings)} settings, {varied}, from "
        f"{plural(n, 'seed')}. All settings have the same seeds, and the same digits in "
        f"the same order. {measures.COUNT:,} validation digits are encoded, and the judge compares "
        "as many drawn digits with them. N is the distance between real digits and the same under "
        "noise of 0.1."
    )
    if n == 1:
        return f"{text}\n\nOne seed shows nothing about chance, so no difference is claimed."
    return (
        f"{text}\n\nDifferences compare each seed with itself; their intervals are by Student's "
        f"t, of {n} seeds. A difference is claimed if its interval does not contain 0. The "
        "intervals of a sentence are so wide that all of them hold together with 95 %: along an "
        "axis any two values can be the best and the worst, so each pair counts."
    )


def table(study: Study) -> str:
    """All runs as CSV: the values of the axes, the seed, why the run failed, and the figures."""
    names, text = study.names(), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(axis.name for axis in study.grid.axes), "seed", "failed", *names])
    for setting in study.grid.settings:
        for seed in study.grid.seeds:
            figures = [study.figures(setting, name).get(seed, "") for name in names]
            values = [value for _, value in setting.values]
            writer.writerow([*values, seed, study.failed(setting, seed) or "", *figures])
    return text.getvalue()
