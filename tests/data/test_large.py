"""Data sets of too many images for memory, in small: a few hundred images are too many here."""

import os
import shutil

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from jaxgen import cli, config, data
from jaxgen.classes import DIGITS
from jaxgen.data import batches, large, mnist, tfds_writer, writers
from jaxgen.data.sets.classes import LETTERS
from jaxgen.data.split import Contents, Split
from jaxgen.errors import UserError
from jaxgen.training import loop
from jaxgen.training.folder import RunFolder
from tests.conftest import flags
from tests.data.told import equal, sentence
from tests.runs import QUIET, Listener, final, metrics, run, same

COUNT, TESTS = 600, 90
EVERYTHING = dict.fromkeys(("SAMPLE", "HELD_OUT", "TEST"), 10**9)


def on_their_side(images):
    return np.ascontiguousarray(images.swapaxes(1, 2))


CHANGES = (np.copy, on_their_side, np.invert)


@pytest.fixture
def few(monkeypatch):
    """A function: from now on, so many images are held in memory, and samples are of all."""

    def hold(most):
        monkeypatch.setattr(large, "MOST", most)
        for name, count in EVERYTHING.items():
            monkeypatch.setattr(large, name, count)

    monkeypatch.setattr(large, "PIECE", 70)
    return hold


def written(folder, kind, names=DIGITS, test=TESTS, change=lambda images: images):
    """MNIST's first images in a folder, as jaxgen writes them; the source."""
    (images, labels), tests = mnist.raw()
    folder.mkdir()
    writer = writers.FORMATS[kind](folder, names)
    if test:
        writer.begin(Split(change(tests.images[:test]), tests.labels[:test]))
        writer.put(0, Split(change(images[:COUNT]), labels[:COUNT]))
    elif kind == "parquet":
        writer.put(0, Split(change(images[:COUNT]), labels[:COUNT]))
    else:
        shards = tfds_writer.Shards(folder, names)
        shards.write("train", 0, Split(change(images[:COUNT]), labels[:COUNT]))
        shards.describe({"train": [COUNT]})
    return f"{'tfds' if kind == 'tfds' else 'files'}:{folder}"


def folders(cache):
    return [path for path in (cache / "streams").iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    ("kind", "change", "test"),
    [
        ("tfds", np.copy, 0),
        # Without test images, those of TFDS are chosen in memory by the images as they lie there.
        *((kind, change, TESTS) for kind in ("tfds", "parquet") for change in CHANGES),
        *(("parquet", change, 0) for change in CHANGES),
    ],
)
def test_a_stream_has_the_images_that_memory_would_have(few, tmp_path, kind, change, test):
    source = written(tmp_path / "set", kind, test=test, change=change)
    lines, again = [], []
    whole = data.load(source, lines.append)
    assert whole.stream is None
    few(COUNT - 1)
    for said in ([], again):
        streamed = data.load(source, said.append)
        assert equal(streamed[1:4], whole[1:4]) and streamed.names == whole.names
    assert again[: len(lines)] == lines  # also when it has been read before
    assert f"sample of {streamed.count}" in again[-1]
    rows = np.random.default_rng(0).integers(0, whole.count, 50)
    every = Split(whole.train.images[rows], whole.train.labels[rows])
    assert equal((streamed.take(rows), whole.take(rows)), (every, every))
    assert streamed.count == whole.count and streamed.learned == whole.learned
    assert Contents.of(streamed)[1:] == Contents.of(whole)[1:]


def test_samples_stand_for_all_images_but_in_the_steps_of_training(few, tmp_path, monkeypatch):
    source = written(tmp_path / "set", "parquet")
    few(100)
    for name, count in {"SAMPLE": 200, "HELD_OUT": 20, "TEST": 30}.items():
        monkeypatch.setattr(large, name, count)
    digits = data.load(source)
    assert [len(part.labels) for part in digits[1:4]] == [200, 20, 30]
    assert digits.count == COUNT - 20 == sum(Contents.of(digits).train)
    every = digits.stream.read(np.arange(digits.count))
    seen = {image.tobytes() for image in every.images}
    assert len(seen) == digits.count
    assert {image.tobytes() for image in digits.train.images} < seen
    assert not {image.tobytes() for image in digits.valid.images} & seen
    shares = np.bincount(digits.train.labels) / 200 - np.bincount(every.labels) / digits.count
    assert abs(shares).max() < 0.01


def test_the_steps_get_their_batches_in_order_from_any_step_on(few, tmp_path):
    few(100)
    digits = data.load(written(tmp_path / "set", "tfds"))
    for start in (0, 7):
        reader = digits.stream.steps(3, 90, start, 10)
        for step in range(start, 20):
            wanted = batches.indices(3, step, step + 1, 90, digits.count)[0]
            assert equal((next(reader),), (digits.stream.read(wanted),))
        reader.close()


