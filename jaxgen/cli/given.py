"""Images that a person names on the command line, and which digits they are."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import data, images
from jaxgen.data import pictures
from jaxgen.evaluation import judge


class Given(NamedTuple):
    """Images, and a line on each."""

    images: np.ndarray  # float32 [n, 28, 28, 1] in [0, 1]
    labels: np.ndarray  # int32 [n]; where they are not known, what the judge takes them for
    lines: list[str]


def read(names: Sequence[str], source: str) -> Given:
    """Read image files, and digits of the data set ``source`` that go by names like ``test:7``."""
    digits = functools.cache(lambda: data.load(source))
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
    return Given(images.to_float(stacked), np.array(labels, np.int32), lines)


def _one(digit) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"
