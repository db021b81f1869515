"""A person's own picture of one digit, brought to the form of MNIST, with words that say how.

MNIST's digits are light on black, 20 pixels along the longer edge, and lie with their centre of
mass at the middle of 28 by 28 (LeCun et al. 1998). A photograph, a scan or a drawing comes there in
these steps, and those that were needed are told:

    upright, opaque (laid on paper that its ink stands out on), grey, of 8 bits
    inverted, if the ink is darker than the border
    the border's grey made black, shade and grain of the paper too
    cropped to the ink, its strokes thickened if MNIST has none so thin
    scaled, centred, and the brightest made white

A picture of 28 by 28 that has this form already stays as it is, bit for bit.

Only the first picture of a file with several is read. A file is never trusted: its size is asked
for before it is unpacked, and formats that another program would have to read are left out.
"""

import io
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from jaxgen.data.split import SIDE, Digits
from jaxgen.errors import UserError

MOST_SIDE = 4096  # pixels along an edge
MOST_BYTES = 2**27  # of a file
INK_SIDE = 20  # pixels along the longer edge of a digit
PARTS = ("train", "valid", "test")

RESAMPLE = Image.Resampling.BOX
_ORIENTATION = 0x0112  # EXIF's tag
_WORKING = 1120  # pixels: what is larger is made smaller first, to save time
_ROUGH = 224  # pixels of the picture in which ink is told from grain
_LEAST = 16 / 255  # contrast of the ink
_FAINT = 0.1  # of that contrast: what is less is paper
_SPECK = 0.03  # of the largest piece of ink: what is less is dirt
_THIN = 1.2  # pixels: where digits are 20 long, hardly one of MNIST has strokes as thin
_USUAL = 2.0  # and half of them have strokes about as wide


class Picture(NamedTuple):
    """One image as models take it."""

    name: str
    image: np.ndarray  # uint8 [28, 28, 1]
    label: int | None  # 0 to 9; None where nobody has said it
    words: list[str]  # what was done to it


def read(source: str, digits: Callable[[], Digits], broken: bool = False) -> Picture:
    """Read the image file ``source``, or one of the data set's own digits, such as ``test:7``.

    ``digits`` gives the data set, and is called only for these; ``broken`` as for ``decode``. What
    cannot be is a UserError.
    """
    part, _, place = source.partition(":")
    if part not in PARTS or not place:
        image, words = load(source, broken)
        return Picture(source, image, None, words)
    images, labels = getattr(digits(), part)
    if not (place.isascii() and place.isdecimal() and int(place) < len(labels)):
        raise UserError(
            f"there is no digit {source}: there are {part}:0 to {part}:{len(labels) - 1}"
        )
    return Picture(source, images[int(place)], int(labels[int(place)]), [])


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
    if _is_digit(grey):
        return np.rint(255 * grey).astype(np.uint8)[..., None], [*words, f"{size} as it is"]
    light = grey - _paper(grey)
    times = math.ceil(max(grey.shape) / _ROUGH)
    rough = np.asarray(Image.fromarray(light).reduce(times))  # with less noise
    low, high = float(rough.min()), float(rough.max())
    if max(-low, high) < _LEAST:
        raise UserError(f"{name} shows nothing: all of it is one grey, but a digit needs ink")
    if -low > high:
        words.append("inverted")
        light, rough, high = -light, -rough, -low
    ink = _without_paper(light / high).clip(max=1) * _mask(rough / high, times, light.shape)
    if not ink.any():
        raise UserError(f"{name} shows nothing that is clearer than its grain: a digit needs ink")
    ink = _cropped(ink)
    if not broken and (count := _count(ink)) > 1:
        raise UserError(f"{name} shows {count} digits side by side: give a picture of each")
    width = _width(ink) * INK_SIDE / max(ink.shape)
    if width < _THIN:
        words.append("strokes thickened")
        ink = _cropped(_thickened(ink, _USUAL - width))
    return _placed(_fitted(ink)), [*words, f"{size} brought to {SIDE} x {SIDE}"]


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
    image = _smaller(image.convert("RGBA" if clear else "RGB"))
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


def _smaller(image: Image.Image) -> Image.Image:
    times = math.ceil(max(image.size) / _WORKING)
    return image.reduce(times) if times > 1 else image


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


def _is_digit(grey: np.ndarray) -> bool:
    """Whether a picture [h, w] has MNIST's form, with some room for what models draw."""
    if grey.shape != (SIDE, SIDE) or np.median(_border(grey)) > _FAINT or grey.max() < 0.5:
        return False
    longer = max(np.ptp(axis) + 1 for axis in np.nonzero(grey > _FAINT))
    off = max(abs(place - SIDE / 2) for place in _middle(grey))
    return bool(16 <= longer <= 24 and off <= 2)


def _border(picture: np.ndarray) -> np.ndarray:
    edge = max(1, min(picture.shape) // 50)
    parts = picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]
    return np.concatenate([part.ravel() for part in parts])


def _paper(grey: np.ndarray) -> np.ndarray:
    """The grey that paper has where the ink is: a plane through that of the border, since light
    falls from a side."""
    height, width = grey.shape
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    rim = _border(grey)
    plane = np.array([np.median(rim), 0, 0])
    places = np.stack([np.ones_like(rim), _border(down), _border(across)], 1)
    for _ in range(5):
        off = abs(rim - places @ plane)
        near = off <= 3 * np.median(off)  # what is further off is ink that touches the border
        plane = np.linalg.lstsq(places[near], rim[near], rcond=None)[0]
    return (plane[0] + plane[1] * down + plane[2] * across).astype(np.float32)


