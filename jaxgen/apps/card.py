"""The data card of a data set of drawn digits, in Markdown with the head that dataset hubs read."""

from typing import Any

from jaxgen.apps import loading
from jaxgen.data import Digits


def card(state: dict[str, Any], digits: Digits) -> str:
    """The card of a data set as far as it is: ``state`` as ``augment.Making`` keeps it, ``digits``
    those of its model."""
    order, recipe, total = state["order"], state["recipe"], state["total"]
    mnist = digits.source.partition(":")[0] == "mnist"
    real = total - order["count"]
    begins = "All are drawn; none is real."
    if real:
        begins = (
            f"Places 0 to {real - 1:,} are the training digits of {digits.source}; the others are "
            "drawn."
        )
    filtered = "none: every digit that was drawn is here"
    if order["filter"] is not None:
        filtered = (
            "a digit was drawn again where a classifier gave the digit asked for less than "
            f"{order['filter']:g}. The classifier learned from the {len(digits.train.labels):,} "
            "training digits that the generator learned from, and from no others. "
            f"{state['drawn']:,} were drawn."
        )
    licence = (
        "MNIST is licensed under CC BY-SA 3.0 (Yann LeCun and Corinna Cortes), and the test digits "
        "here are its own. Whether digits drawn by a model of it are an adaptation is not settled; "
        "as long as it is not, use them under the same licence and name MNIST."
        if mnist
        else f"The digits of {digits.source} have a licence of their own, which this file does not "
        "know: ask who gave them."
    )
    rows = [f"| {digit} | {count:,} |" for digit, count in enumerate(state["digits"])]
    lines = [
        "---",
        f"license: {'cc-by-sa-3.0' if mnist else 'other'}",
        "task_categories: [image-classification]",
        "tags: [handwritten-digits, synthetic]",
        "pretty_name: Drawn handwritten digits",
        "---",
        "# Handwritten digits, drawn by a model",
        "",
        f"{state['done']:,} of {total:,} training digits, 28 x 28 grey, "
        f"{order.get('ink', 'light')} ink, with labels. {begins}",
        f"The {len(digits.test.labels):,} test digits are the real ones of {digits.source}.",
        "",
        "## How it was made",
        "",
        f"- by jaxgen {state['jaxgen']}, with the model `{recipe['model']}`, trained for "
        f"{state['steps']:,} steps on {recipe['data']} with seed {recipe['seed']}; all settings "
        f"are in card.json; SHA-256 of the weights {state['weights'][:16]}",
        f"- drawn with seed {order['seed']}",
        f"- mix: {order['mix']}",
        f"- filter: {filtered}",
        "",
        "| digit | training digits |",
        "|---|---|",
        *rows,
        "",
        "## What a judge says",
        "",
        _judged(state["judged"]),
        "",
        "## How to read it",
        "",
        "In this folder; what follows NumPy goes on from there, or reads by itself.",
        "",
        *_code(order["format"]),
        "## Licence",
        "",
        licence,
        "",
    ]
    return "\n".join(lines)


def _code(form: str) -> list[str]:
    lines = []
    for name, code in loading.code(form).items():
        lines += [f"{name}:", "", "```python", *code.splitlines(), "```", ""]
    return [*lines, "jaxgen: `bin/train --data FOLDER`", ""]


def _judged(found: dict[str, Any] | None) -> str:
    if found is None:
        return "Nothing yet."
    value, low, high = found["recognised"]
    lines = [
        f"Of the first {found['n']:,} drawn digits, against as many real test digits; the judge is "
        f"a classifier of real digits, SHA-256 {found['judge'][:16]}, and has chosen none.",
        "",
        f"- recognised as the digit asked for: {value:.2%} (95 % interval {low:.2%} to {high:.2%})",
    ]
    if caution := found.get("caution"):  # absent of earlier versions
        lines.insert(1, f"But {caution}.")
    if "frechet" in found:
        lines += [
            f"- Frechet distance: {found['frechet']:.3f} N (other real digits "
            f"{found['frechet_real']:.3f}); 1 N is noise of a tenth of white",
            f"- recall {found['recall']:.3f}, coverage {found['coverage']:.3f}",
            f"- copies of training digits: {found['copied']:.2%} (real digits "
            f"{found['copied_real']:.2%})",
        ]
    return "\n".join(lines)
