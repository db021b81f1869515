"""A document as GitHub flavoured Markdown, with its charts and pictures as separate files."""

import re
from typing import Any

from markupsafe import Markup

from jaxgen import images
from jaxgen.reports import charts
from jaxgen.reports.document import Block, Document, Pictures, Table
from jaxgen.reports.html import PAGES

# Code, and characters of emphasis, links, tags, formulas, cells and entities.
_SPECIAL = re.compile(r"(?P<code>`[^`\n]+`)|[\\`*_\[\]<>|~#$&]")
# Characters at the start of a line that make a list, a quotation or a heading.
_OPENING = re.compile(r"^(\d*)([-+=.)])(?=[\s=-]|$)")


def markdown(document: Document, folder: str) -> str:
    """Return the document as Markdown that shows the files of ``pictures`` from ``folder``."""
    template = _TEXTS.get_template("document.md.j2")
    provenance = Table(("", ""), document.provenance)
    text = template.render(document=document, folder=folder, provenance=provenance)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def pictures(document: Document) -> dict[str, bytes]:
    """Return the files that the Markdown shows, by name: charts as SVG, pictures as PNG."""
    contents = {}
    for _, blocks in document.numbered():
        for number, block in blocks:
            if isinstance(block, Pictures):
                # Enlarged here, since viewers of Markdown would smooth the pixels.
                scale = block.enlargement()
                contents[_name(block, number)] = images.png(
                    block.image.repeat(scale, axis=0).repeat(scale, axis=1)
                )
            elif not isinstance(block, str | Table):
                contents[_name(block, number)] = charts.file(block)
    return contents


def inline(text: str) -> str:
    """Return one line of text with all special characters escaped, except in `code`."""

    def escaped(match: re.Match[str]) -> str:
        return match["code"].replace("|", r"\|") if match["code"] else rf"\{match[0]}"

    return _SPECIAL.sub(escaped, " ".join(text.split()))


def _shown(value: Any) -> Markup:
    """A value in the template, escaped unless it is the result of a macro or a filter."""
    return value if isinstance(value, Markup) else Markup(inline(str(value)))


def _opened(line: str) -> Markup:
    return Markup(_OPENING.sub(r"\1\\\2", inline(line)))


def _name(block: Block, number: int) -> Markup:
    return Markup(f"{number:02}.{'png' if isinstance(block, Pictures) else 'svg'}")


_TEXTS = PAGES.overlay(finalize=_shown)
_TEXTS.filters = PAGES.filters | {"opened": _opened, "file": _name}
