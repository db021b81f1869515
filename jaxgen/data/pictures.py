"""A person's own picture of one digit, brought to the form of MNIST, with the changes in words.

MNIST's digits are light on black, 20 pixels along the longer edge, with their centre of mass at the
middle of 28 by 28 (LeCun et al. 1998). A photograph, a scan or a drawing comes to that form in
these steps, and the words name the steps that were needed:

    turned upright, laid on paper of a clear contrast where it is transparent, made grey, 8 bits
    inverted, if the ink is darker than the paper
    the paper made black, with its shade and grain, printed lines, frames, dark edges and holes
    cropped to the ink, and the strokes thickened if they are thinner than MNIST's
    scaled, centred, and the brightest pixel made white

A picture of 28 by 28 that has this form already is unchanged, bit for bit.

Only the first picture of a file with several is read. Files are not trusted: sizes are checked
before anything is unpacked, and formats that need another program are refused.
"""

import contextlib
import io
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from jaxgen.data import strokes
from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

MOST_SIDE = 4096  # pixels along an edge
MOST_BYTES = 2**27  # of a file

_ORIENTATION = 0x0112  # EXIF's tag
_WORKING = 1120  # pixels along an edge; larger pictures are reduced first, to save time
_THIN = 1.2  # pixels, for digits of 20: hardly a digit of MNIST has thinner strokes
_USUAL = 2.0  # about the median of MNIST


def load(path: str | Path, broken: bool = False) -> tuple[np.ndarray, list[str]]:
    """Read an image file; see ``decode``."""
    return decode(content_of(path), f"{path}", broken)


def endings() -> tuple[str, ...]:
    """The endings of the names of image files, such as ``.png``; without those of formats that
    Pillow knows and cannot load, such as HDF5, which often are no pictures."""
    every = Image.registered_extensions()
    stubs = {
        kind
        for kind, (factory, _) in Image.OPEN.items()
        if isinstance(factory, type) and issubclass(factory, ImageFile.StubImageFile)
    }
    return tuple(ending for ending, kind in every.items() if kind not in stubs)


def grey(path: str | Path) -> np.ndarray:
    """Read an image file as grey: float32 [h, w] in [0, 1], reduced if it is large."""
    return _opened(content_of(path), f"{path}")[0]


def grey_of(content: bytes, name: str) -> np.ndarray:
    """The contents of an image file as grey: uint8 [h, w], reduced if it is large. Raises UserError
    as ``decode``."""
    return np.rint(255 * _opened(content, name)[0]).astype(np.uint8)


def longer_edge(content: bytes, name: str) -> int:
    """The longer edge in pixels of the contents of an image file, from its header. Raises UserError
    as ``decode``."""
    with opened(content, name, MOST_SIDE) as image:
        return max(image.size)


def png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 [H, W], as the contents of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def content_of(path: str | Path) -> bytes:
    """The bytes of an image file, at most one more than MOST_BYTES."""
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder: name an image file")
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError for names with a null byte
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {path}: {reason}; name an image file") from None


def decode(content: bytes, name: str, broken: bool = False) -> tuple[np.ndarray, list[str]]:
    """Turn the contents of an image file into an image uint8 [28, 28, 1], and say the changes.

    A UserError calls the file ``name``. Several digits side by side are a UserError, unless they
    may be one digit ``broken`` into pieces.
    """
    grey, words, size = _opened(content, name)
    image, changes = _normalised(grey, name, size, broken)
    return image, [*words, *changes]


