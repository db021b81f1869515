"""What a source holds, whatever its name and its place: a digest, and how many of each digit.

A run keeps this beside its recipe (``training.folder``). So it is known what a model has learned,
and digits that were moved or renamed are known again, where others in their old place are not.
"""

import hashlib
from typing import NamedTuple

import numpy as np

from jaxgen.data.split import DIGITS, Digits


class Contents(NamedTuple):
    """What is in the parts of a source."""

    sha256: str  # of all images and labels, in their order
    train: tuple[int, ...]  # how many training images there are of each of the ten
    test: tuple[int, ...]

    @property
    def learned(self) -> tuple[int, ...]:
        """The digits that there are training images of."""
        return tuple(digit for digit, count in enumerate(self.train) if count)


def of(digits: Digits) -> Contents:
    content = hashlib.sha256()
    for split in (digits.train, digits.valid, digits.test):
        content.update(f"{split.images.shape}".encode())
        content.update(np.ascontiguousarray(split.images).data)
        content.update(np.ascontiguousarray(split.labels, "<i4").data)
    return Contents(
        content.hexdigest(),
        *(
            tuple(np.bincount(split.labels, minlength=DIGITS).tolist())
            for split in (digits.train, digits.test)
        ),
    )
