"""The two populations of writers in MNIST, and which of them wrote a digit.

MNIST mixes two databases of NIST: digits of employees of the Census Bureau (SD-3) and digits of
high-school students (SD-1), half of each file from each (LeCun et al. 1998). Neither file is
shuffled:

                    population 0           population 1
    training file   even positions         odd positions
    test file       positions 0 to 4,999   positions 5,000 to 9,999

The two halves of the test file are documented. The files themselves show that the training file
alternates: even and odd training digits have a mean slant of 0.00 and 0.21, a mean width of 14.9
and 16.4 pixels, and a mean ink of 96 and 109. Their Frechet distance is about seventy times the
distance of two random halves, and parts at odd strides do not differ. A classifier that learns to
tell even from odd training positions also tells the two halves of the test file apart
(``evaluation/population.py``). This does not say which of the two are the students.
``docs/populations.md`` shows how to find all of this in the data.

The pixels of a digit of MNIST identify it, so its population is known in any file, in any order: in
a copy of MNIST, in a dataset of TFDS, which shuffles the examples, and in a part of either.
"""

import functools

import numpy as np

from jaxgen.data import mnist

COUNT = 2
UNKNOWN = -1

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as in SplitMix64


def of(images: np.ndarray) -> np.ndarray:
    """The population of each image uint8 [n, 28, 28, 1]: int8 [n], 0 or 1, or UNKNOWN where the
    image is not one of MNIST's."""
    return of_fingerprints(fingerprints(images))


def of_fingerprints(numbers: np.ndarray) -> np.ndarray:
    """The population of each image, by its fingerprint, uint64 [n]: int8 [n], as ``of``."""
    ordered, populations = _mnist()
    index = np.minimum(np.searchsorted(ordered, numbers), len(ordered) - 1)
    return np.where(ordered[index] == numbers, populations[index], np.int8(UNKNOWN))


def fingerprints(images: np.ndarray) -> np.ndarray:
    """A number for each image uint8 [n, 28, 28, 1], by its pixels alone: uint64 [n].

    The same on every machine. A multilinear hash of eight pixels at a time (Lemire and Kaser 2014),
    then ``mix``.
    """
    pixels = int(np.prod(images.shape[1:]))
    words = np.ascontiguousarray(images).reshape(len(images), pixels).view("<u8")  # [n, 98]
    weights = mix(np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _ODD) | np.uint64(1)
    # Products carry upwards only, so the upper pixels of a word are added to the lower ones first.
    return mix((words ^ (words >> np.uint64(32))) @ weights)


def mix(numbers: np.ndarray) -> np.ndarray:
    """Map each number uint64 to another, and near numbers far apart: the last steps of SplitMix64
    (Steele, Lea and Flood 2014), a bijection."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


@functools.cache
def _mnist() -> tuple[np.ndarray, np.ndarray]:
    """Fingerprints of all digits of MNIST, ascending, and the population of each."""
    train, test = mnist.raw()
    populations = np.concatenate(
        [np.arange(len(train.labels)) % 2, np.arange(len(test.labels)) >= len(test.labels) // 2]
    ).astype(np.int8)
    numbers = np.concatenate([fingerprints(train.images), fingerprints(test.images)])
    order = np.argsort(numbers)
    return numbers[order], populations[order]
