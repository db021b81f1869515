"""Answers on a photographed exercise sheet, read and marked: right, wrong, empty, or not sure."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen.apps import scans
from jaxgen.data import page_files
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.paper import answers
from jaxgen.paper import page as pages

Verdict = Literal["right", "wrong", "empty", "not sure"]

_NARROW = 0.8  # of the height: the width of ink that is surely one digit
_WIDE = 3  # millimetres: narrower ink is not of two digits
_UNLIKELY = 0.02  # of a digit that is surely not there
_COLOURS = {
    "right": (0, 120, 70),
    "wrong": (190, 30, 20),
    "empty": (110, 110, 110),
    "not sure": (200, 110, 0),
}


class Marked(NamedTuple):
    """An answer."""

    line: answers.Line
    read: str  # the number that is written, empty where nothing is or it cannot be read
    verdict: Verdict


class Page(NamedTuple):
    """A page that was marked."""

    number: int  # from 1
    answers: list[Marked]
    picture: np.ndarray  # uint8 [h, w, 3], with a sign beside each answer


def key_of(path: str) -> answers.Key:
    """The answers of a sheet that ``bin/apply sheet --marks`` made. Raises UserError for another
    file."""
    text = page_files.keywords(path)
    try:
        return answers.from_text(text)
    except ValueError as error:
        raise UserError(
            f"{path} is no sheet with marks ({error}): bin/apply sheet --marks makes one"
        ) from None


def mark(greys: Iterable[np.ndarray], name: str, key: answers.Key) -> list[Page]:
    """Mark photographed pages, uint8 [h, w], of the sheet of a key. Raises UserError, which calls
    the file ``name``, for what is no such page."""
    marked = []
    for number, grey in enumerate(greys, 1):
        try:
            sheet = answers.read(grey, key)
        except ValueError as error:
            raise UserError(
                f"page {number} of {name} {error}: photograph the whole sheet, flat and sharp, or "
                "name its own PDF with --sheet"
            ) from None
        cuts = [cut for written in sheet.written for cut in written.cuts]
        rows = iter(scans.judged(cuts)[1] if cuts else ())  # all at once, which is quicker
        found = [_marked(one, [next(rows) for _ in one.cuts]) for one in sheet.written]
        marked.append(Page(sheet.page + 1, found, _picture(sheet, found)))
    return marked


def _marked(written: answers.Written, rows: list[np.ndarray]) -> Marked:
    """Mark an answer. The judge gives the digit of each cut the probabilities in ``rows``."""
    line, cuts = written
    if not cuts:
        return Marked(line, "", "empty")
    probabilities = np.stack(rows)
    apart = (scans.judged(parts)[1] for parts in _apart(cuts, len(line.answer)))
    for reading in itertools.chain([probabilities], apart):
        asked = _of(line.answer, reading)
        if len(asked) and asked.min() > judge.SURE:
            return Marked(line, line.answer, "right")
    sure, asked = probabilities.max(1), _of(line.answer, probabilities)
    if len(asked):
        is_other = bool(((asked < _UNLIKELY) & (sure > judge.SURE)).any())
    else:
        may_touch = any(cut.ink.shape[1] > _NARROW * cut.ink.shape[0] for cut in cuts)
        fewer = len(cuts) < len(line.answer)
        is_other = bool(sure.min() > judge.SURE) and not (fewer and may_touch)
    read = "".join(map(str, probabilities.argmax(1)))
    return Marked(line, read, "wrong" if is_other else "not sure")


def _apart(cuts: list[pages.Cut], count: int) -> Iterator[list[pages.Cut]]:
    """Where the cuts are fewer than ``count``: the same with the widest in two, and so on, since
    digits that touch are one piece of ink."""
    while len(cuts) < count:
        widest = max(range(len(cuts)), key=lambda index: cuts[index].ink.shape[1])
        if cuts[widest].ink.shape[1] < _WIDE * answers.FINE:
            return
        cuts = [*cuts[:widest], *answers.halves(cuts[widest]), *cuts[widest + 1 :]]
        yield cuts


def _of(answer: str, probabilities: np.ndarray) -> np.ndarray:
    """The probability of each digit of an answer, float [n]; none if it has more or fewer digits
    than were found."""
    if len(answer) != len(probabilities):
        return np.zeros(0)
    return probabilities[np.arange(len(answer)), [*map(int, answer)]]


def _picture(sheet: answers.Sheet, found: list[Marked]) -> np.ndarray:
    """The page with a tick, a cross with the right answer, or a question mark at each line."""
    image = Image.fromarray(sheet.grey).convert("RGB")
    pen, fine = ImageDraw.Draw(image), answers.FINE
    font = ImageFont.load_default(round(4.5 * fine))
    for line, _, verdict in found:
        x, y, colour = (line.x + line.wide + 1) * fine, line.y * fine, _COLOURS[verdict]
        strokes, text = _SIGNS[verdict], {"wrong": line.answer, "not sure": "?"}.get(verdict, "")
        for stroke in strokes:
            points = [(x + fine * across, y - fine * up) for across, up in stroke]
            pen.line(points, fill=colour, width=round(0.8 * fine))
        if text:  # below the line
            pen.text((x, y + fine), text, fill=colour, font=font, anchor="rt")
    return np.asarray(image)


# Lines of points in millimetres, to the right and up.
_SIGNS: dict[Verdict, tuple[tuple[tuple[float, float], ...], ...]] = {
    "right": (((0, 2), (1.7, 0), (5, 5)),),
    "wrong": (((0, 0), (4.5, 4.5)), ((0, 4.5), (4.5, 0))),
    "empty": (((0, 1.5), (4, 1.5)),),
    "not sure": (),
}
