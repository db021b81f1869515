"""A report as files: NAME.html, NAME.md, and in NAME_files what the latter shows."""

from pathlib import Path

from jaxgen.data import files
from jaxgen.pages import markdown
from jaxgen.pages.document import Document
from jaxgen.pages.html import html


def write(document: Document, folder: str | Path, name: str) -> list[Path]:
    """Write all of it into ``folder``, and return the paths: first the page, then the Markdown.

    Either all files are replaced or none, and what an earlier report of this name left in
    NAME_files goes. Raises UserError where there is no room or no permission.
    """
    folder = Path(folder)
    beside = folder / f"{name}_files"
    page, text = folder / f"{name}.html", folder / f"{name}.md"
    shown = {beside / file: content for file, content in markdown.pictures(document).items()}
    texts = {
        page: html(document).encode(),
        text: markdown.markdown(document, beside.name).encode(),
    }
    files.write_all({**texts, **shown})
    for old in beside.glob("[0-9][0-9].*"):
        if old not in shown:
            old.unlink()
    return [page, text, *shown]
