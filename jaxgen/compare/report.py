"""The report of a comparison, for a person: made of its JSON and of pictures alone."""

import math
from typing import Any

import numpy as np

from jaxgen.compare import claims, figures
from jaxgen.compare.claims import Estimate
from jaxgen.compare.figures import DISTANCE, DRAWING, WHOLE, Claim, first_measured, values
from jaxgen.compare.measuring import SHOWN
from jaxgen.pages.document import (
    Block,
    Cloud,
    Curve,
    Document,
    Dot,
    Dots,
    Level,
    Lines,
    Pictures,
    Scatter,
    Section,
    Table,
    Text,
)

COURSE = {  # what the course says of each family
    "ae": ("simple, fast to train, interpretable", "weak generation, blurred"),
    "vae": ("continuous latent space, interpolation", "blurred, balance of two terms"),
    "cvae": ("control over the digit", "more complex, needs labels"),
    "vqvae": ("sharper, good compression", "codebook size, quantisation"),
    "gan": ("sharp, realistic", "unstable training, mode collapse"),
    "ddpm": ("best quality, stable training", "slow sampling, heavy"),
}


def document(told: dict[str, Any], arrays: dict[str, dict[str, np.ndarray]]) -> Document:
    """The report; ``arrays`` are those of the first seed of each model."""
    sections = [
        Section("The six models", _overview(told)),
        Section("What the course says, and what was found", _claims(told)),
        Section("Digits of each model", _pictures(arrays)),
        Section("Quality", _quality(told)),
        Section("Quality against the time of training", _curves(told)),
        Section("Sizes", _sizes(told)),
        Section("Steps of diffusion", _sampler(told)),
        Section("Likelihood, rate and distortion", _likelihood(told)),
        Section("Latent spaces", _latents(told, arrays)),
        Section("Copies of training digits", _copies(told, arrays)),
        Section("Stability", _stability(told)),
        Section("How far the judge can be relied on", _judges(told)),
    ]
    return Document(
        "Six families of generative models, compared",
        _lead(told),
        _provenance(told),
        tuple(section for section in sections if section.blocks),
    )


def _lead(told) -> str:
    seeds = f"{told['seeds']} seed{'s' if told['seeds'] > 1 else ''}"
    lines = [
        f"Each model was trained {told['training']}, from {seeds}, and judged by "
        f"{told['count']:,} digits."
    ]
    for claim in figures.decided(told):
        if claim.by in (WHOLE, DRAWING, DISTANCE):
            count = {
                verdict: sum(one.verdict == verdict for one in claim.statements)
                for verdict in ("holds", "does not hold")
            }
            lines.append(
                f"{claim.ordering.name.capitalize()} ({claim.by}): found "
                f"{' > '.join(claim.ranked)}; of {len(claim.statements)} statements of the course, "
                f"{count['holds']} hold and {count['does not hold']} do not."
            )
    return "\n\n".join(lines)


def _provenance(told) -> tuple[tuple[str, str], ...]:
    return (
        ("command", f"`{told['command']}`"),
        ("jaxgen", f"{told['jaxgen']}, commit {told['commit']}"),
        ("hardware", f"{told['devices']}; {told['machine']}"),
        ("judge", told["judge"]),
        ("digits", f"{told['data']}, test; {told['count']:,} drawn of each model, sample seed 0"),
        ("seeds", ", ".join(map(str, range(told["seeds"])))),
    )


# Sections.


