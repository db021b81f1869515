"""Sheets that were printed, filled in by hand, and photographed: forms and exercises."""

from typing import NamedTuple

import numpy as np

from jaxgen.paper import answers, form
from tests.paper import (
    TABLE,
    Page,
    Random,
    _drawn,
    grained,
    ink_of,
    page,
    photographed,
    shaded,
    tilted,
    write,
)

SCALE = 8  # pixels in a millimetre
INK = (0.1, 0.1, 0.3)


def printed(pdf: bytes, number: int) -> Page:
    """A page of a PDF file."""
    import pypdfium2

    image = pypdfium2.PdfDocument(pdf)[number].render(scale=SCALE * 25.4 / 72).to_pil()
    return np.asarray(image.convert("RGB"), np.float32) / 255


def from_above(made: Page, random: Random) -> bytes:
    """A photograph of a sheet on a table, from an angle."""
    around = 60 * SCALE
    whole = page(made.shape[0] + 2 * around, made.shape[1] + 2 * around, TABLE)
    whole[around:-around, around:-around] = made
    lean = tuple(random.uniform(-0.15, 0.15, 2))
    photo = shaded(tilted(whole, random.uniform(-20, 20), TABLE, lean), random)
    return photographed(grained(photo, random), 80, 1.0)


class FilledForm(NamedTuple):
    """A photographed form, and what is in its boxes, row by row: a digit, "empty" or "crossed"."""

    content: bytes
    boxes: list[int | str]


def filled(
    layout: form.Layout, digits: np.ndarray, labels: np.ndarray, random: Random
) -> FilledForm:
    """A form with digits uint8 [n, 28, 28] of these labels, some boxes empty or crossed out,
    photographed on a table from an angle."""
    made = printed(form.pdf(layout), 0)
    wide, tall = layout.box
    boxes: list[int | str] = []
    for index in range(layout.rows * layout.columns):
        row, column = divmod(index, layout.columns)
        x, y = form.LEFT + (column + 0.5) * wide, form.TOP + (row + 0.5) * tall
        chance = random.integers(10)
        if chance == 0:
            boxes.append("empty")
        elif chance == 1:
            boxes.append("crossed")

            def draw(pencil, fine, x=x, y=y):
                for sign in (-1, 1):
                    ends = [
                        tuple(fine * SCALE * v for v in (x + t * wide, y + sign * t * tall))
                        for t in (-0.45, 0.45)
                    ]
                    pencil.line(ends, fill=255, width=round(0.5 * fine * SCALE))

            _drawn(made, draw, INK)
        else:
            boxes.append(row % 10)
            digit = digits[random.choice(np.flatnonzero(labels == row % 10))]
            edge = round(random.uniform(0.8, 1.1) * min(wide, tall) * SCALE)
            off = random.uniform(-0.08, 0.08, 2) * min(wide, tall)
            place = [round(v * SCALE - edge / 2) for v in (y + off[0], x + off[1])]
            write(made, ink_of(digit, edge), INK, *place)
    return FilledForm(from_above(made, random), boxes)


class Answered(NamedTuple):
    """A photographed page of exercises, and the number that is written on each line, or nothing."""

    content: bytes
    written: list[str]


def answered(pdf: bytes, key: answers.Key, number: int, digits, labels, random: Random) -> Answered:
    """A page of a sheet with answers in digits uint8 [n, 28, 28] of these labels: four of six are
    right, one is another number, one is left out."""
    made, written = printed(pdf, number), []
    for line in (line for line in key.lines if line.page == number):
        text = line.answer
        chance = random.integers(6)
        if chance == 0:
            text = ""
        elif chance == 1:
            text = f"{(int(text) + random.integers(1, 10)) % 10 ** len(text)}"
        written.append(text)
        left, size = line.x + random.uniform(0, 2), random.uniform(5.5, 8)
        for digit in map(int, text):
            image = digits[random.choice(np.flatnonzero(labels == digit))]
            columns = np.flatnonzero(image.max(0) > 60)
            edge = round(size * 28 / 20 * SCALE)
            shift = (left + 0.5) * SCALE - columns[0] * edge / 28
            up = line.y - random.uniform(0, 1.5)
            rows = np.flatnonzero(image.max(1) > 60)
            top = up * SCALE - (rows[-1] + 1) * edge / 28
            write(made, ink_of(image, edge), INK, round(top), round(shift))
            left += (columns[-1] - columns[0] + 1) / 20 * size + random.uniform(0.5, 1.5)
    return Answered(from_above(made, random), written)
