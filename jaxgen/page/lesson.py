"""The tasks of a lesson of 45 minutes with the page, to print: a sheet for the class, and a page
for the teacher, as PDF in English and Polish. The same text gives the same file, to the byte."""

import io
import json
from pathlib import Path
from typing import Any

import matplotlib
from reportlab import platypus
from reportlab.lib import pagesizes
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

LANGUAGES = ("en", "pl")
TEXTS = Path(__file__).parent / "lesson"

_FONTS = {"Text": "DejaVuSans.ttf", "Text-Bold": "DejaVuSans-Bold.ttf"}
_MARGIN = 54  # points, as all lengths below
_LINE = 22  # between two lines to write on
_SMALL, _NORMAL, _LARGE = 8.5, 10.5, 17


def name(language: str) -> str:
    """The name of the file."""
    return f"lesson-{language}.pdf"


def pdf(language: str) -> bytes:
    """The contents of the file in one of ``LANGUAGES``."""
    for font, file in _FONTS.items():
        path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / file
        pdfmetrics.registerFont(TTFont(font, path))
    lesson = json.loads((TEXTS / f"{language}.json").read_text())
    heading = ParagraphStyle("heading", fontName="Text-Bold", fontSize=_LARGE, leading=22)
    task = ParagraphStyle("task", fontName="Text-Bold", fontSize=_NORMAL, leading=15, spaceBefore=9)
    text = ParagraphStyle("text", fontName="Text", fontSize=_NORMAL, leading=15)
    small = ParagraphStyle("small", parent=text, fontSize=_SMALL, leading=12, spaceBefore=3)
    parts: list[Any] = [
        platypus.Paragraph(lesson["title"], heading),
        platypus.Spacer(0, 6),
        platypus.Paragraph(lesson["intro"], text),
    ]
    for number, each in enumerate(lesson["tasks"], 1):
        title = f"{number}. {each['title']} ({each['minutes']} min)"
        lines = [_Lines(each["lines"])] if each["lines"] else []
        parts.append(
            platypus.KeepTogether(
                [platypus.Paragraph(title, task), platypus.Paragraph(each["text"], text), *lines]
            )
        )
    parts += [platypus.PageBreak(), platypus.Paragraph(lesson["teacher"], heading)]
    parts += [platypus.Spacer(0, 6), platypus.Paragraph(lesson["before"], text)]
    for number, each in enumerate(lesson["tasks"], 1):
        parts.append(platypus.Paragraph(f"{number}. {each['title']}", task))
        parts.append(platypus.Paragraph(each["answer"], small))
    file = io.BytesIO()
    document = platypus.SimpleDocTemplate(
        file,
        pagesize=pagesizes.A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=lesson["title"],
        lang=language,
        invariant=1,
    )
    document.build(parts)
    return file.getvalue()


class _Lines(platypus.Flowable):
    """Lines to write on."""

    def __init__(self, count: int):
        super().__init__()
        self.count = count

    def wrap(self, wide, _):
        self.wide = wide
        return wide, self.count * _LINE + 4

    def draw(self):
        self.canv.setLineWidth(0.4)
        for i in range(self.count):
            self.canv.line(0, i * _LINE + 4, self.wide, i * _LINE + 4)
