"""The report of a study: the question, what was found, the views of it, and how it was done."""

import csv
import io

import numpy as np

from jaxgen.experiments import findings, measures, views
from jaxgen.experiments.grid import Axis
from jaxgen.experiments.questions import Question
from jaxgen.experiments.study import Study
from jaxgen.pages.document import Document, Section


def document(
    study: Study, question: Question | None, provenance: tuple[tuple[str, str], ...]
) -> Document:
    """The report of a study that is finished."""
    shown, varied = views.of(study), [axis.name for axis in study.grid.axes]
    asks = f"What does {findings.listed(varied)} change in {study.grid.base.model}?"
    sections = [
        Section(views.title(view, len(shown)), tuple(views.blocks(study, question, view)))
        for view in shown
    ]
    sections += [
        Section("All settings", (views.every_setting(study),)),
        Section("How it was found", (_how(study),)),
    ]
    return Document(
        question.asks if question else asks,
        "\n\n".join(sentences(study, question)),
        provenance,
        tuple(section for section in sections if section.blocks),
    )


def sentences(study: Study, question: Question | None) -> list[str]:
    """What was found, in paragraphs: claims, each axis, and the runs that failed."""
    axes = {axis.name: axis for axis in study.grid.axes}
    paragraphs = []
    for claim in question.claims if question else ():
        if claim.setting in axes:
            lines = _lines(study, axes[claim.setting], claim.figure)
            paragraphs.append(findings.decided(claim, _over(lines), lines))
    names = dict.fromkeys(name for group in views.plots(study, question) for name in group)
    coding = ["rate"] if question and question.coding else []
    for axis in study.grid.axes:
        others = [name for name in axes if name != axis.name]
        over = findings.listed(others) if len(study.grid.along(axis)) > 1 else ""
        for name in [*names, *coding]:
            paragraphs.append(findings.along(name, axis, _over(_lines(study, axis, name)), over))
    return [paragraph for paragraph in [*paragraphs, _failures(study)] if paragraph]


def _lines(study: Study, axis: Axis, name: str) -> dict[str, dict[str, dict[int, float]]]:
    """A figure by the values of an axis and by seed, for each choice of what else varies."""
    return {
        ", ".join(f"{other} {value}" for other, value in line[0].values if other != axis.name): {
            setting.of(axis.name): study.figures(setting, name) for setting in line
        }
        for line in study.grid.along(axis)
    }


def _over(lines: dict[str, dict[str, dict[int, float]]]) -> dict[str, dict[int, float]]:
    """A figure by the values of an axis and by seed: the mean over what else varies, of the seeds
    for which all of that has been trained. A mean over less would be of something else."""
    found = {}
    for value in dict.fromkeys(value for line in lines.values() for value in line):
        own = [line[value] for line in lines.values() if value in line]
        seeds = [seed for seed in own[0] if all(seed in figures for figures in own)]
        found[value] = {seed: float(np.mean([one[seed] for one in own])) for seed in seeds}
    return found


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
    return " ".join(f"Trainings that {end}: {'; '.join(own)}." for end, own in ends.items() if own)


def _how(study: Study) -> str:
    grid, n = study.grid, len(study.grid.seeds)
    varied = "all together" if grid.design == "grid" else "one thing at a time"
    text = (
        f"{grid.base.model} was trained with {len(grid.settings)} settings, {varied}, from "
        f"{n} seed{'s' if n > 1 else ''}; all settings from the same first weights' seeds, and on "
        f"the same digits in the same order. {measures.COUNT:,} validation digits are encoded, and "
        "as many drawn ones are held against them by the judge; N is what noise of 0.1 does to "
        "real digits."
    )
    if n == 1:
        return f"{text}\n\nOne seed says nothing of chance, so no difference is claimed."
    return (
        f"{text}\n\nDifferences compare each seed with itself; their intervals are by Student's "
        f"t, of {n} seeds. A difference is claimed where its interval leaves out 0. The intervals "
        "of a sentence are so wide that all of them hold together with 95 %: along an axis any two "
        "values could have been the best and the worst, so each pair counts."
    )


def table(study: Study) -> str:
    """All runs as CSV: what was varied, the seed, why it failed if it did, and the figures."""
    names, text = study.names(), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(axis.name for axis in study.grid.axes), "seed", "failed", *names])
    for setting in study.grid.settings:
        for seed in study.grid.seeds:
            figures = [study.figures(setting, name).get(seed, "") for name in names]
            values = [value for _, value in setting.values]
            writer.writerow([*values, seed, study.failed(setting, seed) or "", *figures])
    return text.getvalue()
