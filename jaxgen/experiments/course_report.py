"""The report of a comparison: sections of text, tables, charts and pictures."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

import numpy as np

from jaxgen.experiments import claims
from jaxgen.experiments import course_results as names
from jaxgen.experiments.claims import COURSE, Opinion
from jaxgen.experiments.course_measures import SHOWN
from jaxgen.experiments.course_results import FRECHET, REAL, RECOGNISED, Figures, Results
from jaxgen.reports import document as page
from jaxgen.training.console import plural

Cells = Mapping[str, str]  # the cells of a column, by row
VERDICTS = get_args(claims.Verdict)
WITHIN = "{0.value:.2f} ± {0.half:.2f}"


def document(results: Results) -> page.Document:
    """The report."""
    json = results.json
    sections = {
        "The six models": _overview,
        "The statements of the course, and our results": _claims,
        "Digits of each model": _pictures,
        "Quality": _quality,
        "Quality against the time of training": _curves,
        "Sizes": _sizes,
        "Steps of diffusion": _sampler,
        "Likelihood, rate and distortion": _likelihood,
        "Latent spaces": _latents,
        "Copies of training digits": _copies,
        "Stability": _stability,
        "Reliability of the judge": _judges,
    }
    provenance = (
        ("command", f"`{json['command']}`"),
        ("jaxgen", f"{json['jaxgen']}, commit {json['commit']}"),
        ("hardware", f"{json['devices']}; {json['machine']}"),
        ("judge", json["judge"]),
        ("digits", f"{json['data']}, test; {json['count']:,} drawn of each model, sample seed 0"),
        ("seeds", ", ".join(map(str, range(json["seeds"])))),
        *[("not compared", f"{run}, of the split of earlier versions") for run in json["strided"]],
    )
    shown = (page.Section(title, tuple(blocks(results))) for title, blocks in sections.items())
    return page.Document(
        "Six families of generative models, compared",
        "\n\n".join(_lead(results)),
        provenance,
        tuple(section for section in shown if section.blocks),
    )


def _lead(results: Results) -> Iterator[str]:
    json = results.json
    yield (
        f"Each model was trained {json['training']}, from {plural(json['seeds'], 'seed')}, and "
        f"judged by {json['count']:,} digits."
    )
    for claim in results.claims:
        if claim.by in (names.WHOLE, names.DRAWING, names.DISTANCE):
            counts = Counter(statement.verdict for statement in claim.statements)
            yield (
                f"{claim.ordering.name.capitalize()} ({claim.by}): "
                f"{' > '.join(claim.ranked)}. Verdicts on the {counts.total()} statements of the "
                f"course: {', '.join(f'{verdict} {counts[verdict]}' for verdict in VERDICTS)}."
            )


# Tables and charts of all models.


def _table(
    rows: Iterable[str], columns: Mapping[str, Cells], caption: str, first: str = ""
) -> page.Table:
    """A table; a cell is empty where its column has none for the row."""
    cells = [(row, *(column.get(row, "") for column in columns.values())) for row in rows]
    return page.Table((first, *columns), tuple(cells), caption)


def _cells(rows: Mapping[str, Figures], name: str, template: str = "{.value:.3f}") -> Cells:
    """A column: one figure of each row, in a template of ``str.format`` for an ``Estimate``."""
    return {row: template.format(figures[name]) for row, figures in rows.items() if name in figures}


def _dots(
    results: Results, name: str, title: str, caption: str, factor: float = 1, log: bool = False
) -> Iterator[page.Dots]:
    """A chart of a figure by family, with a dashed line for real digits."""
    dots = []
    for family, figure in results.by_family(name).items():
        value, half = factor * figure.value, factor * figure.half
        # A logarithmic axis has no 0.
        ends = (max(value - half, value / 10), value + half) if figure.is_known else ()
        dots.append(page.Dot(family, value, *ends))
    if dots:
        real = results.real.get(name)
        level = real and page.Dot(REAL, factor * real.value)
        yield page.Dots(tuple(dots), title, caption, level, log=log)


def _lines(
    results: Results,
    points: Mapping[str, Iterable[tuple[float, float]]],
    x: str,
    y: str,
    caption: str,
) -> Iterator[page.Lines]:
    """A chart with a curve of each model that has points, in the model's colour."""
    curves = tuple(
        page.Curve(results.families[model], *zip(*points[model], strict=True), colour=index)
        for index, model in enumerate(results.models)
        if model in points
    )
    if curves:
        yield page.Lines(curves, x, y, caption, log_x=True, log_y=True)