def _overview(told) -> tuple[Block, ...]:
    distance, shares = figures.frechet(told), figures.recognised(told)
    training = figures.training_costs(told).get(WHOLE, {})
    drawing = figures.sampling_costs(told)[DRAWING]
    rows = []
    for name, model in told["models"].items():
        family = model["family"]
        rows.append(
            (
                name,
                _value(training.get(family), "{:.0f} s"),
                _value(drawing.get(family), "{:.2g} ms"),
                _value(distance.get(family), "{:.3f} N"),
                _value(shares.get(family), "{:.2%}"),
                _mean(values(told, name, "generated", "coverage")),
                *COURSE[family],
            )
        )
    head = (
        "model",
        "training",
        "a digit",
        "Frechet",
        "recognised",
        "coverage",
        "said to be good at",
        "said to be bad at",
    )
    caption = "Training is the time of a step times the steps; a digit is drawn among 128."
    if floor := _floor(told):
        caption += f" Real digits new to the judge: {floor[0].value:.3f} N."
    return (Table(head, tuple(rows), caption),)


def _place(told, family: str) -> int:
    """Of a family among those compared: its colour in charts."""
    return [model["family"] for model in told["models"].values()].index(family)


def _value(one: Estimate | None, form: str) -> str:
    return form.format(one.value) if one else ""


def _floor(told) -> tuple[Level, ...]:
    """The distance of real digits new to the judge, in N, once something was measured."""
    for measured in first_measured(told).values():
        return (Level("real digits", measured["real"]["frechet_in_noise_units"]),)
    return ()


def _claims(told) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Text(
            "A statement about two models holds, or does not, where the 95 % interval of their "
            "difference leaves out 0; > of quality is better, of costs more; >> asks for "
            f"{claims.MUCH:.0f} times as much, ~ for less than {claims.ALIKE:.0f} times. "
            "Intervals of costs are over repetitions on this machine. "
            + (
                "Intervals of quality are over seeds of training."
                if told["seeds"] > 1
                else "With one seed, intervals of quality tell only of the chance in drawing: "
                "another training may turn what is near. Give `--seeds 3` to see."
            )
        )
    ]
    together: dict[str, list[Claim]] = {}
    for claim in figures.decided(told):
        together.setdefault(claim.ordering.name, []).append(claim)
    for of_one in together.values():
        blocks += [_evidence(told, of_one), _verdicts(of_one)]
    return tuple(blocks)


def _evidence(told, of_one: list[Claim]) -> Table:
    """The figures of one ordering: a row a definition."""
    families = [model["family"] for model in told["models"].values()]
    rows = tuple(
        (
            claim.by,
            *(str(claim.figures.get(family, "")) for family in families),
            " > ".join(claim.ranked),
        )
        for claim in of_one
    )
    ordering = of_one[0].ordering
    caption = f"Figures for the {ordering.name}, with 95 % intervals, and the order they give."
    return Table((ordering.name, *families, "found"), rows, caption)


def _verdicts(of_one: list[Claim]) -> Table:
    """What each statement of one ordering comes to: a column a definition."""
    found = [{s[:3]: s.verdict for s in claim.statements} for claim in of_one]
    statements = list(dict.fromkeys(said for verdicts in found for said in verdicts))
    rows = [
        (
            f"{said[0]} {said[1]}\N{NO-BREAK SPACE}{said[2]}",
            *(verdicts.get(said, "") for verdicts in found),
        )
        for said in statements
    ]
    rows.append(("as a whole", *(claims.verdict(claim.statements) for claim in of_one)))
    ordering = of_one[0].ordering
    return Table(
        (ordering.name, *(claim.by for claim in of_one)),
        tuple(rows),
        f"The course: {ordering.text}. Empty where a model has no such figure.",
    )


def _pictures(arrays) -> tuple[Block, ...]:
    return tuple(
        Pictures(
            found["picture"],
            f"{model}: {SHOWN} digits of each kind, the first that sample seed 0 draws.",
            f"Ten rows of digits drawn by {model}, 0 to 9",
            rows=tuple("0123456789"),
        )
        for model, found in arrays.items()
    )


