"""A document as GitHub flavoured Markdown, with its charts and pictures as files beside it."""

import re
from typing import Any

from markupsafe import Markup

from jaxgen import images
from jaxgen.pages import charts
from jaxgen.pages.document import Block, Document, Pictures, Table
from jaxgen.pages.html import PAGES

# Code, and what could begin or end an emphasis, a link, a tag, a formula, a cell or an entity.
_SPECIAL = re.compile(r"(?P<code>`[^`\n]+`)|[\\`*_\[\]<>|~#$&]")
# What would make a paragraph something else: a list, a quotation, a heading.
_OPENING = re.compile(r"^(\d*)([-+=.)])(?=[\s=-]|$)")


def markdown(document: Document, folder: str) -> str:
    """Return the document as Markdown that shows the files of ``pictures`` from ``folder``."""
    template = _TEXTS.get_template("document.md.j2")
    provenance = Table(("", ""), document.provenance)
    found = template.render(document=document, folder=folder, provenance=provenance)
    return re.sub(r"\n{3,}", "\n\n", found).strip() + "\n"


def pictures(document: Document) -> dict[str, bytes]:
    """Return the files that the Markdown shows, by name: an SVG a chart, a PNG a picture."""
    found = {}
    for _, blocks in document.numbered():
        for place, block in blocks:
            if isinstance(block, Pictures):
                # Enlarged here, for what shows Markdown would smooth the pixels.
                scale = block.enlargement()
                found[_name(block, place)] = images.png(
                    block.image.repeat(scale, axis=0).repeat(scale, axis=1)
                )
            elif not isinstance(block, str | Table):
                found[_name(block, place)] = charts.file(block)
    return found


def inline(text: str) -> str:
    """Return one line of text so that it is shown as it is, with `code` as such."""

    def escaped(found: re.Match[str]) -> str:
        return found["code"].replace("|", r"\|") if found["code"] else rf"\{found[0]}"

    return _SPECIAL.sub(escaped, " ".join(text.split()))


def _shown(value: Any) -> Markup:
    """What the template shows of a value: it is text, but for the results of macros and filters."""
    return value if isinstance(value, Markup) else Markup(inline(str(value)))


def _opened(line: str) -> Markup:
    return Markup(_OPENING.sub(r"\1\\\2", inline(line)))


def _name(block: Block, place: int) -> Markup:
    return Markup(f"{place:02}.{'png' if isinstance(block, Pictures) else 'svg'}")


_TEXTS = PAGES.overlay(finalize=_shown)
_TEXTS.filters = PAGES.filters | {"opened": _opened, "file": _name}
