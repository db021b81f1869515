"""What stands in the cells and charts of a comparison's report: numbers as text, and levels."""

import math
from typing import Any

import numpy as np

from jaxgen.compare.claims import Estimate
from jaxgen.compare.figures import first_measured
from jaxgen.pages.document import Dot, Level


def value(one: Estimate | None, form: str) -> str:
    return form.format(one.value) if one else ""


def mean(found: list[float], digits: int = 3) -> str:
    return f"{np.mean(found):.{digits}f}" if found else ""


def figure(number: float | None) -> str:
    return "" if number is None else f"{number:.2f}"


def nats(told, digits: int = 2) -> str:
    return f"{told['value']:.{digits}f} ± {told['half']:.{digits}f}" if told else ""


def dots(estimates: dict[str, Estimate], factor: float = 1) -> tuple[Dot, ...]:
    """A dot for each family, with its interval where there is one."""
    found = []
    for family, one in estimates.items():
        middle, half = factor * one.value, factor * one.half
        if math.isfinite(half):
            found.append(Dot(family, middle, max(middle - half, middle / 10), middle + half))
        else:
            found.append(Dot(family, middle))
    return tuple(found)


def any_measured(told) -> dict[str, Any] | None:
    """What was measured of the first model, and with it of real digits, once there is one."""
    return next(iter(first_measured(told).values()), None)


def place(told, family: str) -> int:
    """Of a family among those compared: its colour in charts."""
    return [model["family"] for model in told["models"].values()].index(family)


def floor(told) -> tuple[Level, ...]:
    """The distance of real digits new to the judge, in N, once something was measured."""
    measured = any_measured(told)
    return (Level("real digits", measured["real"]["frechet_in_noise_units"]),) if measured else ()


def real_level(told, *path: str) -> tuple[Level, ...]:
    """A share that real digits get, in %, where it is known."""
    share = any_measured(told)
    for key in path:
        share = share and share[key]
    return (Level("real digits", 100 * share["value"]),) if share else ()
