"""Pixels and pictures: floats in [0, 1] to bytes, to grids that a person can look at, and to files.

``save`` writes by the ending of the name:

    .png      a grid
    .npz      the images and their labels, as arrays; .csv and .parquet the same, as ``data.tables``
              has them
    .gif      the images one after another; .mp4 the same, as ``films`` has them
    .idx.gz   a pair of files as MNIST has them: train.idx.gz and t10k.idx.gz in one folder are what
              --data idx:FOLDER reads
    /         a folder with one small PNG an image, named by its place and its label, or in a folder
              for each digit

Files are written whole or not at all, and the same images give the same bytes: there are no times
in them.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jaxgen import films
from jaxgen.data import files, idx, tables
from jaxgen.data.pictures import png
from jaxgen.data.split import DIGITS, SIDE
from jaxgen.errors import UserError

LINE = 48  # grey of 255: parts the black squares of a grid without drawing the eye
MAX_IN_GRID = 10_000  # images in a grid
IDX = ".idx.gz"
FOLDER = "/"
ENDINGS = (".png", *tables.CONTENTS, *films.CONTENTS, IDX)  # of files
PAIRED = 10  # pairs in a row of a picture of them
_FILM = 800  # pixels, at least
_WIDE = 1000  # pixels, about what fits on a screen
_ROW = 40  # digits of a number in a row
_INK = 20  # of 255: what is darker is ground


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


def to_float(images: Any) -> Any:
    """Return bytes of any shape, in an array of NumPy's or of JAX's, as float32 in [0, 1];
    ``to_uint8`` gives the same bytes back."""
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
    if len(images) > MAX_IN_GRID:
        raise UserError(
            f"{len(images)} images are too many for a picture: ask for {MAX_IN_GRID} or fewer, "
            "or for .npz"
        )
    images = to_uint8(images)
    images = images.reshape(images.shape[:3])  # [n, h, w, 1] -> [n, h, w]
    columns = columns or _columns(len(images))
    scale = scale or max(1, min(4, _WIDE // (columns * images.shape[2])))
    images = images.repeat(scale, axis=1).repeat(scale, axis=2)
    count, height, width = images.shape
    rows, pitch = math.ceil(count / columns), (height + gap, width + gap)
    cells = np.full((rows * columns, *pitch), LINE, np.uint8)  # some of the last row stay empty
    cells[:count, gap:, gap:] = images
    picture = cells.reshape(rows, columns, *pitch).swapaxes(1, 2).reshape(rows * pitch[0], -1)
    return np.pad(picture, (0, gap), constant_values=LINE)


def film(frames: np.ndarray) -> np.ndarray:
    """Return one picture after another, uint8 [t, H, W], of frames [t, n, h, w] or [t, n, h, w, 1]
    of n images each, at a size that a projector shows: 800 pixels wide or more."""
    columns = _columns(frames.shape[1])
    scale = math.ceil(_FILM / (columns * frames.shape[3]))
    return np.stack([grid(images, columns, scale=scale) for images in frames])


def number(images: np.ndarray) -> np.ndarray:
    """Return one picture, uint8 [H, W], of digits [n, h, w] or [n, h, w, 1] as a number is written:
    each as wide as its ink, in rows of 40, at a size that a projector shows."""
    images = to_uint8(images)
    images = images.reshape(images.shape[:3])
    rows = [
        np.concatenate([np.pad(cropped(image), ((0, 0), (1, 1))) for image in row], 1)
        for row in np.split(images, range(_ROW, len(images), _ROW))
    ]
    width = max(row.shape[1] for row in rows) + 6
    picture = np.concatenate([np.pad(row, ((0, 0), (3, width - 3 - row.shape[1]))) for row in rows])
    scale = max(1, min(12, _WIDE // width))
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def cropped(image: np.ndarray) -> np.ndarray:
    """The columns of an image uint8 [h, w] from its first ink to its last; where it has none, a
    third of it."""
    columns = np.flatnonzero((image > _INK).any(0))
    if not len(columns):
        return image[:, : image.shape[1] // 3]
    return image[:, columns[0] : columns[-1] + 1]


def cells(picture: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Return the images of a picture, uint8 [H, W], that ``grid`` made of images of 28 by 28, which
    also tells places that were left empty: uint8 [n, 28, 28, 1]; a UserError if it made no such."""
    pitch, odd = divmod(picture.shape[1] - gap, columns)
    scale, far = divmod(pitch - gap, SIDE)
    rows, rest = divmod(picture.shape[0] - gap, pitch) if pitch else (0, 1)
    if picture.ndim != 2 or odd or far or rest or scale < 1:
        raise UserError(f"a picture of {picture.shape} is no grid of {columns} columns")
    inner = picture[gap:, gap:].reshape(rows, pitch, columns, pitch).swapaxes(1, 2)
    return inner[:, :, : SIDE * scale : scale, : SIDE * scale : scale].reshape(-1, SIDE, SIDE, 1)


