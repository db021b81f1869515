"""What a report is: a title, and sections of paragraphs, tables, charts and pictures.

Strings are plain text; what stands between `backticks` is set as code. The blocks check what they
are given when they are made, so that a mistake shows where it was made and not in a page.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

COLOURS = 6  # series that a colour-blind person can tell apart
WIDE = 8.0  # the largest value over the least from which on an axis is logarithmic
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Text:
    """Paragraphs, parted by empty lines."""

    text: str


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
class Level:
    """A value to compare with, such as the value of real digits: a dashed line in a chart."""

    name: str
    value: float


@dataclass(frozen=True)
class Curve:
    """A named line through its points, with an interval about each if there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    place: int | None = None  # whose colour it has, where curves of other charts are missing

    def __post_init__(self):
        _same_length(self.name, self.x, self.y)
        if self.place is not None and not 0 <= self.place < 2 * COLOURS:
            raise ValueError(
                f"{self.name!r} is given place {self.place}: 0 to {2 * COLOURS - 1} can be"
            )
        if len(self.low) or len(self.high):
            _same_length(self.name, self.x, self.low, self.high)
        _finite(self.name, *self.x, *self.y, *self.low, *self.high)


def is_wide(values: Sequence[float]) -> bool:
    """Whether an axis of these values is to be logarithmic."""
    return min(values) > 0 and max(values) / min(values) >= WIDE


@dataclass(frozen=True)
class Lines:
    """A chart of up to twelve curves, each named at its end.

    A curve's colour is that of its place: give the families in one order in all charts, or each
    its place. From the seventh on curves are dashed, in the same colours.
    """

    curves: tuple[Curve, ...]
    x: str
    y: str
    caption: str
    levels: tuple[Level, ...] = ()
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self):
        if not 1 <= len(self.curves) <= 2 * COLOURS:
            raise ValueError(
                f"{len(self.curves)} curves in a chart: 1 to {2 * COLOURS} can be told"
            )
        values = [y for c in self.curves for y in (*c.y, *c.low, *c.high)]
        _levels(self.levels, self.log_y, values)
        _levels((), self.log_x, [x for curve in self.curves for x in curve.x])

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
        dashed = "; ".join(f"{level.name}: {number(level.value)}" for level in self.levels)
        return Table((self.x, *names), rows, dashed)


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
        _finite(self.name, *self.values())

    def values(self) -> list[float]:
        """The value, and the ends of the interval where there is one."""
        return [value for value in (self.value, self.low, self.high) if value is not None]


@dataclass(frozen=True)
class Dots:
    """A chart of one row a name: a dot, and its interval as a bar.

    Up to six rows have the colours that curves of the same places have; more have one colour.
    """

    dots: tuple[Dot, ...]
    x: str
    caption: str
    levels: tuple[Level, ...] = ()
    log: bool = False

    def __post_init__(self):
        if not self.dots:
            raise ValueError("a chart of dots has none")
        _levels(self.levels, self.log, [value for dot in self.dots for value in dot.values()])

    def table(self) -> Table:
        """The numbers of the chart: a row a dot, and one a level."""
        rows = [
            (dot.name, *(number(value) for value in (*dot.values(), "", "")[:3]))
            for dot in self.dots
        ]
        rows += [(level.name, number(level.value), "", "") for level in self.levels]
        return Table(("", self.x, "low", "high"), tuple(rows))


@dataclass(frozen=True)
class Cloud:
    """The points of one class in a plane."""

    name: str
    x: Sequence[float]
    y: Sequence[float]

    def __post_init__(self):
        _same_length(self.name, self.x, self.y)
        _finite(self.name, *self.x, *self.y)


@dataclass(frozen=True)
class Scatter:
    """A chart of points by class: up to six in full marks, and six more in open ones.

    Both axes have the same unit of length. A page holds each point twice, for screens and for
    phones: 2,000 of them take some 250 kB.
    """

    clouds: tuple[Cloud, ...]
    x: str
    y: str
    caption: str

    def __post_init__(self):
        if not 1 <= len(self.clouds) <= 2 * COLOURS:
            raise ValueError(f"{len(self.clouds)} classes in a chart: 1 to {2 * COLOURS} can be")


@dataclass(frozen=True, eq=False)
class Pictures:
    """A picture, uint8 [h, w], best with one pixel a pixel: the page enlarges it.

    Names of rows and of columns stand beside it, where its rows and columns are of equal size, as
    those of ``images.grid`` are. ``alternative`` tells what it shows to who cannot see it.
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


Chart = Lines | Dots | Scatter
Block = Text | Table | Chart | Pictures


@dataclass(frozen=True)
class Section:
    """A part of a report with a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report. ``lead`` says in a few sentences what was found; ``provenance`` are the names and
    values by which it can be made again, such as the command, the commit and the seeds."""

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


def spans(text: str) -> list[tuple[bool, str]]:
    """A line in its parts, each with whether it is code."""
    parts = enumerate(_CODE.split(text))  # plain, code, plain, code, ...
    return [(place % 2 == 1, part) for place, part in parts if part]


def plain(text: str) -> str:
    """A line without the marks of code."""
    return "".join(part for _, part in spans(text))


def _interval(low, high, place):
    return f" ({number(low[place])} to {number(high[place])})" if len(low) else ""


def _same_length(name, *values):
    lengths = [len(value) for value in values]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise ValueError(f"{name!r} has {' and '.join(map(str, lengths))} values, not as many each")


def _finite(name, *values):
    for value in values:
        if not math.isfinite(value):
            raise ValueError(f"{name!r} holds {value}, which has no place in a chart: leave it out")


def _levels(levels, log, values):
    for level in levels:
        _finite(level.name, level.value)
    least = min([*values, *(level.value for level in levels)])
    if log and least <= 0:
        raise ValueError(f"{least} has no place on a logarithmic axis")
