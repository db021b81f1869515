"""A person's own picture of one digit, brought to the form of MNIST, with words that say how.

MNIST's digits are light on black, 20 pixels along the longer edge, and lie with their centre of
mass at the middle of 28 by 28 (LeCun et al. 1998). A photograph, a scan or a drawing is brought to
that form in these steps, and the words that are returned name the steps that were needed:

    turned upright, laid on paper of a clear contrast where it is transparent, made grey, 8 bits
    inverted, if the ink is darker than the border
    the grey of the border made black, also the shade and the grain of the paper
    cropped to the ink, the strokes thickened if MNIST has none so thin
    scaled, centred, and the brightest pixel made white

A picture of 28 by 28 that has this form already stays as it is, bit for bit.

Only the first picture of a file with several is read. A file is never trusted: its size is asked
for before it is unpacked, and formats that another program would have to read are left out.
"""

import io
import math
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from jaxgen.data import strokes
from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

MOST_SIDE = 4096  # pixels along an edge
MOST_BYTES = 2**27  # of a file

_ORIENTATION = 0x0112  # EXIF's tag
_WORKING = 1120  # pixels: what is larger is made smaller first, to save time
_THIN = 1.2  # pixels: where digits are 20 long, hardly one of MNIST has strokes as thin
_USUAL = 2.0  # and half of them have strokes about as wide


def load(path: str | Path, broken: bool = False) -> tuple[np.ndarray, list[str]]:
    """Read an image file as ``decode`` says."""
    return decode(_content(path), f"{path}", broken)


def endings() -> tuple[str, ...]:
    """How the names of image files end."""
    return tuple(Image.registered_extensions())


def grey(path: str | Path) -> np.ndarray:
    """Read an image file as it is, but grey: float32 [h, w] in [0, 1], smaller if it is large."""
    return _opened(_content(path), f"{path}")[0]


def png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 [H, W], as the contents of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _content(path: str | Path) -> bytes:
    if os.path.isdir(path):
        raise UserError(f"{path} is a folder: name an image file")
    try:
        with open(path, "rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # some names cannot be a file's
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {path}: {reason}; name an image file") from None


def decode(content: bytes, name: str, broken: bool = False) -> tuple[np.ndarray, list[str]]:
    """Turn the contents of an image file into an image uint8 [28, 28, 1], and words that say how.

    ``name`` is what a UserError calls it. Several digits side by side are one, unless the digit may
    be ``broken`` into pieces.
    """
    grey, words, size = _opened(content, name)
    image, more = _formed(grey, name, size, broken)
    return image, [*words, *more]


def formed(image: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Bring one of many images uint8 [h, w, colours], which are known to show one digit each, to
    MNIST's form: uint8 [28, 28, 1], and words that say how. One that shows nothing stays black."""
    height, width, colours = image.shape
    grey, words = image[..., 0] / np.float32(255), []
    if colours > 1:
        grey, words = _grey(Image.fromarray(image))
    try:
        formed, more = _formed(grey, "it", f"{width} x {height}", broken=True)
    except UserError:
        return np.zeros((SIDE, SIDE, 1), np.uint8), ["nothing to be seen"]
    return formed, [*words, *more]


def _formed(grey: np.ndarray, name: str, size: str, broken: bool) -> tuple[np.ndarray, list[str]]:
    """As ``decode``, for a picture float32 [h, w] in [0, 1]; ``size`` says how large it was."""
    for image, done in ((grey, []), (1 - grey, ["inverted"])):
        if strokes.is_digit(image):
            return np.rint(255 * image).astype(np.uint8)[..., None], [*done, f"{size} as it is"]
    try:
        ink, is_dark = strokes.found(grey)
    except ValueError as error:
        raise UserError(f"{name} shows {error}") from None
    words = ["inverted"] if is_dark else []
    if not broken and (count := strokes.count(ink)) > 1:
        raise UserError(f"{name} shows {count} digits side by side: give a picture of each")
    if (width := strokes.width(ink)) < _THIN:
        words.append("strokes thickened")
        ink = strokes.thickened(ink, _USUAL - width)
    square = f"{SIDE} x {SIDE}"
    words.append(f"{size} brought to {square}" if size != square else "brought to MNIST's form")
    return strokes.placed(ink), words


def _opened(content: bytes, name: str) -> tuple[np.ndarray, list[str], str]:
    """The picture as float32 [h, w] in [0, 1], what was done to it, and the size that it had."""
    if len(content) > MOST_BYTES:
        raise UserError(f"{name} is larger than {MOST_BYTES >> 20} MiB: make it smaller first")
    Image.init()
    # EPS is a program: to draw it, Pillow starts Ghostscript.
    formats = [kind for kind in Image.ID if kind != "EPS"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dubious metadata, which are not used
            with Image.open(io.BytesIO(content), formats=formats) as image:
                size = f"{image.width} x {image.height}"
                if max(image.size) > MOST_SIDE:
                    raise UserError(
                        f"{name} has {size} pixels: bring it to {MOST_SIDE} x {MOST_SIDE} or less"
                    )
                image.load()
                return *_grey(image), size
    except (UserError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise UserError(
            f"{name} has too many pixels: bring it to {MOST_SIDE} x {MOST_SIDE} or less"
        ) from None
    except UnidentifiedImageError:
        raise UserError(f"{name} is no image that can be read: give it as PNG or JPEG") from None
    except Exception as error:  # damage makes Pillow raise whatever there is
        reason = " ".join(f"{error}".split()) or type(error).__name__
        raise UserError(f"{name} cannot be read ({reason}): give a sound PNG or JPEG") from None


def _grey(image: Image.Image) -> tuple[np.ndarray, list[str]]:
    words = []
    if image.getexif().get(_ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
        words.append("turned upright")
    if image.mode[0] in "IF":  # whole numbers of 16 or 32 bits, or floats
        image = _eight_bits(image)
        words.append("8 bits")
    clear = image.has_transparency_data
    smaller = math.ceil(max(image.size) / _WORKING)  # times
    image = image.convert("RGBA" if clear else "RGB").reduce(smaller)
    if clear:
        image, laid = _opaque(image)
        words += laid
    rgb = np.asarray(image)
    if (rgb != rgb[..., :1]).any():
        words.append("grey")
    return np.asarray(image.convert("L"), np.float32) / 255, words


def _eight_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image).astype(np.float64)
    most = float(values.max())  # NaN if any is
    if not math.isfinite(most):
        raise ValueError("it has pixels that are no numbers")
    deep = ";16" in image.mode or most > 255
    white = max(most, 65535) if deep else 255 if most > 1 else 1
    return Image.fromarray(np.rint(255 * (values / white).clip(0, 1)).astype(np.uint8))


def _opaque(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """Lay RGBA on paper. Where most is opaque, the paper has its usual grey; else what is opaque is
    ink, and the paper is white or black, whichever is further from it."""
    alpha = np.asarray(image.getchannel("A"))
    if alpha.min() == 255:
        return image.convert("RGB"), []
    ink = np.asarray(image.convert("RGB").convert("L"))[alpha >= 128]
    if 2 * ink.size > alpha.size:
        paper = int(np.median(ink))
    else:
        paper = 255 if ink.size and ink.mean() < 128 else 0
    laid = Image.alpha_composite(Image.new("RGBA", image.size, (paper, paper, paper, 255)), image)
    name = {0: "black", 255: "white"}.get(paper, "grey")
    return laid.convert("RGB"), [f"laid on {name}"]
