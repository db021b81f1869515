"""The data card of a data set of drawn digits, in Markdown with the head that dataset hubs read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jaxgen import classes, data
from jaxgen.apps import loading
from jaxgen.data import Digits


def card(state: dict[str, Any], digits: Digits) -> str:
    """The card of a data set that may be incomplete: ``state`` of ``augment.DataSet``, and the
    ``digits`` that its model has learned from."""
    order = state["order"]
    return render(
        "card.md.j2",
        state=state,
        order=order,
        recipe=state["recipe"],
        judged=state["judged"],
        digits=digits,
        real=state["total"] - order["count"],
        is_mnist=data.is_mnist(digits.source),
        **words(digits.names),
        ways=loading.code(order["format"], digits.names),
    )


def words(names: Sequence[str]) -> dict[str, Any]:
    """What templates call images of the classes ``names``: ``one`` and ``many``; and whether these
    are digits."""
    one, many = classes.nouns(names)
    return {"one": one, "many": many, "digits_alone": classes.are_digits(names)}


def render(name: str, **values: Any) -> str:
    """The text of a template of this folder. Its filters are ``count``, and ``percent(decimals)``
    of a proportion."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"count": "{:,}".format, "percent": _percent}
    return templates.get_template(name).render(values)


def _percent(proportion: float, decimals: int = 2) -> str:
    return f"{proportion:.{decimals}%}"
