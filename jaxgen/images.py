"""Pixels and pictures: floats in [0, 1] to bytes, to grids that a person can look at, and to files.

``save`` writes by the ending of the file's name: ``.png`` a grid, ``.npz`` the images and their
labels, ``.gif`` the images one after another. Files are written whole or not at all, and the same
images give the same bytes: there are no times in them.
"""

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from jaxgen.data import files
from jaxgen.errors import UserError

LINE = 48  # grey of 255: parts the black squares of a grid without drawing the eye
MOST = 10_000  # images in a grid
_WIDE = 1000  # pixels, about what fits on a screen


def to_uint8(images: ArrayLike) -> np.ndarray:
    """Return floats of any shape, in [0, 1] or cut off there, as the nearest of 0 to 255.

    What is uint8 already stays. Raises UserError for values that are not finite, for only a model
    that has diverged makes them.
    """
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in "iu":
        raise TypeError(f"pixels are floats in [0, 1] or uint8, not {images.dtype}")
    images = images.astype(np.float32, copy=False)
    wrong = np.count_nonzero(~np.isfinite(images))
    if wrong:
        raise UserError(
            f"{wrong} of {images.size} pixels are not finite, so the model has diverged: "
            "take an earlier checkpoint, or train with a lower --optim.rate"
        )
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def to_float(images: np.ndarray) -> np.ndarray:
    """Return bytes of any shape as float32 in [0, 1]; ``to_uint8`` gives the same bytes back."""
    return images.astype(np.float32) / 255


def grid(
    images: np.ndarray, columns: int | None = None, gap: int = 2, scale: int | None = None
) -> np.ndarray:
    """Return one picture, uint8 [H, W], of images [n, h, w] or [n, h, w, 1], row by row.

    Each pixel becomes a square of ``scale`` by ``scale``, not smoothed, for a smooth picture hides
    what is wrong with a model; by default 4, or less where the picture would be wider than a
    screen. Lines of ``gap`` pixels part the images and frame the picture. ``columns`` is by default
    what makes full rows near a square: 8 of 64, 10 of 80, 40 of 1,000; as many as images give a
    strip. More than 10,000 images are a UserError.
    """
    if not len(images):
        raise ValueError("there are no images for a picture")
    if len(images) > MOST:
        raise UserError(
            f"{len(images)} images are too many for a picture: ask for {MOST} or fewer, or for .npz"
        )
    images = to_uint8(images)
    images = images.reshape(images.shape[:3])  # [n, h, w, 1] -> [n, h, w]
    columns = columns or _columns(len(images))
    scale = scale or max(1, min(4, _WIDE // (columns * images.shape[2])))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width = images.shape
    rows = math.ceil(count / columns)
    picture = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap), LINE, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        picture[top : top + height, left : left + width] = image
    return picture


def _columns(count: int) -> int:
    """The least that give a picture no higher than wide, and full rows if they can."""
    square = math.ceil(math.sqrt(count))
    return next((c for c in range(square, 2 * square) if count % c == 0), square)


def png(picture: np.ndarray) -> bytes:
    """Return a picture, uint8 [H, W], as the contents of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def check(path: str | Path) -> None:
    """Raise UserError where ``save`` could not write ``path``, for its ending or for its place.

    For the door of a command, before the minutes that make the images.
    """
    _writer(path)
    files.check(path)


def save(path: str | Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images, floats or uint8 [n, 28, 28, 1], and labels [n] by the ending of ``path``.

    Folders above it are made, a file there is replaced. Raises UserError for an unknown ending, no
    room or no permission; then there is no file, or the old one.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images have {len(labels)} labels")
    _writer(path)(Path(path), images, labels)


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write one picture, uint8 [H, W], as a PNG file."""
    files.write(path, png(picture))


def save_gif(
    path: str | Path, frames: np.ndarray, milliseconds: int = 80, hold_last: int = 1500
) -> None:
    """Write pictures, uint8 [t, H, W], as a film that plays again and again.

    Each lasts ``milliseconds``, the last one ``hold_last``; GIF rounds them down to 10, and
    browsers slow down what is under 20. A frame like the one before prolongs that one. Noise packs
    badly: in a grid at ``scale`` 2, 100 digits of it take 0.2 MB a frame.
    """
    durations = [milliseconds] * (len(frames) - 1) + [hold_last]
    first, *rest = (Image.fromarray(frame) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    files.write(path, file.getvalue())


def _writer(path: str | Path) -> Callable[[Path, np.ndarray, np.ndarray], None]:
    name = Path(path).name.lower()
    for ending, writer in WRITERS.items():
        if name.endswith(ending) and name != ending:
            return writer
    raise UserError(f"cannot write {path}: let its name end in {' or '.join(WRITERS)}")


def _save_png(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    save_picture(path, grid(images))


def _save_npz(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    images = to_uint8(images)
    file = io.BytesIO()
    images = images.reshape(images.shape[:3])  # [n, 28, 28, 1] -> [n, 28, 28]
    np.savez_compressed(file, images=images, labels=np.asarray(labels, np.int32))
    files.write(path, file.getvalue())


def _save_gif(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    frames = np.stack([grid(image[None]) for image in to_uint8(images)])
    save_gif(path, frames, milliseconds=400, hold_last=400)


WRITERS: dict[str, Callable[[Path, np.ndarray, np.ndarray], None]] = {  # by the end of the name
    ".png": _save_png,
    ".npz": _save_npz,
    ".gif": _save_gif,
}
