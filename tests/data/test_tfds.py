"""Digits of TensorFlow Datasets, as files that these tests make."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from jaxgen import data
from jaxgen.classes import DIGITS
from jaxgen.data import pictures, tfds, tfds_writer
from jaxgen.data.split import Split
from tests.data.told import equal, sentence


@pytest.fixture(scope="module")
def prepare():
    """A function (data_dir, feature of the image, feature of the label, pairs of each part) that
    prepares a dataset ``any_digits`` as TFDS does, and returns its folder."""
    import tensorflow_datasets

    class AnyDigits(tensorflow_datasets.core.GeneratorBasedBuilder):
        VERSION = tensorflow_datasets.core.Version("2.1.0")
        code_path = None

        def __init__(self, *, features, parts, **kwargs):
            self.features, self.parts = features, parts
            super().__init__(**kwargs, file_format="array_record")

        def _info(self):
            return tensorflow_datasets.core.DatasetInfo(
                builder=self,
                features=tensorflow_datasets.features.FeaturesDict(self.features),
                supervised_keys=tuple(self.features),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager):
            return {name: enumerate(examples) for name, examples in self.parts.items()}

        def _generate_examples(self):
            raise NotImplementedError

    def prepare(data_dir, image, label, **parts):
        examples = {
            name: [{"pixels": one, "digit": digit} for one, digit in pairs]
            for name, pairs in parts.items()
        }
        builder = AnyDigits(
            features={"pixels": image, "digit": label}, parts=examples, data_dir=data_dir
        )
        with tfds.quiet():
            builder.download_and_prepare()
        return Path(builder.data_dir)

    return prepare


@pytest.fixture
def prepared(folder, tmp_path, prepare):
    """The digits of ``folder``."""
    from tensorflow_datasets import features

    parts = {
        name: [
            (io.BytesIO(pictures.png(image[..., 0])), label)
            for image, label in zip(*part, strict=True)
        ]
        for name, part in zip(("train", "test"), data.raw(f"idx:{folder}"), strict=True)
    }
    image, label = features.Image(shape=(28, 28, 1)), features.ClassLabel(num_classes=10)
    return prepare(tmp_path / "prepared", image, label, **parts)


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_split_without_images(tmp_path, empty):
    shards = tfds_writer.Shards(tmp_path, DIGITS)
    digits = data.load("synthetic:60").train
    parts = {part: Split(*digits) for part in ("train", "test")}
    parts[empty] = Split(digits.images[:0], digits.labels[:0])
    for part, own in parts.items():
        shards.write(part, 0, own)
    shards.describe({part: [len(own.labels)] for part, own in parts.items()})
    if empty == "train":
        assert "no images in its split train" in sentence(data.load, f"tfds:{tmp_path}")
    else:  # as if it were not there
        found = data.load(f"tfds:{tmp_path}")
        assert len(found.test.labels) == len(digits.labels) // 7


def test_tfds_gives_back_what_was_prepared(folder, prepared, tmp_path, monkeypatch):
    wanted = data.raw(f"idx:{folder}")
    assert equal(data.raw(f"tfds:{prepared}"), wanted)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    assert equal(data.raw("tfds:any_digits"), wanted)
    assert equal(data.raw("tfds:any_digits:2.1.0"), wanted)
    assert [len(part.labels) for part in data.load("tfds:any_digits")[1:4]] == [110, 10, 30]


def test_tfds_reads_once(prepared, cache, monkeypatch):
    first = data.raw(f"tfds:{prepared}")
    assert len(list(cache.iterdir())) == 1
    read = tfds._read
    monkeypatch.delattr(tfds, "_read")
    assert equal(data.raw(f"tfds:{prepared}"), first)
    os.utime(prepared / "dataset_info.json", ns=(1, 1))  # something was prepared anew
    with pytest.raises(NameError):
        data.raw(f"tfds:{prepared}")
    monkeypatch.setattr(tfds, "_read", read, raising=False)
    assert equal(data.raw(f"tfds:{prepared}"), first)
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_cache_is_made_anew(prepared, cache):
    first = data.raw(f"tfds:{prepared}")
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 30):
        for harmed in (whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :], whole[:at]):
            path.write_bytes(harmed)
            assert equal(data.raw(f"tfds:{prepared}"), first)
        assert path.read_bytes() == whole


def test_a_cache_that_cannot_be_written_does_not_matter(prepared, folder, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert equal(data.raw(f"tfds:{prepared}"), data.raw(f"idx:{folder}"))


def test_a_dataset_without_a_test_set(prepare, tmp_path):
    from tensorflow_datasets import features

    images = np.random.default_rng(0).integers(0, 256, (70, 28, 28), np.uint8)
    pairs = [(image, place % 10) for place, image in enumerate(images)]
    image = features.Tensor(shape=(28, 28), dtype=np.uint8)
    where = prepare(tmp_path, image, features.Scalar(np.int64), train=pairs)
    parts = data.raw(f"tfds:{where}")
    assert [len(part.labels) for part in parts] == [60, 10]
    known = {image.tobytes(): label for image, label in pairs}
    found = {i.tobytes(): label for part in parts for i, label in zip(*part, strict=True)}
    assert found == known


@pytest.mark.parametrize(
    ("shape", "dtype", "label", "part", "says"),
    [
        ((28, 28, 3), np.uint8, 1, "train", "28 x 28 x 3 uint8"),
        ((28, 28, 1), np.float32, 1, "train", "float32"),
        ((28, 28, 1), np.uint8, 10, "train", "one class alone, 10"),
        ((28, 28, 1), np.uint8, -1, "train", "label -1"),
        ((600, 20), np.uint8, 1, "train", "600 x 20 pixels"),
        ((28, 28), np.uint8, 1, "test", "no split train"),
        ((28, 28), np.uint8, "one", "train", "labels such as"),
    ],
)
def test_a_dataset_of_other_things_is_refused(shape, dtype, label, part, says, prepare, tmp_path):
    from tensorflow_datasets import features

    kind = features.Text() if isinstance(label, str) else features.Scalar(np.int64)
    pairs = [(np.zeros(shape, dtype), label)] * 2
    where = prepare(tmp_path, features.Tensor(shape=shape, dtype=dtype), kind, **{part: pairs})
    assert says in sentence(data.raw, f"tfds:{where}")


def test_a_missing_dataset_is_refused(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    for source, says in (
        ("tfds:mnist", "tfds build mnist"),
        ("tfds:mnst", "mean tfds:mnist?"),
        ("tfds:no such thing", "cannot be read"),
        ("tfds:./missing", "dataset_info.json"),
        (f"tfds:{prepared.parent}", f"mean tfds:{prepared}?"),
        (f"{prepared}", f"mean tfds:{prepared}?"),
    ):
        assert says in sentence(data.load, source)


def test_a_damaged_dataset_is_refused(prepared):
    records = "any_digits-train.array_record-00000-of-00001"
    for name in (records, "features.json", "dataset_info.json"):
        path, whole = prepared / name, (prepared / name).read_bytes()
        path.write_bytes(whole[:100])
        assert str(prepared) in sentence(data.load, f"tfds:{prepared}")
        path.unlink()
        assert str(prepared) in sentence(data.load, f"tfds:{prepared}")
        path.write_bytes(whole)
    assert data.load(f"tfds:{prepared}").train.images.shape == (110, 28, 28, 1)