def _without_paper(ink: np.ndarray) -> np.ndarray:
    """Ink [h, w], of contrast 1, with 0 where it is no clearer than the grain of the border."""
    return np.where(ink > _faint(ink), ink, 0)


def _faint(ink: np.ndarray) -> float:
    grain = 1.5 * np.median(abs(_border(ink)))  # its standard deviation, were it normal
    return min(max(_FAINT, 4 * float(grain)), 0.5)


def _mask(rough: np.ndarray, times: int, shape: tuple[int, ...]) -> np.ndarray:
    """Where there is ink, bool of ``shape``, judged by a picture that many times smaller: all of it
    but specks, if the paper has grain."""
    from scipy import ndimage

    there = rough > _faint(rough)
    if np.ptp(_border(rough)) > 0:
        pieces = np.zeros(there.shape, np.int32)
        ndimage.label(there, np.ones((3, 3)), output=pieces)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        there &= (sizes >= _SPECK * sizes.max())[pieces]
    there = ndimage.binary_dilation(there, np.ones((3, 3)))
    return there.repeat(times, 0).repeat(times, 1)[: shape[0], : shape[1]]


def _count(ink: np.ndarray) -> int:
    """How many digits lie side by side in ink [h, w]: pieces, most of them nearly as tall as the
    tallest, with middles at least half its height apart, where all is wider than high.

    Of 5,000 digits of MNIST none counts as two, of pairs of them 1 to 8 pixels apart 93 % do.
    """
    from scipy import ndimage

    height, width = ink.shape
    if width < 1.1 * height:
        return 1
    size = round(width * INK_SIDE / height), INK_SIDE
    small = np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, RESAMPLE))
    there = ndimage.binary_closing(np.pad(small > 0.3 * small.max(), 2), np.ones((3, 3)))
    pieces = np.zeros(there.shape, np.int32)
    ndimage.label(there, np.ones((3, 3)), output=pieces)
    boxes = [(rows.stop - rows.start, columns) for rows, columns in ndimage.find_objects(pieces)]
    tallest = max(tall for tall, _ in boxes)
    middles = sorted((c.start + c.stop) / 2 for tall, c in boxes if tall >= 0.6 * tallest)
    return 1 + int(np.count_nonzero(np.diff(middles) >= 0.5 * tallest))


def _width(ink: np.ndarray) -> float:
    """How wide strokes are, in pixels: twice the area over the length of the outline."""
    there = np.pad(ink > 0.5, 1)
    outline = sum(np.count_nonzero(np.diff(there, axis=axis)) for axis in (0, 1))
    # An outline counted in steps along both axes is 4 / pi times too long.
    return 2 * np.count_nonzero(there) / max(outline * np.pi / 4, 1)


def _thickened(ink: np.ndarray, more: float) -> np.ndarray:
    """Ink [h, w] with strokes that are wider, by so many pixels of a digit of 20."""
    fine = 8  # times that size
    small = Image.fromarray(ink.astype(np.float32))
    longer = max(ink.shape)
    height, width = (max(1, round(edge * INK_SIDE * fine / longer)) for edge in ink.shape)
    small = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    steps = max(1, round(more * fine / 2))
    padded = Image.fromarray(np.rint(255 * np.pad(small / small.max(), steps)).astype(np.uint8))
    return np.asarray(padded.filter(ImageFilter.MaxFilter(2 * steps + 1)), np.float32) / 255


def _middle(image: np.ndarray) -> tuple[float, float]:
    """The centre of mass, down and across, in pixels from the middle of the first."""
    mass, (height, width) = image.sum(), image.shape
    down, across = image.sum(1) @ np.arange(height), image.sum(0) @ np.arange(width)
    return float(down / mass), float(across / mass)


def _cropped(ink: np.ndarray) -> np.ndarray:
    down, across = np.nonzero(ink)
    return ink[down.min() : down.max() + 1, across.min() : across.max() + 1]


def _fitted(ink: np.ndarray) -> np.ndarray:
    """Bring ink [h, w] to 20 pixels along its longer edge, at one scale along both."""
    edges = np.array(ink.shape)
    scale = INK_SIDE / edges.max()
    # A quarter of a pixel over a whole number is let go; for more there is one pixel more, which is
    # paper in part.
    height, width = (max(1, math.ceil(edge * scale - 0.25)) for edge in edges)
    box = np.array([height, width]) / scale
    margin = np.ceil(np.maximum(box - edges, 0) / 2).astype(int)
    top, left = margin + (edges - box) / 2
    picture = Image.fromarray(np.pad(ink, [(m, m) for m in margin]).astype(np.float32))
    region = (left, top, left + box[1], top + box[0])
    return np.asarray(picture.resize((width, height), RESAMPLE, box=region)).clip(0)


def _placed(small: np.ndarray) -> np.ndarray:
    """Put ink [h, w] into an image uint8 [28, 28, 1], its centre of mass in the middle."""
    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    top, left = (
        min(max(round(SIDE / 2 - place), 0), SIDE - edge)
        for place, edge in zip(_middle(small), small.shape, strict=True)
    )
    height, width = small.shape
    image[top : top + height, left : left + width, 0] = np.rint(255 * small / small.max())
    return image
