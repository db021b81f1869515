"""The parts of a report: a title, and sections of paragraphs, tables, charts and pictures.

All strings are plain text, with code between `backticks`. A string as a block holds paragraphs,
with an empty line between two. A block checks its own shape when it is made.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

COLOURS = 6  # a colour-blind reader can tell these apart
WIDE = 8.0  # an axis is logarithmic if the largest value is this many times the least
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell names its row. Columns of numbers are right-aligned."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"row {row[:1]} has {len(row)} cells under {len(self.head)} heads")

    def numeric(self) -> list[bool]:
        """For each column, whether all its cells begin like a number."""
        columns = [[row[index] for row in self.rows] for index in range(len(self.head))]
        return [
            any(column) and all(re.match(r"[<~±+\u2212-]?\s?[.\d]|$", cell) for cell in column)
            for column in columns
        ]


@dataclass(frozen=True)
class Curve:
    """A named line through points, each with an interval if ``low`` and ``high`` are given.

    ``colour`` is 0 for the first colour and so on; after the last the colours repeat with other
    dashes. By default it is the index in the chart; set it for a curve that several charts show.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    colour: int | None = None

    def __post_init__(self):
        n = len(self.x)
        lengths = n, len(self.y), len(self.low), len(self.high)
        if not n or lengths not in ((n, n, 0, 0), (n, n, n, n)):
            raise ValueError(
                f"{self.name!r} has {n} x, and of y, low and high {lengths[1:]}: give as many"
            )


def is_wide(values: Sequence[float]) -> bool:
    """Whether an axis with these values should be logarithmic."""
    return min(values) > 0 and max(values) / min(values) >= WIDE


@dataclass(frozen=True)
class Lines:
    """A chart of curves. Values that its axes cannot show, such as NaN, are only in its table."""

    curves: tuple[Curve, ...]
    x: str
    y: str
    caption: str
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self):
        if not self.curves:
            raise ValueError(f"the chart {self.caption!r} has no curves")

    def table(self) -> Table:
        """The numbers of the chart: a row for each x, a column for each curve."""
        cells = {
            (curve.name, x): number(curve.y[index]) + _interval(curve.low, curve.high, index)
            for curve in self.curves
            for index, x in enumerate(curve.x)
        }
        names = [curve.name for curve in self.curves]
        xs = sorted({x for curve in self.curves for x in curve.x})
        rows = tuple((number(x), *(cells.get((name, x), "") for name in names)) for x in xs)
        return Table((self.x, *names), rows)


@dataclass(frozen=True)
class Dot:
    """A named value, with an interval if ``low`` and ``high`` are given."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self):
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.name!r} has one end of an interval: give low and high")


@dataclass(frozen=True)
class Dots:
    """A chart with one row for each dot, its interval a bar. A dashed line shows the ``level``, a
    value for comparison, such as that value for real digits.

    Up to six rows have the colours of curves in the same order; more rows have one colour. Values
    that the axis cannot show are left out, as in ``Lines``.
    """

    dots: tuple[Dot, ...]
    x: str
    caption: str
    level: Dot | None = None
    log: bool = False

    def __post_init__(self):
        if not self.dots:
            raise ValueError(f"the chart {self.caption!r} has no dots")

    def table(self) -> Table:
        """The numbers of the chart: a row for each dot, and a row for the level."""
        rows = [
            (dot.name, *("" if v is None else number(v) for v in (dot.value, dot.low, dot.high)))
            for dot in (*self.dots, self.level)
            if dot
        ]
        return Table(("", self.x, "low", "high"), tuple(rows))


@dataclass(frozen=True, eq=False)
class Scatter:
    """A chart of points [n, 2] by the name of their class. Both axes have the same scale.

    A page holds each point twice, for screens and for phones: 2,000 points take about 400 kB.
    """

    points: Mapping[str, np.ndarray]
    x: str
    y: str
    caption: str

    def table(self) -> None:
        """No table: nobody reads the numbers of so many points."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A picture, uint8 [h, w], not enlarged: the page enlarges it.

    Names of rows and of columns stand beside it, if its rows and columns have equal sizes, as in
    ``images.grid``. ``alternative`` describes the picture to a person who cannot see it.
    """

    image: np.ndarray
    caption: str
    alternative: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self):
        if self.image.dtype != np.uint8 or self.image.ndim != 2 or not self.image.size:
            raise ValueError(
                f"a picture is uint8 [h, w], not {self.image.dtype} {list(self.image.shape)}"
            )
        if not self.alternative.strip():
            raise ValueError(f"the picture {self.caption!r} needs words for who cannot see it")

    def enlargement(self) -> int:
        """The width of each pixel on a wide screen, in pixels: 1 to 4."""
        return max(1, min(4, 640 // self.image.shape[1]))  # leaves room for names of rows


Chart = Lines | Dots | Scatter
Block = str | Table | Chart | Pictures


@dataclass(frozen=True)
class Section:
    """A part of a report with a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report. ``lead`` is a summary in a few sentences. ``provenance`` says, as names and values,
    how to make the report again: the command, the commit, the seeds."""

    title: str
    lead: str
    provenance: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]

    def numbered(self) -> Iterator[tuple[Section, list[tuple[int, Block]]]]:
        """Each section with its blocks, numbered from 1 through the whole document."""
        count = 0
        for section in self.sections:
            yield section, list(enumerate(section.blocks, count + 1))
            count += len(section.blocks)


def number(value: float | str) -> str:
    """A number for a table: floats with six digits at most."""
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    parts = re.split(r"\n\s*\n", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def plain(text: str) -> str:
    """A line without the backticks of code."""
    return CODE.sub(r"\1", text)


def _interval(low, high, index):
    return f" ({number(low[index])} to {number(high[index])})" if len(low) else ""
