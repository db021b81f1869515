"""A person's own digits, many in one file or folder: arrays, tables, IDX files, pictures.

    digits.npz                      images [n, h, w], and labels [n] if they are known, as
                                    ``bin/sample --out`` writes them, or one array alone
    digits.npy                      the same without labels
    digits.csv                      a line a digit, of a label, if it is known, and pixels
    digits.parquet                  columns image, of image files, and label, if it is known
    digits-images-idx3-ubyte        MNIST's format, ``.gz`` or not, with digits-labels-idx1-ubyte
                                    beside it if they are known; digits.idx.gz stands for both
    a folder                        files as above, or pictures of one digit each: their labels are
                                    known where they lie in folders 0 to 9, or go by names such as
                                    00017-3.png

Arrays of images may have an axis of 1, 3 or 4 colours, the last or that after n, or be [n, pixels]
of squares. Their pixels may be of any type, from 0 to 1, to 255 or to 65,535, or from -1 to 1.

Each image is brought to MNIST's form as ``pictures`` says. What a header promises is checked before
anything is unpacked.
"""

import functools
import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from jaxgen.data import files, idx, pictures, source_images, tables
from jaxgen.data.split import DIGITS, Digits
from jaxgen.errors import UserError

FILES = (".npz", ".npy", ".csv", ".parquet")  # of many images, by the ending of the name
PARTS = ("train", "valid", "test")  # of a data set
_SAVED = re.compile(r"\d+-(\d|any)\.png")  # as ``images.save`` names them
_IDX = re.compile(r"images([-.])idx3-ubyte(\.gz)?$")
_COLOURS = (1, 3, 4)  # grey, or red, green and blue, or these and how opaque


class Item(NamedTuple):
    """One image of many, which is read when it is wanted."""

    name: str
    label: int | None  # 0 to 9; None where it is not known
    read: Callable[[], tuple[np.ndarray, list[str]]]  # uint8 [28, 28, 1], and what was done to it


class Found(NamedTuple):
    """Many images that have one name."""

    items: list[Item]
    together: bool  # in one file, which gets one line of messages


def single(name: str, digits: Callable[[], Digits], broken: bool = False) -> Item:
    """The image file ``name``, or one of the data set's own digits, such as ``test:7``.

    ``digits()`` gives the data set, and is called only for these; ``broken`` as for
    ``pictures.decode``. Raises UserError for a digit that there is not.
    """
    part, _, place = name.partition(":")
    if part not in PARTS or not place:
        return Item(name, None, lambda: pictures.load(name, broken))
    images, labels = getattr(digits(), part)
    if not (place.isascii() and place.isdecimal() and int(place) < len(labels)):
        last = len(labels) - 1
        raise UserError(f"there is no digit {name}: there are {part}:0 to {part}:{last}")
    return Item(name, int(labels[int(place)]), lambda: (images[int(place)], []))


def is_many(path: str) -> bool:
    """Whether a name stands for a folder, or for a file of many images."""
    is_file = path.lower().endswith((*FILES, ".idx.gz")) or _IDX.search(path)
    return os.path.isdir(path) or bool(is_file)


def find(path: str, broken: bool = False) -> list[Found]:
    """All images of a folder or a file of many; ``broken`` as for ``pictures.decode``. Raises
    UserError where there is none, or what there is cannot be read."""
    if not os.path.isdir(path):
        return [_many(path, broken)]
    pictured = pictures.endings()
    singles, found = [], []
    for label, file in _walk(path):
        if file.lower().endswith(pictured):
            singles.append(_picture(file, label, broken))
        elif is_many(file) and not file.lower().endswith(".idx.gz"):
            found.append(_many(file, broken))
    if singles:
        found.append(Found(singles, together=False))
    if not found:
        raise UserError(f"the folder {path} holds no image file: name another one")
    return found


def _walk(folder: str) -> list[tuple[int | None, str]]:
    """Files of a folder in the order of their names, and those of folders 0 to 9 within it, with
    the labels that these say; clutter is passed over."""
    try:
        names = sorted(os.listdir(folder))
        walked: list[tuple[int | None, str]] = []
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isdir(path):
                walked.append((None, path))
            elif name in list("0123456789"):
                walked += [(int(name), os.path.join(path, x)) for x in sorted(os.listdir(path))]
        return [found for found in walked if not files.is_clutter(os.path.basename(found[1]))]
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}; name another folder") from None


def _picture(path: str, label: int | None, broken: bool) -> Item:
    saved = _SAVED.fullmatch(os.path.basename(path))
    if label is None and saved and saved[1] != "any":
        label = int(saved[1])
    return Item(path, label, lambda: pictures.load(path, broken))


