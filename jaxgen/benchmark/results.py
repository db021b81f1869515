"""What models have drawn after some training: the curves of peers and recipes, and their tables."""

import math
from collections.abc import Sequence
from typing import NamedTuple

# The thresholds of ``curve``, each by itself.
RECOGNISED = (0.95, 0.98, 0.99)
FRECHET = (1.0, 0.5, 0.25)  # N


class Point(NamedTuple):
    """What a model draws after some training."""

    seconds: float  # of training
    images: int  # learned from
    recognised: float | None  # proportion, 0 to 1; None if no digits are asked for
    frechet: float  # distance to as many test digits, in N
    coverage: float  # of test digits, 0 to 1


class Result(NamedTuple):
    """The measures of a peer."""

    name: str
    count: int  # digits drawn for each point; distances of fewer digits are larger
    curve: tuple[Point, ...] = ()  # () for a model without a sampler
    step: float | None = None  # seconds of a train step, the median
    drawing: float | None = None  # seconds for 1,000 digits, the median over the points
    parameters: int | None = None
    failed: str | None = None  # why it ended early, as a sentence


def seconds_to(
    curve: Sequence[Point], recognised: float | None = 0.95, frechet: float = 1.0
) -> float | None:
    """The seconds of training until a curve has both: this proportion recognised, unless None, and
    this distance in N or a smaller one. None if no point has both.

    Between the first such point and the point before it, each threshold is crossed on a straight
    line over the logarithm of the seconds; the later crossing counts. Where the first point of all
    has both, its seconds are an upper bound.
    """

    def gaps(point: Point) -> list[float]:  # 0 or less: reached
        short = [point.frechet - frechet]
        if recognised is not None:
            short.append(recognised - (point.recognised or 0.0))
        return short

    before = None
    for point in curve:
        if max(gaps(point)) <= 0:
            if before is None:
                return point.seconds
            pairs = zip(gaps(before), gaps(point), strict=True)
            part = max(a / (a - b) for a, b in pairs if a > 0)
            return before.seconds * (point.seconds / before.seconds) ** part
        before = point
    return None


def curve(result: Result) -> str:
    """The points of a result as text, and the seconds to each threshold alone."""
    if result.failed and not result.curve:
        return f"{result.name}: {result.failed}"
    lines = [f"{result.name:<18}{'s':>7}{'images':>10}{'recognised':>12}{'N':>9}{'coverage':>10}"]
    for point in result.curve:
        known = _number(point.recognised, ".1%")
        lines.append(
            f"{'':<18}{point.seconds:7.1f}{point.images:10,}{known:>12}{point.frechet:9.3f}"
            f"{point.coverage:10.3f}"
        )
    times = [
        (f"{part:.0%} recognised", seconds_to(result.curve, part, math.inf)) for part in RECOGNISED
    ]
    times += [(f"{distance:g} N", seconds_to(result.curve, None, distance)) for distance in FRECHET]
    lines.append(
        "seconds to "
        + ", ".join(f"{what}: {_number(seconds, '.3g')}" for what, seconds in times)
        + f" ({result.count} digits at each time)"
    )
    return "\n".join(lines)


def table(results: Sequence[Result], recognised: float = 0.95, frechet: float = 1.0) -> str:
    """The results as text: a line for each, then the sentences of those that failed."""
    goal = f"s to {recognised:.0%}, {frechet:g} N"
    rows = [("", "weights", "ms a step", "s for 1000", goal, "at s", "recognised", "N", "coverage")]
    for result in results:
        last = result.curve[-1] if result.curve else None
        # Without digits asked for, only the distance counts.
        wanted = recognised if last and last.recognised is not None else None
        known = last.recognised if last else None
        rows.append(
            (
                result.name,
                _number(result.parameters, ",d"),
                _number(result.step and result.step * 1e3, ".3g"),
                _number(result.drawing, ".3g"),
                _number(seconds_to(result.curve, wanted, frechet), ".3g"),
                _number(last and last.seconds, ".0f"),
                _number(known, ".1%"),
                _number(last and last.frechet, ".3f"),
                _number(last and last.coverage, ".2f"),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
    for count in sorted({result.count for result in results if result.curve}):
        names = [result.name for result in results if result.curve and result.count == count]
        lines.append(f"{count} digits at each mark: {', '.join(names)}")
    lines += [f"{result.name}: {result.failed}" for result in results if result.failed]
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