# The sections.


def _overview(results: Results) -> Iterator[page.Block]:
    opinions = {
        model: COURSE.get(family, Opinion("", "", "")) for model, family in results.families.items()
    }
    columns = {
        "training": _cells(results.figures, names.WHOLE, "{.value:.0f} s"),
        "a digit": _cells(results.figures, names.DRAWING, "{.value:.2g} ms"),
        "Frechet": _cells(results.figures, FRECHET, "{.value:.3f} N"),
        "recognised": _cells(results.figures, RECOGNISED, "{.value:.2%}"),
        "coverage": _cells(results.figures, "generated.coverage"),
        "population 1": _cells(results.figures, "generated.population_1", "{.value:.0%}"),
        "good, by the course": {model: opinion.good for model, opinion in opinions.items()},
        "bad, by the course": {model: opinion.bad for model, opinion in opinions.items()},
    }
    caption = "Training is the time of a step times the steps; a digit is one of 128 drawn at once."
    yield _table(results.models, columns, f"{caption} {_real(results)}".rstrip(), "model")


def _real(results: Results) -> str:
    """Sentences about the distance of real digits, and the populations of writers; empty if there
    are no measurements."""
    if not (real := results.real):
        return ""
    distance = real[FRECHET]
    text = (
        f"Real digits new to the judge: {distance.value:.3f} N ({distance.low:.3f} to "
        f"{distance.high:.3f})"
    )
    if "populations.real" in real:
        new, test = (f"{real[f'populations.{part}'].value:.0%}" for part in ("floor", "real"))
        text += (
            f"; {new} of them, and {test} of the test digits, are by population 1 of MNIST's "
            "writers"
        )
    nearer = [
        model
        for model, seeds in results.seeds.items()
        if any(figures[FRECHET].value < distance.value for figures in seeds)
    ]
    if nearer:
        text += (
            f". Nearer to the test digits: {', '.join(nearer)}; the real digits new to the judge "
            "are by other writers than the test digits"
        )
    return f"{text}."


def _claims(results: Results) -> Iterator[page.Block]:
    chance = (
        "Intervals of quality are over seeds of training."
        if results.json["seeds"] > 1
        else "With one seed, intervals of quality include the chance of drawing alone: another "
        "training may reverse a close result. Give `--seeds 3` to see."
    )
    yield (
        "A statement about two models is decided if the 95 % interval of their difference does "
        "not contain 0. The sign > means a better quality or a higher cost, >> more than "
        f"{claims.MUCH:.0f} times as much, ~ less than {claims.ALIKE:.0f} times as much. "
        f"Intervals of costs are over repetitions on this machine. {chance}"
    )
    for ordering in dict.fromkeys(claim.ordering for claim in results.claims):
        group = [claim for claim in results.claims if claim.ordering == ordering]
        columns = {
            family: {x.by: f"{x.figures[family]}" for x in group if family in x.figures}
            for family in results.families.values()
        }
        columns["order"] = {claim.by: " > ".join(claim.ranked) for claim in group}
        caption = f"Figures for the {ordering.name}, with 95 % intervals, and their order."
        yield _table([claim.by for claim in group], columns, caption, ordering.name)
        columns = {claim.by: {f"{x}": x.verdict for x in claim.statements} for claim in group}
        rows = dict.fromkeys(statement for column in columns.values() for statement in column)
        for claim in group:
            columns[claim.by]["as a whole"] = claim.verdict
        caption = f"The course: {ordering.text}. Empty where a model has no such figure."
        yield _table([*rows, "as a whole"], columns, caption, ordering.name)


def _pictures(results: Results) -> Iterator[page.Block]:
    for model, arrays in results.arrays.items():
        yield page.Pictures(
            arrays["picture"],
            f"{model}: {SHOWN} digits of each kind, the first that sample seed 0 draws.",
            f"Ten rows of digits drawn by {model}, 0 to 9",
            rows=tuple("0123456789"),
        )


