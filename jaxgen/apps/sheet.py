"""A page of handwritten exercises to print, with a page of answers, as PDF.

All digits are drawn by a model, each anew, and drawn again where the judge cannot read them: what a
pupil gets wrong must not be the model's mistake. Or one hand has written all of them. The same seed
gives the same file, to the byte.
"""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

import jaxgen
from jaxgen import sampling
from jaxgen.apps import redraw, restyle
from jaxgen.apps.exercises import Exercise
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_uint8
from jaxgen.training.trained import Trained

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

PAPERS = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}  # points, wide and high
# As they are printed.
SIGNS = {"+": "+", "-": "\N{EN DASH}", "x": "\N{MULTIPLICATION SIGN}", ":": "\N{DIVISION SIGN}"}

_MARGIN = 48  # points, as all lengths below
_HIGH = 30  # an image of 28 by 28 pixels
_GAP = 3  # between the digits of a number
_ROW = 54
_LINE = 50  # to write an answer on, at the least
_PART = 14  # between columns
_TOP = 92  # from the edge of the page to the first row
_FINE = 4  # pixels of print for one of the image, or it would be stairs
_INK = 20  # greys: what is darker is paper
_FONT, _BOLD = "Helvetica", "Helvetica-Bold"
_GREY = 0.45


class Section(NamedTuple):
    """Exercises of one kind, which begin a page."""

    title: str
    exercises: Sequence[Exercise]


class Layout(NamedTuple):
    """How a sheet looks."""

    paper: str = "a4"  # a key of PAPERS
    title: str = ""  # of all pages, in letters of Latin alphabets; that of each section if empty
    columns: int | None = None  # of exercises; as many as there is room for when not given
    footer: str = ""  # what stands small at the foot of each page

    @property
    def size(self) -> tuple[float, float]:
        """Wide and high, in points."""
        return PAPERS[self.paper]

    @property
    def wide(self) -> float:
        """Between the margins, in points."""
        return self.size[0] - 2 * _MARGIN


