"""A document as one self-contained HTML file, for a mail, a disk or a web server.

It has no script, and the policy in its head forbids the browser to load anything.
"""

import base64
import re
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from jaxgen import images
from jaxgen.reports import charts
from jaxgen.reports.document import CODE, Chart, Document, Pictures, Table, paragraphs, plain

FOLDER = Path(__file__).parent


def html(document: Document) -> str:
    """Return the document as a page."""
    return PAGES.get_template("document.html.j2").render(document=document)


def data_uri(picture: np.ndarray) -> str:
    """Return a picture, uint8 [h, w], as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(images.png(picture)).decode()}"


def inline(text: str) -> Markup:
    """Return one line of text as HTML; `code` becomes <code>."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text))))


def _chart(chart: Chart, width: int, name: str) -> Markup:
    return Markup(charts.inline(chart, width, f"{name}-{width}", f"{name}-caption"))


def _slug(title: str, index: int) -> str:
    """An identifier for a title: its words and its index."""
    return f"{re.sub(r'[^a-z0-9]+', '-', title.lower()).strip('-') or 'part'}-{index}"


PAGES = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
PAGES.filters |= {"inline": inline, "paragraphs": paragraphs, "plain": plain, "slug": _slug}
PAGES.filters |= {"data_uri": data_uri, "chart": _chart}
PAGES.tests |= {
    "table": lambda block: isinstance(block, Table),
    "pictures": lambda block: isinstance(block, Pictures),
}
PAGES.globals |= {
    "text_of": lambda name: Markup((FOLDER / name).read_text()),
    "WIDE": charts.WIDE,
    "NARROW": charts.NARROW,
}