def _quality(results: Results) -> Iterator[page.Block]:
    n = f"{results.json['count']:,}"
    caption = f"n = {n}; N is the distance between test digits and the same under noise of 0.1."
    yield from _dots(results, FRECHET, names.DISTANCE, caption, log=True)
    title, caption = "accuracy of the judge, %", f"Drawn digits that the judge recognises; n = {n}."
    yield from _dots(results, RECOGNISED, title, caption, 100)
    caption = (
        f"CAS: accuracy on test digits of a classifier that learned from {n} drawn digits alone, "
        "or from as many real digits."
    )
    yield from _dots(results, "useful", f"{names.CAS}, %", caption, 100)
    figures = ("precision", "recall", "density", "coverage", "diversity", "class_entropy", "copied")
    rows = results.figures | ({REAL: results.real} if results.real else {})
    yield _table(
        rows,
        {one.replace("_", " "): _cells(rows, f"generated.{one}") for one in figures},
        "Means over seeds. Diversity is the spread within a digit over the spread of test digits.",
    )


def _curves(results: Results) -> Iterator[page.Block]:
    points, without = {}, []
    for name, model in results.models.items():
        curves = [seed["training"]["curve"] for seed in model["seeds"].values()]
        if looks := list(zip(*filter(None, curves), strict=False)):
            points[name] = [
                [float(np.mean([seed[key] for seed in look])) for key in ("seconds", "frechet")]
                for look in looks
            ]
        else:
            without.append(name)
    caption = (
        f"n = {results.json['glance']:,}: distances are larger than with "
        f"{results.json['count']:,}. The learning rate falls to 0 at the end of each training."
    )
    yield from _lines(results, points, "seconds of training", names.DISTANCE, caption)
    if without:
        yield f"No curve, because they were trained before: {', '.join(without)}."


def _sizes(results: Results) -> Iterator[page.Block]:
    columns = {
        "parameters": "{.value:,.0f}",
        "steps": "{.value:,.0f}",
        "batch": "{.value:.0f}",
        "GFLOP a step": "{.value:.2f}",
        "ms a step": "{}",
        "of a matrix product": "{.value:.0%}",
        "MiB on a device": "{.value:.0f}",
    }
    caption = (
        "A step is a turn of each player. Its speed is compared with the speed of a large matrix "
        "product, measured in turns with it. Memory is for arguments, results and all "
        "intermediate values of the compiled program."
    )
    cells = {name: _cells(results.figures, name, template) for name, template in columns.items()}
    yield _table(results.models, cells, caption)


def _sampler(results: Results) -> Iterator[page.Block]:
    if not (rows := results.json["sampler_steps"]):
        return
    n = f"n = {results.json['glance']:,}"
    caption = f"{n}, seed 0; the sampler of the recipe with other numbers of steps."
    name = next(x for x, model in results.models.items() if "steps" in model["config"]["sampling"])
    points = {name: [(row["steps"], row["frechet"]) for row in rows]}
    yield from _lines(results, points, "steps of sampling", names.DISTANCE, caption)
    cells = [
        (
            f"{row['steps']}",
            f"{1000 * row['seconds']:.2f}",
            f"{row['frechet']:.3f}",
            f"{row['recognised']:.2%}",
        )
        for row in rows
    ]
    yield page.Table(("steps", "ms per digit", "Frechet, N", "recognised"), tuple(cells), caption)


def _likelihood(results: Results) -> Iterator[page.Block]:
    if not results.real:
        return
    rows = {model: seeds[0] for model, seeds in results.seeds.items()} | {REAL: results.real}
    columns = {
        "-log p static, nats": _cells(rows, "likelihood.static", WITHIN),
        "-log p dynamic, nats": _cells(rows, "likelihood.dynamic", WITHIN),
        "bits per dimension": _cells(rows, "bits_per_dimension", WITHIN.replace("2f", "3f")),
        "bound of greys, nats": _cells(rows, "codes.bound", "{.value:.2f}"),
        "rate of codes, nats": _cells(rows, "codes.rate", "{.value:.2f}"),
        "Parzen windows, nats": _cells(rows, "parzen.log_density", WITHIN),
    }
    caption = (
        "First seed only. -log p is a bound by importance sampling, for black and white test "
        "digits. Bits per dimension are the variational bound for 256 greys, unguided, over all "
        "noise levels. The bound of greys is a cross-entropy and no likelihood. The rate is the "
        "cost of a code, given the digit: the divergence from the prior for VAE and CVAE, minus "
        "the log of the learned prior for VQ-VAE. Parzen windows are shown for history: they rank "
        "models wrongly (Theis et al. 2016)."
    )
    yield _table([*results.models, REAL], columns, caption)
    caption = (
        "The information of a code about an image, beyond its digit, and the error of the "
        "reconstruction: one point for the codes of VAE, CVAE and VQ-VAE, and one for each noise "
        "level of diffusion."
    )
    points = {model: seeds[0]["coding"] for model, seeds in results.measured.items()}
    points = {model: coding for model, coding in points.items() if coding}
    yield from _lines(results, points, "rate, nats", "squared error", caption)


