"""Pixels and pictures: from floats in [0, 1] to bytes, to grids of images, and to files.

``save`` writes what the ending of the name says:

    .png      a grid
    .npz      the images and their labels, as arrays; .csv and .parquet the same (``data.tables``)
    .gif      the images one after another; .mp4 the same (``films``)
    .idx.gz   a pair of files in the format of MNIST: --data idx:FOLDER reads a folder with
              train.idx.gz and t10k.idx.gz
    /         a folder with one small PNG per image, named by its index and its label, or in a
              folder for each digit

A file is written whole or not at all. The same images give the same bytes: the files hold no times.
"""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jaxgen import films
from jaxgen.classes import ANY, DIGITS, in_paths
from jaxgen.data import files, idx, tables
from jaxgen.data.pictures import png
from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

LINE = 48  # grey of 255: of the lines between the images of a grid
MAX_IN_GRID = 10_000  # images in a grid
IDX = ".idx.gz"
FOLDER = "/"
ENDINGS = (".png", *tables.CONTENTS, *films.CONTENTS, IDX)  # of files
PAIRED = 10  # pairs in a row of a picture of pairs
_FILM = 800  # pixels: least width of a film
_WIDE = 1000  # pixels: about the width of a screen
_ROW = 40  # digits of a number in a row
_INK = 20  # of 255: brighter pixels are ink


def to_uint8(images: ArrayLike) -> np.ndarray:
    """Return floats of any shape, clipped to [0, 1], as the nearest of 0 to 255; uint8 stays.

    Raises UserError for values that are not finite: only a model that has diverged makes them.
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
    """Return bytes of any shape, in a NumPy or JAX array, as float32 in [0, 1]; ``to_uint8`` is the
    exact inverse."""
    return images.astype(np.float32) / 255


def grid(
    images: np.ndarray, columns: int | None = None, gap: int = 2, scale: int | None = None
) -> np.ndarray:
    """Return one picture, uint8 [H, W], of images [n, h, w] or [n, h, w, 1], row by row.

    Each pixel becomes a square of ``scale`` by ``scale``, without smoothing, which would hide the
    faults of a model; by default 4, or less if the picture would be wider than a screen. Lines of
    ``gap`` pixels lie between the images and around the picture. By default ``columns`` gives full
    rows and a nearly square picture: 8 for 64 images, 10 for 80, 40 for 1,000. More than 10,000
    images are a UserError.
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
    cells = np.full((rows * columns, *pitch), LINE, np.uint8)  # the last row may have empty cells
    cells[:count, gap:, gap:] = images
    picture = cells.reshape(rows, columns, *pitch).swapaxes(1, 2).reshape(rows * pitch[0], -1)
    return np.pad(picture, (0, gap), constant_values=LINE)


def film(frames: np.ndarray) -> np.ndarray:
    """Return pictures, uint8 [t, H, W], of frames [t, n, h, w] or [t, n, h, w, 1] of n images each,
    800 pixels wide or more, for a projector."""
    columns = _columns(frames.shape[1])
    scale = math.ceil(_FILM / (columns * frames.shape[3]))
    return np.stack([grid(images, columns, scale=scale) for images in frames])


