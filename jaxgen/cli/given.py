"""Images that a person names on the command line, and which digits they are."""

import functools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen import config as configs
from jaxgen import data
from jaxgen.apps import reader
from jaxgen.cli import common
from jaxgen.config import STRIDED, Config
from jaxgen.data import Digits, Split, own
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_float, to_uint8
from jaxgen.training.folder import RunFolder

MOST = 10_000  # images that are taken without --count


class Source:
    """The digits that a run has learned from, loaded once, when something asks for them."""

    def __init__(self, folder: RunFolder, config: Config, moved: str | None = None):
        self._folder, self._config, self._moved = folder, config, moved

    @functools.cached_property
    def digits(self) -> Digits:
        return self._folder.digits(self._config, self._moved)

    @functools.cached_property
    def caution(self) -> str | None:
        """Why what the judge says of such digits means nothing, in a sentence; None where it reads
        them, as it does MNIST, or where they are gone."""
        if data.whole(self._config.data).removeprefix(STRIDED) == "mnist":
            return None
        try:
            return judge.caution(judge.load(), self.digits.test)
        except UserError as error:
            common.warn(f"whether the judge can read such digits is not known: {error}")
            return None

    def warn(self) -> None:
        """Tell the caution, if there is one, beside figures by the judge."""
        if self.caution:
            common.warn(self.caution)

    def taken_for(self, images: np.ndarray) -> np.ndarray:
        """Which digits images uint8 [n, 28, 28, 1] are, by the judge, or where it cannot read such
        digits by a classifier of the run's own: int [n]."""
        if self.caution is None:
            return judge.look(judge.load(), images)[0].argmax(1)
        pixels = jnp.asarray(to_float(images))
        variables = reader.load(self.digits.train, common.warn)
        return np.asarray(reader.read(variables, pixels, jnp.ones_like(pixels)).argmax(1))


class Given(NamedTuple):
    """Images, and lines on them."""

    images: np.ndarray  # float32 [n, 28, 28, 1] in [0, 1]
    labels: np.ndarray  # int32 [n]; where they are not known, what they are taken for
    lines: list[str]  # one an image, or one for all that come from one file
    known: bool = False  # whether all labels are known


def some(
    names: Sequence[str],
    count: int | None,
    source: Source,
    seed: int,
    broken: bool = False,
) -> Given:
    """The images that ``names`` say; or, without names or with ``test``, test digits of the data
    set, 40 if no ``count`` says how many.

    A name is an image file, a digit such as ``test:7``, or a file or folder of many (``data.own``).
    With a ``count``, so many of all of them, by chance and as many of each of the ten as there can
    be, in turn. Where they are ``broken``, a picture of several pieces is one digit all the same.
    """
    if count is not None:
        configs.require("count", count, count >= 1, "1 or more")
    if names in ((), ("test",)):
        test = source.digits.test
        count = min(40, len(test.labels)) if count is None else count
        pixels, labels = spread(test, count, seed)
        lines = [f"{count} test digits"] if count > 1 else ["a test digit"]
        return Given(to_float(pixels), labels, lines, known=True)
    items, files = [], {}
    for name in names:
        if not own.is_many(name):
            items.append((own.single(name, lambda: source.digits, broken), False))
            continue
        for found in own.find(name, broken):
            items += [(item, found.together) for item in found.items]
            if found.together:
                files[found.items[0].name] = f"{len(found.items)} images of {found.items[0].name}"
    if count is None and len(items) > MOST:
        raise UserError(f"--images names {len(items)} images: say how many of them with --count")
    if count is not None:
        chosen = _chosen([item.label for item, _ in items], count, seed)
        items = [items[place] for place in chosen]
        files = {name: f"{line}, of all of which {count} are taken" for name, line in files.items()}
    return _read(items, files, source)


def read(names: Sequence[str], source: Source) -> Given:
    """Read image files of one digit each, and digits of the data set that go by names like
    ``test:7``."""
    return _read([(own.single(name, lambda: source.digits), False) for name in names], {}, source)


def style(name: str, source: Source) -> Given:
    """Read the one image of a hand; warns where it may be no digit."""
    seen = read([name], source)
    if not seen.known and not source.caution and (doubt := doubts(seen.images)):
        common.warn(f"{name} may be no digit: {doubt}")
    return seen


def doubts(image: np.ndarray) -> str | None:
    """Why an image float32 [1, 28, 28, 1] may be no digit, in words, or None.

    The judge is less sure of it than of 99 % of real digits, or what it sees lies further from
    every digit than with 99 % of them: a judge may be sure of things that are no digit at all. Of
    the test digits of MNIST 3 % are doubted, of 15 printed letters 11, of 20 scribbles 16.
    """
    eye = judge.load()
    shares = judge.likely(eye, image)[0]
    if shares.max() < judge.SURE:
        return f"the judge is only {shares.max():.0%} sure that it is {_named(shares.argmax())}"
    real = data.load("mnist").valid  # which it has not learned from
    far = judge.distances(eye, real, np.concatenate([to_uint8(image), real.images]))
    further = (far[1:] > far[0]).mean()
    if further < 1 - judge.USUAL:
        return f"of {len(real.labels)} real digits {further:.1%} look as odd to the judge"
    return None


def spread(split: Split, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of ``count`` digits by chance, as many of each of the ten as there can
    be, in turn."""
    if count > len(split.labels):
        raise UserError(f"--count {count} cannot be: there are {len(split.labels)} test digits")
    chosen = _chosen(split.labels.tolist(), count, seed)
    return split.images[chosen], split.labels[chosen]


def _chosen(labels: Sequence[int | None], count: int, seed: int) -> np.ndarray:
    """Places of ``count`` digits by chance; if all are known, as many of each of the ten as there
    can be, in turn."""
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


def _read(items: Sequence[tuple[own.Item, bool]], files: dict[str, str], source: Source) -> Given:
    """Read images, of each of which it is known whether it lies in a file together with others;
    ``files`` are lines on such files, by name, which are completed by what was done to how many."""
    found = [item.read() for item, _ in items]
    stacked = np.stack([image for image, _ in found])
    labels = [item.label for item, _ in items]
    known = None not in labels
    taken = None if known else source.taken_for(stacked)
    done = {name: Counter() for name in files}
    lines = []
    for place, ((item, together), (_, words)) in enumerate(zip(items, found, strict=True)):
        text = f" ({', '.join(words)})" if words else ""
        if labels[place] is None and taken is not None:
            labels[place] = int(taken[place])
            text = f"{item.name} is taken for {_named(labels[place])}{text}"
        else:
            text = f"{item.name} is {_named(labels[place])}{text}"
        if together:
            done[item.name].update(word for word in words if not word.endswith("as it is"))
        else:
            lines.append(text)
    for name, counts in done.items():
        text = "".join(f", {count} {word}" for word, count in counts.items())
        files[name] += f":{text[1:]}" if text else ""
    return Given(to_float(stacked), np.array(labels, np.int32), [*files.values(), *lines], known)


def _named(digit) -> str:
    return f"an {digit}" if digit == 8 else f"a {digit}"
