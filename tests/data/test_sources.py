"""Where digits come from: known answers for what is right, sentences for what is damaged."""

import gzip
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxgen import data
from jaxgen.data import idx, mnist, source_images, split, synthetic
from tests.data.told import equal, quick, sentence

NAMES = list(mnist.SHA256)


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist")


# MNIST and the split


def test_mnist_is_the_known_one():
    train, test = data.raw("mnist")
    assert train.images.shape == (60000, 28, 28, 1)
    assert train.images.dtype == np.uint8
    assert test.labels.dtype == np.int32
    # As LeCun's page has them.
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train.labels).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.labels).tolist() == counts
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert round(float(train.images.mean()) / 255, 4) == 0.1307


def test_mnist_is_divided(digits):
    test = data.raw("mnist")[1]
    assert [len(part.labels) for part in digits[1:4]] == [55000, 5000, 10000]
    assert equal((digits.test,), (test,))
    assert np.bincount(digits.valid.labels).min() > 400  # all classes


def test_earlier_versions_divided_by_position():
    train = data.raw("mnist")[0]
    former = data.load("strided:mnist")
    assert np.array_equal(former.valid.images, train.images[11::12])
    assert np.array_equal(former.train.labels, np.delete(train.labels, np.s_[11::12]))
    images, labels = former.train
    order = np.random.default_rng(1).permutation(len(labels))
    rows = np.sort(np.concatenate([order[labels[order] == digit][:7] for digit in range(10)]))
    few = data.load("strided:mnist:7:1")
    assert few.source == "strided:mnist:7:1"
    assert equal([few.train], [split.Split(images[rows], labels[rows])])


def test_the_side_is_the_one_of_the_arrays():
    from jaxgen import arrays

    assert split.SIDE == arrays.SIDE


def test_mnist_is_ready_without_what_takes_long_to_import():
    code = (
        "import sys; from jaxgen import data; data.load()\n"
        "print(*{'jax', 'PIL', 'tensorflow_datasets'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout.split()


def altered(content: bytes) -> bytes:
    """One bit is another, and the checksum of gzip is right again."""
    plain = bytearray(gzip.decompress(content))
    plain[-1] ^= 1
    return gzip.compress(bytes(plain), 1)


@pytest.mark.parametrize(
    "harm", [lambda whole: whole[:-100], lambda whole: whole[:3000] + whole[3010:], altered]
)
@pytest.mark.parametrize("name", NAMES[1:])
def test_a_damaged_mnist_is_refused(harm, name, tmp_path):
    for whole in mnist.FOLDER.glob("*.gz"):
        (tmp_path / whole.name).symlink_to(whole)
    path = tmp_path / f"{name}.gz"
    content = path.read_bytes()
    path.unlink()
    assert str(path) in sentence(mnist.raw, tmp_path)
    path.write_bytes(harm(content))
    assert str(path) in sentence(mnist.raw, tmp_path)


def test_a_few_digits_of_each_kind_and_the_others_unchanged():
    whole, few, other = (data.load(name) for name in ("mnist", "mnist:7", "mnist:7:1"))
    assert np.bincount(few.train.labels).tolist() == [7] * 10
    for name in ("valid", "test"):
        assert equal([getattr(few, name)], [getattr(whole, name)])
    places = [
        np.flatnonzero((whole.train.images == image).all((1, 2, 3))) for image in few.train.images
    ]
    assert all(len(place) for place in places)
    assert (np.diff([place[0] for place in places]) > 0).all()  # in their order
    assert not np.array_equal(few.train.images, other.train.images)
    assert equal([few.train], [data.load("mnist:7:0").train])


# Images of other sizes


def test_right_sizes_stay_as_they_are():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    for given_so in (images, list(images)):
        assert np.array_equal(source_images.fit("x", given_so)[..., 0], images)


@quick
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 255))
def test_one_grey_stays_that_grey(height, width, grey):
    assert np.all(source_images.fit("x", np.full((1, height, width), grey, np.uint8)) == grey)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("paper", [0, 200])
def test_nothing_is_stretched_and_the_rest_is_paper(scale, paper):
    image = np.full((14 * scale, 7 * scale), paper, np.uint8)
    image[4 * scale : 10 * scale, 2 * scale : 5 * scale] = 90  # 6 high, 3 wide, in the middle
    fitted = source_images.fit("x", [image])[0, ..., 0]
    assert np.all(fitted[:, :7] == paper)
    assert np.all(fitted[:, 21:] == paper)
    ink = abs(fitted.astype(int) - paper) > abs(90 - paper) / 2
    assert (ink.any(axis=1).sum(), ink.any(axis=0).sum()) == (12, 6)
    assert ink[8:20, 11:17].all()


def test_small_digits_are_enlarged(folder):
    idx.write(folder / f"{NAMES[0]}.gz", np.eye(8, dtype=np.uint8)[None].repeat(120, 0) * 255)
    image = data.raw(f"idx:{folder}")[0].images[0, ..., 0]
    assert image.diagonal().min() > 120
    assert image[:10, 18:].max() < 40


# Synthetic digits


def test_synthetic_digits_are_always_the_same():
    assert equal(synthetic.raw(40), data.raw("synthetic:40"))
    train, test = data.raw("synthetic")
    assert (len(train.labels), len(test.labels)) == (2000, 500)
    assert np.bincount(train.labels).tolist() == [200] * 10
    assert len(np.unique(train.images, axis=0)) == 2000
    assert [len(part.labels) for part in data.load("synthetic:120")[1:4]] == [110, 10, 30]


def test_synthetic_digits_can_be_told_apart():
    train, test = synthetic.raw()
    features, unseen = (
        part.images.reshape(len(part.images), -1) / 255 - 0.5 for part in (train, test)
    )
    ridge = features.T @ features + 10 * np.eye(784)
    weights = np.linalg.solve(ridge, features.T @ np.eye(10)[train.labels])
    right = (unseen @ weights).argmax(axis=1) == test.labels
    assert right.mean() > 0.95


# Names of sources


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("mnst", "mean mnist?"),
        ("MNIST", "mean mnist?"),
        ("synthetik", "mean synthetic?"),
        ("tdfs:mnist", "mean tfds:NAME_OR_DIR?"),
        ("idx:", "idx:DIR"),
        ("/", "mean files:/?"),
        ("", "sources are mnist, mnist:N, mnist:N:SEED, idx:DIR, tfds:NAME_OR_DIR, files:PATH"),
        ("mnist:0", "asks for 0 of each digit"),
        ("mnist:5000", "there are 1 to 4969"),
        ("mnist:5:x", "mean mnist?"),
        ("cats", "the sources are mnist"),
        ("synthetic:-4", "synthetic:N"),
        ("synthetic:0", "12 to 100000"),
        ("mnist:train", "mean mnist?"),
        ("x" * 5000, "the sources are"),
        ("idx:" + "x" * 5000, "is not a folder"),
        ("idx:a\0b", "is not a folder"),
        ("idx:~nobody-of-this-name", "is not a folder"),
        ("tfds:" + "x" * 5000, "not prepared"),
        ("tfds:~nobody-of-this-name", "dataset_info.json"),
    ],
)
def test_an_unknown_source_is_told(source, says):
    assert says in sentence(data.load, source)
