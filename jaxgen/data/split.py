"""What a source of digits gives: images with their labels, in parts."""

from typing import NamedTuple

import numpy as np

from jaxgen.errors import UserError

SIDE = 28  # pixels along an edge; arrays.SIDE is the same, but importing it would import JAX
DIGITS = 10


class Split(NamedTuple):
    """Images and what they show, in file order."""

    images: np.ndarray  # uint8 [n, 28, 28, 1], white strokes on black in MNIST
    labels: np.ndarray  # int32 [n], 0 to 9


class Digits(NamedTuple):
    """All digits of a source, in three parts that share none."""

    source: str  # as given to --data
    train: Split
    valid: Split  # one training image of twelve; settings are chosen by these
    test: Split  # never trained on

    @property
    def learned(self) -> tuple[int, ...]:
        """The digits that there are training images of."""
        return tuple(np.unique(self.train.labels).tolist())


def part(split: Split, mask: np.ndarray) -> Split:
    """Return the digits where ``mask``, bool [n], is true, in their order."""
    return Split(split.images[mask], split.labels[mask])


def checked(name: str, images: np.ndarray, labels: np.ndarray) -> Split:
    """Join images, uint8 [n, 28, 28, 1], and labels, any integers [n], or raise UserError.

    ``name`` is what the error calls them.
    """
    if len(images) != len(labels):
        raise UserError(
            f"{name} has {len(images)} images and {len(labels)} labels: give it one label an image"
        )
    if not len(images):
        raise UserError(f"{name} has no images: give it some")
    wrong = labels[(labels < 0) | (labels >= DIGITS)]
    if len(wrong):
        raise UserError(f"{name} has the label {wrong[0]}: labels must be 0 to {DIGITS - 1}")
    return Split(images, labels.astype(np.int32))
