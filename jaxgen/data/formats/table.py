"""What a file of images holds, as it lies there."""

import re
from typing import Any, NamedTuple

import numpy as np

MOST_BYTES = 2**31  # of one file's data, unpacked: 2.7 million digits
_PARTS = {  # the words of names that say which part of a data set a file or a folder is
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "t10k": "test",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
}
_ENDINGS = {"tra": "train", "tr": "train", "tes": "test", "t": "test"}  # of UCI and libsvm
_IMAGES = {"images", "image", "imgs", "img", "x", "data", "pixels"}
_LABELS = {"labels", "label", "y", "targets", "target", "classes"}
# Names of a column of labels, or of a key of JSON, the first that is there.
LABEL_COLUMNS = ("label", "labels", "class", "cls", "digit", "character", "target", "targets", "y")


class Table(NamedTuple):
    """Images, or labels of the images in another file, or both."""

    name: str  # what errors call it
    images: Any = None  # array [n, ...], list of contents of image files, ParquetImages, or None
    labels: Any = None  # an array of numbers or texts [n], or None
    part: str = ""  # train, test or valid, where it says so
    names: tuple[str, ...] = ()  # of the classes, by their numbers, where the file has them
    writers: np.ndarray | None = None  # int [n], where they are known
    said: tuple[str, ...] = ()  # what was concluded from the file, in words
    kind: str = "pictures"  # of file, in words


def words(name: str) -> list[str]:
    """The words of a file's name, in lower case, without endings."""
    return re.findall(r"[a-z]+[0-9]*k?|[0-9]+", name.lower().split("/")[-1])


def part_of(name: str) -> str:
    """The part of a data set that a name speaks of; the folder's name counts too."""
    *folders, file = name.lower().split("/")
    for place in (file, *reversed(folders)):
        for word in re.split(r"[^a-z0-9]+", place):
            if word in _PARTS:
                return _PARTS[word]
    endings = file.split(".")[1:]
    return next((_ENDINGS[ending] for ending in endings if ending in _ENDINGS), "")


def role_of(name: str) -> str:
    """Whether a name speaks of "images" or of "labels"; "" where it does not say."""
    found = words(name)
    if any(word in _LABELS for word in found):
        return "labels"
    return "images" if any(word in _IMAGES for word in found) else ""


def stem_of(name: str) -> tuple[str, ...]:
    """What two files of images and of labels have in common."""
    return tuple(w for w in words(name) if w not in _IMAGES | _LABELS and not w.startswith("idx"))