def test_training_on_a_stream_is_training_from_memory_bit_for_bit(few, tmp_path, optimised):
    source = written(tmp_path / "set", "tfds")
    made = {"data": source, "steps": 9, "batch": 32, "save_every": 4, "sample_every": 0}
    recipe = config.changed(config.recipe("cvae"), {**made, "net": {"layers": (8, 8)}})
    assert run(recipe, tmp_path / "memory") == 0
    few(COUNT - 1)
    assert run(recipe, tmp_path / "stream") == 0
    assert same(final(recipe, tmp_path / "memory"), final(recipe, tmp_path / "stream"))
    assert metrics(tmp_path / "memory") == metrics(tmp_path / "stream")
    shutil.rmtree(tmp_path / "stream" / "checkpoints" / "9")  # as if stopped at step 8
    shutil.rmtree(tmp_path / "stream" / "checkpoints" / "8")
    assert run(recipe, tmp_path / "stream") == 0
    assert same(final(recipe, tmp_path / "memory"), final(recipe, tmp_path / "stream"))


def test_several_recipes_learn_from_a_stream_in_one_program(few, tmp_path, optimised):
    source = written(tmp_path / "set", "parquet")
    made = {"data": source, "steps": 5, "batch": 16, "net": {"layers": (8, 8)}}
    recipes = [config.changed(config.recipe("vae"), {**made, "seed": seed}) for seed in (0, 1)]
    memory, streamed = (
        [RunFolder(tmp_path / f"{way}-{seed}") for seed in (0, 1)] for way in ("memory", "stream")
    )
    assert loop.train_apart(recipes, memory, QUIET) == [None] * 2
    few(COUNT - 1)
    assert loop.train_apart(recipes, streamed, QUIET) == [None] * 2
    for recipe, one, other in zip(recipes, memory, streamed, strict=True):
        assert same(final(recipe, one.path), final(recipe, other.path))


