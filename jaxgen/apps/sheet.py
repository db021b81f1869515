"""A page of handwritten exercises to print, with a page of answers, as PDF.

A model draws each digit, and draws it again where the judge cannot read it: a pupil's mistake must
not be the model's. Or all digits are in one hand. The same seed gives the same file, to the byte.
"""

import functools
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import PIL.Image
from reportlab import platypus
from reportlab.lib import pagesizes
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

import jaxgen
from jaxgen import images, sampling
from jaxgen.apps import redraw
from jaxgen.apps.exercises import Exercise
from jaxgen.arrays import SIDE
from jaxgen.data import pictures
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.evaluation.judge import Judge
from jaxgen.paper import answers, marks
from jaxgen.training.trained import Trained

PAPERS = {"a4": pagesizes.A4, "letter": pagesizes.LETTER}  # points, wide and high
# As they are printed.
SIGNS = {"+": "+", "-": "\N{EN DASH}", "x": "\N{MULTIPLICATION SIGN}", ":": "\N{DIVISION SIGN}"}

_MARGIN = 48  # points, as all lengths below
_TOP = 92  # from the edge of the page to the first row
_ROW = 54  # of exercises
_HIGH = 30  # an image of 28 by 28 pixels
# Widths: of an exercise's number, of a sign, of a line to write on at least, of the gap.
_COUNT, _SIGN, _LINE, _SPACE = 24, 28, 50, 14
_ANSWERS = 4  # in a row
_FINE = 4  # pixels in print for a pixel of the image, for smooth edges
_FONT, _BOLD = "Helvetica", "Helvetica-Bold"
_GREY = (0.45,) * 3


class Section(NamedTuple):
    """Exercises of one kind, on pages of their own."""

    title: str
    exercises: Sequence[Exercise]


class Layout(NamedTuple):
    """How a sheet looks."""

    paper: str = "a4"  # a key of PAPERS
    title: str = ""  # of all pages, in Latin letters; if empty, pages have their section's title
    columns: int | None = None  # of exercises; as many as fit when not given
    footer: str = ""  # small text at the foot of each page
    marks: bool = False  # at the corners, so that the answers can be read from a photograph

    @property
    def wide(self) -> float:
        """The width between the margins, in points."""
        return PAPERS[self.paper][0] - 2 * _MARGIN