def _quality(told) -> tuple[Block, ...]:
    blocks: list[Block] = []
    if dots := _dots(figures.frechet(told)):
        caption = f"n = {told['count']:,}; N is what noise of 0.1 does to the test digits."
        blocks.append(Dots(dots, "Frechet distance, N", caption, _floor(told), log=True))
    if dots := _dots(figures.recognised(told), 100):
        caption = f"n = {told['count']:,}."
        levels = _real_level(told, "real", "recognised")
        blocks.append(Dots(dots, "recognised as the digit asked for, %", caption, levels))
    if dots := _dots(figures.useful(told), 100):
        caption = (
            f"Test digits recognised by a classifier that has learnt from {told['count']:,} drawn "
            "digits alone, or as many real ones."
        )
        blocks.append(Dots(dots, "usefulness, %", caption, _real_level(told, "useful_real")))
    names = ("precision", "recall", "density", "coverage", "diversity", "class_entropy", "copied")
    rows: list[tuple[str, ...]] = [
        (model, *(_mean(values(told, model, "generated", name)) for name in names))
        for model in told["models"]
    ]
    for measured in first_measured(told).values():
        rows.append(("real digits", *(_mean([measured["real"][name]]) for name in names)))
        break
    caption = "Means over seeds. Diversity is within a digit, over that of the test digits."
    heads = (name.replace("_", " ") for name in names)
    return (*blocks, Table(("", *heads), tuple(rows), caption))


def _real_level(told, *path: str) -> tuple[Level, ...]:
    """A share that real digits get, in %, where it is known."""
    for figure in first_measured(told).values():
        for key in path:
            figure = figure and figure[key]
        return (Level("real digits", 100 * figure["value"]),) if figure else ()
    return ()


def _dots(estimates: dict[str, Estimate], factor: float = 1) -> tuple[Dot, ...]:
    dots = []
    for family, one in estimates.items():
        value, half = factor * one.value, factor * one.half
        if math.isfinite(half):
            dots.append(Dot(family, value, max(value - half, value / 10), value + half))
        else:
            dots.append(Dot(family, value))
    return tuple(dots)


def _mean(found: list[float], digits: int = 3) -> str:
    return f"{np.mean(found):.{digits}f}" if found else ""


def _curves(told) -> tuple[Block, ...]:
    curves, without = [], []
    for name, model in told["models"].items():
        looks = [seed["training"]["curve"] for seed in model["seeds"].values()]
        looks = [look for look in looks if look]
        if not looks:
            without.append(name)
            continue
        points = list(zip(*looks, strict=False))
        seconds = [float(np.mean([p["seconds"] for p in point])) for point in points]
        distance = [float(np.mean([p["frechet"] for p in point])) for point in points]
        family = model["family"]
        curves.append(Curve(family, seconds, distance, place=_place(told, family)))
    blocks: list[Block] = []
    if curves:
        caption = (
            f"n = {told['glance']:,}, so that distances are larger than with {told['count']:,}; "
            "each curve is of one training, whose learning rate falls to 0 at its end."
        )
        axes = ("seconds of training", "Frechet distance, N")
        blocks.append(Lines(tuple(curves), *axes, caption, log_x=True, log_y=True))
    if without:
        blocks.append(
            Text(f"Trained before this comparison, which saw no curve: {', '.join(without)}.")
        )
    return tuple(blocks)


def _sizes(told) -> tuple[Block, ...]:
    rows = []
    for name, model in told["models"].items():
        if cost := model["cost"]:
            own = cost["own"]
            share = np.median(own["operations"] / np.array(own["seconds"]) / own["products"])
            rows.append(
                (
                    name,
                    f"{own['parameters']:,}",
                    f"{model['config']['steps']:,}",
                    str(model["config"]["batch"]),
                    f"{own['operations'] / 1e9:.2f}",
                    str(claims.estimate([1e3 * one for one in own["seconds"]])),
                    f"{share:.0%}",
                    f"{own['memory'] / 2**20:.0f}",
                )
            )
    head = (
        "",
        "parameters",
        "steps",
        "batch",
        "GFLOP a step",
        "ms a step",
        "of a matrix product",
        "MiB on a device",
    )
    caption = (
        "A step is a turn of each player. Its speed is set beside that of a large matrix product, "
        "taken in turns with it. Memory is of the compiled program: arguments, results and what "
        "is between."
    )
    return (Table(head, tuple(rows), caption),) if rows else ()


