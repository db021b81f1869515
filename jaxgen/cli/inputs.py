"""Images that a person names on the command line, and their labels."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgen import classes, data, families
from jaxgen import config as configs
from jaxgen.apps import hands
from jaxgen.cli import common
from jaxgen.data import Split, user_images
from jaxgen.errors import UserError, warn
from jaxgen.evaluation import judge
from jaxgen.families import capabilities
from jaxgen.images import to_float, to_uint8
from jaxgen.model import Model

MAX_WITHOUT_COUNT = 10_000  # images at most without --count


class Inputs(NamedTuple):
    """Images, and lines that describe them."""

    images: np.ndarray  # float32 [n, 28, 28, 1] in [0, 1]
    labels: np.ndarray  # int32 [n]: the classifier's where they are unknown
    lines: list[str]  # one for each image, or for all images of one file
    labels_known: bool = False  # whether all labels are known


def select(
    names: Sequence[str], count: int | None, model: Model, seed: int, broken: bool = False
) -> Inputs:
    """The images of ``names``; without names or for ``test``, test digits, 40 if ``count`` is None.

    A name is an image file, a digit such as ``test:7``, or a file or folder of many images
    (``data.user_images``). ``count`` images are chosen at random, as many of each digit as
    possible, in turn. ``broken`` images may show a digit in several pieces.
    """
    if count is not None:
        configs.require("count", count, count >= 1, "1 or more")
    if names in ((), ("test",)):
        test = model.digits.test
        count = min(40, len(test.labels)) if count is None else count
        pixels, labels = balanced(test, count, seed)
        _, many = classes.nouns(model.names)
        lines = [f"{count} test {many}"] if count > 1 else [f"a test {many[:-1]}"]
        return Inputs(to_float(pixels), labels, lines, labels_known=True)
    groups: list[user_images.Group] = []
    for name in names:
        is_many = user_images.is_many(name)
        found = user_images.find(name, broken, model.names) if is_many else None
        groups += found or [_single(name, model, broken)]
    items = _items(groups)
    if count is None and len(items) > MAX_WITHOUT_COUNT:
        raise UserError(f"--images names {len(items)} images: say how many of them with --count")
    if count is not None:
        items = [items[index] for index in _choose([item.label for item, _ in items], count, seed)]
    return _read(groups, items, count, model)


def read(names: Sequence[str], model: Model) -> Inputs:
    """Read image files of one digit each, and digits of the data set such as ``test:7``."""
    groups = [_single(name, model) for name in names]
    return _read(groups, _items(groups), None, model)


def read_hand(name: str, run: common.Run) -> hands.Hand:
    """Read the images that show a hand: many, of a file or folder, or one; and print a line about
    them. Warn where the one may be no digit. Raises UserError for a family without Transfers."""
    capabilities.able(families.build(run.config), capabilities.Transfers)
    found = _of_hand(name, run.model)
    print("\n".join(found.lines))
    return run.model.hand(found.images, found.labels)


def _of_hand(name: str, model: Model) -> Inputs:
    if user_images.is_many(name):
        groups = user_images.find(name, names=model.names)
        items = _items(groups)
        chosen = _choose([item.label for item, _ in items], min(len(items), hands.MOST), seed=0)
        found = _read(groups, [items[index] for index in sorted(chosen)], None, model)
        of_all = f" of {len(items)}" if len(items) > len(chosen) else ""
        guessed = "" if found.labels_known else ", some of them labelled by a classifier"
        line = f"the hand of {name}: {len(chosen)}{of_all} images{guessed}"
        return found._replace(lines=[line])
    image = read([name], model)
    if not image.labels_known and not model.caution and (doubt := doubts(image.images, model)):
        warn(f"{name} may be no digit: {doubt}")
    return image


def doubts(image: np.ndarray, model: Model) -> str | None:
    """The reason why an image float32 [1, 28, 28, 1] may be no digit, in words, or None.

    The judge is less sure of it than of 99 % of real digits. Or, because the judge may be sure of
    things that are no digit, its features are further from all real digits than the features of
    99 % of real digits. This doubts 3 % of MNIST's test digits, 11 of 15 printed letters, and 16 of
    20 scribbles.
    """
    classifier = model.judge
    probabilities = judge.probabilities(classifier, image)[0]
    if probabilities.max() < judge.SURE:
        best = _with_article(model.names[probabilities.argmax()])
        return f"the judge is only {probabilities.max():.0%} sure that it is {best}"
    is_own = classifier.hash != judge.SHA256
    real = (model.digits if is_own else data.load("mnist")).valid  # which it has not learned from
    distances = judge.distances(classifier, real, np.concatenate([to_uint8(image), real.images]))
    further = (distances[1:] > distances[0]).mean()
    if further < 1 - judge.USUAL:
        return f"of {len(real.labels)} real digits, only {further:.1%} look so odd to the judge"
    return None


def balanced(split: Split, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of ``count`` random digits, as many of each class as possible, in
    turn."""
    if count > len(split.labels):
        raise UserError(f"--count {count} cannot be: there are {len(split.labels)} test digits")
    chosen = _choose(split.labels.tolist(), count, seed)
    return split.images[chosen], split.labels[chosen]


