"""Images that a person names on the command line, and which digits they are."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import config as configs
from jaxgen import data
from jaxgen.cli import common
from jaxgen.cli.common import Run
from jaxgen.data import Split, user_images
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_float, to_uint8

MAX_WITHOUT_COUNT = 10_000  # images that are taken without --count


class Inputs(NamedTuple):
    """Images, and lines that describe them."""

    images: np.ndarray  # float32 [n, 28, 28, 1] in [0, 1]
    labels: np.ndarray  # int32 [n]: the known ones, and guesses where they are not known
    lines: list[str]  # one an image, or one for all that come from one file
    labels_known: bool = False  # every one of them


def select(
    names: Sequence[str], count: int | None, run: Run, seed: int, broken: bool = False
) -> Inputs:
    """The images of ``names``; without names or with ``test``, test digits of the data set, 40 if
    ``count`` is None.

    A name is an image file, a digit such as ``test:7``, or a file or folder of many images
    (``data.user_images``).
    ``count`` images are chosen at random from all of them, as many of each digit as there can be,
    in turn. Where they are ``broken``, a picture of several pieces is one digit all the same.
    """
    if count is not None:
        configs.require("count", count, count >= 1, "1 or more")
    if names in ((), ("test",)):
        test = run.digits.test
        count = min(40, len(test.labels)) if count is None else count
        pixels, labels = balanced(test, count, seed)
        lines = [f"{count} test digits"] if count > 1 else ["a test digit"]
        return Inputs(to_float(pixels), labels, lines, labels_known=True)
    groups: list[user_images.Group] = []
    for name in names:
        groups += (
            user_images.find(name, broken)
            if user_images.is_many(name)
            else [_one(name, run, broken)]
        )
    items = [(item, group.in_one_file) for group in groups for item in group.items]
    if count is None and len(items) > MAX_WITHOUT_COUNT:
        raise UserError(f"--images names {len(items)} images: say how many of them with --count")
    if count is not None:
        items = [items[index] for index in _choose([item.label for item, _ in items], count, seed)]
    return _read(groups, items, count, run)


def read(names: Sequence[str], run: Run) -> Inputs:
    """Read image files of one digit each, and digits of the data set that go by names like
    ``test:7``."""
    groups = [_one(name, run) for name in names]
    return _read(groups, [(group.items[0], False) for group in groups], None, run)


def read_style(name: str, run: Run) -> Inputs:
    """Read the one image that shows a hand; warns where it may be no digit."""
    found = read([name], run)
    if not found.labels_known and not run.caution and (doubt := doubts(found.images)):
        common.warn(f"{name} may be no digit: {doubt}")
    return found


def doubts(image: np.ndarray) -> str | None:
    """Why an image float32 [1, 28, 28, 1] may be no digit, in words, or None.

    The judge is less sure of it than of 99 % of real digits, or its features lie further from every
    real digit than those of 99 % of real digits: a judge may be sure of things that are no digit at
    all. Of the test digits of MNIST 3 % are doubted, of 15 printed letters 11, of 20 scribbles 16.
    """
    eye = judge.load()
    probabilities = judge.likely(eye, image)[0]
    if probabilities.max() < judge.SURE:
        best = _named(probabilities.argmax())
        return f"the judge is only {probabilities.max():.0%} sure that it is {best}"
    real = data.load("mnist").valid  # which it has not learned from
    far = judge.distances(eye, real, np.concatenate([to_uint8(image), real.images]))
    further = (far[1:] > far[0]).mean()
    if further < 1 - judge.USUAL:
        return f"of {len(real.labels)} real digits {further:.1%} look as odd to the judge"
    return None


def balanced(split: Split, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of ``count`` digits at random, as many of each of the ten as there can be,
    in turn."""
    if count > len(split.labels):
        raise UserError(f"--count {count} cannot be: there are {len(split.labels)} test digits")
    chosen = _choose(split.labels.tolist(), count, seed)
    return split.images[chosen], split.labels[chosen]


def _choose(labels: Sequence[int | None], count: int, seed: int) -> np.ndarray:
    """Indices of ``count`` digits at random; if all labels are known, as many of each of the ten as
    there can be, in turn."""
    if count > len(labels):
        raise UserError(f"--count {count} is more than --images names, which is {len(labels)}")
    order = np.random.default_rng(seed).permutation(len(labels))
    if None in labels:
        return np.sort(order[:count])
    ordered = np.array(labels)[order]
    rank = np.zeros(len(order), int)  # of a digit among those of its kind
    for digit in range(10):
        rank[ordered == digit] = np.arange((ordered == digit).sum())
    return order[np.lexsort((ordered, rank))[:count]]


def _one(name: str, run: Run, broken: bool = False) -> user_images.Group:
    return user_images.Group(
        [user_images.single(name, lambda: run.digits, broken)], in_one_file=False
    )


def _read(
    groups: Sequence[user_images.Group],
    items: Sequence[tuple[user_images.Item, bool]],
    count: int | None,
    run: Run,
) -> Inputs:
    """Read the ``items`` of ``groups``, each with whether it lies in one file with others. One line
    describes a file, and says how many of its images were changed in which way."""
    found = [item.read() for item, _ in items]
    images = np.stack([image for image, _ in found])
    labels = [item.label for item, _ in items]
    known = None not in labels
    guesses = labels if known else run.classify(images)
    labels = [guesses[i] if label is None else label for i, label in enumerate(labels)]
    changes = {group.items[0].name: Counter[str]() for group in groups if group.in_one_file}
    lines = []
    for (item, together), (_, words), label in zip(items, found, labels, strict=True):
        if together:
            changes[item.name].update(word for word in words if not word.endswith("unchanged"))
        else:
            verb = "is taken for" if item.label is None else "is"
            text = f" ({', '.join(words)})" if words else ""
            lines.append(f"{item.name} {verb} {_named(label)}{text}")
    taken = "" if count is None else f", of all of which {count} are taken"
    files = []
    for name, words in changes.items():
        size = next(len(group.items) for group in groups if group.items[0].name == name)
        changed = ", ".join(f"{number} {word}" for word, number in words.items())
        files.append(f"{size} images of {name}{taken}{changed and f': {changed}'}")
    return Inputs(to_float(images), np.array(labels, np.int32), [*files, *lines], known)


def _named(digit) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"
