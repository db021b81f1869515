"""A report as files: NAME.html, NAME.md, and NAME_files with the pictures of NAME.md."""

from pathlib import Path

from jaxgen.data import files
from jaxgen.pages import markdown
from jaxgen.pages.document import Document
from jaxgen.pages.html import html


def write(document: Document, folder: str | Path, name: str) -> list[Path]:
    """Write all files into ``folder``; return the paths of the page, the Markdown, the pictures.

    Either all files are replaced or none. Old pictures in NAME_files are deleted. Raises UserError
    if there is no room or no permission.
    """
    folder = Path(folder)
    pictures = folder / f"{name}_files"
    page, text = folder / f"{name}.html", folder / f"{name}.md"
    shown = {pictures / file: content for file, content in markdown.pictures(document).items()}
    texts = {
        page: html(document).encode(),
        text: markdown.markdown(document, pictures.name).encode(),
    }
    files.write_all({**texts, **shown})
    for old in pictures.glob("[0-9][0-9].*"):
        if old not in shown:
            old.unlink()
    return [page, text, *shown]