def _choose(labels: Sequence[int | None], count: int, seed: int) -> np.ndarray:
    """Indices of ``count`` random digits; if all labels are known, as many of each class as
    possible, in turn."""
    if count > len(labels):
        raise UserError(f"--count {count} is more than --images names, which is {len(labels)}")
    order = np.random.default_rng(seed).permutation(len(labels))
    if None in labels:
        return np.sort(order[:count])
    ordered = np.array(labels)[order]
    rank = np.zeros(len(order), int)  # of an image among the images of its digit
    for digit in np.unique(ordered):
        rank[ordered == digit] = np.arange((ordered == digit).sum())
    return order[np.lexsort((ordered, rank))[:count]]


def _items(groups: Sequence[user_images.Group]) -> list[tuple[user_images.Item, bool]]:
    """All images of ``groups``, each with ``in_one_file`` of its group."""
    return [(item, group.in_one_file) for group in groups for item in group.items]


def _single(name: str, model: Model, broken: bool = False) -> user_images.Group:
    return user_images.Group(
        [user_images.single(name, lambda: model.digits, broken)], in_one_file=False
    )


def _read(
    groups: Sequence[user_images.Group],
    items: Sequence[tuple[user_images.Item, bool]],
    count: int | None,
    model: Model,
) -> Inputs:
    """Read ``items`` of ``groups``, each with ``in_one_file`` of its group. One line describes a
    file, and counts the changes of its images."""
    pairs = [item.read() for item, _ in items]
    images = np.stack([image for image, _ in pairs])
    labels = [item.label for item, _ in items]
    labels_known = None not in labels
    guesses = [0] * len(labels) if labels_known else model.classify(images).tolist()
    labels = [
        guess if label is None else label for guess, label in zip(guesses, labels, strict=True)
    ]
    changes = {group.items[0].name: Counter[str]() for group in groups if group.in_one_file}
    lines = []
    for (item, in_one_file), (_, words), label in zip(items, pairs, labels, strict=True):
        if in_one_file:
            changes[item.name].update(word for word in words if not word.endswith("unchanged"))
        else:
            verb = "is taken for" if item.label is None else "is"
            text = f" ({', '.join(words)})" if words else ""
            lines.append(f"{item.name} {verb} {_with_article(model.names[label])}{text}")
    chosen = "" if count is None else f", {count} chosen from all"
    files = []
    for name, words in changes.items():
        size = next(len(group.items) for group in groups if group.items[0].name == name)
        changed = ", ".join(f"{number} {word}" for word, number in words.items())
        files.append(f"{size} images of {name}{chosen}{changed and f': {changed}'}")
    return Inputs(to_float(images), np.array(labels, np.int32), [*files, *lines], labels_known)


def _with_article(name: str) -> str:
    return f"an {name}" if name in ("8", *"AEFHILMNORSXaefhilmnorsx") else f"a {name}"
