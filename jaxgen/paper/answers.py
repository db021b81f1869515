"""The lines for answers on a printed exercise sheet: where they are, what is right, and the ink on
them in a photograph."""

import json
import zlib
from typing import NamedTuple

import numpy as np

from jaxgen.paper import marks
from jaxgen.paper import page as pages

VERSION = marks.MOST_FORMS + 1  # of the sheet
_VERSION, _PAGE, _IDENTITY, _PAPER = range(4)  # what the marks say
_NUMBERS = 250  # that a mark can say
FINE = 6  # pixels of a straightened page in a millimetre
# Millimetres around the line.
_ABOVE, _BELOW, _BESIDE = 14, 4, 2
_LEAST = 2.0  # the height of a digit, or the width of a wide one


class Line(NamedTuple):
    """A line for an answer: millimetres from the upper left of the paper, to its left end."""

    page: int  # from 0
    number: int  # of the exercise in its section
    answer: str
    x: float
    y: float
    wide: float


class Key(NamedTuple):
    """What a marked sheet asks, and where."""

    paper: str  # a key of marks.PAPERS
    lines: list[Line]

    @property
    def identity(self) -> int:
        """A number that another sheet seldom has."""
        answers = ",".join(f"{line.number}={line.answer}" for line in self.lines)
        return zlib.crc32(answers.encode()) % _NUMBERS

    def values(self, page: int) -> tuple[int, int, int, int]:
        """What the four marks of a page say."""
        return VERSION, page % _NUMBERS, self.identity, list(marks.PAPERS).index(self.paper)

    def to_text(self) -> str:
        """The key for ``from_text``, as a sheet has it in its metadata."""
        return json.dumps({"jaxgen": VERSION, "paper": self.paper, "lines": self.lines})


def from_text(text: str) -> Key:
    """The inverse of ``Key.to_text``. Raises ValueError for other texts."""
    if not text:
        raise ValueError("it has none")
    try:
        found = json.loads(text)
        if found["jaxgen"] != VERSION or found["paper"] not in marks.PAPERS:
            raise ValueError("it is of another version")
        return Key(found["paper"], [Line(*line) for line in found["lines"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from None


class Written(NamedTuple):
    """What is written on a line."""

    line: Line
    cuts: list[pages.Cut]  # a digit each, from the left; empty where nothing is written


class Sheet(NamedTuple):
    """A photographed page of a sheet."""

    page: int
    grey: np.ndarray  # uint8 [h, w], FINE pixels in a millimetre
    written: list[Written]


def read(grey: np.ndarray, key: Key) -> Sheet:
    """Read a photographed page, uint8 [h, w], of the sheet of a key. Raises ValueError, which says
    why, where that cannot be done."""
    found = marks.straighten(grey, _PAPER, FINE)
    version, page, identity, _ = found.values
    if version < VERSION:
        raise ValueError("is a form: read it with bin/digits read --form")
    if version != VERSION:
        raise ValueError(f"is a sheet of version {version}, and not of version {VERSION}")
    lines = [line for line in key.lines if line.page % _NUMBERS == page]
    if identity != key.identity or not lines:
        raise ValueError("is a page of another sheet")
    ink, least = pages.ink_of(found.grey)
    high, labels, pieces = pages.pieces_of(ink, least)
    written = [Written(line, []) for line in lines]
    for one in written:
        inside = [piece for piece in pieces if _is_on(piece.centroid, one.line)]
        for group in pages.grouped(inside):
            cut = pages.cut_of(group, ink, high, labels)
            if cut is not None and max(cut.ink.shape) >= _LEAST * FINE:
                one.cuts.append(cut)
        one.cuts.sort(key=lambda cut: cut.box[1] + cut.box[3])
    return Sheet(page, found.grey, written)


def halves(cut: pages.Cut) -> list[pages.Cut]:
    """A piece of ink, cut in two where it is thinnest from top to bottom."""
    width = cut.ink.shape[1]
    first, last = max(1, round(0.15 * width)), round(0.85 * width)
    at = first + int(cut.ink[:, first : max(last, first + 1)].sum(0).argmin())
    top, left, bottom, right = cut.box
    return [
        pages.Cut((top, left, bottom, left + at), _trimmed(cut.ink[:, :at]), ""),
        pages.Cut((top, left + at, bottom, right), _trimmed(cut.ink[:, at:]), ""),
    ]


def _trimmed(ink: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(ink.max(1) > 0.1)
    return ink[rows[0] : rows[-1] + 1] if len(rows) else ink


def _is_on(centroid: tuple[float, float], line: Line) -> bool:
    y, x = (middle / FINE for middle in centroid)
    is_beside = line.x - _BESIDE <= x <= line.x + line.wide + _BESIDE
    return is_beside and line.y - _ABOVE <= y <= line.y + _BELOW