def _latents(results: Results) -> Iterator[page.Block]:
    columns = {
        "squared error": _cells(results.figures, "codes.squared_error"),
        "linear probe": _cells(results.figures, "codes.linear.probe"),
        "active dimensions": _cells(results.figures, "codes.active", "{.value:.0f}"),
        "unevenness": _cells(results.figures, "smoothness.unevenness"),
        "detour": _cells(results.figures, "smoothness.detour"),
        "frames recognised": _cells(results.figures, "smoothness.recognised"),
    }
    caption = (
        "Squared error is between a test digit and its reconstruction. The last three describe "
        "ways between two drawn digits of one kind: the largest step over the mean step and the "
        "length over the direct distance, both in the judge's features, and the proportion of "
        "frames that the judge takes for this digit."
    )
    yield _table(results.models, columns, caption)
    for model, arrays in results.arrays.items():
        if "plane" in arrays:
            plane, labels = arrays["plane"], arrays["plane_labels"]
            points = {f"{n}": plane[labels == n] for n in range(10)}
            caption = f"Codes of {len(labels)} test digits by {model}, laid out by t-SNE."
            yield page.Scatter(points, "", "", caption)


def _copies(results: Results) -> Iterator[page.Block]:
    for model, arrays in results.arrays.items():
        yield page.Pictures(
            arrays["copies"],
            f"{model}: the drawn digits nearest to a training digit, above this digit. Copies are "
            f"{100 * results.figures[model]['generated.copied'].value:.3f} %.",
            f"Digits drawn by {model} above the training digits nearest to them",
        )


def _stability(results: Results) -> Iterator[page.Block]:
    rows = []
    for name, model in results.models.items():
        reasons = [seed["training"]["failed"] for seed in model["seeds"].values()]
        failed = [reason for reason in reasons if reason]
        distances = sorted(figures[FRECHET].value for figures in results.seeds.get(name, []))
        ends = dict.fromkeys(f"{x:.3f}" for x in (*distances[:1], *distances[-1:]))
        counts = f"{len(reasons)}", f"{len(failed)}"
        rows.append((name, *counts, " to ".join(ends), "; ".join(failed) or "none"))
    caption = "A training fails if its loss is not finite, or if it ends in mode collapse."
    yield page.Table(("", "seeds", "failed", "Frechet, N", "why"), tuple(rows), caption)


def _judges(results: Results) -> Iterator[page.Block]:
    if not results.real:
        return
    rows = []
    for model, seeds in results.measured.items():
        drawn = np.array([names.by_sample_seed(seed) for seed in seeds])  # [seed, sample seed]
        # Pooled over the models of all seeds.
        variation = math.sqrt(np.mean(drawn.var(1, ddof=1) / drawn.mean(1) ** 2))
        rows.append((model, *(f"{distance:.4f}" for distance in drawn[0]), f"{variation:.1%}"))
    head = ("", *(f"sample seed {n}" for n in range(len(rows[0]) - 2)), "variation")
    caption = (
        f"Frechet distance, N, of the first seed's model, n = {results.json['count']:,}. Variation "
        "is the standard deviation over the mean, from all seeds' models."
    )
    yield page.Table(head, tuple(rows), caption)
    if not (others := results.json["other_judges"]):
        return
    ranks, accuracy = "rank correlation", "accuracy on test digits"
    recognised = f"{results.real[RECOGNISED].value:.2%}"
    columns = {"this judge, N": {**_cells(results.figures, FRECHET), accuracy: recognised}}
    for name, other in others.items():
        rank = results.rank_correlation(name)
        columns[f"{name}, N"] = {
            **_cells(results.figures, f"{name}, N"),
            ranks: "" if rank is None else f"{rank:.2f}",
            accuracy: f"{other['accuracy']:.2%}",
        }
    caption = (
        "The other judges have other architectures and another seed: LeNet has convolutions and "
        "dense layers, the other has dense layers alone. Each judge has its own N."
    )
    yield _table([*results.models, ranks, accuracy], columns, caption)
