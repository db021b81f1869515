"""The digits of a source: images with their labels, in parts, and a digest of them."""

import hashlib
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from jaxgen.classes import DIGITS
from jaxgen.errors import UserError

if TYPE_CHECKING:
    from jaxgen.data.stream import Stream

SIDE = 28  # pixels along an edge; arrays.SIDE is the same, but importing it would import JAX


class Split(NamedTuple):
    """Images and their labels, in file order."""

    images: np.ndarray  # uint8 [n, 28, 28, 1], white strokes on black in MNIST
    labels: np.ndarray  # int32 [n], numbers of classes: 0 to 9 for digits


class Raw(NamedTuple):
    """All images of a source, in file order."""

    train: Split
    test: Split
    names: tuple[str, ...] = DIGITS  # of the classes


class Digits(NamedTuple):
    """All digits of a source, in three disjoint parts."""

    source: str  # the value of --data
    train: Split  # of a stream, a fair sample
    valid: Split  # one training image of twelve, of a stream 5,000; settings are chosen by these
    test: Split  # never trained on
    names: tuple[str, ...] = DIGITS  # of the classes
    stream: "Stream | None" = None  # all training images, where there are too many for memory

    @property
    def examples(self) -> "Split | Stream":
        """All training images: what the steps of training learn from."""
        return self.stream or self.train

    def take(self, rows: np.ndarray) -> Split:
        """Some of all training images, by their numbers, int [k]."""
        if self.stream:
            return self.stream.read(rows)
        return Split(self.train.images[rows], self.train.labels[rows])

    @property
    def count(self) -> int:
        """The number of training images."""
        return len(self.examples.labels)

    @property
    def learned(self) -> tuple[int, ...]:
        """The classes that have training images."""
        if self.stream:
            return self.stream.contents.learned
        return tuple(np.unique(self.train.labels).tolist())


class Contents(NamedTuple):
    """A digest and the counts of the digits of a source, which do not depend on its name or path.

    A run keeps this beside its recipe (``training.folder``), so that digits are recognised after
    they move, and other digits in the old place are noticed.
    """

    sha256: str  # of all images and labels, in their order
    train: tuple[int, ...]  # training images of each class
    test: tuple[int, ...]

    @classmethod
    def of(cls, digits: Digits) -> Self:
        """Digest and count the digits of a source."""
        if digits.stream:
            return cls(*digits.stream.contents)
        content = hashlib.sha256()
        for split in (digits.train, digits.valid, digits.test):
            content.update(f"{split.images.shape}".encode())
            content.update(np.ascontiguousarray(split.images).data)
            content.update(np.ascontiguousarray(split.labels, "<i4").data)
        train, test = (
            tuple(np.bincount(split.labels, minlength=len(digits.names)).tolist())
            for split in (digits.train, digits.test)
        )
        return cls(content.hexdigest(), train, test)

    @property
    def learned(self) -> tuple[int, ...]:
        """The classes that have training images."""
        return tuple(digit for digit, count in enumerate(self.train) if count)


def part(split: Split, mask: np.ndarray) -> Split:
    """Return the digits where ``mask``, bool [n], is true, in their order."""
    return Split(split.images[mask], split.labels[mask])


def checked(name: str, images: np.ndarray, labels: np.ndarray, classes: int) -> Split:
    """Join images, uint8 [n, 28, 28, 1], and labels, any integers [n], or raise UserError.

    ``name`` is what the error calls them.
    """
    if len(images) != len(labels):
        raise UserError(
            f"{name} has {len(images)} images and {len(labels)} labels: give each image a label"
        )
    if not len(images):
        raise UserError(f"{name} has no images: give it some")
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise UserError(f"{name} has the label {wrong[0]}: labels must be 0 to {classes - 1}")
    return Split(images, labels.astype(np.int32))
