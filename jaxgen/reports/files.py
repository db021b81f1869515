"""A report as files: NAME.html, NAME.md, and NAME_files with the pictures of NAME.md."""

from collections.abc import Mapping
from pathlib import Path

from jaxgen.data import files
from jaxgen.reports import markdown
from jaxgen.reports.document import Document
from jaxgen.reports.html import html


def write(document: Document, folder: str | Path, name: str) -> list[Path]:
    """Write all files into ``folder``; return the paths of the page, the Markdown, the pictures.

    Either all files are replaced or none. Old pictures in NAME_files are deleted. Raises UserError
    if there is no room or no permission.
    """
    page = Path(folder) / f"{name}.html"
    return [page, *write_markdown(document, folder, name, {page: html(document).encode()})]


def write_markdown(
    document: Document, folder: str | Path, name: str, more: Mapping[Path, bytes]
) -> list[Path]:
    """As ``write``, with ``more`` files in place of the page."""
    pictures, text = Path(folder) / f"{name}_files", Path(folder) / f"{name}.md"
    shown = {pictures / file: content for file, content in markdown.pictures(document).items()}
    texts = {text: markdown.markdown(document, pictures.name).encode()}
    files.write_all({**more, **texts, **shown})
    for old in pictures.glob("[0-9][0-9].*"):
        if old not in shown:
            old.unlink()
    return [text, *shown]