class DrawnDigits(NamedTuple):
    """Digits for a sheet, in the order in which its exercises need them."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    redrawn: int  # how many images were drawn beyond n


def draw_legible(model: Trained, digits: str, seed: int, by: Judge | None) -> DrawnDigits:
    """Draw these digits so that the judge recognises each, and is as sure as of real digits.
    Without a judge that can read them, they are drawn once."""
    labels = np.array([*map(int, digits)], np.int32)

    def draw(labels, indices):
        return sampling.draw(model.family, model.variables, labels, seed, indices, sampling.FEW)

    redrawn = redraw.redraw(
        draw,
        labels,
        np.arange(len(labels)),
        functools.partial(judge.sure_of, by) if by else lambda drawn, labels: np.ones(len(labels)),
        judge.SURE,
        refusal="cannot be read by the judge: train the model for longer",
    )
    return DrawnDigits(redrawn.images, redrawn.drawn - len(labels))


def illegible(drawn: DrawnDigits, digits: str, by: Judge) -> list[int]:
    """The digits of 0 to 9 with an image that the judge does not recognise, or is not sure of."""
    labels = np.array([*map(int, digits)])
    sure = judge.sure_of(by, drawn.images, labels)
    return np.unique(labels[sure < judge.SURE]).tolist()


def pdf(sections: Sequence[Section], digits: np.ndarray, layout: Layout) -> bytes:
    """The contents of a PDF file: the sections, written in ``digits`` uint8 [n, 28, 28, 1], and the
    answers. Raises UserError where the columns do not fit."""
    if not layout.marks:
        return _built(sections, digits, layout, None, [])
    lines: list[answers.Line] = []  # whose places are known when they are drawn
    _built(sections, digits, layout, None, lines)
    return _built(sections, digits, layout, answers.Key(layout.paper, lines), [])


def _built(
    sections: Sequence[Section],
    digits: np.ndarray,
    layout: Layout,
    key: answers.Key | None,
    lines: list[answers.Line],
) -> bytes:
    """The file, with the marks of ``key``; the lines for answers are added to ``lines``."""
    wide, high = PAPERS[layout.paper]
    file, pixels = io.BytesIO(), iter(digits)
    pages, story = [], []
    for title in [*(section.title for section in sections), "Answers"]:
        area = platypus.Frame(_MARGIN, _MARGIN, layout.wide, high - _TOP - _MARGIN, 0, 0, 0, 0)
        head = functools.partial(_head, title, layout, key)
        pages.append(platypus.PageTemplate(f"{len(pages)}", [area], onPage=head))
    for number, section in enumerate(sections, 1):
        story += [_exercises(section, pixels, layout, lines)]
        story += [platypus.NextPageTemplate(f"{number}"), platypus.PageBreak()]
    story += [_answers(section, layout) for section in sections]
    platypus.BaseDocTemplate(
        file,
        pagesize=(wide, high),
        pageTemplates=pages,
        title=layout.title or "Exercises",
        creator=f"jaxgen {jaxgen.__version__}",
        keywords=key.to_text() if key else "",
        invariant=1,  # no time of day in the file
    ).build(story)
    return file.getvalue()


def digits_of(sections: Sequence[Section]) -> str:
    """All digits that the exercises need, in order."""
    return "".join(
        f"{exercise.first}{exercise.second if exercise.sign else ''}"
        for section in sections
        for exercise in section.exercises
    )


def columns_of(section: Section, layout: Layout) -> int:
    """The columns of a section: those of the layout, or as many as leave room for the longest
    exercise and a line to write on. Raises UserError where the columns of the layout do not fit."""
    digits = max(len(digits_of([section._replace(exercises=[e])])) for e in section.exercises)
    signs = 2 * _SIGN if any(exercise.sign for exercise in section.exercises) else 12
    most = max(1, int(layout.wide // (_COUNT + 17 * digits + signs + _LINE + _SPACE)))
    if layout.columns and layout.columns > most:
        raise UserError(
            f"--columns {layout.columns} is too many: there is room for {most} of these "
            f"{section.title.lower()}"
        )
    return layout.columns or most


def _head(
    title: str, layout: Layout, key: answers.Key | None, canvas: Canvas, document: Any
) -> None:
    wide, high = PAPERS[layout.paper]
    if key and title != "Answers":
        canvas.saveState()
        marks.draw(canvas, layout.paper, key.values(canvas.getPageNumber() - 1))
        canvas.restoreState()
    head = layout.title or title
    room = wide - 300 - _MARGIN - _SPACE  # beside the name
    canvas.setFont(_BOLD, min(18, 18 * room / canvas.stringWidth(head, _BOLD, 18)))
    canvas.drawString(_MARGIN, high - _MARGIN - 10, head)
    canvas.setFont(_FONT, 10)
    if layout.title:
        canvas.drawString(_MARGIN, high - _MARGIN - 28, title)
    if title != "Answers":
        for x, name, length in ((wide - 300, "Name", 130), (wide - 130, "Date", 50)):
            canvas.drawString(x, high - _MARGIN - 10, name)
            canvas.line(x + 30, high - _MARGIN - 12, x + 30 + length, high - _MARGIN - 12)
    canvas.setFont(_FONT, 7)
    canvas.setFillColorRGB(*_GREY)
    canvas.drawString(_MARGIN, 30, layout.footer)


class _AnswerLine(platypus.Flowable):
    """Room above the line for an answer, whose place is added to ``lines`` when it is drawn."""

    def __init__(self, number: int, answer: str, layout: Layout, lines: list[answers.Line]):
        super().__init__()
        self._number, self._answer, self._layout, self._lines = number, answer, layout, lines

    def wrap(self, wide: float, high: float) -> tuple[float, float]:
        self.width, self.height = wide, _HIGH - 6
        return self.width, self.height

    def draw(self) -> None:
        x, y = self.canv.absolutePosition(0, 0)
        places = [round(v / mm, 2) for v in (x, PAPERS[self._layout.paper][1] - y, self.width)]
        page = self.canv.getPageNumber() - 1
        self._lines.append(answers.Line(page, self._number, self._answer, *places))


def _exercises(
    section: Section,
    pixels: Iterator[np.ndarray],
    layout: Layout,
    lines: list[answers.Line],
) -> platypus.Table:
    """The exercises in columns, written with the next ``pixels`` uint8 [28, 28, 1]."""
    columns = columns_of(section, layout)
    width = layout.wide / columns
    longest = 19 * max(len(f"{exercise.first}") for exercise in section.exercises)
    cells = []
    for number, exercise in enumerate(section.exercises, 1):
        first, line = _number(exercise.first, pixels), width
        widths, parts = [_COUNT, longest + 16], [f"{number}", first]  # the lines begin side by side
        if exercise.sign:
            second, line = _number(exercise.second, pixels), 1.3 * _LINE
            widths = [_COUNT, first.drawWidth, _SIGN, second.drawWidth, _SIGN]
            parts += [SIGNS[exercise.sign], second, "="]
        line = max(min(line, width - _SPACE - sum(widths)), _LINE / 2)
        style = [
            ("FONT", (0, 0), (0, 0), _FONT, 9),
            ("TEXTCOLOR", (0, 0), (0, 0), _GREY),
            ("ALIGN", (0, 0), (0, 0), "RIGHT"),
            ("RIGHTPADDING", (0, 0), (0, 0), 10),
            ("FONT", (2, 0), (-1, 0), _FONT, 18),
            ("ALIGN", (2, 0), (-1, 0), "CENTER"),
            ("VALIGN", (0, 0), (-1, 0), "MIDDLE"),
            ("LINEBELOW", (-1, 0), (-1, 0), 1, "black"),
        ]
        # The row is lower than its digits, so that the line lies at the foot of their ink.
        answer = _AnswerLine(number, f"{exercise.answer}", layout, lines)
        cells.append(_table([*parts, answer], [*widths, line], _HIGH - 6, style))
    return _table(cells, [width] * columns, _ROW, [])


def _number(number: int, pixels: Iterator[np.ndarray]) -> platypus.Image:
    """A number in the next ``pixels``: the ink of its digits side by side."""
    inks = [images.cropped(next(pixels)[..., 0]) for _ in f"{number}"]
    ink = np.concatenate([np.pad(ink, ((0, 0), (0, 3))) for ink in inks], 1)[:, :-3]
    fine = PIL.Image.fromarray(255 - ink).resize(
        (_FINE * ink.shape[1], _FINE * SIDE), PIL.Image.Resampling.LANCZOS
    )
    greys = np.asarray(fine) // 17 * 17  # 16 greys, for a smaller file
    return platypus.Image(io.BytesIO(pictures.png(greys)), ink.shape[1] * _HIGH / SIDE, _HIGH)


def _answers(section: Section, layout: Layout) -> platypus.Table:
    cells = [*[""] * _ANSWERS, section.title, *[""] * (_ANSWERS - 1)]
    for number, exercise in enumerate(section.exercises, 1):
        question = f"{exercise.first} {SIGNS.get(exercise.sign)} {exercise.second} = "
        cells.append(f"{number})  {question if exercise.sign else ''}{exercise.answer}")
    style = [("FONT", (0, 0), (-1, -1), _FONT, 10), ("FONT", (0, 1), (0, 1), _BOLD, 10)]
    return _table(cells, [layout.wide / _ANSWERS] * _ANSWERS, 15, style)


def _table(cells: list, widths: list[float], height: float, style: list[tuple]) -> platypus.Table:
    """A table of ``cells``, row by row; padding only where the ``style`` has it."""
    columns = len(widths)
    cells = [*cells, *[""] * (-len(cells) % columns)]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    bare = [(f"{edge}PADDING", (0, 0), (-1, -1), 0) for edge in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    return platypus.Table(rows, widths, [height] * len(rows), style=bare + style, hAlign="LEFT")
