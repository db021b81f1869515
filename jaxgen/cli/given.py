"""Images that a person names on the command line, and which digits they are."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from jaxgen import config as configs
from jaxgen import images
from jaxgen.cli import common
from jaxgen.data import Digits, Split, pictures
from jaxgen.errors import UserError
from jaxgen.evaluation import judge

# What is less sure for the judge may be no digit: 1 % of the test digits of MNIST are, of 12
# printed letters 7, and of 20 scribbles 11.
SURE = 0.6


class Given(NamedTuple):
    """Images, and a line on each."""

    images: np.ndarray  # float32 [n, 28, 28, 1] in [0, 1]
    labels: np.ndarray  # int32 [n]; where they are not known, what the judge takes them for
    lines: list[str]
    known: bool = False  # whether the data set says all labels


def some(names: Sequence[str], count: int | None, digits: Callable[[], Digits], seed: int) -> Given:
    """The images that ``names`` say, or ``count`` test digits of the data set, by chance and as
    many of each of the ten as there can be, in turn. ``digits`` gives the data set.

    A name is an image file, a folder of them, a digit such as ``test:7``, or ``test`` alone for the
    test digits.
    """
    if names in ((), ("test",)):
        count = 40 if count is None else count
        configs.require("count", count, count >= 1, "1 or more")
        pixels, labels = spread(digits().test, count, seed)
        lines = [f"{count} test digits"] if count > 1 else ["a test digit"]
        return Given(images.to_float(pixels), labels, lines, known=True)
    if count is not None:
        raise UserError("--images says which digits and how many: leave out --count")
    return read([file for name in names for file in _files(name)], digits)


def _files(name: str) -> list[str]:
    """The image files of a folder, in the order of their names; or the name itself."""
    if not os.path.isdir(name):
        return [name]
    endings = tuple(Image.registered_extensions())
    found = sorted(file for file in os.listdir(name) if file.lower().endswith(endings))
    if not found:
        raise UserError(f"the folder {name} holds no image file: name another one")
    return [os.path.join(name, file) for file in found]


def spread(split: Split, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of ``count`` digits by chance, as many of each of the ten as there can
    be, in turn."""
    if count > len(split.labels):
        raise UserError(f"--count {count} cannot be: there are {len(split.labels)} test digits")
    order = np.random.default_rng(seed).permutation(len(split.labels))
    labels = split.labels[order]
    rank = np.zeros(len(labels), int)  # of a digit among those of its kind
    for digit in range(10):
        rank[labels == digit] = np.arange((labels == digit).sum())
    chosen = order[np.lexsort((labels, rank))[:count]]
    return split.images[chosen], split.labels[chosen]


def style(name: str, digits: Callable[[], Digits]) -> Given:
    """Read the one image of a hand; warns where the judge is not sure that it is any digit."""
    seen = read([name], digits)
    _warn_of_doubt(name, seen.images)
    return seen


def read(names: Sequence[str], digits: Callable[[], Digits]) -> Given:
    """Read image files, and digits of the data set that go by names like ``test:7``; ``digits``
    gives it, and is called for each of these."""
    found = [pictures.read(name, digits) for name in names]
    stacked = np.stack([picture.image for picture in found])
    known = all(picture.label is not None for picture in found)
    taken = None if known else judge.look(judge.load(), stacked)[0].argmax(1)
    labels, lines = [], []
    for place, (name, _, label, words) in enumerate(found):
        if label is None and taken is not None:
            labels.append(taken[place])
            lines.append(f"{name} is taken for {_one(taken[place])} ({', '.join(words)})")
        else:
            labels.append(label)
            lines.append(f"{name} is {_one(label)}")
    return Given(images.to_float(stacked), np.array(labels, np.int32), lines, known)


def _warn_of_doubt(name: str, image: np.ndarray) -> None:
    logits = judge.look(judge.load(), image)[0][0]
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    if shares.max() < SURE:
        common.warn(
            f"{name} may be no digit: the judge is only {shares.max():.0%} sure that it is "
            f"{_one(shares.argmax())}"
        )


def _one(digit) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"
