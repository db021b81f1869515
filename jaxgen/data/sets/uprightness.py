"""Which way up the images of a data set are, by their contents.

EMNIST's files hold images that are mirrored along the diagonal, and copies of them do so under
other names. Of the eight ways to turn and mirror a square, the right one is that in which most
images are nearest to the mean image of their own class: of MNIST for digits, of printed letters for
letters. Where neither knows the classes, as of clothes, nothing is turned.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxgen.data import mnist
from jaxgen.data.formats import ParquetImages, Table, errors

_TRIED = 2000  # images
_SURE = 1.3  # times as many recognised as in the way that they lie
_LEAST = 0.35  # of digits recognised; chance is 0.1
_LEAST_LETTERS = 0.15  # chance is 0.04
_FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSans-Oblique.ttf", "STIXGeneral.ttf")

WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of images [n, h, w]
    "upright": lambda x: x,
    "mirrored along the diagonal": lambda x: x.swapaxes(1, 2),
    "turned by a quarter to the left": lambda x: np.rot90(x, -1, (1, 2)),
    "turned by a quarter to the right": lambda x: np.rot90(x, 1, (1, 2)),
    "upside down": lambda x: x[:, ::-1, ::-1],
    "mirrored": lambda x: x[:, :, ::-1],
    "mirrored upside down": lambda x: x[:, ::-1],
    "mirrored along the other diagonal": lambda x: x[:, ::-1, ::-1].swapaxes(1, 2),
}


@dataclass(frozen=True)
class Turn:
    """How the images of a data set lie."""

    way: str
    before: float  # share that is recognised as they lie
    after: float

    @property
    def words(self) -> str:
        return (
            f"images lie {self.way} ({100 * self.before:.0f} % of them are like their class, "
            f"{100 * self.after:.0f} % when turned): turned upright"
        )

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """The images [n, h, w] upright."""
        return np.ascontiguousarray(WAYS[self.way](images))


def turn(images: Any, labels: np.ndarray, names: tuple[str, ...]) -> Turn | None:
    """How images uint8 [n, 28, 28], of which some rows are taken, with the numbers of their classes
    lie; None where they are upright, or where it cannot be known."""
    for known, least in ((_digits(), _LEAST), (_letters(), _LEAST_LETTERS)):
        rows = np.flatnonzero(np.array([name.lower() in known for name in names])[labels])
        if len(rows) < 20:
            continue
        rows = rows[:: max(1, len(rows) // _TRIED)]
        wanted, some = [names[label].lower() for label in labels[rows]], images[rows]
        shares = {way: _share(change(some), wanted, known) for way, change in WAYS.items()}
        best = max(shares, key=lambda way: shares[way])
        if shares[best] < least:
            continue
        if best == "upright" or shares[best] < _SURE * shares["upright"]:
            return None
        return Turn(best, shares["upright"], shares[best])
    return None


def digits_are(table: Table, first: list[int], second: list[int]) -> bool:
    """Whether labels from 1 to 10 stand for the digits ``first``, and not for ``second``."""
    if isinstance(table.images, ParquetImages):
        with errors(table.name):
            rows, images = table.images.sample(_TRIED)
    else:
        rows = np.arange(len(table.images))[:: max(1, len(table.images) // _TRIED)]
        images = None if isinstance(table.images, list) else table.images[rows]
    if not isinstance(images, np.ndarray):  # but files of pictures
        return False
    images = images.astype(np.float32)
    if images.ndim == 2:
        images = images.reshape(len(images), round(images.shape[1] ** 0.5), -1)
    if images.ndim != 3:
        return False
    labels = table.labels.astype(int)[rows] - 1
    pixels = _squared(images)
    shares = [
        _share(pixels, [f"{digits[label]}" for label in labels], _digits())
        for digits in (first, second)
    ]
    return shares[0] > shares[1]


def _share(images: np.ndarray, wanted: list[str], known: dict[str, np.ndarray]) -> float:
    """The share of images that are nearest to a mean of their class."""
    names = list(known)
    means = np.concatenate([known[name] for name in names])
    owner = np.repeat(names, [len(known[name]) for name in names])
    pixels = _unit(images.reshape(len(images), -1).astype(np.float32))
    return float(np.mean(owner[(pixels @ means.T).argmax(1)] == np.array(wanted)))


def _unit(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels - pixels.mean(1, keepdims=True)
    return pixels / np.maximum(np.linalg.norm(pixels, axis=1, keepdims=True), 1e-6)


@functools.cache
def _digits() -> dict[str, np.ndarray]:
    """The mean images of MNIST's digits, [1, pixels] each."""
    train, _ = mnist.raw()
    images, labels = train.images[:10_000, ..., 0], train.labels[:10_000]
    return {
        f"{digit}": _unit(images[labels == digit].mean(0, dtype=np.float32).reshape(1, -1))
        for digit in range(10)
    }


@functools.cache
def _letters() -> dict[str, np.ndarray]:
    """Printed letters, capital and small in several fonts: [n, pixels] each."""
    import matplotlib
    from PIL import ImageFont

    from jaxgen.data import strokes

    folder = f"{matplotlib.get_data_path()}/fonts/ttf"
    found: dict[str, list[np.ndarray]] = {}
    for name in _FONTS:
        font = ImageFont.truetype(f"{folder}/{name}", 64)
        for code in range(ord("a"), ord("z") + 1):
            for text in (chr(code), chr(code).upper()):
                mask = font.getmask(text, mode="L")
                ink = np.asarray(mask, np.float32).reshape(mask.size[1], mask.size[0]) / 255
                rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
                ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                found.setdefault(chr(code), []).append(strokes.centred(ink)[..., 0])
    return {
        letter: _unit(np.stack(images).reshape(len(images), -1).astype(np.float32))
        for letter, images in found.items()
    }


def _squared(images: np.ndarray) -> np.ndarray:
    """Images [n, h, w] as [n, 28, 28], with the light ink that MNIST has."""
    from skimage import transform

    small = [np.asarray(transform.resize(image, (20, 20), order=1)) for image in images]
    return np.pad(np.stack(small), ((0, 0), (4, 4), (4, 4)), mode="edge")