def test_a_set_that_changes_is_read_anew_and_replaces_what_was_kept(few, tmp_path, cache):
    source = written(tmp_path / "set", "parquet")
    few(100)
    before = data.load(source)
    first = before.take(np.arange(9))
    shutil.rmtree(tmp_path / "set")
    written(tmp_path / "set", "parquet", change=lambda images: images // 2)
    after = data.load(source)
    assert after.stream.contents.sha256 != before.stream.contents.sha256
    assert after.train.images.max() < 128
    assert folders(cache) == [after.stream.path.parent]
    assert equal((before.take(np.arange(9)),), (first,))  # by a training that goes on meanwhile


def test_labels_and_names_in_other_files_are_watched_too(few, tmp_path):
    source = written(tmp_path / "set", "parquet", test=0)
    path = tmp_path / "set" / "train-00000.parquet"
    table = parquet.read_table(path)
    labels = table["label"].to_numpy()
    parquet.write_table(table.drop(["label"]), path)
    few(100)
    for shift in (0, 1):
        np.save(tmp_path / "set" / "train-labels.npy", (labels + shift) % 10)
        digits = data.load(source)
        counts = np.bincount((labels + shift) % 10) - np.bincount(digits.valid.labels)
        test = np.bincount(digits.test.labels)
        assert (counts - test).tolist() == [*Contents.of(digits).train]


@pytest.mark.parametrize("damage", ["images", "parts"])
def test_what_is_cut_off_in_the_cache_is_read_anew(few, tmp_path, cache, damage):
    source = written(tmp_path / "set", "tfds")
    few(100)
    before = data.load(source)
    os.truncate(before.stream.path.with_name(damage), 1000)
    assert equal(data.load(source)[1:4], before[1:4])


def test_a_stream_whose_file_goes_while_it_is_read_ends_in_a_sentence(few, tmp_path):
    few(100)
    digits = data.load(written(tmp_path / "set", "tfds"))
    os.truncate(digits.stream.path, 1000)
    told = sentence(digits.stream.read, np.arange(50))
    assert f"{digits.stream.path}" in told and "cut off" in told
    again = data.load(digits.source)  # which is read anew
    again.stream.path.unlink()
    reader = again.stream.steps(0, 8, 0, 3)
    assert "No such file" in sentence(next, reader)
    reader.close()


def test_nothing_half_read_stays_where_reading_fails(few, tmp_path, cache, monkeypatch):
    source = written(tmp_path / "set", "parquet")
    few(100)

    def fail(*args):
        raise UserError("a picture is damaged")

    with monkeypatch.context() as patch:
        patch.setattr(large, "_finish", fail)
        assert sentence(data.load, source) == "a picture is damaged"
    assert folders(cache) == []
    kept = data.load(source).stream.path.parent
    killed = kept.with_name(f"{kept.name}-abc.tmp")  # of a process that was killed
    killed.mkdir()
    os.utime(tmp_path / "set" / "train-00000.parquet", (0, 0))
    full = shutil.disk_usage(tmp_path)

    def usage(path):  # there is room when these are gone
        return full._replace(free=10**12 if folders(cache) == [] else 0)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    new = data.load(source).stream.path.parent
    assert folders(cache) == [new] != [kept]


def test_a_disk_without_room_is_told_before_the_first_image_is_read(few, tmp_path, monkeypatch):
    source = written(tmp_path / "set", "tfds")
    few(100)
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    monkeypatch.setattr(large, "_keep", None)
    told = sentence(data.load, source)
    assert "need 0.0 GB" in told and "XDG_CACHE_HOME" in told


def test_labels_of_a_stream_are_checked_as_those_in_memory(few, tmp_path):
    few(100)
    digits = mnist.raw()[0]
    writer = writers.FORMATS["parquet"](tmp_path, LETTERS)
    writer.put(0, Split(digits.images[:COUNT], np.full(COUNT, 3, np.int32)))
    assert "one class alone" in sentence(data.load, f"files:{tmp_path}")


def test_a_damaged_file_of_a_stream_is_named(few, tmp_path, cache):
    source = written(tmp_path / "set", "parquet")
    few(100)
    path = tmp_path / "set" / "train-00000.parquet"
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\0" * 2000 + content[middle + 2000 :])
    told = sentence(data.load, source)
    assert f"{path}" in told and "XDG_CACHE_HOME" not in told
    assert folders(cache) == []


def test_the_range_of_pixels_is_that_of_the_whole_file(few, tmp_path):
    images = mnist.raw()[0].images[:COUNT, ..., 0] / np.float32(127.5) - 1
    images[-100:] = np.abs(images[-100:])  # nothing below 0 in the last pieces
    rows = pa.array(images.reshape(COUNT, -1).tolist(), pa.list_(pa.float32()))
    table = pa.table({"image": rows, "label": pa.array(mnist.raw()[0].labels[:COUNT])})
    parquet.write_table(table, tmp_path / "train.parquet")
    whole = data.load(f"files:{tmp_path}")
    few(100)
    streamed = data.load(f"files:{tmp_path}")
    assert equal(streamed[1:4], whole[1:4]) and whole.train.images.max() == 255


def test_the_split_of_earlier_versions_has_no_stream(few, tmp_path):
    source = written(tmp_path / "set", "parquet")
    few(100)
    assert "leave out strided:" in sentence(data.load, f"strided:{source}")


@pytest.mark.parametrize("most", [100, 10**6])
def test_shards_without_images_are_left_out(few, tmp_path, most):
    source = written(tmp_path / "set", "parquet")
    empty = parquet.read_table(tmp_path / "set" / "train-00000.parquet").slice(0, 0)
    for name in ("train-00001.parquet", "test.parquet"):
        parquet.write_table(empty, tmp_path / "set" / name)
    few(most)
    lines = []
    digits = data.load(source, lines.append)
    assert len(digits.test.labels) == COUNT // 7
    assert sum("has no images: left out" in line for line in lines) == 2


def test_the_raw_images_of_a_stream_are_not_brought_into_memory(few, tmp_path):
    source = written(tmp_path / "set", "tfds")
    few(100)
    assert "600 training images, too many for memory" in sentence(data.raw, source)


def test_a_stream_is_checked_by_its_sample(few, tmp_path, capsys, monkeypatch):
    source = written(tmp_path / "set", "parquet")
    few(100)
    monkeypatch.setattr(large, "SAMPLE", 300)
    assert cli.main.run(["digits", "check", source, "--out", f"{tmp_path}/set.png"]) == 0
    told = capsys.readouterr().out
    assert "550 images to learn from" in told and "training images: 350" in told


def test_a_data_set_of_drawn_images_can_hold_all_real_ones_of_a_stream(few, tmp_path, monkeypatch):
    source = written(tmp_path / "set", "parquet")
    few(100)
    monkeypatch.setattr(large, "SAMPLE", 200)
    monkeypatch.chdir(tmp_path)
    args = ["--data", source, "--steps=2", "--batch=8", *flags("cvae")]
    assert cli.main.run(["train", "--model=cvae", "--run=small", *args]) == 0
    order = ["--count=20", "--format=npz", "--real", "--out=made"]
    assert cli.main.run(["apply", "augment", "--run=small", *order]) == 0
    digits = data.load(source)
    with np.load("made/train-00000.npz") as made:
        assert len(made["labels"]) == digits.count + 20
        found = Split(made["images"][: digits.count, ..., None], made["labels"][: digits.count])
    assert equal((found,), (digits.take(np.arange(digits.count)),))


def test_letters_of_a_stream_keep_their_names(few, tmp_path):
    few(100)
    source = written(tmp_path / "set", "tfds", names=LETTERS)
    assert data.load(source).names == LETTERS[:10]


def test_a_model_of_a_stream_is_trained_and_says_how_many_images_it_has(few, tmp_path):
    source, console = written(tmp_path / "set", "parquet"), Listener()
    few(100)
    made = {"data": source, "steps": 2, "batch": 16, "net": {"layers": (16,)}}
    recipe = config.changed(config.recipe("ae"), made)
    assert run(recipe, tmp_path / "run", console) == 0
    assert any("550 digits of files:" in line for line in console.lines)
    model = RunFolder(tmp_path / "run")
    assert model.digits(recipe).count == 550  # and are the same when they are loaded again
