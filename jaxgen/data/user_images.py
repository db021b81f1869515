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
import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxgen.classes import DIGITS, in_path, of_paths
from jaxgen.data import files, formats, pictures, source_images
from jaxgen.data.sets import pixels
from jaxgen.data.split import Digits
from jaxgen.errors import UserError

FILES = (".npz", ".npy", ".csv", ".parquet")  # of many images, by the ending of the name
PARTS = ("train", "valid", "test")  # of a data set
_SAVED = re.compile(r"\d+-(.+)\.png")  # as ``images.save`` names them
_IDX = re.compile(r"images([-.])idx3-ubyte(\.gz)?$")


class Item(NamedTuple):
    """One image, which ``read`` reads."""

    name: str
    label: int | None  # the number of its class; None where it is not known
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


def find(path: str, broken: bool = False, names: Sequence[str] = DIGITS) -> list[Group]:
    """All images of a folder or of a file of many; ``broken`` as for ``pictures.decode``, and
    ``names`` are those of the classes. Raises UserError where there is no image, or where a file
    cannot be read."""
    if not os.path.isdir(path):
        return _from_file(path, broken, names)
    endings = pictures.endings()
    singles, groups = [], []
    numbers = of_paths(names)
    for label, file in _walk(path, numbers):
        if file.lower().endswith(endings):
            saved = _SAVED.fullmatch(os.path.basename(file))
            if label is None and saved:
                label = numbers.get(saved[1])
            singles.append(_picture(file, label, broken))
        elif is_many(file) and not file.lower().endswith(".idx.gz"):
            groups += _from_file(file, broken, names)
    if singles:
        groups.append(Group(singles, in_one_file=False))
    if not groups:
        raise UserError(f"the folder {path} holds no image file: name another one")
    return groups


def _walk(folder: str, numbers: dict[str, int]) -> list[tuple[int | None, str]]:
    """The files of a folder and of its folders with names of classes, such as 0 to 9, in the order
    of their names, each with the label that such a folder gives; without clutter."""
    try:
        labelled: list[tuple[int | None, str]] = []
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not os.path.isdir(path):
                labelled.append((None, path))
            elif (label := numbers.get(name)) is not None:
                labelled += [(label, os.path.join(path, x)) for x in sorted(os.listdir(path))]
        return [pair for pair in labelled if not files.is_clutter(os.path.basename(pair[1]))]
    except OSError as error:
        raise UserError(f"cannot read {folder}: {error.strerror}; name another folder") from None


def _picture(path: str, label: int | None, broken: bool) -> Item:
    return Item(path, label, lambda: pictures.load(path, broken))


def _from_file(path: str, broken: bool, names: Sequence[str]) -> list[Group]:
    """The images of a file of many."""
    if path.lower().endswith(".idx.gz"):
        path = f"{path[: -len('.idx.gz')]}-images-idx3-ubyte.gz"
    found = [table for table in formats.read(path) if table.images is not None]
    tables = [*map(formats.in_memory, found)]
    if not tables:
        raise UserError(f"{path} has labels and no images: name the images")
    return [_from_table(_with_labels(table), broken, names) for table in tables]


def _with_labels(table: formats.Table) -> formats.Table:
    """IDX images with the labels beside them."""
    beside = _IDX.sub(r"labels\1idx1-ubyte\2", table.name)
    if table.labels is None and beside != table.name and os.path.exists(beside):
        return table._replace(labels=formats.read(beside)[0].labels)
    return table


def _from_table(table: formats.Table, broken: bool, names: Sequence[str]) -> Group:
    path, images = table.name, table.images
    if not isinstance(images, list):
        return _from_array(table, names)
    if not images:
        raise UserError(f"{path} holds no images: name another file")
    return _group(
        path,
        len(images),
        _numbers(table, len(images), names),
        lambda index: pictures.decode(images[index], f"image {index} of {path}", broken),
    )


def _numbers(table: formats.Table, count: int, names: Sequence[str]) -> np.ndarray | None:
    """The labels of ``count`` images as numbers of the classes ``names``, -1 for others."""
    path, labels = table.name, table.labels
    if labels is None:
        return None
    if labels.shape != (count,):
        raise UserError(
            f"{path} has {count} images and labels of the shape {labels.shape}: give one whole "
            "number for each"
        )
    if labels.dtype.kind in "US" and not all(text.isdecimal() for text in labels.astype(str)):
        places = {name: number for number, name in enumerate(names)}
        return np.array([places.get(text, -1) for text in labels.astype(str).tolist()])
    try:
        numbers = labels.astype(float)
    except ValueError:
        numbers = np.full(count, -1.0)
    if (numbers % 1).any():
        raise UserError(f"cannot read {path}: its labels are not whole numbers; give a sound file")
    places = {in_path(name).casefold(): number for number, name in enumerate(names)}
    own = [places.get(in_path(name).casefold(), -1) for name in table.names]
    if any(number >= 0 for number in own):  # the file's own classes, in their order
        known = (numbers >= 0) & (numbers < len(own))
        return np.array([*own, -1])[np.where(known, numbers, -1).astype(int)]
    return np.where((numbers >= 0) & (numbers < len(names)), numbers, -1).astype(int)


def _group(
    path: str,
    count: int,
    labels: np.ndarray | None,
    read: Callable[[int], tuple[np.ndarray, list[str]]],
) -> Group:
    """The ``count`` images of a file; ``read(index)`` reads one, as ``Item.read``. A label below 0
    is not known."""
    known = [None] * count if labels is None else [int(n) if n >= 0 else None for n in labels]
    items = [Item(path, label, functools.partial(read, n)) for n, label in enumerate(known)]
    return Group(items, in_one_file=True)


def _from_array(table: formats.Table, names: Sequence[str]) -> Group:
    path, images = table.name, pixels.colours_last(table.name, table.images)
    labels = _numbers(table, len(images), names)
    source_images.require(path, images.shape[1:3])
    low, high, whole = images.min(), images.max(), images.dtype.kind in "biu"
    start, end = pixels.range_of(path, float(low), float(high), whole)  # NaN if any pixel is
    is_usual = end == 255 or (end == 1 and start == 0 and not whole)
    words = [] if is_usual else [f"of pixels from {start:g} to {end:g}"]

    def read(index):
        scaled = 255 * (images[index].astype(float) - start) / (end - start)
        image, changes = pictures.normalised(np.rint(scaled).astype(np.uint8))
        return image, [*words, *changes]

    return _group(path, len(images), labels, read)
