"""Digits of TensorFlow Datasets, as files that these tests make."""

import os

import numpy as np
import pytest

from jaxgen import data
from jaxgen.data import idx, tfds
from tests.data.told import equal, sentence


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
    idx.write(folder / "t10k-labels-idx1-ubyte", np.zeros(30, np.uint8))
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
