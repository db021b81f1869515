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
    shown = views.of(study)
    sections = [
        Section(views.title(view, len(shown)), tuple(views.blocks(study, question, view)))
        for view in shown
    ]
    sections += [
        Section("All settings", (views.every_setting(study),)),
        Section("How it was found", (_how(study),)),
    ]
    return Document(
        question.asks if question else _asks(study),
        "\n\n".join(said(study, question)),
        provenance,
        tuple(section for section in sections if section.blocks),
    )


def _asks(study: Study) -> str:
    varied = findings.listed([axis.name for axis in study.grid.axes])
    return f"What does {varied} change in {study.grid.base.model}?"


def said(study: Study, question: Question | None) -> list[str]:
    """What was found, in paragraphs: claims, each axis, and the runs that failed."""
    told = []
    for claim in question.claims if question else ():
        axis = next((axis for axis in study.grid.axes if axis.name == claim.setting), None)
        if axis:
            found, lines = _over(study, axis, claim.figure), _lines(study, axis, claim.figure)
            told.append(findings.decided(claim, found, lines))
    names = list(dict.fromkeys(name for group in views.plots(study, question) for name in group))
    for axis in study.grid.axes:
        sentences = [
            findings.along(name, axis, _over(study, axis, name), _others(study, axis))
            for name in [*names, *(["rate"] if question and question.coding else [])]
        ]
        told += sentences
    told.append(_failures(study))
    return [paragraph for paragraph in told if paragraph]


def _others(study: Study, axis: Axis) -> str:
    """What else varies together with an axis, in words."""
    if len(study.grid.along(axis)) < 2:
        return ""
    return findings.listed([other.name for other in study.grid.axes if other is not axis])


def _lines(study: Study, axis: Axis, name: str) -> dict[str, dict[str, dict[int, float]]]:
    """A figure by the values of an axis and by seed, for each choice of what else varies."""
    return {
        ", ".join(f"{other} {value}" for other, value in line[0].values if other != axis.name): {
            setting.of(axis.name): study.figures(setting, name) for setting in line
        }
        for line in study.grid.along(axis)
    }


def _over(study: Study, axis: Axis, name: str) -> dict[str, dict[int, float]]:
    """A figure by the values of an axis and by seed: where other things vary together with it, the
    mean over their values that all values of the axis have been trained with."""
    lines = study.grid.along(axis)
    found: dict[str, dict[int, float]] = {}
    for value in axis.values:
        by_seed: dict[int, list[float]] = {}
        settings = [s for line in lines for s in line if s.of(axis.name) == value]
        for setting in settings:
            for seed, figure in study.figures(setting, name).items():
                by_seed.setdefault(seed, []).append(figure)
        # A mean over fewer settings than the others have would be of something else.
        found[value] = {
            seed: float(np.mean(own)) for seed, own in by_seed.items() if len(own) == len(settings)
        }
    return found


def _failures(study: Study) -> str:
    told = []
    for setting in study.grid.settings:
        why = [study.failed(setting, seed) for seed in study.grid.seeds]
        if failed := [reason for reason in why if reason]:
            told.append(f"{setting.label}: {len(failed)} of {len(why)} ({failed[0].split(':')[0]})")
    collapsed = []
    for setting in study.grid.settings:
        if count := int(sum(study.figures(setting, "collapsed").values())):
            collapsed.append(f"{setting.label}: {count} of {len(study.grid.seeds)}")
    text = f"Trainings that diverged: {'; '.join(told)}." if told else ""
    if collapsed:
        text += f" Trainings that ended in mode collapse: {'; '.join(collapsed)}."
    return text.strip()


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