class Written(NamedTuple):
    """Digits for a sheet, in the order in which its exercises need them."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    again: int  # how many were drawn again


def digits_of(sections: Sequence[Section]) -> str:
    """All digits that the exercises need, in order."""
    return "".join(
        f"{exercise.first}{exercise.second if exercise.sign else ''}"
        for section in sections
        for exercise in section.exercises
    )


def write(model: Trained, digits: str, seed: int, judged: bool = True) -> Written:
    """Draw these digits, each of them legible: the judge takes it for what it is, and is as sure as
    of real digits; unless it cannot read them at all, and they are not ``judged``."""
    eye = judge.load()

    def legible(drawn, asked):
        if not judged:
            return np.ones(len(asked), bool)
        return judge.sure_of(eye, drawn, asked) >= judge.SURE

    labels = np.array([int(digit) for digit in digits], np.int32)

    def draw(asked, places):
        return sampling.draw(model.family, model.variables, asked, seed, places, sampling.FEW)

    found, count = redraw.redrawn(
        draw,
        labels,
        np.arange(len(labels)),
        legible,
        "cannot be read by the judge: train the model for longer",
    )
    return Written(found, count - len(labels))


def write_in_hand(
    model: Trained, digits: str, seed: int, style: np.ndarray, source: np.ndarray
) -> Written:
    """These digits in the hand of one image float32 [1, 28, 28, 1] of the digit ``source`` int32
    [1]: each of the ten once, for all places that have it."""
    targets = np.unique([int(digit) for digit in digits]).astype(np.int32)
    drawn = restyle.restyle(
        model.family,
        model.variables,
        style.repeat(len(targets), 0),
        source.repeat(len(targets)),
        targets,
        seed,
    )
    places = np.searchsorted(targets, [int(digit) for digit in digits])
    return Written(to_uint8(drawn)[places], 0)


def unread(written: Written, digits: str) -> list[int]:
    """Those of the digits 0 to 9 that the judge takes for another somewhere, or is not sure of."""
    labels = np.array([int(digit) for digit in digits])
    sure = judge.sure_of(judge.load(), written.images, labels)
    return np.unique(labels[sure < judge.SURE]).tolist()


def pdf(sections: Sequence[Section], images: np.ndarray, layout: Layout) -> bytes:
    """The contents of a PDF file: the sections, written in ``images`` uint8 [n, 28, 28, 1], and the
    answers. Raises UserError where there is no room for so many columns."""
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    # Invariant: no time of day in the file.
    canvas = Canvas(file, pagesize=layout.size, invariant=1)
    canvas.setTitle(layout.title or "Exercises")
    canvas.setCreator(f"jaxgen {jaxgen.__version__}")
    digits = iter(images)
    for section in sections:
        _section(canvas, section, digits, layout)
    _answers(canvas, sections, layout)
    canvas.save()
    return file.getvalue()


def _section(canvas, section, digits, layout):
    _, high = layout.size
    rows = int((high - _TOP - _MARGIN) // _ROW)
    columns = columns_of(section, layout)
    column = layout.wide / columns
    page = rows * columns
    longest = max(len(f"{exercise.first}") for exercise in section.exercises)
    for place, exercise in enumerate(section.exercises):
        on_page = place % page
        if on_page == 0:
            _head(canvas, section.title, layout)
        down, across = divmod(on_page, columns)
        x, y = _MARGIN + across * column, high - _TOP - (down + 1) * _ROW
        _exercise(canvas, place + 1, exercise, digits, x, y, column - _PART, longest)
        if on_page == page - 1 or place == len(section.exercises) - 1:
            canvas.showPage()


def columns_of(section: Section, layout: Layout) -> int:
    """How many columns a section has: as many as are asked for, or as leave room for the longest
    exercise and for a line to write on. Raises UserError where more are asked for than there is
    room for."""
    digits = max(len(digits_of([section._replace(exercises=[e])])) for e in section.exercises)
    signs = 56 if any(exercise.sign for exercise in section.exercises) else 12
    most = max(1, int(layout.wide // (24 + 17 * digits + signs + _LINE + _PART)))
    if layout.columns and layout.columns > most:
        raise UserError(
            f"--columns {layout.columns} cannot be: there is room for {most} of these "
            f"{section.title.lower()}"
        )
    return layout.columns or most


def _head(canvas: "Canvas", title: str, layout: Layout, for_pupils: bool = True) -> None:
    wide, high = layout.size
    head = layout.title or title
    room = wide - 300 - _MARGIN - _PART  # beside the name
    canvas.setFont(_BOLD, min(18, 18 * room / canvas.stringWidth(head, _BOLD, 18)))
    canvas.drawString(_MARGIN, high - _MARGIN - 10, head)
    canvas.setFont(_FONT, 10)
    if layout.title:
        canvas.drawString(_MARGIN, high - _MARGIN - 28, title)
    if for_pupils:
        for x, name, length in ((wide - 300, "Name", 130), (wide - 130, "Date", 50)):
            canvas.drawString(x, high - _MARGIN - 10, name)
            start = x + 30
            canvas.line(start, high - _MARGIN - 12, start + length, high - _MARGIN - 12)
    canvas.setFont(_FONT, 7)
    canvas.setFillGray(_GREY)
    canvas.drawString(_MARGIN, 30, layout.footer)
    canvas.setFillGray(0)


def _exercise(canvas, number, exercise, digits, x, y, wide, longest):
    canvas.setFont(_FONT, 9)
    canvas.setFillGray(_GREY)
    canvas.drawRightString(x + 14, y + 10, f"{number}")
    canvas.setFillGray(0)
    end = _number(canvas, exercise.first, digits, x + 24, y)
    if exercise.sign:
        end = _sign(canvas, SIGNS[exercise.sign], end, y)
        end = _number(canvas, exercise.second, digits, end, y)
        end = _sign(canvas, "=", end, y)
        canvas.line(end, y + 4, min(end + 1.3 * _LINE, x + wide), y + 4)
    else:
        canvas.line(x + 40 + 19 * longest, y + 4, x + wide, y + 4)  # beside the longest number


def _number(canvas, number, digits, x, y):
    """Write a number; where it ends."""
    for _ in f"{number}":
        x = _digit(canvas, next(digits), x, y) + _GAP
    return x - _GAP


def _digit(canvas: "Canvas", image: np.ndarray, x: float, y: float) -> float:
    """Put the ink of an image uint8 [28, 28, 1] beside what is there; where it ends."""
    from reportlab.lib.utils import ImageReader

    columns = np.flatnonzero((image[..., 0] > _INK).any(0))
    ink = image[:, columns.min() : columns.max() + 1, 0]
    size = (ink.shape[1] * _FINE, ink.shape[0] * _FINE)
    fine = np.asarray(Image.fromarray(255 - ink).resize(size, Image.Resampling.LANCZOS))
    fine = Image.fromarray((fine // 17 * 17).astype(np.uint8))  # 16 greys, for a smaller file
    wide = ink.shape[1] * _HIGH / ink.shape[0]
    canvas.drawImage(ImageReader(fine), x, y, wide, _HIGH)
    return x + wide


def _sign(canvas, sign, x, y):
    canvas.setFont(_FONT, 18)
    canvas.drawCentredString(x + 14, y + 9, sign)
    return x + 28


def _answers(canvas, sections, layout):
    _, high = layout.size
    columns, row = 4, 15
    column = layout.wide / columns
    y, begun = 0.0, False
    for section in sections:
        lines = [
            section.exercises[start : start + columns]
            for start in range(0, len(section.exercises), columns)
        ]
        for number, line in enumerate(lines):
            if not begun or y < _MARGIN + row:
                if begun:
                    canvas.showPage()
                _head(canvas, "Answers", layout, for_pupils=False)
                y, begun = high - _TOP - row, True
            if number == 0:
                y -= row
                canvas.setFont(_BOLD, 10)
                canvas.drawString(_MARGIN, y, section.title)
                y -= 1.4 * row
            canvas.setFont(_FONT, 10)
            for place, exercise in enumerate(line):
                canvas.drawString(
                    _MARGIN + place * column, y, _solved(number * columns + place + 1, exercise)
                )
            y -= row
    canvas.showPage()


def _solved(number: int, exercise: Exercise) -> str:
    if not exercise.sign:
        return f"{number})  {exercise.answer}"
    sign = SIGNS[exercise.sign]
    return f"{number})  {exercise.first} {sign} {exercise.second} = {exercise.answer}"