def _many(path: str, broken: bool) -> Found:
    """The images of a file of many."""
    if not path.lower().endswith(FILES):
        return _array(path, *_idx(path))
    kind = os.path.splitext(path)[1].lower()
    read = {".csv": tables.from_csv, ".parquet": tables.from_parquet}.get(kind, _numpy)
    try:
        if os.path.getsize(path) > idx.MOST_BYTES:
            raise ValueError(f"it has more than {idx.MOST_BYTES} bytes")
        images, labels = read(path)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # damage makes zipfile, NumPy and Arrow raise whatever there is
        reason = getattr(error, "strerror", None) or " ".join(f"{error}".split())
        reason = reason or type(error).__name__
        raise UserError(f"cannot read {path}: {reason}; give a sound {kind} file") from None
    if isinstance(images, np.ndarray):
        return _array(path, images, labels)
    if not images:
        raise UserError(f"{path} holds no images: name another file")
    return _together(
        path,
        len(images),
        labels,
        lambda place: pictures.decode(images[place], f"image {place} of {path}", broken),
    )


def _together(
    path: str,
    count: int,
    labels: np.ndarray | None,
    read: Callable[[int], tuple[np.ndarray, list[str]]],
) -> Found:
    """So many images of a file, which ``read(place)`` gives; labels other than 0 to 9 say
    nothing."""
    known = np.full(count, -1) if labels is None else labels
    return Found(
        [
            Item(path, int(label) if 0 <= label < DIGITS else None, functools.partial(read, place))
            for place, label in enumerate(known)
        ],
        together=True,
    )


def _array(path: str, images: np.ndarray, labels: np.ndarray | None) -> Found:
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iu"):
        raise UserError(f"{path} has labels of the shape {labels.shape}: give it a number an image")
    shape, images = images.shape, _colours_last(images)
    if images.ndim != 4 or images.shape[3] not in _COLOURS or not images.size:
        raise UserError(f"{path} has images of the shape {shape}: let it be (n, h, w)")
    if labels is not None and len(labels) != len(images):
        raise UserError(
            f"{path} has {len(images)} images and {len(labels)} labels: give it one each"
        )
    source_images.require(path, images.shape[1:3])
    scale, words = _scale(path, images)

    def read(place):
        image = np.rint(scale(images[place])).astype(np.uint8)
        formed, done = pictures.formed(image)
        return formed, [*words, *done]

    return _together(path, len(images), labels, read)


def _colours_last(images: np.ndarray) -> np.ndarray:
    """Images [n, h, w], [n, pixels] of a square, or with an axis of colours, as [n, h, w, colours]
    where that can be."""
    if images.ndim == 2 and images.shape[1] == (side := math.isqrt(images.shape[1])) ** 2:
        images = images.reshape(-1, side, side)
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[3] not in _COLOURS and images.shape[1] in _COLOURS:
        return images.transpose(0, 2, 3, 1)
    return images


def _scale(path: str, images: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], list[str]]:
    """How images come to floats from 0 to 255, by the range of their pixels, and words that say so
    where it is not the usual one."""
    low, high = float(images.min()), float(images.max())  # NaN where there is one
    whole = images.dtype.kind in "iu"
    if low >= 0 and high <= 1 and not (whole and high == 0):
        return lambda image: 255.0 * image, ["of 0 and 1"] if whole else []
    if low >= 0 and high <= 255:
        return lambda image: image, []
    if low >= -1 and high <= 1 and not whole:
        return lambda image: 127.5 * (image.astype(float) + 1), ["of pixels from -1 to 1"]
    if low >= 0 and high <= 65535 and whole:
        return lambda image: image / 257, ["of pixels from 0 to 65535"]
    raise UserError(
        f"{path} has pixels from {low:g} to {high:g}: let them be from 0 to 1, from -1 to 1 or "
        "from 0 to 255"
    )


def _idx(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    if path.lower().endswith(".idx.gz"):
        path = f"{path[: -len('.idx.gz')]}-images-idx3-ubyte.gz"
    beside = Path(_IDX.sub(r"labels\1idx1-ubyte\2", path))
    return idx.read(Path(path)), idx.read(beside) if beside.exists() else None


def _numpy(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    if path.lower().endswith(".npy"):
        with open(path, "rb") as file:
            return _values(file, "images", "biuf"), None
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        name = names[0] if len(names) == 1 else "images"
        if name not in names:
            raise UserError(
                f"{path} holds {', '.join(names) or 'nothing'}, and no images: let the array "
                "of them have that name"
            )
        if sum(member.file_size for member in archive.infolist()) > idx.MOST_BYTES:
            raise ValueError(f"it would take more than {idx.MOST_BYTES} bytes")
        with archive.open(f"{name}.npy") as file:
            images = _values(file, name, "biuf")
        if "labels" not in names or name == "labels":
            return images, None
        with archive.open("labels.npy") as file:
            return images, _values(file, "labels", "iu")


def _values(file: IO[bytes], name: str, kinds: str) -> np.ndarray:
    """The array that NumPy has written into a file, of one of the ``kinds`` of numbers."""
    try:
        array = np.lib.format.read_array(file)
    except MemoryError:  # nothing of it is there: the header alone promises so much
        raise ValueError(f"its {name} would take more memory than there is") from None
    if file.read(1):  # and at the end zipfile compares its checksum
        raise ValueError(f"its {name} are more bytes than their header promises")
    if array.dtype.kind not in kinds:
        raise ValueError(f"its {name} are of the type {array.dtype}")
    return array
