"""A person's own digits, many in one file or folder: arrays, tables, IDX files, pictures.

    digits.npz                      images [n, h, w], and labels [n] if they are known, as
                                    ``bin/sample --out`` writes them, or one array alone
    digits.npy                      the same without labels
    digits.csv                      a line for each digit: a label, if it is known, and pixels
    digits.parquet                  columns image, of image files, and label, if it is known
    digits-images-idx3-ubyte        MNIST's format, ``.gz`` or not, with digits-labels-idx1-ubyte
                                    beside it if they are known; digits.idx.gz stands for both
    a folder                        files as above, or pictures of one digit each: their labels are
                                    known in folders 0 to 9, and for names such as 00017-3.png

Arrays of images may also have an axis of 1, 3 or 4 colours, last or after n, or be [n, pixels] of
square images. Pixels have any type, and range from 0 to 1, 255 or 65,535, or from -1 to 1.

``pictures`` brings each image to MNIST's form. Sizes in headers are checked before anything is
unpacked.
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
_COLOURS = (1, 3, 4)  # grey, RGB or RGBA


class Item(NamedTuple):
    """One image, which ``read`` reads."""

    name: str
    label: int | None  # 0 to 9; None where it is not known
    read: Callable[[], tuple[np.ndarray, list[str]]]  # uint8 [28, 28, 1], and the changes in words


class Group(NamedTuple):
    """The images of one name."""

    items: list[Item]
    in_one_file: bool  # one line describes them all


def single(name: str, digits: Callable[[], Digits], broken: bool = False) -> Item:
    """The image file ``name``, or a digit of the data set, such as ``test:7``.

    ``digits()`` returns the data set, and is called only for its digits; ``broken`` as for
    ``pictures.decode``. Raises UserError for a digit that does not exist.
    """
    part, _, index = name.partition(":")
    if part not in PARTS or not index:
        return Item(name, None, lambda: pictures.load(name, broken))
    images, labels = getattr(digits(), part)
    if not (index.isascii() and index.isdecimal() and int(index) < len(labels)):
        last = len(labels) - 1
        raise UserError(f"there is no digit {name}: there are {part}:0 to {part}:{last}")
    return Item(name, int(labels[int(index)]), lambda: (images[int(index)], []))


def is_many(path: str) -> bool:
    """Whether a path names a folder, or a file of many images."""
    is_file = path.lower().endswith((*FILES, ".idx.gz")) or _IDX.search(path)
    return os.path.isdir(path) or bool(is_file)


def find(path: str, broken: bool = False) -> list[Group]:
    """All images of a folder or of a file of many; ``broken`` as for ``pictures.decode``. Raises
    UserError where there is no image, or where a file cannot be read."""
    if not os.path.isdir(path):
        return [_from_file(path, broken)]
    endings = pictures.endings()
    singles, groups = [], []
    for label, file in _walk(path):
        if file.lower().endswith(endings):
            singles.append(_picture(file, label, broken))
        elif is_many(file) and not file.lower().endswith(".idx.gz"):
            groups.append(_from_file(file, broken))
    if singles:
        groups.append(Group(singles, in_one_file=False))
    if not groups:
        raise UserError(f"the folder {path} holds no image file: name another one")
    return groups


def _walk(folder: str) -> list[tuple[int | None, str]]:
    """The files of a folder and of its folders 0 to 9, in the order of their names, each with the
    label that such a folder gives; without clutter."""
    try:
        labelled: list[tuple[int | None, str]] = []
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not os.path.isdir(path):
                labelled.append((None, path))
            elif name in list("0123456789"):
                labelled += [(int(name), os.path.join(path, x)) for x in sorted(os.listdir(path))]
        return [pair for pair in labelled if not files.is_clutter(os.path.basename(pair[1]))]
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}; name another folder") from None


def _picture(path: str, label: int | None, broken: bool) -> Item:
    saved = _SAVED.fullmatch(os.path.basename(path))
    if label is None and saved and saved[1] != "any":
        label = int(saved[1])
    return Item(path, label, lambda: pictures.load(path, broken))


def _from_file(path: str, broken: bool) -> Group:
    """The images of a file of many."""
    if not path.lower().endswith(FILES):
        return _from_array(path, *_idx(path))
    kind = os.path.splitext(path)[1].lower()
    read = {".csv": tables.from_csv, ".parquet": tables.from_parquet}.get(kind, _numpy)
    try:
        if os.path.getsize(path) > idx.MOST_BYTES:
            raise ValueError(f"it has more than {idx.MOST_BYTES} bytes")
        images, labels = read(path)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile, NumPy and Arrow raise any class for damaged files
        reason = getattr(error, "strerror", None) or " ".join(f"{error}".split())
        reason = reason or type(error).__name__
        raise UserError(f"cannot read {path}: {reason}; give a sound {kind} file") from None
    if isinstance(images, np.ndarray):
        return _from_array(path, images, labels)
    if not images:
        raise UserError(f"{path} holds no images: name another file")
    return _group(
        path,
        len(images),
        labels,
        lambda index: pictures.decode(images[index], f"image {index} of {path}", broken),
    )


def _group(
    path: str,
    count: int,
    labels: np.ndarray | None,
    read: Callable[[int], tuple[np.ndarray, list[str]]],
) -> Group:
    """The ``count`` images of a file; ``read(index)`` reads one, as ``Item.read``. Labels other
    than 0 to 9 count as unknown."""
    labels = np.full(count, -1) if labels is None else labels
    return Group(
        [
            Item(path, int(label) if 0 <= label < DIGITS else None, functools.partial(read, index))
            for index, label in enumerate(labels)
        ],
        in_one_file=True,
    )


def _from_array(path: str, images: np.ndarray, labels: np.ndarray | None) -> Group:
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iu"):
        raise UserError(
            f"{path} has labels of the shape {labels.shape}: give one whole number for each image"
        )
    shape, images = images.shape, _colours_last(images)
    if images.ndim != 4 or images.shape[3] not in _COLOURS or not images.size:
        raise UserError(f"{path} has images of the shape {shape}: it must be (n, h, w)")
    if labels is not None and len(labels) != len(images):
        raise UserError(
            f"{path} has {len(images)} images and {len(labels)} labels: give one for each image"
        )
    source_images.require(path, images.shape[1:3])
    scale, words = _scale(path, images)

    def read(index):
        image, changes = pictures.normalised(np.rint(scale(images[index])).astype(np.uint8))
        return image, [*words, *changes]

    return _group(path, len(images), labels, read)


def _colours_last(images: np.ndarray) -> np.ndarray:
    """Images [n, h, w], [n, pixels] of squares, or with an axis of colours, as [n, h, w, colours];
    arrays of other shapes unchanged."""
    if images.ndim == 2 and images.shape[1] == (side := math.isqrt(images.shape[1])) ** 2:
        images = images.reshape(-1, side, side)
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[3] not in _COLOURS and images.shape[1] in _COLOURS:
        return images.transpose(0, 2, 3, 1)
    return images


def _scale(path: str, images: np.ndarray) -> tuple[Callable[[np.ndarray], np.ndarray], list[str]]:
    """A function that scales an image to floats from 0 to 255, which depends on the range of all
    pixels, and words for an unusual range."""
    low, high = float(images.min()), float(images.max())  # NaN if any pixel is
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
        f"{path} has pixels from {low:g} to {high:g}: they must be from 0 to 1, from -1 to 1 or "
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
                f"{path} holds {', '.join(names) or 'nothing'}, and no images: give the array of "
                "images that name"
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
    """The array in a .npy file, whose type must be one of NumPy's ``kinds``."""
    try:
        array = np.lib.format.read_array(file)
    except MemoryError:  # the header states a size that the file does not have
        raise ValueError(f"its {name} would take more memory than there is") from None
    if file.read(1):  # and at the end zipfile compares its checksum
        raise ValueError(f"its {name} are more bytes than their header promises")
    if array.dtype.kind not in kinds:
        raise ValueError(f"its {name} are of the type {array.dtype}")
    return array
