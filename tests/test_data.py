"""Where digits come from: known answers for what is right, sentences for what is damaged."""

import gzip
import os
import resource
import struct
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxgen import data
from jaxgen.data import batches, files, idx, mnist, sizes, split, synthetic, tfds
from jaxgen.data.split import Split
from jaxgen.errors import UserError

NAMES = list(mnist.SHA256)  # train images, train labels, test images, test labels
quick = settings(max_examples=60, deadline=None)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """No test reads or writes the cache of the person who runs it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgen"


@pytest.fixture(scope="module")
def digits():
    return data.load("mnist")


@pytest.fixture
def folder(tmp_path):
    """120 training and 30 test digits as IDX files, two of them packed."""
    where = tmp_path / "digits"
    for part, count in ("train", 120), ("t10k", 30):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        idx.write(where / f"{part}-images-idx3-ubyte.gz", images)
        idx.write(where / f"{part}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8) % 10)
    return where


def sentence(call, *args) -> str:
    """What the UserError says, which is one line."""
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def equal(one: tuple[Split, ...], other: tuple[Split, ...]) -> bool:
    return all(
        np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
        for a, b in zip(one, other, strict=True)
    )


# MNIST and the split


def test_mnist_is_the_known_one():
    train, test = data.raw("mnist")
    assert train.images.shape == (60000, 28, 28, 1)
    assert train.images.dtype == np.uint8
    assert test.labels.dtype == np.int32
    counts = [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]  # as LeCun's page has them
    assert np.bincount(train.labels).tolist() == counts
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(test.labels).tolist() == counts
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert round(float(train.images.mean()) / 255, 4) == 0.1307


def test_mnist_is_divided_by_position(digits):
    train, test = data.raw("mnist")
    assert [len(part.labels) for part in digits[1:]] == [55000, 5000, 10000]
    assert np.array_equal(digits.valid.images, train.images[11::12])
    assert np.array_equal(digits.train.labels, np.delete(train.labels, np.s_[11::12]))
    assert equal((digits.test,), (test,))
    assert np.bincount(digits.valid.labels).min() > 400  # all classes


def test_the_floor_holds_the_validation_images():
    index = np.arange(60000)
    assert split.is_floor(index).sum() == 10000
    assert split.is_valid(index).sum() == 5000
    assert not np.any(split.is_valid(index) & ~split.is_floor(index))


def test_the_side_is_the_one_of_the_arrays():
    from jaxgen import arrays

    assert (split.SIDE, split.DIGITS) == (arrays.SIDE, arrays.DIGITS)


def test_mnist_is_ready_at_once_and_without_jax():
    code = (
        "import sys, time, numpy; start = time.process_time()\n"
        "from jaxgen import data; data.load()\n"
        "heavy = {'jax', 'PIL', 'tensorflow_datasets'}\n"
        "print(time.process_time() - start, *heavy & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *imported = done.stdout.split()
    assert not imported
    assert float(seconds) < 0.6  # of the processor, so that a busy machine does not matter


@pytest.mark.parametrize("harm", ["missing", "truncated", "altered", "spliced"])
@pytest.mark.parametrize("name", NAMES[1:])
def test_a_damaged_mnist_is_told(harm, name, tmp_path):
    where = tmp_path / "mnist"
    where.mkdir()
    for whole in mnist.FOLDER.glob("*.gz"):
        (where / whole.name).symlink_to(whole)
    path = where / f"{name}.gz"
    content = path.read_bytes()
    path.unlink()
    if harm == "truncated":
        path.write_bytes(content[:-100])
    elif harm == "altered":  # and the checksum of gzip is right again
        plain = bytearray(gzip.decompress(content))
        plain[-1] ^= 1
        path.write_bytes(gzip.compress(bytes(plain), 1))
    elif harm == "spliced":
        path.write_bytes(content[:3000] + content[3010:])
    assert str(path) in sentence(mnist.raw, where)


# IDX


@quick
@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.booleans(), st.randoms())
def test_idx_reads_what_it_wrote(tmp_path_factory, shape, packed, random):
    path = tmp_path_factory.mktemp("idx") / ("x.gz" if packed else "x")
    array = np.array([random.randrange(256) for _ in range(np.prod(shape))], np.uint8)
    idx.write(path, array.reshape(shape))
    found = idx.read(path)
    assert found.shape == tuple(shape)
    assert np.array_equal(found.ravel(), array)


def test_idx_files_are_the_same_every_time(tmp_path):
    array = np.arange(6, dtype=np.uint8).reshape(1, 2, 3)
    idx.write(tmp_path / "plain", array)
    assert (tmp_path / "plain").read_bytes() == bytes.fromhex(
        "00000803 00000001 00000002 00000003"
    ) + bytes(range(6))
    idx.write(tmp_path / "x.gz", array)
    packed = (tmp_path / "x.gz").read_bytes()
    assert packed[4:8] == bytes(4)  # no time in it
    assert packed[3] == 0  # no name either
    with pytest.raises(TypeError, match="int64"):
        idx.write(tmp_path / "x", np.arange(3))


def test_a_folder_of_idx_files(folder):
    train, test = data.raw(f"idx:{folder}")
    assert train.images.shape == (120, 28, 28, 1)
    assert np.array_equal(train.images[..., 0], idx.read(folder / f"{NAMES[0]}.gz"))
    assert test.labels.tolist() == [*range(10)] * 3
    found = data.load(f"idx:{folder}")
    assert found.source == f"idx:{folder}"
    assert [len(part.labels) for part in found[1:]] == [110, 10, 30]


def test_names_with_dots_are_found(folder):
    before = data.raw(f"idx:{folder}")
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("-idx", ".idx"))
    assert equal(before, data.raw(f"idx:{folder}"))


def test_embedded_files_are_a_folder_of_idx_files():
    assert equal(data.raw(f"idx:{mnist.FOLDER}"), data.raw("mnist"))


@quick
@given(st.data())
def test_a_harmed_packed_file_is_never_read_as_another(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("idx") / "x.gz"
    array = np.arange(400, dtype=np.uint16).astype(np.uint8).reshape(4, 10, 10)
    idx.write(path, array)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        harmed = whole[:at]
    else:
        harmed = (
            whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
        )
    path.write_bytes(harmed)
    try:
        found = idx.read(path)
    except UserError as error:
        assert str(path) in str(error)
    else:  # a bit of gzip's own header, such as the time
        assert np.array_equal(found, array)


@quick
@given(st.binary(max_size=40))
def test_anything_else_is_told(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("idx") / "x"
    path.write_bytes(content + b"?")  # so it is no empty axis of a right file
    assert str(path) in sentence(idx.read, path)


HEADER = bytes.fromhex("00000803 0000000a 0000001c 0000001c")  # 10 images


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "nothing"),
        (HEADER[:10], "within its header"),
        (HEADER + bytes(7839), "7840 bytes"),
        (HEADER + bytes(7841), "more than the 7840 bytes"),
        (b"\0\0\x0d" + HEADER[3:] + bytes(7840), "0x0d"),
        (b"PK\3\4", "50 4b"),
        (struct.pack(">HBB4I", 0, 8, 4, *[2**32 - 1] * 4) + bytes(100), "promises"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_false_header_is_told(content, says, packed, tmp_path):
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert says in sentence(idx.read, path)


def test_a_bomb_is_not_inflated(tmp_path):
    path = tmp_path / "train-images"
    path.write_bytes(gzip.compress(HEADER + bytes(200_000_000), 1))
    lie = tmp_path / "lie"
    lie.write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 10**6, 28, 28)))
    tracemalloc.start()
    try:
        assert "more than the 7840 bytes" in sentence(idx.read, path)
        assert "784000000 bytes" in sentence(idx.read, lie)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        (NAMES[1], np.full(120, 10, np.uint8), "label 10"),
        (NAMES[1], np.zeros(119, np.uint8), "120 images and 119 labels"),
        (NAMES[1], np.zeros((120, 1), np.uint8), "3 and 2 axes"),
        (NAMES[2], np.zeros((30, 784), np.uint8), "2 and 1 axes"),
        (NAMES[2], np.zeros((30, 0, 28), np.uint8), "0 x 28 pixels"),
        (NAMES[2], np.zeros((30, 1, 513), np.uint8), "1 x 513 pixels"),
    ],
)
def test_what_is_not_of_digits_is_told(name, array, says, folder):
    (folder / f"{name}.gz").unlink(missing_ok=True)
    idx.write(folder / name, array)
    assert says in sentence(data.load, f"idx:{folder}")


def test_too_few_digits_are_told(folder):
    idx.write(folder / f"{NAMES[0]}.gz", np.zeros((11, 28, 28), np.uint8))
    idx.write(folder / NAMES[1], np.zeros(11, np.uint8))
    assert "11 training images" in sentence(data.load, f"idx:{folder}")
    idx.write(folder / f"{NAMES[2]}.gz", np.zeros((0, 28, 28), np.uint8))
    idx.write(folder / NAMES[3], np.zeros(0, np.uint8))
    assert "no images" in sentence(data.load, f"idx:{folder}")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(name, folder):
    for path in folder.glob(f"{name}*"):
        path.unlink()
    assert name in sentence(data.load, f"idx:{folder}")


def test_a_missing_folder_is_named(tmp_path):
    assert str(tmp_path / "no") in sentence(data.load, f"idx:{tmp_path}/no")


# Images of other sizes


def test_right_sizes_stay_as_they_are():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), np.uint8)
    assert np.array_equal(sizes.fit("x", images)[..., 0], images)
    assert np.array_equal(sizes.fit("x", list(images))[..., 0], images)


@quick
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 255))
def test_one_grey_stays_that_grey(height, width, grey):
    assert np.all(sizes.fit("x", np.full((1, height, width), grey, np.uint8)) == grey)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("paper", [0, 200])
def test_nothing_is_stretched_and_the_rest_is_paper(scale, paper):
    image = np.full((14 * scale, 7 * scale), paper, np.uint8)
    image[4 * scale : 10 * scale, 2 * scale : 5 * scale] = 90  # 6 high, 3 wide, in the middle
    fitted = sizes.fit("x", [image])[0, ..., 0]
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
    assert [len(part.labels) for part in data.load("synthetic:120")[1:]] == [110, 10, 30]


def test_synthetic_digits_can_be_told_apart():
    train, test = synthetic.raw()
    features, unseen = (
        part.images.reshape(len(part.images), -1) / 255 - 0.5 for part in (train, test)
    )
    ridge = features.T @ features + 10 * np.eye(784)
    weights = np.linalg.solve(ridge, features.T @ np.eye(10)[train.labels])
    right = (unseen @ weights).argmax(axis=1) == test.labels
    assert right.mean() > 0.95


def test_synthetic_digits_are_made_in_an_instant():
    began = time.process_time()
    synthetic.raw()
    assert time.process_time() - began < 1  # of the processor; 0.2 when nothing else runs


# The batches of a step


@quick
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 30),
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(1, 40),
    st.integers(1, 25),
)
def test_batches_are_cut_from_one_stream(seed, start, some, more, batch, count):
    middle, stop = start + some, start + some + more
    found = batches.indices(seed, start, stop, batch, count)
    assert found.dtype == np.int32
    assert found.shape == (stop - start, batch)
    parts = [
        batches.indices(seed, *ends, batch, count) for ends in ((start, middle), (middle, stop))
    ]
    assert np.array_equal(found, np.concatenate(parts))
    epochs = range(stop * batch // count + 1)
    stream = np.concatenate(
        [np.random.default_rng([seed, epoch]).permutation(count) for epoch in epochs]
    )
    assert np.array_equal(found.ravel(), stream[start * batch : stop * batch])


def test_an_epoch_sees_each_image_once():
    found = batches.indices(3, 0, 7, 10, 35).reshape(2, 35)
    assert np.array_equal(np.sort(found), [np.arange(35)] * 2)
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found.ravel(), batches.indices(4, 0, 7, 10, 35).ravel())


def test_late_steps_cost_no_more():
    began = time.process_time()
    for _ in range(5):
        batches.indices(0, 10**9, 10**9 + 50, 128, 55000)
    assert time.process_time() - began < 0.25  # 2 ms a block when nothing else runs


@pytest.mark.parametrize(
    "wrong", [(0, 3, 2, 1, 1), (0, -1, 2, 1, 1), (0, 0, 1, 0, 1), (0, 0, 1, 1, 0)]
)
def test_no_batches_are_refused(wrong):
    with pytest.raises(ValueError, match="no batches"):
        batches.indices(*wrong)


# Names of sources


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("mnst", "mean mnist?"),
        ("MNIST", "mean mnist?"),
        ("synthetik", "mean synthetic?"),
        ("tdfs:mnist", "mean tfds:NAME_OR_DIR?"),
        ("idx:", "idx:DIR"),
        ("/", "mean idx:/?"),
        ("", "the sources are mnist, mnist:N, mnist:N:SEED, idx:DIR, tfds:NAME_OR_DIR, synthetic"),
        ("mnist:0", "asks for 0 of each digit"),
        ("mnist:5000", "there are 1 to 4962"),
        ("mnist:5:x", "mean mnist?"),
        ("cats", "the sources are mnist"),
        ("synthetic:-4", "synthetic:N"),
        ("synthetic:0", "12 to 100000"),
        ("mnist:train", "mean mnist?"),
        ("x" * 5000, "the sources are"),
        ("idx:" + "x" * 5000, "is no folder"),
        ("idx:a\0b", "is no folder"),
        ("idx:~nobody-of-this-name", "is no folder"),
        ("tfds:" + "x" * 5000, "not prepared"),
        ("tfds:~nobody-of-this-name", "dataset_info.json"),
    ],
)
def test_an_unknown_source_is_told(source, says):
    assert says in sentence(data.load, source)


# TensorFlow Datasets


@pytest.fixture(scope="module")
def any_digits():
    """A builder of whatever examples it is given."""
    import tensorflow_datasets

    class AnyDigits(tensorflow_datasets.core.GeneratorBasedBuilder):
        VERSION = tensorflow_datasets.core.Version("2.1.0")
        code_path = None

        def __init__(self, *, features, parts, **kwargs):
            self.features, self.parts = features, parts
            super().__init__(**kwargs, file_format="array_record")

        def _info(self):
            features = tensorflow_datasets.features.FeaturesDict(self.features)
            keys = tuple(self.features)[:2]
            return tensorflow_datasets.core.DatasetInfo(
                builder=self, features=features, supervised_keys=keys
            )

        def _split_generators(self, dl_manager):
            return {name: enumerate(examples) for name, examples in self.parts.items()}

        def _generate_examples(self):
            raise NotImplementedError

    def prepare(data_dir, image, label, **parts):
        features = {"pixels": image, "digit": label}
        examples = {
            name: [dict(zip(features, pair, strict=True)) for pair in pairs]
            for name, pairs in parts.items()
        }
        builder = AnyDigits(features=features, parts=examples, data_dir=data_dir)
        with tfds.quiet():
            builder.download_and_prepare()
        return builder.data_dir

    return prepare


@pytest.fixture
def prepared(folder, tmp_path):
    from jaxgen.data import tfds_builder

    return tfds_builder.prepare(folder, tmp_path / "prepared")


def test_tfds_gives_back_the_idx_files(folder, prepared, tmp_path, monkeypatch):
    wanted = data.raw(f"idx:{folder}")
    assert equal(data.raw(f"tfds:{prepared}"), wanted)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    assert equal(data.raw("tfds:digits_from_idx"), wanted)
    assert equal(data.raw("tfds:digits_from_idx:1.0.0"), wanted)
    assert [len(part.labels) for part in data.load("tfds:digits_from_idx")[1:]] == [110, 10, 30]


def test_tfds_reads_once(prepared, cache, monkeypatch):
    first = data.raw(f"tfds:{prepared}")
    assert len(list(cache.iterdir())) == 1
    read = tfds._read
    monkeypatch.delattr(tfds, "_read")
    assert equal(data.raw(f"tfds:{prepared}"), first)
    info = prepared / "dataset_info.json"  # something was prepared anew
    os.utime(info, ns=(1, 1))
    with pytest.raises(NameError):
        data.raw(f"tfds:{prepared}")
    monkeypatch.setattr(tfds, "_read", read, raising=False)
    assert equal(data.raw(f"tfds:{prepared}"), first)
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_cache_is_made_anew(prepared, cache):
    first = data.raw(f"tfds:{prepared}")
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for at in (0, 500, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert equal(data.raw(f"tfds:{prepared}"), first)
        path.write_bytes(whole[:at])
        assert equal(data.raw(f"tfds:{prepared}"), first)
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_does_not_matter(prepared, folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert equal(data.raw(f"tfds:{prepared}"), data.raw(f"idx:{folder}"))


def test_preparing_again_keeps_what_is_there(prepared, folder):
    from jaxgen.data import tfds_builder

    times = {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
    assert tfds_builder.prepare(folder, prepared.parents[1]) == prepared
    assert times == {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
    idx.write(folder / NAMES[3], np.zeros(30, np.uint8))
    assert "other digits" in sentence(tfds_builder.prepare, folder, prepared.parents[1])


def test_a_dataset_without_a_test_set(any_digits, tmp_path):
    from tensorflow_datasets import features

    images = np.random.default_rng(0).integers(0, 256, (70, 28, 28), np.uint8)
    pairs = [(image, place % 10) for place, image in enumerate(images)]
    where = any_digits(
        tmp_path,
        features.Tensor(shape=(28, 28), dtype=np.uint8),
        features.Scalar(np.int64),
        train=pairs,
    )
    train, test = data.raw(f"tfds:{where}")
    assert (len(train.labels), len(test.labels)) == (60, 10)
    found = np.concatenate([train.images, test.images])[..., 0]
    assert sorted(image.tobytes() for image in found) == sorted(image.tobytes() for image in images)
    for image, label in zip(found, np.concatenate([train.labels, test.labels]), strict=True):
        assert np.array_equal(images[np.argmax((images == image).all((1, 2)))], image)
        assert np.argmax((images == image).all((1, 2))) % 10 == label


@pytest.mark.parametrize(
    ("shape", "dtype", "label", "part", "says"),
    [
        ((28, 28, 3), np.uint8, 1, "train", "28 x 28 x 3 uint8"),
        ((28, 28, 1), np.float32, 1, "train", "float32"),
        ((28, 28, 1), np.uint8, 10, "train", "label 10"),
        ((28, 28, 1), np.uint8, -1, "train", "label -1"),
        ((600, 20), np.uint8, 1, "train", "600 x 20 pixels"),
        ((28, 28), np.uint8, 1, "test", "no split train"),
        ((28, 28), np.uint8, "one", "train", "labels such as"),
    ],
)
def test_a_dataset_that_is_not_of_digits_is_told(
    shape, dtype, label, part, says, any_digits, tmp_path
):
    from tensorflow_datasets import features

    kind = features.Text() if isinstance(label, str) else features.Scalar(np.int64)
    pairs = [(np.zeros(shape, dtype), label)] * 2
    where = any_digits(tmp_path, features.Tensor(shape=shape, dtype=dtype), kind, **{part: pairs})
    assert says in sentence(data.raw, f"tfds:{where}")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mnist", "tfds build mnist"),
        ("mnst", "mean tfds:mnist?"),
        ("no such thing", "cannot be read"),
        ("./missing", "dataset_info.json"),
    ],
)
def test_a_dataset_that_is_not_there_is_told(name, says, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    assert says in sentence(data.load, f"tfds:{name}")


def test_a_folder_above_a_dataset_is_put_right(prepared):
    assert f"mean tfds:{prepared}?" in sentence(data.load, f"tfds:{prepared.parent}")
    assert f"mean tfds:{prepared}?" in sentence(data.load, f"{prepared}")


@pytest.mark.parametrize(
    "name",
    ["digits_from_idx-train.array_record-00000-of-00001", "features.json", "dataset_info.json"],
)
@pytest.mark.parametrize("harm", ["cut", "gone"])
def test_a_damaged_dataset_is_told(name, harm, prepared):
    path = prepared / name
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    assert str(prepared) in sentence(data.load, f"tfds:{prepared}")


# Files


def test_a_file_is_replaced_in_one_move(tmp_path):
    path = tmp_path / "new" / "folder" / "x"
    files.write(path, b"old")
    assert path.stat().st_mode & 0o777 == 0o666 & ~current_umask()
    (tmp_path / "link").symlink_to(path)
    files.write(tmp_path / "link", b"new")
    assert path.read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()
    assert list(path.parent.iterdir()) == [path]


def test_no_room_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    files.write(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        said = sentence(files.write, path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(path) in said
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_takes_no_file_is_told_beforehand(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for place in ("file/x", "file/y/x", "folder", "pipe"):
        assert str(tmp_path / place) in sentence(files.check, tmp_path / place)
        assert str(tmp_path / place) in sentence(files.write, tmp_path / place, b"")
    files.check(tmp_path / "new" / "x")
    assert not (tmp_path / "new").exists()


def test_a_name_that_cannot_be_is_told(tmp_path):
    path = tmp_path / ("x" * 300)
    assert "too long" in sentence(files.check, path)
    assert "too long" in sentence(files.write, path, b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_told(tmp_path):
    (tmp_path / "read").mkdir(mode=0o500)
    (tmp_path / "shut").mkdir(mode=0o000)
    for place in ("read/x", "read/new/x", "shut/x", "shut/new/x"):
        assert "ermission" in sentence(files.check, tmp_path / place)
        assert "ermission" in sentence(files.write, tmp_path / place, b"")


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
