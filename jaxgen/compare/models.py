"""The sections of a comparison's report on the models: sizes, likelihood, and latent spaces."""

import numpy as np

from jaxgen.compare import cells, claims
from jaxgen.compare.figures import first_measured, values
from jaxgen.pages.document import Block, Cloud, Curve, Lines, Scatter, Table


def sizes(told) -> tuple[Block, ...]:
    """Parameters, arithmetic, time and memory of a step."""
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


def likelihood(told) -> tuple[Block, ...]:
    """What a model gives real digits, in nats, and what its codes cost."""
    rows, curves = [], []
    for name, measured in first_measured(told).items():
        bounds = measured["likelihood"] or {}
        rows.append(
            (
                name,
                cells.nats(bounds.get("static")),
                cells.nats(bounds.get("dynamic")),
                cells.nats(measured["bits_per_dimension"], 3),
                cells.figure(measured["codes"]["bound"]),
                cells.figure(measured["codes"]["rate"]),
                cells.nats(measured["parzen"]["log_density"]),
            )
        )
        if measured["coding"]:
            rates, errors = zip(*measured["coding"], strict=True)
            family = told["models"][name]["family"]
            curves.append(Curve(family, rates, errors, place=cells.place(told, family)))
    if measured := cells.any_measured(told):
        rows.append(
            ("real digits", "", "", "", "", "", cells.nats(measured["parzen_real"]["log_density"]))
        )
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


def latents(told, arrays) -> tuple[Block, ...]:
    """What codes keep of a digit, and where they lie."""
    rows = []
    for model in told["models"]:
        linear = values(told, model, "codes", "linear", "probe")
        rows.append(
            (
                model,
                cells.mean(values(told, model, "codes", "squared_error")),
                cells.mean(linear),
                cells.mean(values(told, model, "codes", "active"), 0),
                cells.mean(values(told, model, "smoothness", "unevenness")),
                cells.mean(values(told, model, "smoothness", "detour")),
                cells.mean(values(told, model, "smoothness", "recognised", "value")),
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
