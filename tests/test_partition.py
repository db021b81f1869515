"""Parts of a source are fair samples of it, whatever the order of its file."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgen import data
from jaxgen.data import partition, populations
from jaxgen.data.split import Split, part
from jaxgen.evaluation import metrics, morphology, population

# The order of a file: a permutation of positions, of labels and populations.
ORDERS = {
    "as it is": lambda labels, populations: np.arange(len(labels)),
    "by class": lambda labels, populations: np.argsort(labels, kind="stable"),
    "by population": lambda labels, populations: np.argsort(populations, kind="stable"),
    "shuffled": lambda labels, populations: np.random.default_rng(0).permutation(len(labels)),
}


def held_out(train: Split) -> np.ndarray:
    return partition.sample(train, len(train.labels) // 12, "held out")


def floor(train: Split) -> np.ndarray:
    """The floor digits, as a mask of all training digits."""
    valid = held_out(train)
    digits = partition.hold_out("some", train, train)
    chosen = valid.copy()
    chosen[np.flatnonzero(~valid)[partition.fresh(digits)]] = True
    return chosen


# Every rule that divides, as a function of the training digits to a mask.
RULES = {
    "validation": held_out,
    "floor": floor,
    "what the judge learns": lambda train: ~floor(train),
    "100 of each digit": lambda train: partition.choose(train, np.full(10, 100), "few 0"),
    "another 100": lambda train: partition.choose(train, np.full(10, 100), "few 1"),
    "a subset": lambda train: partition.sample(train, 5000, "subset"),
    "test digits of TFDS": lambda train: partition.sample(train, len(train.labels) // 7, "test"),
}


@pytest.fixture(scope="module")
def train():
    return data.raw("mnist")[0]


@pytest.fixture(scope="module")
def over_chance(train):
    """A function (mask, strata) to the Frechet distance of a part from the rest, over the mean
    distance of random parts that have as many digits of each stratum; of coarse pixels, 4 by 4."""
    blocks = train.images.reshape(60_000, 7, 4, 7, 4).mean((2, 4)).reshape(60_000, 49)

    def distance(mask):
        return metrics.frechet(blocks[mask], blocks[~mask])

    def over_chance(mask, strata):
        by_chance = []
        for seed in range(2):
            order = np.random.default_rng(seed).permutation(60_000)
            chosen = np.zeros(60_000, bool)
            for one, count in enumerate(np.bincount(strata[mask])):
                chosen[order[strata[order] == one][:count]] = True
            by_chance.append(distance(chosen))
        return distance(mask) / np.mean(by_chance)

    return over_chance


ONE_STRATUM = np.zeros(60_000, int)


@pytest.mark.parametrize("rule", RULES)
def test_a_part_is_as_near_to_the_rest_as_a_random_one(rule, train, over_chance):
    """A part that has the digits and the populations in proportion is nearer to the rest than a
    part by chance alone."""
    mask = RULES[rule](train)
    assert 0.5 < over_chance(mask, 2 * train.labels + np.arange(60_000) % 2) < 2
    assert over_chance(mask, ONE_STRATUM) < 2


def test_that_would_have_found_the_former_rule(over_chance):
    for stride in (6, 12):
        assert over_chance(np.arange(60_000) % stride == stride - 1, ONE_STRATUM) > 5


def test_strokes_of_a_part_slant_as_those_of_the_rest(train):
    slant = morphology.slant(train.images)
    for rule, divide in RULES.items():
        mask = divide(train)
        error = slant.std() * (1 / mask.sum() + 1 / (~mask).sum()) ** 0.5
        assert abs(slant[mask].mean() - slant[~mask].mean()) < 4 * error, rule


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("order", ORDERS)
def test_a_part_does_not_hang_on_the_order_of_the_file(order, rule, train):
    rows = ORDERS[order](train.labels, np.arange(60_000) % 2)
    moved = RULES[rule](Split(train.images[rows], train.labels[rows]))
    assert (moved == RULES[rule](train)[rows]).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_part_has_digits_and_populations_in_proportion(rule, train):
    mask, known = RULES[rule](train), np.arange(60_000) % 2
    for digit in range(10):
        for one in range(2):
            own = (train.labels == digit) & (known == one)
            of_digit = train.labels == digit
            expected = (mask & of_digit).sum() * own.sum() / of_digit.sum()
            assert abs((mask & own).sum() - expected) <= 2


def test_parts_share_no_digit_and_few_is_a_part(train):
    digits = data.load("mnist")
    everything = np.concatenate([digits.train.images, digits.valid.images])
    assert len({image.tobytes() for image in everything}) == 60_000
    assert partition.fresh(digits).sum() == 5000
    assert len(partition.floor(digits).labels) == 10_000


def test_the_parts_are_the_same_on_every_machine(train):
    assert hex(populations.fingerprints(train.images[:1])[0]) == "0x880fae02cb37ee2d"
    found = hashlib.sha256(np.packbits(floor(train)).tobytes()).hexdigest()
    assert found.startswith("47970c284e3b58e2")


def test_a_source_that_nobody_knows_is_sampled_by_digit():
    train = data.raw("synthetic:1200")[0]
    assert (populations.of(train.images) == populations.UNKNOWN).all()
    for order in ("as it is", "by class"):
        rows = ORDERS[order](train.labels, train.labels)
        digits = partition.hold_out("x", Split(train.images[rows], train.labels[rows]), train)
        assert np.bincount(digits.valid.labels).tolist() == [10] * 10


def test_test_digits_are_taken_from_both_halves():
    test = data.raw("mnist")[1]
    for n in (100, 1000, 5000):
        rows = np.flatnonzero(partition.sample(test, n, "subset"))
        assert abs((rows < 5000).mean() - 0.5) < 11 / n


# Populations


def test_populations_go_by_position_in_the_files(train):
    test = data.raw("mnist")[1]
    assert (populations.of(train.images) == np.arange(60_000) % 2).all()
    assert (populations.of(test.images) == (np.arange(10_000) >= 5000)).all()


def test_an_image_that_is_not_of_mnist_has_no_population(train):
    altered = train.images[:8].copy()
    altered[np.arange(8), 20, 20:28, 0] ^= 1  # all pixels of a word and of its halves
    altered[0], altered[1, 0, 7, 0] = 0, 1
    assert (populations.of(altered) == populations.UNKNOWN).all()
    assert len(populations.of(train.images[:0])) == 0


def test_one_pixel_changes_the_fingerprint(train):
    image = train.images[:1]
    changed = image.repeat(784, 0)
    changed.reshape(784, 784)[np.arange(784), np.arange(784)] ^= 1
    found = populations.fingerprints(np.concatenate([image, changed]))
    assert len(np.unique(found)) == 785


# SoftLabels


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=12), st.floats(0, 1))
def test_quotas_are_in_proportion(sizes, fraction):
    sizes = np.array(sizes)
    n = int(fraction * sizes.sum())
    found = partition.quotas(sizes, n)
    assert found.sum() == n
    assert (found <= sizes).all()
    assert (abs(found - n * sizes / max(sizes.sum(), 1)) < 1).all()


# The classifier of populations


@pytest.fixture(scope="module")
def classifier():
    return population.load()


@pytest.mark.parametrize("mixture", [0.0, 0.3, 0.5, 1.0])
def test_the_share_of_a_population_is_found(mixture, classifier):
    """Of digits that neither the classifier nor its rates have seen: half of the floor digits."""
    digits = partition.floor(data.load("mnist"))
    half = partition.sample(digits, 5000, "half")
    rates = population.rates(classifier, part(digits, half))
    assert rates is not None
    assert 0.75 < rates.accuracy < 0.9
    rest = part(digits, ~half)
    known = populations.of(rest.images)
    count = int(2000 * mixture)
    rows = [np.flatnonzero(known == 1)[:count], np.flatnonzero(known == 0)[: 2000 - count]]
    found = population.proportion(classifier, rates, rest.images[np.concatenate(rows)])
    assert found.low <= mixture <= found.high
    assert found.high - found.low < 0.15
    assert found.low <= found.value <= found.high


def test_the_halves_of_the_test_file_are_told_apart(classifier):
    test = data.raw("mnist")[1]
    found = population.rates(classifier, test)
    assert found is not None
    assert (found.n_0, found.n_1) == (5000, 5000)
    assert found.accuracy > 0.7


def test_of_unknown_digits_there_are_no_rates(classifier):
    assert population.rates(classifier, data.raw("synthetic:300")[0]) is None