def _sampler(told) -> tuple[Block, ...]:
    if not (rows := told["sampler_steps"]):
        return ()
    steps = [row["steps"] for row in rows]
    caption = (
        f"n = {told['glance']:,}, seed 0; the sampler of the recipe with other numbers of steps."
    )
    table = Table(
        ("steps", "ms per digit", "Frechet, N", "recognised"),
        tuple(
            (
                str(row["steps"]),
                f"{1e3 * row['seconds']:.2f}",
                f"{row['frechet']:.3f}",
                f"{row['recognised']:.2%}",
            )
            for row in rows
        ),
        caption,
    )
    curve = Curve("ddpm", steps, [row["frechet"] for row in rows], place=_place(told, "ddpm"))
    lines = Lines(
        (curve,), "steps of sampling", "Frechet distance, N", caption, log_x=True, log_y=True
    )
    return (lines, table)


def _likelihood(told) -> tuple[Block, ...]:
    rows, curves = [], []
    for name, measured in first_measured(told).items():
        likelihood = measured["likelihood"] or {}
        rows.append(
            (
                name,
                _nats(likelihood.get("static")),
                _nats(likelihood.get("dynamic")),
                _nats(measured["bits_per_dimension"], 3),
                _figure(measured["codes"]["bound"]),
                _figure(measured["codes"]["rate"]),
                _nats(measured["parzen"]["log_density"]),
            )
        )
        if measured["coding"]:
            rates, errors = zip(*measured["coding"], strict=True)
            family = told["models"][name]["family"]
            curves.append(Curve(family, rates, errors, place=_place(told, family)))
    for measured in first_measured(told).values():
        rows.append(
            ("real digits", "", "", "", "", "", _nats(measured["parzen_real"]["log_density"]))
        )
        break
    head = (
        "",
        "-log p static, nats",
        "-log p dynamic, nats",
        "bits per dimension",
        "bound of greys, nats",
        "rate of codes, nats",
        "Parzen windows, nats",
    )
    caption = (
        "Of the first seed. -log p is a bound by importance of black and white test digits, bits "
        "per dimension the variational bound of 256 greys, unguided, over all levels. The bound of "
        "greys is a cross-entropy, no likelihood. The rate is what codes cost, given the digit: of "
        "VAE and CVAE their divergence from the prior, of VQ-VAE minus the log of its learned "
        "prior. Parzen windows are shown for history: they rank models wrongly (Theis et al. 2016)."
    )
    blocks: list[Block] = [Table(head, tuple(rows), caption)] if rows else []
    if curves:
        caption = (
            "What a code says of an image, beyond its digit, and what is lost: of the codes of "
            "VAE, CVAE and VQ-VAE; of diffusion as its noise levels are told one by one."
        )
        blocks.append(
            Lines(tuple(curves), "rate, nats", "squared error", caption, log_x=True, log_y=True)
        )
    return tuple(blocks)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _nats(mean, digits: int = 2) -> str:
    return f"{mean['value']:.{digits}f} ± {mean['half']:.{digits}f}" if mean else ""


def _latents(told, arrays) -> tuple[Block, ...]:
    rows = []
    for model in told["models"]:
        linear = values(told, model, "codes", "linear", "probe")
        rows.append(
            (
                model,
                _mean(values(told, model, "codes", "squared_error")),
                _mean(linear),
                _mean(values(told, model, "codes", "active"), 0),
                _mean(values(told, model, "smoothness", "unevenness")),
                _mean(values(told, model, "smoothness", "detour")),
                _mean(values(told, model, "smoothness", "recognised", "value")),
            )
        )
    head = (
        "",
        "squared error",
        "linear probe",
        "active dimensions",
        "unevenness",
        "detour",
        "frames recognised",
    )
    caption = (
        "Squared error of a test digit and its reconstruction. Ways lead between two drawn digits "
        "of one kind: the largest step over the mean step, the length over the direct distance, "
        "both in the judge's features, and the share of frames that are that digit."
    )
    blocks: list[Block] = [Table(head, tuple(rows), caption)]
    for model, found in arrays.items():
        if "plane" in found:
            plane, labels = found["plane"], found["plane_labels"]
            clouds = tuple(
                Cloud(str(digit), *(plane[labels == digit].T.tolist())) for digit in range(10)
            )
            caption = f"Codes of {len(labels)} test digits by {model}, laid out by t-SNE."
            blocks.append(Scatter(clouds, "", "", caption))
    return tuple(blocks)


