"""The data card of a data set of drawn digits, in Markdown with the head that dataset hubs read."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxgen.apps import loading
from jaxgen.data import Digits


def card(state: dict[str, Any], digits: Digits) -> str:
    """The card of a data set that may be incomplete: ``state`` of ``augment.DataSet``, and the
    ``digits`` that its model has learned from."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"count": "{:,}".format, "percent": "{:.2%}".format}
    order = state["order"]
    return templates.get_template("card.md.j2").render(
        state=state,
        order=order,
        recipe=state["recipe"],
        judged=state["judged"],
        digits=digits,
        real=state["total"] - order["count"],
        is_mnist=digits.source.partition(":")[0] == "mnist",
        ways=loading.code(order["format"]),
    )
