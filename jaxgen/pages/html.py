"""A document as one HTML file, complete in itself: it works from a mail, a disk or a web server.

There is no script in it, and the policy in its head forbids the browser to load anything.
"""

import base64
import re
from html import escape
from pathlib import Path

import numpy as np

from jaxgen import images
from jaxgen.pages import charts
from jaxgen.pages.document import (
    Block,
    Chart,
    Document,
    Pictures,
    Scatter,
    Section,
    Table,
    Text,
    paragraphs,
    plain,
    spans,
)

STYLE = (Path(__file__).parent / "document.css").read_text()
PROVENANCE = "How to get these numbers again"
_WIDTH = 640  # pixels of a screen that a picture may fill, names of rows beside it
_MOST = 4  # pixels of a screen across one pixel of a picture


def html(document: Document) -> str:
    """Return the document as a page."""
    sections = list(document.numbered())
    titles = [section.title for section, _ in sections] + [PROVENANCE] * bool(document.provenance)
    slugs = _slugs(titles)
    links = "\n".join(
        f'<li><a href="#{slug}">{inline(title)}</a></li>'
        for slug, title in zip(slugs, titles, strict=True)
    )
    bodies = "\n".join(
        _section(section, slug, blocks)
        for slug, (section, blocks) in zip(slugs, sections, strict=False)
    )
    return page(
        document.title,
        [STYLE],
        f"""<div class="sheet">
<header>
<h1>{inline(document.title)}</h1>
<div class="lead">{_text(document.lead)}</div>
</header>
<nav aria-labelledby="contents"><h2 id="contents">Contents</h2>
<ol>
{links}
</ol>
</nav>
<main>
{bodies}
</main>
<footer>
{_provenance(document.provenance, slugs[-1]) if document.provenance else ""}
</footer>
</div>""",
    )


def page(title: str, styles: list[str], body: str, script: str = "") -> str:
    """Return a page that needs nothing but itself, in the colours of the theme."""
    allowed = "script-src 'unsafe-inline'; " if script else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {allowed}\
style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{escape(plain(title))}</title>
<style>
{"".join([charts.THEME, *styles])}</style>
</head>
<body>
{body}
{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def data_uri(picture: np.ndarray) -> str:
    """Return a picture, uint8 [h, w], as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(images.png(picture)).decode()}"


def inline(text: str) -> str:
    """Return one line of text as HTML, with `code` as such."""
    return "".join(
        f"<code>{escape(part)}</code>" if code else escape(part) for code, part in spans(text)
    )


def enlargement(image: np.ndarray) -> int:
    """How many pixels of a screen each pixel of a picture takes across, where there is room."""
    return max(1, min(_MOST, _WIDTH // image.shape[1]))


def _section(section: Section, slug: str, blocks: list[tuple[int, Block]]) -> str:
    body = "\n".join(_block(block, f"block-{place}") for place, block in blocks)
    return f'<section>\n<h2 id="{slug}">{inline(section.title)}</h2>\n{body}\n</section>'


def _block(block: Block, name: str) -> str:
    match block:
        case Text():
            return _text(block.text)
        case Table():
            return _table(block, name)
        case Pictures():
            return _pictures(block)
        case _:
            return _chart(block, name)


def _text(text: str) -> str:
    return "\n".join(f"<p>{inline(paragraph)}</p>" for paragraph in paragraphs(text))


def _table(table: Table, name: str) -> str:
    sides = [' class="number"' if numeric else "" for numeric in table.numeric()]
    head = "".join(
        f'<th scope="col"{side}>{inline(cell)}</th>' if cell else "<td></td>"
        for side, cell in zip(sides, table.head, strict=True)
    )
    rows = "\n".join(
        f'<tr><th scope="row"{sides[0]}>{inline(row[0])}</th>'
        + "".join(
            f"<td{side}>{inline(cell)}</td>" for side, cell in zip(sides[1:], row[1:], strict=True)
        )
        + "</tr>"
        for row in table.rows
    )
    label = f'aria-labelledby="{name}-caption"' if table.caption else 'aria-label="Table"'
    # Who has no mouse must reach the container to scroll it, so it can have the focus.
    return f"""<figure>
<div class="scroll" role="region" tabindex="0" {label}>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
{_caption(table.caption, name)}</figure>"""


def _chart(chart: Chart, name: str) -> str:
    wide, narrow = (
        charts.inline(chart, width, f"{name}-{kind}", f"{name}-caption")
        for width, kind in ((charts.WIDE, "wide"), (charts.NARROW, "narrow"))
    )
    numbers = ""
    if not isinstance(chart, Scatter):
        table = _table(chart.table(), f"{name}-numbers")
        numbers = f"\n<details><summary>The numbers of this chart</summary>\n{table}\n</details>"
    return f"""<figure>
<div class="plot"><div class="wide">{wide}</div><div class="narrow">{narrow}</div></div>
{_caption(chart.caption, name)}{numbers}</figure>"""


def _pictures(pictures: Pictures) -> str:
    height, width = pictures.image.shape
    scale = enlargement(pictures.image)
    names = "".join(
        f'<div class="{kind}">{"".join(f"<span>{inline(name)}</span>" for name in names)}</div>\n'
        for kind, names in (("rows", pictures.rows), ("columns", pictures.columns))
        if names
    )
    return f"""<figure>
<div class="picture">
{names}<img src="{data_uri(pictures.image)}" width="{width * scale}" height="{height * scale}" \
alt="{escape(pictures.alternative)}">
</div>
{_caption(pictures.caption, "")}</figure>"""


def _caption(caption: str, name: str) -> str:
    identifier = f' id="{name}-caption"' if name else ""
    return f"<figcaption{identifier}>{inline(caption)}</figcaption>\n" if caption else ""


def _provenance(pairs: tuple[tuple[str, str], ...], slug: str) -> str:
    listed = "\n".join(f"<dt>{inline(name)}</dt><dd>{inline(value)}</dd>" for name, value in pairs)
    return f'<h2 id="{slug}">{PROVENANCE}</h2>\n<dl>\n{listed}\n</dl>'


def _slugs(titles: list[str]) -> list[str]:
    """An identifier for each title, from its words and its place."""
    words = [re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles]
    return [f"{word or 'part'}-{place}" for place, word in enumerate(words, 1)]
