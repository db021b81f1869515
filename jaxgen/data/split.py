"""What a source of digits gives, and the fixed rule that says which digits are held out.

Of the training images in their file order, every 12th is held out for validation, whatever the
seed: 5,000 of MNIST's 60,000. A stride, because neighbours in MNIST are by one writer: so all
writers are in both parts.

Every 6th is a floor image: 10,000 of MNIST's 60,000. Their Frechet distance to the 10,000 test
images is the least that a generator can hope for, and the judge that measures it is trained on none
of them. The 5,000 are among the 10,000, so the judge has not seen the validation images either.

    index        0  1  2  3  4  5  6  7  8  9 10 11 12 ...
    validation   .  .  .  .  .  .  .  .  .  .  .  x  .
    floor        .  .  .  .  .  x  .  .  .  .  .  x  .
"""

from typing import NamedTuple

import numpy as np

from jaxgen.errors import UserError

SIDE = 28  # pixels along an edge; arrays.SIDE is the same, but importing it would import JAX
DIGITS = 10
VALID_STRIDE = 12
FLOOR_STRIDE = 6


class Split(NamedTuple):
    """Images and what they show, in file order."""

    images: np.ndarray  # uint8 [n, 28, 28, 1], white strokes on black in MNIST
    labels: np.ndarray  # int32 [n], 0 to 9


class Digits(NamedTuple):
    """All digits of a source, in three parts that share none."""

    source: str  # as given to --data
    train: Split
    valid: Split  # every 12th of the training images
    test: Split  # never trained on


def is_valid(index: np.ndarray) -> np.ndarray:
    """Say of each position in the training file, int [n], whether it is held out: bool [n]."""
    return index % VALID_STRIDE == VALID_STRIDE - 1


def is_floor(index: np.ndarray) -> np.ndarray:
    """Say of each position in the training file, int [n], whether it is a floor image: bool [n]."""
    return index % FLOOR_STRIDE == FLOOR_STRIDE - 1


def part(split: Split, mask: np.ndarray) -> Split:
    """Return the digits where ``mask``, bool [n], is true, in their order."""
    return Split(split.images[mask], split.labels[mask])


def hold_out(source: str, train: Split, test: Split) -> Digits:
    """Divide the training digits by the rule above; too few to hold one out is a UserError."""
    if len(train.labels) < VALID_STRIDE:
        raise UserError(
            f"{source} has {len(train.labels)} training images: give it {VALID_STRIDE} or more, "
            f"for every {VALID_STRIDE}th is held out"
        )
    valid = is_valid(np.arange(len(train.labels)))
    return Digits(source, part(train, ~valid), part(train, valid), test)


def few(source: str, digits: Digits, count: int, seed: int) -> Digits:
    """Leave ``count`` training digits of each of the ten, chosen by ``seed``, in their order."""
    images, labels = digits.train
    most = np.bincount(labels, minlength=DIGITS).min()
    if not 1 <= count <= most:
        raise UserError(f"--data {source} asks for {count} of each digit: there are 1 to {most}")
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == digit][:count] for digit in range(DIGITS)]
    rows = np.sort(np.concatenate(chosen))
    return digits._replace(source=source, train=Split(images[rows], labels[rows]))


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
