"""The report of a comparison: sections of text, tables, charts and pictures."""

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from jaxgen.experiments import claims
from jaxgen.experiments import course_results as names
from jaxgen.experiments.claims import COURSE, Opinion
from jaxgen.experiments.course_measures import SHOWN
from jaxgen.experiments.course_results import FRECHET, REAL, RECOGNISED, Figures, Results
from jaxgen.pages import document as page

Cells = Mapping[str, str]  # of a column, by row
WITHIN = "{0.value:.2f} ± {0.half:.2f}"


def document(results: Results) -> page.Document:
    """The report."""
    json = results.json
    sections = {
        "The six models": _overview,
        "What the course says, and what was found": _claims,
        "Digits of each model": _pictures,
        "Quality": _quality,
        "Quality against the time of training": _curves,
        "Sizes": _sizes,
        "Steps of diffusion": _sampler,
        "Likelihood, rate and distortion": _likelihood,
        "Latent spaces": _latents,
        "Copies of training digits": _copies,
        "Stability": _stability,
        "How far the judge can be relied on": _judges,
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
    made = (page.Section(title, tuple(blocks(results))) for title, blocks in sections.items())
    return page.Document(
        "Six families of generative models, compared",
        "\n\n".join(_lead(results)),
        provenance,
        tuple(section for section in made if section.blocks),
    )


def _lead(results: Results) -> Iterator[str]:
    json = results.json
    seeds = "1 seed" if json["seeds"] == 1 else f"{json['seeds']} seeds"
    yield (
        f"Each model was trained {json['training']}, from {seeds}, and judged by "
        f"{json['count']:,} digits."
    )
    for claim in results.claims:
        if claim.by in (names.WHOLE, names.DRAWING, names.DISTANCE):
            verdicts = [statement.verdict for statement in claim.statements]
            yield (
                f"{claim.ordering.name.capitalize()} ({claim.by}): found "
                f"{' > '.join(claim.ranked)}; of {len(verdicts)} statements of the course, "
                f"{verdicts.count('holds')} hold and {verdicts.count('does not hold')} do not."
            )


# Tables and charts of all models.


def _table(
    rows: Iterable[str], columns: Mapping[str, Cells], caption: str, first: str = ""
) -> page.Table:
    """A table; empty where a column has no cell for a row."""
    cells = [(row, *(column.get(row, "") for column in columns.values())) for row in rows]
    return page.Table((first, *columns), tuple(cells), caption)


def _cells(rows: Mapping[str, Figures], figure: str, template: str = "{.value:.3f}") -> Cells:
    """A column: one figure of each row, as a template of ``str.format`` shows an ``Estimate``."""
    return {row: template.format(own[figure]) for row, own in rows.items() if figure in own}


def _dots(
    results: Results, figure: str, title: str, caption: str, factor: float = 1, log: bool = False
) -> Iterator[page.Dots]:
    """A chart of a figure by family, with a dashed line for real digits."""
    dots = []
    for family, one in results.by_family(figure).items():
        value, half = factor * one.value, factor * one.half
        # On a logarithmic axis there is nothing at 0.
        ends = (max(value - half, value / 10), value + half) if one.is_known else ()
        dots.append(page.Dot(family, value, *ends))
    if dots:
        real = results.real.get(figure)
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
        page.Curve(results.families[model], *zip(*points[model], strict=True), place=place)
        for place, model in enumerate(results.models)
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
        "said to be good at": {model: one.good for model, one in opinions.items()},
        "said to be bad at": {model: one.bad for model, one in opinions.items()},
    }
    caption = "Training is the time of a step times the steps; a digit is one of 128 drawn at once."
    yield _table(results.models, columns, f"{caption} {_real(results)}".rstrip(), "model")