def normalised(image: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Bring an image uint8 [h, w, colours] that shows one digit to MNIST's form: uint8 [28, 28, 1],
    and the changes in words. An image without ink becomes black."""
    height, width, colours = image.shape
    grey, words = image[..., 0] / np.float32(255), []
    if colours > 1:
        grey, words = _grey(Image.fromarray(image))
    try:
        digit, changes = _normalised(grey, "it", f"{width} x {height}", broken=True)
    except UserError:
        return np.zeros((SIDE, SIDE, 1), np.uint8), ["without ink"]
    return digit, [*words, *changes]


def _normalised(
    grey: np.ndarray, name: str, size: str, broken: bool
) -> tuple[np.ndarray, list[str]]:
    """As ``decode``, for a picture float32 [h, w] in [0, 1]; ``size`` is the file's, in words."""
    for image, words in ((grey, []), (1 - grey, ["inverted"])):
        if strokes.is_digit(image):
            return np.rint(255 * image).astype(np.uint8)[..., None], [*words, f"{size} unchanged"]
    try:
        ink, is_dark, had_lines = strokes.extract(grey)
    except ValueError as error:
        raise UserError(f"{name} shows {error}") from None
    words = ["inverted"] if is_dark else []
    if had_lines:
        words.append("printed lines taken away")
    if not broken and (count := strokes.count_digits(ink)) > 1:
        raise UserError(
            f"{name} shows {count} digits side by side: give a picture of each, or join the "
            "strokes of one"
        )
    image, changes = from_ink(ink)
    square = f"{SIDE} x {SIDE}"
    form = f"{size} brought to {square}" if size != square else "brought to MNIST's form"
    return image, [*words, *changes, form]


def from_ink(ink: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Bring the ink of one digit, float32 [h, w] in [0, 1] without a margin, to MNIST's form: uint8
    [28, 28, 1], and the changes in words."""
    if (width := strokes.width(ink)) >= _THIN:
        return strokes.centred(ink), []
    return strokes.centred(strokes.thickened(ink, _USUAL - width)), ["strokes thickened"]


def _opened(content: bytes, name: str) -> tuple[np.ndarray, list[str], str]:
    """The picture as float32 [h, w] in [0, 1], the changes, and the file's size, in words."""
    with opened(content, name, MOST_SIDE) as image:
        size = f"{image.width} x {image.height}"
        image.load()
        return *_grey(image), size


@contextlib.contextmanager
def opened(content: bytes, name: str, most: int) -> Iterator[Image.Image]:
    """Open an image file of at most ``most`` pixels along an edge, which the block may load. What
    goes wrong, in the block too, is a UserError that calls the file ``name``."""
    if len(content) > MOST_BYTES:
        raise UserError(f"{name} is larger than {MOST_BYTES >> 20} MiB: make it smaller first")
    Image.init()
    # EPS is a program: to draw it, Pillow starts Ghostscript.
    formats = [kind for kind in Image.ID if kind != "EPS"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, which are not used
            with Image.open(io.BytesIO(content), formats=formats) as image:
                if max(image.size) > most:
                    raise UserError(
                        f"{name} has {image.width} x {image.height} pixels: bring it to {most} x "
                        f"{most} or less"
                    )
                yield image
    except (UserError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UserError(
            f"{name} has too many pixels: bring it to {most} x {most} or less"
        ) from None
    except UnidentifiedImageError:
        raise UserError(f"{name} is not a readable image: give it as PNG or JPEG") from None
    except Exception as error:  # Pillow raises any class for damaged files
        reason = " ".join(f"{error}".split()) or type(error).__name__
        raise UserError(f"{name} cannot be read ({reason}): give a sound PNG or JPEG") from None


def _grey(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    words = []
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
        words.append("turned upright")
    if image.mode[0] in "IF":  # 16 or 32 bits, or floats
        image = eight_bits(image)
        words.append("8 bits")
    clear = image.has_transparency_data
    smaller = math.ceil(max(image.size) / _WORKING)  # times
    image = image.convert("RGBA" if clear else "RGB").reduce(smaller)
    if clear:
        image, changes = _opaque(image)
        words += changes
    rgb = np.asarray(image)
    if (rgb != rgb[..., :1]).any():
        words.append("grey")
    return np.asarray(image.convert("L"), np.float32) / 255, words


def eight_bits(image: Image.Image) -> Image.Image:
    """An image of 16 or 32 bits, or of floats, as one of 8."""
    values = np.asarray(image).astype(np.float64)
    most = float(values.max())  # NaN if any pixel is
    if not math.isfinite(most):
        raise ValueError("it has pixels that are not numbers")
    deep = ";16" in image.mode or most > 255
    white = max(most, 65535) if deep else 255 if most > 1 else 1
    return Image.fromarray(np.rint(255 * (values / white).clip(0, 1)).astype(np.uint8))


def _opaque(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Lay RGBA on paper. If most pixels are opaque, the paper has their median grey; else the
    opaque pixels are ink, and the paper is white or black, whichever contrasts more."""
    alpha = np.asarray(image.getchannel("A"))
    if alpha.min() == 255:
        return image.convert("RGB"), []
    ink = np.asarray(image.convert("RGB").convert("L"))[alpha >= 128]
    if 2 * ink.size > alpha.size:
        paper = int(np.median(ink))
    else:
        paper = 255 if ink.size and ink.mean() < 128 else 0
    page = Image.new("RGBA", image.size, (paper, paper, paper, 255))
    name = {0: "black", 255: "white"}.get(paper, "grey")
    return Image.alpha_composite(page, image).convert("RGB"), [f"laid on {name}"]
