"""A document as GitHub flavoured Markdown, with its charts and pictures as files beside it."""

import re

from jaxgen import images
from jaxgen.pages import charts
from jaxgen.pages.document import (
    Block,
    Chart,
    Document,
    Pictures,
    Scatter,
    Table,
    Text,
    paragraphs,
    spans,
)
from jaxgen.pages.html import PROVENANCE, enlargement

# What could begin or end an emphasis, a link, a tag, a formula, a cell or an entity.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#$&])")
# What would make a paragraph something else: a list, a quotation, a heading.
_OPENING = re.compile(r"^(\d*)([-+=.)])(?=[\s=-]|$)")


def markdown(document: Document, folder: str) -> str:
    """Return the document as Markdown that shows the files of ``pictures`` from ``folder``."""
    parts = [f"# {inline(document.title)}", *_text(document.lead)]
    for section, blocks in document.numbered():
        parts.append(f"## {inline(section.title)}")
        for place, block in blocks:
            parts += _block(block, f"{folder}/{_name(place, block)}")
    if document.provenance:
        parts += [f"## {PROVENANCE}", _table(Table(("", ""), document.provenance))]
    return "\n\n".join(filter(None, parts)) + "\n"


def pictures(document: Document) -> dict[str, bytes]:
    """Return the files that the Markdown shows, by name: an SVG a chart, a PNG a picture."""
    return {
        _name(place, block): _file(block)
        for _, blocks in document.numbered()
        for place, block in blocks
        if not isinstance(block, Text | Table)
    }


def inline(text: str) -> str:
    """Return one line of text so that it is shown as it is, with `code` as such."""
    return "".join(
        f"`{part.replace('|', chr(92) + '|')}`" if code else _SPECIAL.sub(r"\\\1", part)
        for code, part in spans(" ".join(text.split()))
    )


def _name(place: int, block: Block) -> str:
    return f"{place:02}.{'png' if isinstance(block, Pictures) else 'svg'}"


def _file(block: Chart | Pictures) -> bytes:
    if not isinstance(block, Pictures):
        return charts.file(block)
    # Enlarged here, for what shows Markdown would smooth the pixels.
    scale = enlargement(block.image)
    return images.png(block.image.repeat(scale, axis=0).repeat(scale, axis=1))


def _block(block: Block, path: str) -> list[str]:
    match block:
        case Text():
            return _text(block.text)
        case Table():
            return [_table(block), inline(block.caption)]
        case Pictures():
            names = [
                f"{kind}: {', '.join(map(inline, names))}."
                for kind, names in (
                    ("Rows, from the top", block.rows),
                    ("Columns, from the left", block.columns),
                )
                if names
            ]
            caption = " ".join([inline(block.caption), *names])
            return [f"![{inline(block.alternative)}]({path})", caption]
        case Scatter():
            return [f"![{inline(block.caption)}]({path})", inline(block.caption)]
        case _:
            numbers = block.table()
            return [
                f"![{inline(block.caption)}]({path})",
                inline(block.caption),
                "<details><summary>The numbers of this chart</summary>",
                _table(numbers),
                inline(numbers.caption),
                "</details>",
            ]


def _text(text: str) -> list[str]:
    return [_OPENING.sub(r"\1\\\2", inline(paragraph)) for paragraph in paragraphs(text)]


def _table(table: Table) -> str:
    sides = ["--:" if numeric else "---" for numeric in table.numeric()]
    rows = [map(inline, table.head), sides, *(map(inline, row) for row in table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