def _real(results: Results) -> str:
    """What real digits get, and which populations of writers were compared: a sentence or two;
    empty as long as nothing was measured."""
    if not (real := results.real):
        return ""
    distance = real[FRECHET]
    text = (
        f"Real digits new to the judge: {distance.value:.3f} N ({distance.low:.3f} to "
        f"{distance.high:.3f})"
    )
    if "populations.real" in real:
        new, test = (f"{real[f'populations.{one}'].value:.0%}" for one in ("floor", "real"))
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
        else "With one seed, intervals of quality know the chance of drawing alone: another "
        "training may reverse what is close. Give `--seeds 3` to see."
    )
    yield (
        "A statement about two models is decided where the 95 % interval of their difference "
        "leaves out 0. The sign > means a better quality or a higher cost, >> more than "
        f"{claims.MUCH:.0f} times as much, ~ less than {claims.ALIKE:.0f} times as much. "
        f"Intervals of costs are over repetitions on this machine. {chance}"
    )
    for ordering in dict.fromkeys(claim.ordering for claim in results.claims):
        own = [claim for claim in results.claims if claim.ordering == ordering]
        columns = {
            family: {one.by: f"{one.figures[family]}" for one in own if family in one.figures}
            for family in results.families.values()
        }
        columns["found"] = {claim.by: " > ".join(claim.ranked) for claim in own}
        caption = f"Figures for the {ordering.name}, with 95 % intervals, and the order they give."
        yield _table([claim.by for claim in own], columns, caption, ordering.name)
        columns = {claim.by: {f"{one}": one.verdict for one in claim.statements} for claim in own}
        rows = dict.fromkeys(statement for column in columns.values() for statement in column)
        for claim in own:
            columns[claim.by]["as a whole"] = claim.verdict
        caption = f"The course: {ordering.text}. Empty where a model has no such figure."
        yield _table([*rows, "as a whole"], columns, caption, ordering.name)


def _pictures(results: Results) -> Iterator[page.Block]:
    for model, own in results.arrays.items():
        yield page.Pictures(
            own["picture"],
            f"{model}: {SHOWN} digits of each kind, the first that sample seed 0 draws.",
            f"Ten rows of digits drawn by {model}, 0 to 9",
            rows=tuple("0123456789"),
        )


def _quality(results: Results) -> Iterator[page.Block]:
    n = f"{results.json['count']:,}"
    caption = f"n = {n}; N is the distance between test digits and the same under noise of 0.1."
    yield from _dots(results, FRECHET, names.DISTANCE, caption, log=True)
    yield from _dots(results, RECOGNISED, "recognised as the digit asked for, %", f"n = {n}.", 100)
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
    """The distance over the seconds of training, both as means over seeds."""
    points, without = {}, []
    for name, model in results.models.items():
        curves = [seed["training"]["curve"] for seed in model["seeds"].values()]
        looks = list(zip(*filter(None, curves), strict=False))
        if looks:
            points[name] = [
                [float(np.mean([one[key] for one in look])) for key in ("seconds", "frechet")]
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
        "product, timed in turns with it. Memory is what the compiled program needs: arguments, "
        "results and all values between."
    )
    cells = {name: _cells(results.figures, name, template) for name, template in columns.items()}
    yield _table(results.models, cells, caption)


def _sampler(results: Results) -> Iterator[page.Block]:
    """The distance over the steps of diffusion."""
    if not (rows := results.json["sampler_steps"]):
        return
    n = f"n = {results.json['glance']:,}"
    caption = f"{n}, seed 0; the sampler of the recipe with other numbers of steps."
    several = (name for name, own in results.models.items() if "steps" in own["config"]["sampling"])
    points = {next(several): [(row["steps"], row["frechet"]) for row in rows]}
    yield from _lines(results, points, "steps of sampling", names.DISTANCE, caption)
    by_steps = {f"{row['steps']}": row for row in rows}
    columns = {
        "ms per digit": {steps: f"{1000 * row['seconds']:.2f}" for steps, row in by_steps.items()},
        "Frechet, N": {steps: f"{row['frechet']:.3f}" for steps, row in by_steps.items()},
        "recognised": {steps: f"{row['recognised']:.2%}" for steps, row in by_steps.items()},
    }
    yield _table(by_steps, columns, caption, "steps")


