"""The report of a comparison, for a person: made of its JSON and of pictures alone."""

from typing import Any

import numpy as np

from jaxgen.compare import cells, claims, drawn, figures, models
from jaxgen.compare.figures import DISTANCE, DRAWING, WHOLE, Claim, values
from jaxgen.pages.document import Block, Document, Section, Table, Text

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
        Section("Digits of each model", drawn.pictures(arrays)),
        Section("Quality", drawn.quality(told)),
        Section("Quality against the time of training", drawn.curves(told)),
        Section("Sizes", models.sizes(told)),
        Section("Steps of diffusion", drawn.sampler(told)),
        Section("Likelihood, rate and distortion", models.likelihood(told)),
        Section("Latent spaces", models.latents(told, arrays)),
        Section("Copies of training digits", drawn.copies(told, arrays)),
        Section("Stability", drawn.stability(told)),
        Section("How far the judge can be relied on", drawn.judges(told)),
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
        *[("not compared", f"{run}, of the split of earlier versions") for run in told["strided"]],
    )


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
                cells.value(training.get(family), "{:.0f} s"),
                cells.value(drawing.get(family), "{:.2g} ms"),
                cells.value(distance.get(family), "{:.3f} N"),
                cells.value(shares.get(family), "{:.2%}"),
                cells.mean(values(told, name, "generated", "coverage")),
                cells.population(told, name),
                *COURSE.get(family, ("", "")),
            )
        )
    head = (
        "model",
        "training",
        "a digit",
        "Frechet",
        "recognised",
        "coverage",
        "population 1",
        "said to be good at",
        "said to be bad at",
    )
    caption = "Training is the time of a step times the steps; a digit is drawn among 128."
    caption = f"{caption} {cells.real(told)}".rstrip()
    return (Table(head, tuple(rows), caption),)


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