def _copies(told, arrays) -> tuple[Block, ...]:
    return tuple(
        Pictures(
            found["copies"],
            f"{model}: the drawn digits that are nearest to a training digit, above these. Copies "
            f"are {_mean([100 * v for v in values(told, model, 'generated', 'copied')])} %.",
            f"Digits drawn by {model} above the training digits nearest to them",
        )
        for model, found in arrays.items()
    )


def _stability(told) -> tuple[Block, ...]:
    rows = []
    for name, model in told["models"].items():
        distances = values(told, name, "generated", "frechet_in_noise_units")
        failed = [seed["training"]["failed"] for seed in model["seeds"].values()]
        rows.append(
            (
                name,
                f"{len(failed)}",
                f"{sum(map(bool, failed))}",
                " to ".join(dict.fromkeys(f"{f(distances):.3f}" for f in (min, max) if distances)),
                "; ".join(why for why in failed if why) or "none",
            )
        )
    head = ("", "seeds", "failed", "Frechet, N", "why")
    caption = "A training fails where its loss is not finite, or where it ends in mode collapse."
    return (Table(head, tuple(rows), caption),)


def _variation(told, model: str) -> float:
    """How much the distance of one model varies from sample seed to sample seed: the standard
    deviation over the mean, pooled over the models of all seeds."""
    drawn = [figures.drawn_again(measured) for measured in figures.measured_seeds(told, model)]
    shares = [np.var(again, ddof=1) / np.mean(again) ** 2 for again in drawn]
    return math.sqrt(np.mean(shares))


def _judges(told) -> tuple[Block, ...]:
    blocks: list[Block] = []
    rows: list[tuple[str, ...]] = []
    for name, measured in first_measured(told).items():
        again = figures.drawn_again(measured)
        rows.append((name, *(f"{one:.4f}" for one in again), f"{_variation(told, name):.1%}"))
    if rows:
        head = ("", *(f"sample seed {n}" for n in range(len(rows[0]) - 2)), "variation")
        caption = (
            f"Frechet distance, N, of the first seed's model, n = {told['count']:,}. Variation is "
            "the standard deviation over the mean, from all seeds' models."
        )
        blocks.append(Table(head, tuple(rows), caption))
    others = told["other_judges"]
    if rows and others:
        rows = [
            (
                name,
                _mean(values(told, name, *figures.DISTANCE_PATH)),
                *(_mean(other["distances"].get(name, [])) for other in others.values()),
            )
            for name in told["models"]
        ]
        ranks = [told["rank_correlation"][name] for name in others]
        cells = ("" if one is None else f"{one:.2f}" for one in ranks)
        rows.append(("rank correlation", "", *cells))
        real = next(iter(first_measured(told).values()))["real"]
        shares = [real["recognised"]["value"], *(other["accuracy"] for other in others.values())]
        rows.append(("test digits recognised", *(f"{share:.2%}" for share in shares)))
        blocks.append(
            Table(
                ("", "this judge, N", *(f"{name}, N" for name in others)),
                tuple(rows),
                "The other judges are of other architectures, and learnt from another seed: LeNet "
                "of convolutions and dense layers, the other of dense layers alone. Each has its "
                "own N.",
            )
        )
    return tuple(blocks)
