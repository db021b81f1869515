"""What stands in the cells and charts of a comparison's report: numbers as text, and levels."""

import math
from typing import Any

import numpy as np

from jaxgen.compare.claims import Estimate
from jaxgen.compare.figures import DISTANCE_PATH, first_measured, values
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


def real(told) -> str:
    """What real digits get, and which populations of writers were compared: a sentence or two;
    empty as long as nothing was measured."""
    measured = any_measured(told)
    if not measured:
        return ""
    figures, mixture = measured["real"], measured["populations_of_real"]
    distance = figures["frechet_in_noise_units"]
    low, high = figures["frechet_in_noise_units_interval"]
    said = f"Real digits new to the judge: {distance:.3f} N ({low:.3f} to {high:.3f})"
    if mixture["real"] is not None:
        said += (
            f"; {mixture['floor']:.0%} of them, and {mixture['real']:.0%} of the test digits, are "
            "by population 1 of MNIST's writers"
        )
    nearer = [
        name
        for name in told["models"]
        if any(one < distance for one in values(told, name, *DISTANCE_PATH))
    ]
    if nearer:
        said += (
            f". Nearer to the test digits: {', '.join(nearer)}; the real digits new to the judge "
            "are by other writers than the test digits"
        )
    return f"{said}."


def population(told, model: str) -> str:
    """The share of a model's digits that resemble population 1, the mean over seeds."""
    shares = values(told, model, "generated", "population_1", "value")
    return f"{np.mean(shares):.0%}" if shares else ""


def real_level(told, *path: str) -> tuple[Level, ...]:
    """A share that real digits get, in %, where it is known."""
    share = any_measured(told)
    for key in path:
        share = share and share[key]
    return (Level("real digits", 100 * share["value"]),) if share else ()
