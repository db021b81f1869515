"""What a report is: a title, and sections of paragraphs, tables, charts and pictures.

All strings are plain text, in which words between `backticks` are shown as code. A string that is a
block is paragraphs, with an empty line between two. The blocks check their shape when they are
made, so that a mistake is found where it was made and not in a page.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

COLOURS = 6  # as many as a colour-blind person can tell apart
WIDE = 8.0  # an axis is logarithmic where the largest value is this many times the least
CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first cell names its row. Columns of numbers are set to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""

    def __post_init__(self):
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"row {row[:1]} has {len(row)} cells under {len(self.head)} heads")

    def numeric(self) -> list[bool]:
        """For each column, whether all that stands in it begins as a number does."""
        columns = [[row[place] for row in self.rows] for place in range(len(self.head))]
        return [
            any(column) and all(re.match(r"[<~±+\u2212-]?\s?[.\d]|$", cell) for cell in column)
            for column in columns
        ]


@dataclass(frozen=True)
class Curve:
    """A named line through its points, with an interval about each if there is one.

    A curve has the colour of its ``place``, or of its place in the chart. Give a place where the
    same curve has another place in another chart. The colours repeat with other dashes.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    place: int | None = None

    def __post_init__(self):
        n = len(self.x)
        lengths = n, len(self.y), len(self.low), len(self.high)
        if not n or lengths not in ((n, n, 0, 0), (n, n, n, n)):
            raise ValueError(
                f"{self.name!r} has {n} x, and of y, low and high {lengths[1:]}: give as many"
            )


def is_wide(values: Sequence[float]) -> bool:
    """Whether an axis with these values is to be logarithmic."""
    return min(values) > 0 and max(values) / min(values) >= WIDE


@dataclass(frozen=True)
class Lines:
    """A chart of curves. It leaves out values that have no place on its axes, such as NaN; its
    table shows them."""

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
        """The numbers of the chart: a row an x, a column a curve."""
        cells = {
            (curve.name, x): number(curve.y[place]) + _interval(curve.low, curve.high, place)
            for curve in self.curves
            for place, x in enumerate(curve.x)
        }
        names = [curve.name for curve in self.curves]
        places = sorted({x for curve in self.curves for x in curve.x})
        rows = tuple((number(x), *(cells.get((name, x), "") for name in names)) for x in places)
        return Table((self.x, *names), rows)


@dataclass(frozen=True)
class Dot:
    """A named value, with its interval if there is one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    def __post_init__(self):
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.name!r} has one end of an interval: give low and high")


@dataclass(frozen=True)
class Dots:
    """A chart of one row a name: a dot, and its interval as a bar; a dashed line is the ``level``
    to compare them with, such as the value of real digits.

    Up to six rows have the colours of curves at the same places; more rows have one colour. Values
    that have no place on the axis are left out, as in ``Lines``.
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
        """The numbers of the chart: a row a dot, and one the level."""
        rows = [
            (dot.name, *("" if v is None else number(v) for v in (dot.value, dot.low, dot.high)))
            for dot in (*self.dots, self.level)
            if dot
        ]
        return Table(("", self.x, "low", "high"), tuple(rows))


@dataclass(frozen=True, eq=False)
class Scatter:
    """A chart of points [n, 2] by the name of their class. Both axes have the same unit of length.

    A page holds each point twice, for screens and for phones: 2,000 points take some 400 kB.
    """

    points: Mapping[str, np.ndarray]
    x: str
    y: str
    caption: str

    def table(self) -> None:
        """None: nobody reads the numbers of so many points."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A picture, uint8 [h, w], best with one pixel a pixel: the page enlarges it.

    Names of rows and of columns stand beside it, where its rows and columns are of equal size, as
    in ``images.grid``. ``alternative`` describes the picture to a person who cannot see it.
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
        """How many pixels of a screen each pixel takes across, where there is room: 1 to 4."""
        return max(1, min(4, 640 // self.image.shape[1]))  # 640 leave room for names of rows


Chart = Lines | Dots | Scatter
Block = str | Table | Chart | Pictures


@dataclass(frozen=True)
class Section:
    """A part of a report with a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report. ``lead`` says in a few sentences what was found; with the names and values of
    ``provenance`` it can be made again: the command, the commit, the seeds."""

    title: str
    lead: str
    provenance: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]

    def numbered(self) -> Iterator[tuple[Section, list[tuple[int, Block]]]]:
        """Each section with its blocks, which are numbered from 1 through the whole document."""
        count = 0
        for section in self.sections:
            yield section, list(enumerate(section.blocks, count + 1))
            count += len(section.blocks)


def number(value: float | str) -> str:
    """A number for a table: whole ones as they are, others with six digits at most."""
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, each on one line."""
    parts = re.split(r"\n\s*\n", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def plain(text: str) -> str:
    """A line without the marks of code."""
    return CODE.sub(r"\1", text)


def _interval(low, high, place):
    return f" ({number(low[place])} to {number(high[place])})" if len(low) else ""
