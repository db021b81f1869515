"""What a comparison has found, as a report for a person and as JSON for a program.

The JSON comes first, and the report is made of it alone: so no figure in the one is not in the
other.
"""

import math
import os
import platform
from typing import Any

import numpy as np

import jaxgen
from jaxgen import config as configs
from jaxgen import devices
from jaxgen.compare import claims
from jaxgen.compare.claims import Estimate, Ordering, Statement
from jaxgen.compare.run import BATCH, BATCHES, COUNT, GLANCE, SHOWN, Comparison
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
from jaxgen.training import folder

QUALITY = 0.3  # N: the quality that the cost of training to is asked for
COURSE = {  # what the course says of each family
    "ae": ("simple, fast to train, interpretable", "weak generation, blurred"),
    "vae": ("continuous latent space, interpolation", "blurred, balance of two terms"),
    "cvae": ("control over the digit", "more complex, needs labels"),
    "vqvae": ("sharper, good compression", "codebook size, quantisation"),
    "gan": ("sharp, realistic", "unstable training, mode collapse"),
    "ddpm": ("best quality, stable training", "slow sampling, heavy"),
}


def to_dict(comparison: Comparison, command: str) -> dict[str, Any]:
    """All findings, for ``json.dumps``."""
    plan, models = comparison.plan, {}
    for entry in plan.entries:
        model = models.setdefault(
            entry.model,
            {
                "family": entry.config.family,
                "config": configs.to_dict(comparison.planned(entry)),
                "cost": comparison.cost(entry.model),
                "seeds": {},
            },
        )
        training, measured = comparison.training(entry), comparison.measured(entry)
        if training:
            found = {"training": training, "measured": measured}
            model["seeds"][str(entry.config.seed)] = found
    told = {
        "jaxgen": jaxgen.__version__,
        "commit": folder.commit(),
        "command": command,
        "devices": devices.describe(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "judge": comparison.judge.hash,
        "data": comparison.digits.source,
        "seeds": plan.seeds,
        "training": plan.training,
        "count": COUNT,
        "models": models,
        "sampler_steps": comparison.sampler_steps(),
        "other_judge": comparison.other_judge(),
        "skipped": comparison.skipped,
    }
    return told | {"claims": [_claim(*found) for found in orderings(told)]}


def _claim(ordering, name, figures, found) -> dict[str, Any]:
    return {
        "ordering": ordering.name,
        "course": ordering.text,
        "by": name,
        "figures": {
            family: {"value": one.value, "half": one.half if math.isfinite(one.half) else None}
            for family, one in figures.items()
        },
        "statements": [statement._asdict() for statement in found],
        "verdict": claims.verdict(found),
    }


def document(told: dict[str, Any], arrays: dict[str, dict[str, np.ndarray]]) -> Document:
    """The report; ``arrays`` are those of the first seed of each model."""
    sections = [
        Section("The six models", _overview(told)),
        Section("What the course says, and what was found", _claims(told)),
        Section("Digits of each model", _pictures(arrays)),
        Section("Quality", _quality(told)),
        Section("Quality against the time of training", _curves(told)),
        Section("Costs", _costs(told)),
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
    said: dict[str, list[str]] = {}
    for ordering, name, _, found in orderings(told):
        said.setdefault(ordering.name, []).append(f"{claims.verdict(found)} by {name}")
    sentences = [f"The course's ordering by {name} {', '.join(by)}." for name, by in said.items()]
    seeds = f"{told['seeds']} seed{'s' if told['seeds'] > 1 else ''}"
    trained = f"trained {told['training']}, from {seeds}, and judged by {told['count']:,} digits."
    return " ".join([f"Each model was {trained}", *sentences])


def _provenance(told) -> tuple[tuple[str, str], ...]:
    return (
        ("command", f"`{told['command']}`"),
        ("jaxgen", f"{told['jaxgen']}, commit {told['commit']}"),
        ("hardware", f"{told['devices']}; {told['machine']}"),
        ("judge", told["judge"]),
        ("digits", f"{told['data']}, test; {told['count']:,} drawn of each model, sample seed 0"),
        ("seeds", ", ".join(map(str, range(told["seeds"])))),
    )


# Figures of a model.


def values(told, model: str, *path: str) -> list[float]:
    """A measured figure of each seed of a model, where it is there."""
    found = []
    for seed in told["models"][model]["seeds"].values():
        figure = seed["measured"]
        for key in path:
            figure = figure and figure.get(key)
        if figure is not None:
            found.append(float(figure))
    return found


def estimates(told, *path: str, within: str | None = None) -> dict[str, Estimate]:
    """A measured figure by family, with the interval over seeds; of one seed with that of the
    drawing, where ``within`` names where it is: ``again`` or ``share``."""
    found = {}
    for model, known in told["models"].items():
        if not (figures := values(told, model, *path)):
            continue
        one = claims.estimate(figures)
        measured = [seed["measured"] for seed in known["seeds"].values() if seed["measured"]]
        if one.n == 1 and within == "again":
            again = claims.estimate([*figures, *measured[0]["frechet_again"]])
            one = Estimate(one.value, again.half * math.sqrt(again.n), 1)
        elif one.n == 1 and within == "share":
            low, high = (values(told, model, *path[:-1], end)[0] for end in ("low", "high"))
            one = Estimate(one.value, (high - low) / 2, 1)
        found[known["family"]] = one
    return found


def frechet(told) -> dict[str, Estimate]:
    """Distance in N, by family."""
    return estimates(told, "generated", "frechet_in_noise_units", within="again")


def recognised(told) -> dict[str, Estimate]:
    """Share recognised as the digit asked for, by family."""
    return estimates(told, "generated", "recognised", "value", within="share")


def useful(told) -> dict[str, Estimate]:
    """Share of the test digits that a classifier recognises after drawn ones alone, by family."""
    return estimates(told, "useful", "value", within="share")


def costs(told) -> dict[str, dict[str, Estimate]]:
    """Each definition of the cost of training and of sampling, by family."""
    found: dict[str, dict[str, Estimate]] = {}

    def add(name, family, figures):
        found.setdefault(name, {})[family] = claims.estimate(figures)

    for model in told["models"].values():
        family, cost, config = model["family"], model["cost"], model["config"]
        if not cost:
            continue
        add(f"seconds per 1,000 steps of {BATCH}", family, _scaled(cost["equal"]["seconds"], 1e3))
        gigas = 1e3 * cost["equal"]["operations"] / 1e9
        found.setdefault(f"GFLOP per 1,000 steps of {BATCH}", {})[family] = Estimate(gigas, 0, 1)
        add(
            "seconds of the whole training",
            family,
            _scaled(cost["own"]["seconds"], config["steps"]),
        )
        if reached := _reached(model):
            add(f"seconds until {QUALITY} N", family, reached)
        for batch in BATCHES:
            seconds = _scaled(cost["drawing"][str(batch)], 1e3 / batch)
            add(f"ms per digit, {batch} at once", family, seconds)
    return found


def _scaled(figures, factor):
    return [factor * figure for figure in figures]


def _reached(model) -> list[float]:
    """Seconds after which each seed had the quality; none where one has not, or no curve."""
    found = []
    for seed in model["seeds"].values():
        there = [p["seconds"] for p in seed["training"]["curve"] if p["frechet"] <= QUALITY]
        if not there:
            return []
        found.append(min(there))
    return found


def orderings(told) -> list[tuple[Ordering, str, dict[str, Estimate], list[Statement]]]:
    """Each ordering under each definition, with the figures and the statements decided."""
    found = []
    for name, figures in costs(told).items():
        ordering = claims.SAMPLING if name.startswith("ms") else claims.TRAINING
        found.append((ordering, name, figures, claims.statements(ordering, figures)))
    distance = frechet(told)
    decided = claims.statements(claims.QUALITY, distance, less_is_more=True)
    found.append((claims.QUALITY, "Frechet distance in N", distance, decided))
    for name, figures in (("share recognised", recognised(told)), ("usefulness", useful(told))):
        found.append((claims.QUALITY, name, figures, claims.statements(claims.QUALITY, figures)))
    return [one for one in found if one[3]]


# Sections.


def _overview(told) -> tuple[Block, ...]:
    distance, shares, cost = frechet(told), recognised(told), costs(told)
    rows = []
    for name, model in told["models"].items():
        family = model["family"]
        good, bad = COURSE.get(family, ("", ""))
        training = cost.get("seconds of the whole training", {}).get(family)
        drawing = cost.get("ms per digit, 128 at once", {}).get(family)
        rows.append(
            (
                name,
                good,
                bad,
                f"{training.value:.0f} s" if training else "",
                f"{drawing.value:.2g} ms" if drawing else "",
                f"{distance[family].value:.3f} N" if family in distance else "",
                f"{shares[family].value:.2%}" if family in shares else "",
                f"{np.mean(values(told, name, 'generated', 'coverage')):.3f}"
                if family in distance
                else "",
            )
        )
    head = (
        "model",
        "said to be good at",
        "said to be bad at",
        "training",
        "a digit",
        "Frechet",
        "recognised",
        "coverage",
    )
    caption = (
        "Training is the time of a step times the steps; a digit is drawn among 128. "
        f"Real digits new to the judge: {_floor(told):.3f} N."
    )
    return (Table(head, tuple(rows), caption),)


def _floor(told) -> float:
    """The distance of real digits new to the judge, in N."""
    for model in told["models"].values():
        for seed in model["seeds"].values():
            if seed["measured"]:
                return seed["measured"]["real"]["frechet_in_noise_units"]
    return 0.0


def _claims(told) -> tuple[Block, ...]:
    blocks: list[Block] = [
        Text(
            "A statement about two models holds, or does not, where the 95 % interval of their "
            "difference leaves out 0; >> asks for ten times as much, ~ for less than twice. "
            "Intervals of costs are over repetitions on this machine. "
            + (
                "Intervals of quality are over seeds of training."
                if told["seeds"] > 1
                else "With one seed, intervals of quality tell only of the chance in drawing: "
                "another training may turn what is near. Give `--seeds 3` to see."
            )
        )
    ]
    for ordering, name, figures, found in orderings(told):
        counts = {v: sum(s.verdict == v for s in found) for v in ("holds", "does not hold")}
        rows = tuple(
            (f"{one.left} {one.relation} {one.right}", one.verdict, one.evidence) for one in found
        )
        blocks.append(
            Table(
                (f"{ordering.name}, by {name}", "verdict", "figures"),
                rows,
                f"The course: {ordering.text}. Of {len(found)} statements "
                f"{counts['holds']} hold, {counts['does not hold']} do not. "
                f"Found: {' > '.join(_ranked(ordering, figures, name))}.",
            )
        )
    return tuple(blocks)


def _ranked(ordering, figures, name):
    less = name.startswith("Frechet")
    return sorted(figures, key=lambda family: figures[family].value, reverse=not less)


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
    floor = (Level("real digits", _floor(told)),)
    if dots := _dots(frechet(told)):
        caption = f"n = {told['count']:,}; N is what noise of 0.1 does to the test digits."
        blocks.append(Dots(dots, "Frechet distance, N", caption, floor, log=True))
    if dots := _dots(recognised(told), 100):
        blocks.append(Dots(dots, "recognised as the digit asked for, %", f"n = {told['count']:,}."))
    if dots := _dots(useful(told), 100):
        caption = "Test digits recognised by a classifier that has learnt from drawn digits alone."
        blocks.append(Dots(dots, "usefulness, %", caption))
    names = ("precision", "recall", "density", "coverage", "diversity", "class_entropy", "copied")
    rows = [
        (model, *(_mean(values(told, model, "generated", name)) for name in names))
        for model in told["models"]
    ]
    for model in told["models"]:
        if real := [_mean(values(told, model, "real", name)) for name in names]:
            rows.append(("real digits", *real))
            break
    caption = "Means over seeds. Diversity is within a digit, over that of the test digits."
    return (*blocks, Table(("", *names), tuple(rows), caption))


def _dots(figures: dict[str, Estimate], factor: float = 1) -> tuple[Dot, ...]:
    dots = []
    for family, one in figures.items():
        value, half = factor * one.value, factor * one.half
        if math.isfinite(half):
            dots.append(Dot(family, value, max(value - half, value / 10), value + half))
        else:
            dots.append(Dot(family, value))
    return tuple(dots)


def _mean(figures) -> str:
    return f"{np.mean(figures):.3f}" if figures else ""


def _curves(told) -> tuple[Block, ...]:
    curves = []
    for model in told["models"].values():
        looks = [seed["training"]["curve"] for seed in model["seeds"].values()]
        looks = [look for look in looks if look]
        if looks:
            points = list(zip(*looks, strict=False))
            seconds = [float(np.mean([p["seconds"] for p in point])) for point in points]
            distance = [float(np.mean([p["frechet"] for p in point])) for point in points]
            curves.append(Curve(model["family"], seconds, distance))
    if not curves:
        return (Text("All models were trained before this comparison, which saw no curve."),)
    caption = (
        f"n = {GLANCE:,}, so that distances are larger than with {told['count']:,}; each curve is "
        "of one training, whose learning rate falls to 0 at its end."
    )
    return (
        Lines(
            tuple(curves),
            "seconds of training",
            "Frechet distance, N",
            caption,
            log_x=True,
            log_y=True,
        ),
    )


def _costs(told) -> tuple[Block, ...]:
    found = costs(told)
    families = [model["family"] for model in told["models"].values()]
    rows = [
        (name, *(_cell(figures.get(family)) for family in families))
        for name, figures in found.items()
    ]
    memory = [
        f"{model['cost']['own']['memory'] / 2**20:.0f}" if model["cost"] else ""
        for model in told["models"].values()
    ]
    parameters = [
        f"{model['cost']['own']['parameters']:,}" if model["cost"] else ""
        for model in told["models"].values()
    ]
    rows += [("MiB of the train step on a device", *memory), ("parameters", *parameters)]
    caption = (
        "With 95 % intervals over repetitions. Memory is of the compiled program: arguments, "
        f"results and what is between. {QUALITY} N is asked of {GLANCE:,} digits."
    )
    return (Table(("", *families), tuple(rows), caption),)


def _cell(one: Estimate | None) -> str:
    if one is None:
        return ""
    return str(one)


def _sampler(told) -> tuple[Block, ...]:
    if not (rows := told["sampler_steps"]):
        return ()
    steps = [row["steps"] for row in rows]
    caption = f"n = {GLANCE:,}, seed 0; the sampler of the recipe with other numbers of steps."
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
    curve = Curve("ddpm", steps, [row["frechet"] for row in rows])
    lines = Lines(
        (curve,), "steps of sampling", "Frechet distance, N", caption, log_x=True, log_y=True
    )
    return (lines, table)


def _likelihood(told) -> tuple[Block, ...]:
    rows, curves = [], []
    for name, model in told["models"].items():
        for seed in model["seeds"].values():
            measured = seed["measured"]
            if not measured:
                continue
            rows.append(
                (
                    name,
                    _nats(measured["likelihood"] and measured["likelihood"]["static"]),
                    _nats(measured["likelihood"] and measured["likelihood"]["dynamic"]),
                    _nats(measured["bits_per_dimension"], 3),
                    _nats(measured["parzen"]["log_density"]),
                )
            )
            if measured["coding"]:
                rates, errors = zip(*measured["coding"], strict=True)
                curves.append(Curve(model["family"], list(rates), list(errors)))
            break
    head = (
        "",
        "-log p static, nats",
        "-log p dynamic, nats",
        "bits per dimension",
        "Parzen windows, nats",
    )
    caption = (
        "Of the first seed. -log p is a bound by importance of black and white test digits; bits "
        "per dimension the variational bound of 256 greys, unguided, over all levels. Parzen "
        "windows are shown for history: they rank models wrongly (Theis et al. 2016)."
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
                _mean(values(told, model, "codes", "active")),
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
        figures = values(told, name, "generated", "frechet_in_noise_units")
        failed = [seed["training"]["failed"] for seed in model["seeds"].values()]
        rows.append(
            (
                name,
                f"{len(failed)}",
                f"{sum(map(bool, failed))}",
                f"{min(figures):.3f} to {max(figures):.3f}" if figures else "",
                "; ".join(why for why in failed if why) or "none",
            )
        )
    head = ("", "seeds", "failed", "Frechet, N", "why")
    caption = "A training fails where its loss is not finite, or where it ends in mode collapse."
    return (Table(head, tuple(rows), caption),)


def _judges(told) -> tuple[Block, ...]:
    rows = []
    for name, model in told["models"].items():
        for seed in model["seeds"].values():
            if measured := seed["measured"]:
                again = [
                    measured["generated"]["frechet_in_noise_units"],
                    *measured["frechet_again"],
                ]
                spread = (max(again) - min(again)) / np.mean(again)
                rows.append((name, *(f"{one:.4f}" for one in again), f"{spread:.1%}"))
                break
    blocks: list[Block] = []
    if rows:
        head = ("", *(f"sample seed {n}" for n in range(len(rows[0]) - 2)), "spread")
        caption = f"Frechet distance, N, of the first seed's model, n = {told['count']:,}."
        blocks.append(Table(head, tuple(rows), caption))
    if other := told["other_judge"]:
        rank = other["rank_correlation"]
        pairs = zip(other["models"], other["ours"], other["theirs"], strict=True)
        blocks.append(
            Table(
                ("", "this judge, N", "another judge, N"),
                tuple((model, f"{ours:.3f}", f"{theirs:.3f}") for model, ours, theirs in pairs),
                "The other judge has other widths, and learnt from another seed. "
                + (f"Rank correlation {rank:.2f}." if rank is not None else ""),
            )
        )
    return tuple(blocks)