def pairs(above: np.ndarray, below: np.ndarray, columns: int = PAIRED) -> np.ndarray:
    """Return one picture, uint8 [H, W], of two as many images [n, h, w, 1]: in turn a row of the
    one and a row of the other, each image under its counterpart."""
    columns, rows = min(columns, len(above)), []
    for start in range(0, len(above), columns):
        one, other = (grid(part[start : start + columns], columns) for part in (above, below))
        gap = np.full((6, one.shape[1]), LINE, np.uint8)
        rows += [gap, one, other[2:]]  # the line between them is there once
    return np.concatenate(rows[1:])


def _columns(count: int) -> int:
    """The least that give a picture no higher than wide, and full rows if they can."""
    square = math.ceil(math.sqrt(count))
    return next((c for c in range(square, 2 * square) if count % c == 0), square)


def check(path: str | Path) -> None:
    """Raise UserError where ``save`` could not write ``path``, for its ending or for its place, or
    would replace what is there.

    For the start of a command, before the minutes that make the images. A file must be new, a
    folder new or empty.
    """
    kind = ending(path)
    films.require(kind)
    if kind != FOLDER:
        for file in _pair(path) if kind == IDX else [path]:
            files.check_new(file)
        return
    files.check(Path(path) / "any")
    try:
        there = os.listdir(path) if os.path.isdir(path) else []
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another folder") from None
    if held := sorted(name for name in there if not files.is_clutter(name)):
        raise UserError(f"cannot write {path}: it already holds {held[0]}; name a new folder")


def save(
    path: str | Path,
    images: np.ndarray,
    labels: np.ndarray,
    picture: Callable[[], np.ndarray] | None = None,
    dark: bool = False,
    by_digit: bool = False,
) -> str:
    """Write images, floats or uint8 [n, 28, 28, 1], and labels [n] as the end of ``path`` asks;
    return in words where they are.

    For .png ``picture()`` gives what is shown, uint8 [H, W], if not a grid of the images. A label
    is 0 to 9, or 10 (NO_DIGIT) where none was asked for. With ``dark``, ink is dark on white. A
    folder has one for each digit within, ``by_digit``. Folders above ``path`` are made, a file
    there is replaced. Raises UserError for an unknown ending, no room or no permission; then there
    is no file, or the old one.
    """
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images have {len(labels)} labels")
    kind, images, labels = ending(path), to_uint8(images), np.asarray(labels)

    def inked(pixels: np.ndarray) -> np.ndarray:
        return 255 - pixels if dark else pixels

    flat, where = inked(images[..., 0]), f"{path}"
    if kind == ".png":
        contents = {path: png(inked(picture() if picture else grid(images)))}
    elif kind in films.CONTENTS:
        contents = {path: films.CONTENTS[kind](inked(film(images[:, None])), 400, 400)}
    elif kind in tables.CONTENTS:
        contents = {path: tables.CONTENTS[kind](flat, labels)}
    elif kind == IDX:
        first, second = _pair(path)
        contents = {
            first: idx.content(flat, packed=True),
            second: idx.content(labels.astype(np.uint8), packed=True),
        }
        where = f"{first} and {second}"
    else:
        check(path)
        names = _names(labels, by_digit)
        contents = {Path(path) / name: png(one) for name, one in zip(names, flat, strict=True)}
        where = f"{Path(path)}{os.sep}, a PNG each"
    files.write_all(contents)
    return where


def ending(path: str | Path) -> str:
    """Return which of ENDINGS ``path`` has: ``/`` where it ends so or is a folder; UserError if it
    has none."""
    if str(path).endswith(("/", os.sep)) or os.path.isdir(path):
        return FOLDER
    name = Path(path).name.lower()
    for known in ENDINGS:
        if name.endswith(known) and name != known:
            return known
    raise UserError(
        f"cannot write {path}: let its name end in {' or '.join(ENDINGS)}, or in / for a folder"
    )


def _pair(path: str | Path) -> list[Path]:
    """three.idx.gz: three-images-idx3-ubyte.gz and three-labels-idx1-ubyte.gz."""
    return [Path(f"{str(path)[: -len(IDX)]}-{name}.gz") for name in idx.NAMES]


def _names(labels: np.ndarray, by_digit: bool) -> list[str]:
    """The names of images within a folder: 00017-3.png, or 3/00017.png."""
    width = max(5, len(str(len(labels) - 1)))
    digits = [f"{label}" if label < DIGITS else "any" for label in labels]
    if by_digit:
        return [f"{digit}/{place:0{width}}.png" for place, digit in enumerate(digits)]
    return [f"{place:0{width}}-{digit}.png" for place, digit in enumerate(digits)]


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write one picture, uint8 [H, W], as a PNG file."""
    files.write(path, png(picture))


def save_film(
    path: str | Path, frames: np.ndarray, milliseconds: int = 80, hold_last: int = 1500
) -> None:
    """Write pictures, uint8 [t, H, W], as a film: .gif or .mp4. Each lasts ``milliseconds``, the
    last one ``hold_last``."""
    files.write(path, films.CONTENTS[ending(path)](frames, milliseconds, hold_last))
