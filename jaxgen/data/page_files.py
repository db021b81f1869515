"""Pages that a person photographed or scanned: image files of one page or several, and PDF."""

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps

from jaxgen import extras
from jaxgen.data import pictures
from jaxgen.errors import UserError

MOST_SIDE = 12_000  # pixels along an edge
MOST_PIXELS = 120_000_000
MOST_PAGES = 100
_FINE = 2400  # pixels along the longer edge are enough
_A4 = 842  # points along the longer edge


def read(path: str) -> Iterator[np.ndarray]:
    """The pages of a file, each as grey uint8 [h, w], with 2,400 to 4,800 pixels along the longer
    edge where the file has as many. Raises UserError for what is no such file."""
    content = pictures.content_of(path)
    yield from (_pdf if content[:1024].lstrip()[:5] == b"%PDF-" else _images)(content, path)


def _images(content: bytes, path: str) -> Iterator[np.ndarray]:
    with pictures.opened(content, path, MOST_SIDE) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UserError(
                f"{path} has {image.width * image.height / 1e6:.0f} megapixels: bring it to "
                f"{MOST_PIXELS // 10**6} or less"
            )
        # A photograph of a phone may hold a map of its light, or a small copy, as a second picture.
        count = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        _require(count, path)
        # JPEG files can be decoded at a half or a quarter of their size, which is faster.
        image.draft("L", (_FINE, _FINE))
        for index in range(count):
            if count > 1:
                image.seek(index)
            yield _grey(ImageOps.exif_transpose(image))


def _grey(image: Image.Image) -> np.ndarray:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    elif image.mode[0] in "IF":
        return _grey(pictures.eight_bits(image))
    image = image.convert("L")
    return np.asarray(image.reduce(max(1, max(image.size) // _FINE)))


def keywords(path: str) -> str:
    """The keywords in the metadata of a PDF file. Raises UserError for what is no such file."""
    with _opened_pdf(pictures.content_of(path), path) as document:
        return document.get_metadata_dict().get("Keywords", "")


def _opened_pdf(content: bytes, path: str):
    """The document of pypdfium2."""
    extras.require("reading PDF", "pypdfium2", "pypdfium2", instead="give pages as pictures")
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(io.BytesIO(content))
        len(document)
        return document
    except pypdfium2.PdfiumError as error:
        if "password" in f"{error}".lower():
            raise UserError(f"{path} has a password: save it without one first") from None
        raise UserError(f"{path} cannot be read ({error}): give a sound PDF or pictures") from None


def _pdf(content: bytes, path: str) -> Iterator[np.ndarray]:
    with _opened_pdf(content, path) as document:
        _require(len(document), path)
        for page in document:
            wide, high = page.get_size()  # points
            scale = _FINE / max(wide, high, _A4 / 4)
            yield _grey(page.render(scale=scale).to_pil())


def _require(count: int, path: str) -> None:
    if not 1 <= count <= MOST_PAGES:
        raise UserError(f"{path} has {count} pages: give 1 to {MOST_PAGES} of them in a file")