def number(images: np.ndarray) -> np.ndarray:
    """Return one picture, uint8 [H, W], of digits [n, h, w] or [n, h, w, 1] side by side as in a
    number, each as wide as its ink, in rows of 40."""
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
    """The columns of an image uint8 [h, w] from the first ink to the last; without ink, a third of
    the columns."""
    columns = np.flatnonzero((image > _INK).any(0))
    if not len(columns):
        return image[:, : image.shape[1] // 3]
    return image[:, columns[0] : columns[-1] + 1]


def cells(picture: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """The inverse of ``grid`` for images of 28 by 28: from a picture, uint8 [H, W], to its cells,
    uint8 [n, 28, 28, 1], the empty ones too. Other pictures are a UserError."""
    pitch, rest_width = divmod(picture.shape[1] - gap, columns)
    scale, rest_cell = divmod(pitch - gap, SIDE)
    rows, rest_height = divmod(picture.shape[0] - gap, pitch) if pitch else (0, 1)
    if picture.ndim != 2 or rest_width or rest_cell or rest_height or scale < 1:
        raise UserError(f"a picture of {picture.shape} is no grid of {columns} columns")
    inner = picture[gap:, gap:].reshape(rows, pitch, columns, pitch).swapaxes(1, 2)
    return inner[:, :, : SIDE * scale : scale, : SIDE * scale : scale].reshape(-1, SIDE, SIDE, 1)


def pairs(above: np.ndarray, below: np.ndarray, columns: int = PAIRED) -> np.ndarray:
    """Return one picture, uint8 [H, W], in which each of the images ``above`` [n, h, w, 1] stands
    over its counterpart of ``below`` [n, h, w, 1]."""
    columns, rows = min(columns, len(above)), []
    for start in range(0, len(above), columns):
        upper, lower = (grid(part[start : start + columns], columns) for part in (above, below))
        gap = np.full((6, upper.shape[1]), LINE, np.uint8)
        rows += [gap, upper, lower[2:]]  # one line between the two
    return np.concatenate(rows[1:])


def _columns(count: int) -> int:
    """The fewest columns for a picture not higher than wide, with full rows if possible."""
    square = math.ceil(math.sqrt(count))
    return next((c for c in range(square, 2 * square) if count % c == 0), square)


def check(path: str | Path) -> None:
    """Raise UserError if ``save`` could not write ``path``, because of its ending or its folder, or
    would replace something: a file must be new, a folder new or empty.

    A command calls this first, before it spends minutes on the images.
    """
    kind = ending(path)
    films.require(kind)
    if kind != FOLDER:
        for file in _pair(path) if kind == IDX else [path]:
            files.check_new(file)
        return
    files.check(Path(path) / "any")
    try:
        names = os.listdir(path) if os.path.isdir(path) else []
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; name another folder") from None
    if present := sorted(name for name in names if not files.is_clutter(name)):
        raise UserError(f"cannot write {path}: it already holds {present[0]}; name a new folder")


def save(
    path: str | Path,
    images: np.ndarray,
    labels: np.ndarray,
    picture: Callable[[], np.ndarray] | None = None,
    dark: bool = False,
    by_digit: bool = False,
    names: Sequence[str] = DIGITS,
) -> str:
    """Write images, floats or uint8 [n, 28, 28, 1], and labels [n] in the format of the ending of
    ``path``; return in words where they are.

    For .png ``picture()`` returns the picture, uint8 [H, W]; without it, a grid of the images. A
    label is the number of a class, of which there are ``names``, or ANY. With ``dark``, ink is dark
    on white. With ``by_digit`` a folder holds a folder for each class. Folders above ``path`` are
    made, a file is replaced. Raises UserError for an unknown ending, no room or no permission; then
    an old file is unchanged.
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
        contents = {path: tables.CONTENTS[kind](flat, labels, names)}
    elif kind == IDX:
        first, second = _pair(path)
        contents = {
            first: idx.content(flat, packed=True),
            second: idx.content(labels.astype(np.uint8), packed=True),  # ANY is 255
        }
        where = f"{first} and {second}"
    else:
        check(path)
        files_of = _names(labels, by_digit, names)
        pairs = zip(files_of, flat, strict=True)
        contents = {Path(path) / name: png(image) for name, image in pairs}
        where = f"{Path(path)}{os.sep}, a PNG each"
    files.write_all(contents)
    return where


def ending(path: str | Path) -> str:
    """Return which of ENDINGS ``path`` has, or ``/`` for a folder. Raises UserError for others."""
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


def _names(labels: np.ndarray, by_digit: bool, classes: Sequence[str]) -> list[str]:
    """The names of images within a folder: 00017-3.png, or 3/00017.png."""
    width = max(5, len(str(len(labels) - 1)))
    names = in_paths([f"{name}" for name in classes])
    words = ["any" if label == ANY else names[label] for label in labels]
    if by_digit:
        return [f"{word}/{index:0{width}}.png" for index, word in enumerate(words)]
    return [f"{index:0{width}}-{word}.png" for index, word in enumerate(words)]


def save_picture(path: str | Path, picture: np.ndarray) -> None:
    """Write one picture, uint8 [H, W], as a PNG file."""
    files.write(path, png(picture))


def save_film(
    path: str | Path, frames: np.ndarray, milliseconds: int = 80, hold_last: int = 1500
) -> None:
    """Write pictures, uint8 [t, H, W], as a film: .gif or .mp4. Each lasts ``milliseconds``, the
    last one ``hold_last``."""
    files.write(path, films.CONTENTS[ending(path)](frames, milliseconds, hold_last))