def _likelihood(results: Results) -> Iterator[page.Block]:
    """What a model gives real digits, in nats, and what its codes cost."""
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
        "How much a code says about an image, beyond its digit, and how much is lost: one point "
        "for the codes of VAE, CVAE and VQ-VAE, and one for each noise level of diffusion."
    )
    points = {model: known[0]["coding"] for model, known in results.measured.items()}
    known = {model: own for model, own in points.items() if own}
    yield from _lines(results, known, "rate, nats", "squared error", caption)


def _latents(results: Results) -> Iterator[page.Block]:
    """What codes keep of a digit, and where they lie."""
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
        "length over the direct distance, both in the judge's features, and the share of frames "
        "that the judge takes for this digit."
    )
    yield _table(results.models, columns, caption)
    for model, own in results.arrays.items():
        if "plane" in own:
            plane, labels = own["plane"], own["plane_labels"]
            points = {f"{n}": plane[labels == n] for n in range(10)}
            caption = f"Codes of {len(labels)} test digits by {model}, laid out by t-SNE."
            yield page.Scatter(points, "", "", caption)


def _copies(results: Results) -> Iterator[page.Block]:
    for model, own in results.arrays.items():
        yield page.Pictures(
            own["copies"],
            f"{model}: the drawn digits nearest to a training digit, above this digit. Copies are "
            f"{100 * results.figures[model]['generated.copied'].value:.3f} %.",
            f"Digits drawn by {model} above the training digits nearest to them",
        )


def _stability(results: Results) -> Iterator[page.Block]:
    """What became of each seed."""
    columns: dict[str, dict[str, str]] = {"seeds": {}, "failed": {}, "Frechet, N": {}, "why": {}}
    for name, model in results.models.items():
        reasons = [seed["training"]["failed"] for seed in model["seeds"].values()]
        failed = [reason for reason in reasons if reason]
        distances = sorted(figures[FRECHET].value for figures in results.seeds.get(name, []))
        ends = dict.fromkeys(f"{one:.3f}" for one in (*distances[:1], *distances[-1:]))
        columns["seeds"][name] = f"{len(reasons)}"
        columns["failed"][name] = f"{len(failed)}"
        columns["Frechet, N"][name] = " to ".join(ends)
        columns["why"][name] = "; ".join(failed) or "none"
    caption = "A training fails where its loss is not finite, or where it ends in mode collapse."
    yield _table(results.models, columns, caption)


def _judges(results: Results) -> Iterator[page.Block]:
    """How much of a distance is chance, and what other judges say."""
    if not results.real:
        return
    columns: dict[str, dict[str, str]] = {}
    for model, known in results.measured.items():
        drawn = np.array([names.drawn_again(one) for one in known])  # [seed, sample seed]
        for n, distance in enumerate(drawn[0]):
            columns.setdefault(f"sample seed {n}", {})[model] = f"{distance:.4f}"
        # Pooled over the models of all seeds.
        variation = math.sqrt(np.mean(drawn.var(1, ddof=1) / drawn.mean(1) ** 2))
        columns.setdefault("variation", {})[model] = f"{variation:.1%}"
    caption = (
        f"Frechet distance, N, of the first seed's model, n = {results.json['count']:,}. Variation "
        "is the standard deviation over the mean, from all seeds' models."
    )
    yield _table(results.measured, columns, caption)
    if not (others := results.json["other_judges"]):
        return
    ranks, accuracy = "rank correlation", "test digits recognised"
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
        "The other judges have other architectures and learned from another seed: LeNet has "
        "convolutions and dense layers, the other has dense layers alone. Each has its own N."
    )
    yield _table([*results.models, ranks, accuracy], columns, caption)
