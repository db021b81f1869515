"""The report of a comparison: made of its JSON and of pictures alone, so no figure of the one is
not in the other."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate
from jaxgen.experiments import claims
from jaxgen.experiments.claims import COURSE, Claim
from jaxgen.experiments.course_measures import BATCH, BATCHES, SHOWN
from jaxgen.experiments.trial import Arrays
from jaxgen.pages.document import (
    Block,
    Curve,
    Document,
    Dot,
    Dots,
    Lines,
    Pictures,
    Scatter,
    Section,
    Table,
)

QUALITY = 0.3  # N: the quality that the cost of training to is asked for
WHOLE = "seconds of the whole training"
DRAWING = f"ms per digit, {BATCHES[-1]} at once"
DISTANCE = "Frechet distance, N"
FRECHET = "generated.frechet_in_noise_units"  # paths within what is measured of a model
RECOGNISED = "generated.recognised.value"

Columns = Mapping[str, Callable[[str], Any]]  # by heading, a cell of a model; None for an empty one


class Findings:
    """What ``Comparison.to_dict`` gives, and the figures that are read off it."""

    def __init__(self, json: dict[str, Any]):
        self.json, self.models = json, json["models"]
        self.families = [model["family"] for model in self.models.values()]

    def measured(self, model: str) -> list[dict[str, Any]]:
        """What was measured of each seed of a model, the first seed first."""
        seeds = self.models[model]["seeds"].values()
        return [seed["measured"] for seed in seeds if seed["measured"]]

    def first(self, model: str) -> dict[str, Any] | None:
        """What was measured of the first seed of a model."""
        return next(iter(self.measured(model)), None)

    @functools.cached_property
    def any(self) -> dict[str, Any] | None:
        """What was measured of some model, and with it of real digits."""
        return next((found for model in self.models if (found := self.first(model))), None)

    def values(self, model: str, path: str) -> list[float]:
        """A figure of each seed of a model, where there is one."""
        found = [at(measured, path) for measured in self.measured(model)]
        return [float(value) for value in found if value is not None]

    def mean(self, path: str, form: str = ".3f", factor: float = 1) -> Callable[[str], str | None]:
        """A cell: the mean over the seeds."""

        def cell(model: str) -> str | None:
            values = self.values(model, path)
            return f"{factor * np.mean(values):{form}}" if values else None

        return cell

    def estimates(self, path: str) -> dict[str, Estimate]:
        """A figure by family, with its interval over seeds. Of one seed the interval is that of
        drawing other digits, which leaves training out."""
        found = {}
        for name, model in self.models.items():
            if values := self.values(name, path):
                one = statistics.mean(values)
                if one.n == 1:
                    half = self._half_of_drawing(name, path)
                    one = Estimate(one.value, one.value - half, one.value + half, 1)
                found[model["family"]] = one
        return found

    def _half_of_drawing(self, model: str, path: str) -> float:
        """Half the interval of a figure over drawn digits, where that is known."""
        if path == FRECHET:
            drawn = statistics.mean(drawn_again(self.measured(model)[0]))
            return drawn.half * math.sqrt(drawn.n)  # of one drawing, not of their mean
        low, high = (
            self.values(model, path.removesuffix("value") + end) for end in ("low", "high")
        )
        return (high[0] - low[0]) / 2 if low and high else math.inf

    @functools.cached_property
    def training_costs(self) -> dict[str, dict[str, Estimate]]:
        """The cost of training by each definition, by family. Times have intervals over
        repetitions; those to a quality over seeds."""
        found: dict[str, dict[str, Estimate]] = {}
        for model in self.models.values():
            if not (cost := model["cost"]):
                continue
            own, equal, steps = cost["own"], cost["equal"], model["config"]["steps"]
            flop = own["operations"] / 1e12
            costs = {
                f"seconds per 1,000 steps of {BATCH}": scaled(1e3, equal["seconds"]),
                f"TFLOP per 1,000 steps of {BATCH}": statistics.exact(equal["operations"] / 1e9),
                WHOLE: scaled(steps, own["seconds"]),
                "TFLOP of the whole training": statistics.exact(steps * flop),
            }
            if reached := _reached(model):
                seconds = [look["seconds"] for look in reached]
                costs[f"seconds to {QUALITY} N"] = statistics.mean(seconds)
                steps_taken = [look["step"] for look in reached]
                costs[f"TFLOP to {QUALITY} N"] = scaled(flop, steps_taken)
            for by, one in costs.items():
                found.setdefault(by, {})[model["family"]] = one
        return found

    @functools.cached_property
    def sampling_costs(self) -> dict[str, dict[str, Estimate]]:
        """The cost of drawing by the number of digits at once, by family, over repetitions."""
        return {
            f"ms per digit, {batch} at once": {
                model["family"]: scaled(1e3 / batch, model["cost"]["drawing"][str(batch)])
                for model in self.models.values()
                if model["cost"]
            }
            for batch in BATCHES
        }

    @functools.cached_property
    def claims(self) -> list[Claim]:
        """Each ordering under each definition for which there are figures of two families."""
        found = [Claim(claims.TRAINING, *one) for one in self.training_costs.items()]
        found += [Claim(claims.SAMPLING, *one) for one in self.sampling_costs.items()]
        found += [
            Claim(claims.QUALITY, DISTANCE, self.estimates(FRECHET), less_is_more=True),
            Claim(claims.QUALITY, "share recognised", self.estimates(RECOGNISED)),
            Claim(claims.QUALITY, "usefulness", self.estimates("useful.value")),
        ]
        return [one for one in found if one.statements]

    def rank_correlation(self, judge: str) -> float | None:
        """Spearman's, of the models' mean distances by this judge and by another; None of two."""
        theirs = self.json["other_judges"][judge]["distances"]
        if len(theirs) < 3:
            return None
        ours = [np.mean(self.values(model, FRECHET)) for model in theirs]
        found: Any = stats.spearmanr(ours, [np.mean(own) for own in theirs.values()])
        return float(found.statistic)

    def whole(self) -> dict[str, Any]:
        """The JSON, with what is decided by it."""
        ranks = {name: self.rank_correlation(name) for name in self.json["other_judges"]}
        decided = [claim.to_dict() for claim in self.claims]
        return self.json | {"rank_correlation": ranks, "claims": decided}

    # For tables and charts.

    def table(self, columns: Columns, caption: str, *more: Sequence[Any], first: str = "") -> Table:
        """A row a model, and ``more`` rows below."""
        rows = [(name, *(cell(name) for cell in columns.values())) for name in self.models]
        texts = [tuple("" if one is None else f"{one}" for one in row) for row in (*rows, *more)]
        return Table((first, *columns), tuple(texts), caption)

    def dots(
        self, path: str, name: str, caption: str, level: str, factor: float = 1, log: bool = False
    ) -> list[Dots]:
        """A chart of a figure by family, with a dashed line for real digits."""
        dots = []
        for family, one in self.estimates(path).items():
            value, half = factor * one.value, factor * one.half
            # On a logarithmic axis there is nothing at 0.
            ends = (max(value - half, value / 10), value + half) if one.is_known else ()
            dots.append(Dot(family, value, *ends))
        real = at(self.any, level)
        line = None if real is None else Dot("real digits", factor * real)
        return [Dots(tuple(dots), name, caption, line, log=log)] if dots else []

    def curve(self, model: str, x: Sequence[float], y: Sequence[float]) -> Curve:
        """A curve of a model, in its colour."""
        family = self.models[model]["family"]
        return Curve(family, x, y, place=self.families.index(family))


def at(found: Any, path: str) -> Any:
    """What lies in nested dictionaries at a path; None where something on the way is None."""
    for key in path.split("."):
        found = None if found is None else found.get(key)
    return found


def scaled(factor: float, values: Sequence[float]) -> Estimate:
    return statistics.mean([factor * value for value in values])


def drawn_again(measured: dict[str, Any]) -> list[float]:
    """The distance of one model in N, from sample seed to sample seed."""
    return [measured["generated"]["frechet_in_noise_units"], *measured["frechet_again"]]


def _reached(model: dict[str, Any]) -> list[dict[str, Any]]:
    """The first look at each seed that found the quality; none where one has not, or no curve."""
    curves = [seed["training"]["curve"] for seed in model["seeds"].values()]
    found = [next((x for x in looks if x["frechet"] <= QUALITY), None) for looks in curves]
    return [look for look in found if look] if all(found) else []


# The report.


def document(json: dict[str, Any], arrays: dict[str, Arrays]) -> Document:
    """The report; ``arrays`` come from the first seed of each model."""
    found = Findings(json)
    sections = [
        Section("The six models", _overview(found)),
        Section("What the course says, and what was found", _claims(found)),
        Section("Digits of each model", _pictures(arrays)),
        Section("Quality", _quality(found)),
        Section("Quality against the time of training", _curves(found)),
        Section("Sizes", _sizes(found)),
        Section("Steps of diffusion", _sampler(found)),
        Section("Likelihood, rate and distortion", _likelihood(found)),
        Section("Latent spaces", _latents(found, arrays)),
        Section("Copies of training digits", _copies(found, arrays)),
        Section("Stability", _stability(found)),
        Section("How far the judge can be relied on", _judges(found)),
    ]
    provenance = (
        ("command", f"`{json['command']}`"),
        ("jaxgen", f"{json['jaxgen']}, commit {json['commit']}"),
        ("hardware", f"{json['devices']}; {json['machine']}"),
        ("judge", json["judge"]),
        ("digits", f"{json['data']}, test; {json['count']:,} drawn of each model, sample seed 0"),
        ("seeds", ", ".join(map(str, range(json["seeds"])))),
        *[("not compared", f"{run}, of the split of earlier versions") for run in json["strided"]],
    )
    shown = tuple(section for section in sections if section.blocks)
    return Document("Six families of generative models, compared", _lead(found), provenance, shown)


def _lead(found: Findings) -> str:
    json = found.json
    lines = [
        f"Each model was trained {json['training']}, from {json['seeds']} "
        f"seed{'s' if json['seeds'] > 1 else ''}, and judged by {json['count']:,} digits."
    ]
    for claim in found.claims:
        if claim.by in (WHOLE, DRAWING, DISTANCE):
            verdicts = [statement.verdict for statement in claim.statements]
            lines.append(
                f"{claim.ordering.name.capitalize()} ({claim.by}): found "
                f"{' > '.join(claim.ranked)}; of {len(verdicts)} statements of the course, "
                f"{verdicts.count('holds')} hold and {verdicts.count('does not hold')} do not."
            )
    return "\n\n".join(lines)


def _overview(found: Findings) -> tuple[Block, ...]:
    def cell(by_family: Mapping[str, Estimate], form: str) -> Callable[[str], str | None]:
        def of(model: str) -> str | None:
            one = by_family.get(found.models[model]["family"])
            return one and form.format(one.value)

        return of

    def course(side: int) -> Callable[[str], str]:
        return lambda model: COURSE.get(found.models[model]["family"], ("", ""))[side]

    columns = {
        "training": cell(found.training_costs.get(WHOLE, {}), "{:.0f} s"),
        "a digit": cell(found.sampling_costs[DRAWING], "{:.2g} ms"),
        "Frechet": cell(found.estimates(FRECHET), "{:.3f} N"),
        "recognised": cell(found.estimates(RECOGNISED), "{:.2%}"),
        "coverage": found.mean("generated.coverage"),
        "population 1": found.mean("generated.population_1.value", ".0%"),
        "said to be good at": course(0),
        "said to be bad at": course(1),
    }
    caption = "Training is the time of a step times the steps; a digit is drawn among 128."
    return (found.table(columns, f"{caption} {_real(found)}".rstrip(), first="model"),)


def _real(found: Findings) -> str:
    """What real digits get, and which populations of writers were compared: a sentence or two;
    empty as long as nothing was measured."""
    if not found.any:
        return ""
    figures, mixture = found.any["real"], found.any["populations_of_real"]
    distance = figures["frechet_in_noise_units"]
    low, high = figures["frechet_in_noise_units_interval"]
    text = f"Real digits new to the judge: {distance:.3f} N ({low:.3f} to {high:.3f})"
    if mixture["real"] is not None:
        text += (
            f"; {mixture['floor']:.0%} of them, and {mixture['real']:.0%} of the test digits, are "
            "by population 1 of MNIST's writers"
        )
    nearer = [m for m in found.models if any(x < distance for x in found.values(m, FRECHET))]
    if nearer:
        text += (
            f". Nearer to the test digits: {', '.join(nearer)}; the real digits new to the judge "
            "are by other writers than the test digits"
        )
    return f"{text}."


def _claims(found: Findings) -> tuple[Block, ...]:
    chance = (
        "Intervals of quality are over seeds of training."
        if found.json["seeds"] > 1
        else "With one seed, intervals of quality tell only of the chance in drawing: another "
        "training may turn what is near. Give `--seeds 3` to see."
    )
    text = (
        "A statement about two models holds, or does not, where the 95 % interval of their "
        "difference leaves out 0; > of quality is better, of costs more; >> asks for "
        f"{claims.MUCH:.0f} times as much, ~ for less than {claims.ALIKE:.0f} times. "
        f"Intervals of costs are over repetitions on this machine. {chance}"
    )
    blocks: list[Block] = [text]
    for ordering in dict.fromkeys(claim.ordering for claim in found.claims):
        own = [claim for claim in found.claims if claim.ordering == ordering]
        rows = [
            (
                claim.by,
                *(f"{claim.figures.get(family, '')}" for family in found.families),
                " > ".join(claim.ranked),
            )
            for claim in own
        ]
        caption = f"Figures for the {ordering.name}, with 95 % intervals, and the order they give."
        blocks.append(Table((ordering.name, *found.families, "found"), tuple(rows), caption))
        decided = [{one[:3]: one.verdict for one in claim.statements} for claim in own]
        rows = [
            (
                f"{a} {relation}\N{NO-BREAK SPACE}{b}",
                *(x.get((a, relation, b), "") for x in decided),
            )
            for a, relation, b in dict.fromkeys(pair for verdicts in decided for pair in verdicts)
        ]
        rows.append(("as a whole", *(claim.verdict for claim in own)))
        caption = f"The course: {ordering.text}. Empty where a model has no such figure."
        head = (ordering.name, *(claim.by for claim in own))
        blocks.append(Table(head, tuple(rows), caption))
    return tuple(blocks)


def _pictures(arrays: dict[str, Arrays]) -> tuple[Block, ...]:
    return tuple(
        Pictures(
            own["picture"],
            f"{model}: {SHOWN} digits of each kind, the first that sample seed 0 draws.",
            f"Ten rows of digits drawn by {model}, 0 to 9",
            rows=tuple("0123456789"),
        )
        for model, own in arrays.items()
    )


def _quality(found: Findings) -> tuple[Block, ...]:
    n = f"{found.json['count']:,}"
    names = ("precision", "recall", "density", "coverage", "diversity", "class_entropy", "copied")
    columns = {name.replace("_", " "): found.mean(f"generated.{name}") for name in names}
    real = found.any and [("real digits", *(f"{found.any['real'][name]:.3f}" for name in names))]
    return (
        *found.dots(
            FRECHET,
            DISTANCE,
            f"n = {n}; N is what noise of 0.1 does to the test digits.",
            "real.frechet_in_noise_units",
            log=True,
        ),
        *found.dots(
            RECOGNISED,
            "recognised as the digit asked for, %",
            f"n = {n}.",
            "real.recognised.value",
            100,
        ),
        *found.dots(
            "useful.value",
            "usefulness, %",
            f"Test digits recognised by a classifier that has learnt from {n} drawn digits alone, "
            "or as many real ones.",
            "useful_real.value",
            100,
        ),
        found.table(
            columns,
            "Means over seeds. Diversity is within a digit, over that of the test digits.",
            *(real or ()),
        ),
    )


def _curves(found: Findings) -> tuple[Block, ...]:
    """The distance over the seconds of training."""
    curves, without = [], []
    for name, model in found.models.items():
        looks = [seed["training"]["curve"] for seed in model["seeds"].values()]
        points = list(zip(*(own for own in looks if own), strict=False))
        if points:
            means = [
                [float(np.mean([look[key] for look in point])) for point in points]
                for key in ("seconds", "frechet")
            ]
            curves.append(found.curve(name, *means))
        else:
            without.append(name)
    blocks: list[Block] = []
    if curves:
        caption = (
            f"n = {found.json['glance']:,}, so that distances are larger than with "
            f"{found.json['count']:,}; each curve is of one training, whose learning rate falls to "
            "0 at its end."
        )
        axes = ("seconds of training", DISTANCE)
        blocks.append(Lines(tuple(curves), *axes, caption, log_x=True, log_y=True))
    if without:
        blocks.append(f"Trained before this comparison, which saw no curve: {', '.join(without)}.")
    return tuple(blocks)


def _sizes(found: Findings) -> tuple[Block, ...]:
    """Parameters, arithmetic, time and memory of a step."""
    rows = []
    for name, model in found.models.items():
        if model["cost"]:
            own = model["cost"]["own"]
            speed = np.median(own["operations"] / np.array(own["seconds"]) / own["products"])
            rows.append(
                (
                    name,
                    f"{own['parameters']:,}",
                    f"{model['config']['steps']:,}",
                    str(model["config"]["batch"]),
                    f"{own['operations'] / 1e9:.2f}",
                    f"{scaled(1e3, own['seconds'])}",
                    f"{speed:.0%}",
                    f"{own['memory'] / 2**20:.0f}",
                )
            )
    head = ("", "parameters", "steps", "batch", "GFLOP a step", "ms a step")
    caption = (
        "A step is a turn of each player. Its speed is set beside that of a large matrix product, "
        "taken in turns with it. Memory is of the compiled program: arguments, results and what "
        "is between."
    )
    head = (*head, "of a matrix product", "MiB on a device")
    return (Table(head, tuple(rows), caption),) if rows else ()


def _sampler(found: Findings) -> tuple[Block, ...]:
    """The distance over the steps of diffusion."""
    if not (rows := found.json["sampler_steps"]):
        return ()
    n = found.json["glance"]
    caption = f"n = {n:,}, seed 0; the sampler of the recipe with other numbers of steps."
    cells = tuple(
        (
            str(row["steps"]),
            f"{1e3 * row['seconds']:.2f}",
            f"{row['frechet']:.3f}",
            f"{row['recognised']:.2%}",
        )
        for row in rows
    )
    steps, distances = ([row[name] for row in rows] for name in ("steps", "frechet"))
    several = (name for name, one in found.models.items() if "steps" in one["config"]["sampling"])
    model = next(several)
    return (
        Lines(
            (found.curve(model, steps, distances),),
            "steps of sampling",
            DISTANCE,
            caption,
            log_x=True,
            log_y=True,
        ),
        Table(("steps", "ms per digit", "Frechet, N", "recognised"), cells, caption),
    )


def _likelihood(found: Findings) -> tuple[Block, ...]:
    """What a model gives real digits, in nats, and what its codes cost."""
    if not found.any:
        return ()

    def nats(path: str, form: str = ".2f") -> Callable[[str], str | None]:
        def cell(model: str) -> str | None:
            one = at(found.first(model), path)
            return one and f"{one['value']:{form}} ± {one['half']:{form}}"

        return cell

    def number(path: str) -> Callable[[str], str | None]:
        def cell(model: str) -> str | None:
            one = at(found.first(model), path)
            return None if one is None else f"{one:.2f}"

        return cell

    columns = {
        "-log p static, nats": nats("likelihood.static"),
        "-log p dynamic, nats": nats("likelihood.dynamic"),
        "bits per dimension": nats("bits_per_dimension", ".3f"),
        "bound of greys, nats": number("codes.bound"),
        "rate of codes, nats": number("codes.rate"),
        "Parzen windows, nats": nats("parzen.log_density"),
    }
    caption = (
        "Of the first seed. -log p is a bound by importance of black and white test digits, bits "
        "per dimension the variational bound of 256 greys, unguided, over all levels. The bound of "
        "greys is a cross-entropy, no likelihood. The rate is what codes cost, given the digit: of "
        "VAE and CVAE their divergence from the prior, of VQ-VAE minus the log of its learned "
        "prior. Parzen windows are shown for history: they rank models wrongly (Theis et al. 2016)."
    )
    one = found.any["parzen_real"]["log_density"]
    real = ("real digits", *[""] * 5, f"{one['value']:.2f} ± {one['half']:.2f}")
    blocks: list[Block] = [found.table(columns, caption, real)]
    curves = [
        found.curve(model, *zip(*first["coding"], strict=True))
        for model in found.models
        if (first := found.first(model)) and first["coding"]
    ]
    if curves:
        caption = (
            "What a code says of an image, beyond its digit, and what is lost: of the codes of "
            "VAE, CVAE and VQ-VAE; of diffusion as its noise levels are told one by one."
        )
        axes = ("rate, nats", "squared error")
        blocks.append(Lines(tuple(curves), *axes, caption, log_x=True, log_y=True))
    return tuple(blocks)


def _latents(found: Findings, arrays: dict[str, Arrays]) -> tuple[Block, ...]:
    """What codes keep of a digit, and where they lie."""
    columns = {
        "squared error": found.mean("codes.squared_error"),
        "linear probe": found.mean("codes.linear.probe"),
        "active dimensions": found.mean("codes.active", ".0f"),
        "unevenness": found.mean("smoothness.unevenness"),
        "detour": found.mean("smoothness.detour"),
        "frames recognised": found.mean("smoothness.recognised.value"),
    }
    caption = (
        "Squared error of a test digit and its reconstruction. Ways lead between two drawn digits "
        "of one kind: the largest step over the mean step, the length over the direct distance, "
        "both in the judge's features, and the share of frames that are that digit."
    )
    blocks: list[Block] = [found.table(columns, caption)]
    for model, own in arrays.items():
        if "plane" in own:
            plane, labels = own["plane"], own["plane_labels"]
            points = {str(n): plane[labels == n] for n in range(10)}
            caption = f"Codes of {len(labels)} test digits by {model}, laid out by t-SNE."
            blocks.append(Scatter(points, "", "", caption))
    return tuple(blocks)


def _copies(found: Findings, arrays: dict[str, Arrays]) -> tuple[Block, ...]:
    percent = found.mean("generated.copied", factor=100)
    return tuple(
        Pictures(
            own["copies"],
            f"{model}: the drawn digits that are nearest to a training digit, above these. Copies "
            f"are {percent(model)} %.",
            f"Digits drawn by {model} above the training digits nearest to them",
        )
        for model, own in arrays.items()
    )


def _stability(found: Findings) -> tuple[Block, ...]:
    """What became of each seed."""

    def failed(model: str) -> list[str | None]:
        return [seed["training"]["failed"] for seed in found.models[model]["seeds"].values()]

    def span(model: str) -> str:
        distances = found.values(model, FRECHET)
        return " to ".join(dict.fromkeys(f"{f(distances):.3f}" for f in (min, max) if distances))

    columns = {
        "seeds": lambda model: len(failed(model)),
        "failed": lambda model: sum(map(bool, failed(model))),
        "Frechet, N": span,
        "why": lambda model: "; ".join(why for why in failed(model) if why) or "none",
    }
    caption = "A training fails where its loss is not finite, or where it ends in mode collapse."
    return (found.table(columns, caption),)


def _judges(found: Findings) -> tuple[Block, ...]:
    """How much of a distance is chance, and what other judges say."""
    if not found.any:
        return ()
    again = {
        model: [drawn_again(one) for one in own]
        for model in found.models
        if (own := found.measured(model))
    }
    rows = []
    for model, drawn in again.items():
        # The standard deviation over the mean, pooled over the models of all seeds.
        parts = [np.var(one, ddof=1) / np.mean(one) ** 2 for one in drawn]
        variation = f"{math.sqrt(np.mean(parts)):.1%}"
        rows.append((model, *(f"{one:.4f}" for one in drawn[0]), variation))
    head = ("", *(f"sample seed {n}" for n in range(len(rows[0]) - 2)), "variation")
    caption = (
        f"Frechet distance, N, of the first seed's model, n = {found.json['count']:,}. Variation "
        "is the standard deviation over the mean, from all seeds' models."
    )
    blocks: list[Block] = [Table(head, tuple(rows), caption)]
    others = found.json["other_judges"]
    if others:

        def theirs(name: str) -> Callable[[str], str | None]:
            distances = others[name]["distances"]
            return lambda model: f"{np.mean(distances[model]):.3f}" if model in distances else None

        ranks = [found.rank_correlation(name) for name in others]
        ours = found.any["real"]["recognised"]["value"]
        shares = [ours, *(other["accuracy"] for other in others.values())]
        blocks.append(
            found.table(
                {
                    "this judge, N": found.mean(FRECHET),
                    **{f"{name}, N": theirs(name) for name in others},
                },
                "The other judges are of other architectures, and learnt from another seed: LeNet "
                "of convolutions and dense layers, the other of dense layers alone. Each has its "
                "own N.",
                ("rank correlation", "", *("" if x is None else f"{x:.2f}" for x in ranks)),
                ("test digits recognised", *(f"{share:.2%}" for share in shares)),
            )
        )
    return tuple(blocks)
