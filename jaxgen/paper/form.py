"""A form with boxes for digits: printed, and read again from a photograph."""

import io
from typing import NamedTuple

import numpy as np
from reportlab.pdfgen.canvas import Canvas
from scipy import ndimage

from jaxgen.paper import marks
from jaxgen.paper import page as pages

VERSION = 1  # of the layout: readers of other versions refuse the form
# Millimetres, from the edges of the paper to the boxes.
TOP, BOTTOM, LEFT, RIGHT = 42, 26, 30, 14
_BOX = (8, 20)  # the smallest and the largest box
_MM = 72 / 25.4  # points
_BLUE = (0.68, 0.85, 1.0)  # pale, so that it is not taken for ink
_CROSSED = 0.72  # of a box's edges: the height and width of a cross through it
_NEAR = 0.1  # of the shorter edge: a stroke as near to a diagonal covers it
_ON_DIAGONAL = 0.85  # of each diagonal: what a cross covers; of a digit's, 0.78 at most
_AT_CORNER = 0.6  # of each end of a diagonal; of a digit's, 0.36 at most
_END = 14  # of the 80 points of a diagonal
_LEAST = 2.0  # millimetres: less is no digit
_VERSION, _ROWS, _COLUMNS, _PAPER = range(4)  # what the marks say


class Layout(NamedTuple):
    """A form: ``rows`` of boxes, a digit each, in turn."""

    rows: int
    columns: int
    paper: str = "a4"  # a key of marks.PAPERS

    @property
    def box(self) -> tuple[float, float]:
        """The width and height of a box, in millimetres; too small where there are too many."""
        wide, high = marks.PAPERS[self.paper]
        return (
            min(_BOX[1], (wide - LEFT - RIGHT) / self.columns),
            min(_BOX[1], (high - TOP - BOTTOM) / self.rows),
        )

    @property
    def most(self) -> tuple[int, int]:
        """The most rows and columns of the paper."""
        wide, high = marks.PAPERS[self.paper]
        return int((high - TOP - BOTTOM) // _BOX[0]), int((wide - LEFT - RIGHT) // _BOX[0])


class Box(NamedTuple):
    """What is in a box."""

    label: int  # the digit of its row
    cut: pages.Cut | None  # None where it is empty or crossed out
    is_crossed: bool


class Form(NamedTuple):
    """A form that was read."""

    layout: Layout
    grey: np.ndarray  # uint8 [h, w]
    boxes: list[Box]  # row by row


def pdf(layout: Layout) -> bytes:
    """The form as a PDF file; the same for the same layout, to the byte."""
    wide, high = marks.PAPERS[layout.paper]
    box_wide, box_high = layout.box
    file = io.BytesIO()
    canvas = Canvas(file, (wide * _MM, high * _MM), invariant=1)
    canvas.setTitle("Digits in your hand")
    values = (VERSION, layout.rows, layout.columns, list(marks.PAPERS).index(layout.paper))
    marks.draw(canvas, layout.paper, values)
    canvas.setFont("Helvetica-Bold", 13)
    canvas.drawCentredString(wide / 2 * _MM, (high - 17) * _MM, "Digits in your hand")
    canvas.setFont("Helvetica", 9)
    for line, text in enumerate(
        (
            "Write the digit of each row into its boxes, one in a box, with a dark pen.",
            "Cross out a mistake from corner to corner. Boxes may stay empty.",
            "Photograph the whole sheet, with all four marks, in even light.",
        )
    ):
        canvas.drawCentredString(wide / 2 * _MM, (high - 24 - 4.5 * line) * _MM, text)
    canvas.setStrokeColorRGB(*_BLUE)
    canvas.setLineWidth(0.3 * _MM)
    right, bottom = LEFT + layout.columns * box_wide, TOP + layout.rows * box_high
    for row in range(layout.rows + 1):
        y = (high - TOP - row * box_high) * _MM
        canvas.line(LEFT * _MM, y, right * _MM, y)
    for column in range(layout.columns + 1):
        x = (LEFT + column * box_wide) * _MM
        canvas.line(x, (high - TOP) * _MM, x, (high - bottom) * _MM)
    canvas.setFont("Helvetica-Bold", 16)
    canvas.setFillGray(0.3)
    for row in range(layout.rows):
        y = high - TOP - (row + 0.5) * box_high - 2
        canvas.drawRightString((LEFT - 4) * _MM, y * _MM, f"{row % 10}")
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def read(grey: np.ndarray) -> Form:
    """Read a photographed form, uint8 [h, w]. Raises ValueError, which says why, where that cannot
    be done."""
    found = marks.straighten(grey, _PAPER)
    version, rows, columns, paper = found.values
    if version > marks.MOST_FORMS:
        raise ValueError("is an exercise sheet: read it with bin/digits mark")
    if version != VERSION:
        raise ValueError(f"is a form of version {version}, and not of version {VERSION}")
    layout = Layout(rows, columns, list(marks.PAPERS)[paper])
    ink, least = pages.ink_of(found.grey)
    high, labels, pieces = pages.pieces_of(ink, least)
    return Form(layout, found.grey, _boxes(layout, ink, high, labels, pieces))


def _boxes(layout: Layout, ink, high, labels, pieces) -> list[Box]:
    wide, tall = layout.box
    inside: dict[tuple[int, int], list] = {}
    for piece in pieces:
        y, x = (middle / marks.FINE for middle in piece.centroid)
        place = int((y - TOP) // tall), int((x - LEFT) // wide)
        inside.setdefault(place, []).append(piece)
    boxes = []
    for row in range(layout.rows):
        for column in range(layout.columns):
            cut = pages.cut_of(inside.get((row, column), []), ink, high, labels)
            small = cut is None or max(cut.ink.shape) < _LEAST * marks.FINE
            crossed = cut is not None and _is_crossed(cut, wide, tall)
            boxes.append(Box(row % 10, None if small or crossed else cut, crossed))
    return boxes


def _is_crossed(cut: pages.Cut, wide: float, tall: float) -> bool:
    """Whether a box is crossed out, from corner to corner."""
    height, width = cut.ink.shape
    if height < _CROSSED * tall * marks.FINE or width < _CROSSED * wide * marks.FINE:
        return False
    near = ndimage.maximum_filter(cut.ink > 0.3, round(_NEAR * min(height, width)))
    steps = np.linspace(0.03, 0.97, 80)
    rows = np.rint(steps * (height - 1)).astype(int)
    columns = np.rint(steps * (width - 1)).astype(int)
    covered = [near[rows, across] for across in (columns, columns[::-1])]
    ends = [end.mean() for line in covered for end in (line[:_END], line[-_END:])]
    return min(line.mean() for line in covered) > _ON_DIAGONAL and min(ends) > _AT_CORNER
