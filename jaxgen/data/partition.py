"""The rules that divide the digits of a source into parts.

A part is a fair sample: it has each digit as often as the whole, and within a digit each population
of writers (``populations``), to within one image. A hash of the pixels chooses the images, never
their positions, because files have an order: all zeros first, or two populations that alternate, as
in MNIST. So a part is the same on every machine, and in every copy of a dataset, in any order.

    part          size in MNIST   what for
    validation    5,000           one training image of twelve; settings are chosen by these
    fresh         5,000           as many more, which models learn from, but the judge does not
    floor         10,000          both: real digits that the judge has not seen

The Frechet distance of the floor images to the test images is what real digits get. The judge
learns from the other 50,000.

In earlier versions, every 12th training image was held out and every 6th was a floor image: in
MNIST, all of them by one population. ``strided`` keeps that rule for runs of these versions.
"""

import hashlib

import numpy as np

from jaxgen.data import populations
from jaxgen.data.split import Digits, Split, part
from jaxgen.errors import UserError

RULE = "fair samples 1"  # the name of the rules above; figures of two rules are not comparable
HELD_OUT = 12  # one training image of this number is for validation
TEST = 7  # one training image of this number is for the test, where there are no test images


def hold_out(source: str, train: Split, test: Split) -> Digits:
    """Hold out one training image of twelve. Raises UserError for fewer than twelve."""
    valid = sample(train, _one_of_twelve(source, train), "held out")
    return Digits(source, part(train, ~valid), part(train, valid), test)


def with_test(train: Split, writers: np.ndarray | None = None) -> tuple[Split, Split]:
    """Split off a fair sample of one training image of seven as test images; of ``writers`` int [n]
    that are known, one of seven with all of their images, so that the test is of other hands."""
    if writers is None or len(np.unique(writers)) < TEST:
        is_test = sample(train, len(train.labels) // TEST, "test")
    else:
        each = np.unique(writers)
        digests = [hashlib.sha256(f"test {writer}".encode()).digest() for writer in each.tolist()]
        order = sorted(range(len(each)), key=lambda index: digests[index])
        is_test = np.isin(writers, each[order[: len(each) // TEST]])
    return part(train, ~is_test), part(train, is_test)


def strided(source: str, train: Split, test: Split) -> Digits:
    """Hold out every 12th training image in file order, as jaxgen did before ``hold_out``."""
    _one_of_twelve(source, train)
    valid = np.arange(len(train.labels)) % HELD_OUT == HELD_OUT - 1
    return Digits(source, part(train, ~valid), part(train, valid), test)


def _one_of_twelve(source: str, train: Split) -> int:
    count = len(train.labels)
    if count < HELD_OUT:
        raise UserError(
            f"{source} has {count} training images: give it {HELD_OUT} or more, "
            f"because one of {HELD_OUT} is held out"
        )
    return count // HELD_OUT


def fresh(digits: Digits) -> np.ndarray:
    """The training digits of a full source that the judge does not learn from, as many as there are
    validation digits: a mask, bool [n]."""
    return sample(digits.train, len(digits.valid.labels), "held out")


def floor(digits: Digits) -> Split:
    """The real digits of a full source that the judge does not learn from."""
    both = zip(digits.valid, part(digits.train, fresh(digits)), strict=True)
    return Split(*(np.concatenate(arrays) for arrays in both))


def few(source: str, digits: Digits, count: int, seed: int) -> Digits:
    """Keep ``count`` training digits of each of the ten, chosen by ``seed``, in their order."""
    _check_few(source, digits, count)
    chosen = choose(digits.train, np.full(len(digits.names), count), f"few {seed}")
    return digits._replace(source=source, train=part(digits.train, chosen))


def strided_few(source: str, digits: Digits, count: int, seed: int) -> Digits:
    """As ``few``, with the choice of earlier versions, for their runs."""
    images, labels = digits.train
    _check_few(source, digits, count)
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = [order[labels[order] == digit][:count] for digit in range(len(digits.names))]
    rows = np.sort(np.concatenate(chosen))
    return digits._replace(source=source, train=Split(images[rows], labels[rows]))


def _check_few(source: str, digits: Digits, count: int) -> None:
    most = np.bincount(digits.train.labels, minlength=len(digits.names)).min()
    if not 1 <= count <= most:
        raise UserError(f"--data {source} asks for {count} of each digit: there are 1 to {most}")


def subset(split: Split, n: int) -> Split:
    """A fair sample of n digits, always the same, in the order of the split."""
    return part(split, sample(split, n, "subset"))


def sample(split: Split, n: int, purpose: str) -> np.ndarray:
    """A fair sample of n images, as a mask: bool [len(split)]. See ``choose``."""
    return choose(split, quotas(np.bincount(split.labels), n), purpose)


def sample_of(fingerprints: np.ndarray, labels: np.ndarray, n: int, purpose: str) -> np.ndarray:
    """A fair sample of n of the images with these fingerprints, uint64 [k], and labels int [k]: a
    mask, bool [k]."""
    return _chosen(fingerprints, labels, quotas(np.bincount(labels), n), purpose)


def choose(split: Split, counts: np.ndarray, purpose: str) -> np.ndarray:
    """Choose ``counts[d]`` images of the digit d, from each population in proportion: a mask, bool
    [n].

    Another ``purpose`` chooses other images. For one purpose, a larger sample of a population's
    images of a digit contains the smaller ones.
    """
    return _chosen(populations.fingerprints(split.images), split.labels, counts, purpose)


def _chosen(
    fingerprints: np.ndarray, labels: np.ndarray, counts: np.ndarray, purpose: str
) -> np.ndarray:
    """As ``choose``, of images with these fingerprints."""
    salt = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:8], "little")
    order = populations.mix(fingerprints ^ np.uint64(salt))
    population = populations.of_fingerprints(fingerprints)
    chosen = np.zeros(len(labels), bool)
    for digit, count in enumerate(counts.tolist()):
        strata = [
            np.flatnonzero((labels == digit) & (population == writers))
            for writers in range(populations.UNKNOWN, populations.COUNT)
        ]
        sizes = quotas(np.array([len(rows) for rows in strata]), count)
        for rows, size in zip(strata, sizes.tolist(), strict=True):
            chosen[rows[np.argsort(order[rows], kind="stable")[:size]]] = True
    return chosen


def quotas(sizes: np.ndarray, n: int) -> np.ndarray:
    """Divide n in proportion to ``sizes``, int [k], by largest remainders: int [k], sum n."""
    exact = n * sizes / max(sizes.sum(), 1)
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return counts
