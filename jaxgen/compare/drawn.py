"""The sections of a comparison's report on drawn digits: how good they are, and how one knows."""

import math

import numpy as np

from jaxgen.compare import cells, figures
from jaxgen.compare.figures import first_measured, values
from jaxgen.compare.measuring import SHOWN
from jaxgen.pages.document import Block, Curve, Dots, Lines, Pictures, Table, Text


def pictures(arrays) -> tuple[Block, ...]:
    """Digits of each kind that each model draws."""
    return tuple(
        Pictures(
            found["picture"],
            f"{model}: {SHOWN} digits of each kind, the first that sample seed 0 draws.",
            f"Ten rows of digits drawn by {model}, 0 to 9",
            rows=tuple("0123456789"),
        )
        for model, found in arrays.items()
    )


def quality(told) -> tuple[Block, ...]:
    """How far drawn digits are from real ones, by each measure."""
    blocks: list[Block] = []
    if dots := cells.dots(figures.frechet(told)):
        caption = f"n = {told['count']:,}; N is what noise of 0.1 does to the test digits."
        blocks.append(Dots(dots, "Frechet distance, N", caption, cells.floor(told), log=True))
    if dots := cells.dots(figures.recognised(told), 100):
        caption = f"n = {told['count']:,}."
        levels = cells.real_level(told, "real", "recognised")
        blocks.append(Dots(dots, "recognised as the digit asked for, %", caption, levels))
    if dots := cells.dots(figures.useful(told), 100):
        caption = (
            f"Test digits recognised by a classifier that has learnt from {told['count']:,} drawn "
            "digits alone, or as many real ones."
        )
        blocks.append(Dots(dots, "usefulness, %", caption, cells.real_level(told, "useful_real")))
    names = ("precision", "recall", "density", "coverage", "diversity", "class_entropy", "copied")
    rows: list[tuple[str, ...]] = [
        (model, *(cells.mean(values(told, model, "generated", name)) for name in names))
        for model in told["models"]
    ]
    if measured := cells.any_measured(told):
        rows.append(("real digits", *(cells.mean([measured["real"][name]]) for name in names)))
    caption = "Means over seeds. Diversity is within a digit, over that of the test digits."
    heads = (name.replace("_", " ") for name in names)
    return (*blocks, Table(("", *heads), tuple(rows), caption))


def curves(told) -> tuple[Block, ...]:
    """The distance over the seconds of training."""
    found, without = [], []
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
        found.append(Curve(family, seconds, distance, place=cells.place(told, family)))
    blocks: list[Block] = []
    if found:
        caption = (
            f"n = {told['glance']:,}, so that distances are larger than with {told['count']:,}; "
            "each curve is of one training, whose learning rate falls to 0 at its end."
        )
        axes = ("seconds of training", "Frechet distance, N")
        blocks.append(Lines(tuple(found), *axes, caption, log_x=True, log_y=True))
    if without:
        blocks.append(
            Text(f"Trained before this comparison, which saw no curve: {', '.join(without)}.")
        )
    return tuple(blocks)


def sampler(told) -> tuple[Block, ...]:
    """The distance over the steps of diffusion."""
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
    curve = Curve("ddpm", steps, [row["frechet"] for row in rows], place=cells.place(told, "ddpm"))
    lines = Lines(
        (curve,), "steps of sampling", "Frechet distance, N", caption, log_x=True, log_y=True
    )
    return (lines, table)


def copies(told, arrays) -> tuple[Block, ...]:
    """The drawn digits that are nearest to training digits."""
    return tuple(
        Pictures(
            found["copies"],
            f"{model}: the drawn digits that are nearest to a training digit, above these. Copies "
            f"are {cells.mean([100 * v for v in values(told, model, 'generated', 'copied')])} %.",
            f"Digits drawn by {model} above the training digits nearest to them",
        )
        for model, found in arrays.items()
    )


def stability(told) -> tuple[Block, ...]:
    """What became of each seed."""
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


def judges(told) -> tuple[Block, ...]:
    """How much of a distance is chance, and what other judges say."""
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
    if (measured := cells.any_measured(told)) and others:
        rows = [
            (
                name,
                cells.mean(values(told, name, *figures.DISTANCE_PATH)),
                *(cells.mean(other["distances"].get(name, [])) for other in others.values()),
            )
            for name in told["models"]
        ]
        ranks = [told["rank_correlation"][name] for name in others]
        ranked = ("" if one is None else f"{one:.2f}" for one in ranks)
        rows.append(("rank correlation", "", *ranked))
        ours = measured["real"]["recognised"]["value"]
        shares = [ours, *(other["accuracy"] for other in others.values())]
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


def _variation(told, model: str) -> float:
    """How much the distance of one model varies from sample seed to sample seed: the standard
    deviation over the mean, pooled over the models of all seeds."""
    drawn = [figures.drawn_again(measured) for measured in figures.measured_seeds(told, model)]
    shares = [np.var(again, ddof=1) / np.mean(again) ** 2 for again in drawn]
    return math.sqrt(np.mean(shares))
