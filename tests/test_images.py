"""Pixels, pictures and files: what is written is what was given."""

import errno
import io
import json
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import GifImagePlugin, Image
from pyarrow import parquet

from jaxgen import data, images
from jaxgen.classes import ANY
from jaxgen.data import idx
from jaxgen.errors import UserError

DIGITS = np.random.default_rng(0).uniform(-0.1, 1.1, (23, 28, 28, 1)).astype(np.float32)
BYTES = images.to_uint8(DIGITS)[..., 0]
LABELS = np.arange(23, dtype=np.int32) % 10
SOME_LABELS = np.where(LABELS == 4, ANY, LABELS)  # the fours were drawn as any digit


def shown(file) -> np.ndarray:
    with Image.open(file) as found:
        return np.asarray(found.convert("L"))


# Pixels


def test_pixels_are_rounded_and_cut_off():
    import jax.numpy as jnp

    found = images.to_uint8(np.array([-0.2, 0, 0.4999 / 255, 0.5001 / 255, 1, 1.5], np.float32))
    assert found.tolist() == [0, 0, 0, 1, 255, 255]
    assert images.to_uint8(jnp.array([0.0, 0.5, 1.0], jnp.bfloat16)).tolist() == [0, 128, 255]
    with pytest.raises(TypeError, match="int64"):
        images.to_uint8(np.array([1]))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_bytes_come_back(kind):
    every = np.arange(256, dtype=np.uint8)
    floats = images.to_float(every)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (0, 1)
    assert np.array_equal(images.to_uint8(floats.astype(kind)), every)
    assert images.to_uint8(every) is every


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_refused(wrong, tmp_path):
    broken = DIGITS.copy()
    broken[3, 4, 5] = wrong
    for name in (*(f"x{ending}" for ending in images.ENDINGS), "x/"):
        with pytest.raises(UserError, match="1 of 18032 pixels"):
            images.save(f"{tmp_path}/{name}", broken, LABELS)
    assert not list(tmp_path.iterdir())


# Pictures


@pytest.mark.parametrize(
    ("count", "columns"),
    [(1, 1), (2, 2), (3, 3), (7, 3), (10, 5), (23, 5), (64, 8), (80, 10), (100, 10), (1000, 40)],
)
def test_columns_make_full_rows_near_a_square(count, columns):
    rows = -(-count // columns)
    digits = np.zeros((count, 28, 28, 1), np.uint8)
    assert images.grid(digits, scale=1, gap=0).shape == (28 * rows, 28 * columns)


@given(st.integers(1, 12), st.none() | st.integers(1, 14), st.integers(0, 3), st.integers(1, 3))
def test_a_grid_holds_every_image_in_its_place(count, columns, gap, scale):
    digits = np.random.default_rng(count).integers(0, 256, (count, 5, 4, 1), np.uint8)
    picture = images.grid(digits, columns, gap, scale)
    columns = columns or (picture.shape[1] - gap) // (4 * scale + gap)
    drawn = np.zeros(picture.shape, bool)
    for place, digit in enumerate(digits[..., 0]):
        top = gap + place // columns * (5 * scale + gap)
        left = gap + place % columns * (4 * scale + gap)
        at = np.s_[top : top + 5 * scale, left : left + 4 * scale]
        assert np.array_equal(picture[at], np.kron(digit, np.ones((scale, scale), np.uint8)))
        drawn[at] = True
    assert np.all(picture[~drawn] == images.LINE)


def test_pictures_have_a_size_that_a_person_can_see():
    for count, size in ((1, (116, 116)), (64, (914, 914)), (1000, (752, 1202))):
        assert images.grid(np.zeros((count, 28, 28))).shape == size
    with pytest.raises(ValueError, match="no images"):
        images.grid(DIGITS[:0])
    with pytest.raises(UserError, match="10001 images are too many"):
        images.grid(np.zeros((10001, 1, 1, 1)))


# Files


def test_png_is_the_grid_and_replaces_a_file(tmp_path):
    path = tmp_path / "new" / "folder" / "x.PNG"
    images.save(path, DIGITS[:1], LABELS[:1])
    images.save(path, DIGITS, LABELS)
    picture = images.grid(DIGITS)
    assert path.read_bytes() == images.png(picture)
    assert np.array_equal(shown(path), picture)
    images.save(path, DIGITS, LABELS, dark=True)
    assert np.array_equal(shown(path), 255 - picture)
    assert len(list(path.parent.iterdir())) == 1


@pytest.mark.parametrize("dark", [False, True])
def test_npz_holds_images_and_labels(dark, tmp_path):
    images.save(tmp_path / "x.npz", DIGITS, LABELS.astype(np.int64), dark=dark)
    with np.load(tmp_path / "x.npz") as found:
        assert sorted(found) == ["images", "labels"]
        assert (found["images"].dtype, found["labels"].dtype) == (np.uint8, np.int32)
        assert np.array_equal(found["images"], 255 - BYTES if dark else BYTES)
        assert np.array_equal(found["labels"], LABELS)


def test_gif_shows_the_images_one_after_another(tmp_path):
    images.save(tmp_path / "x.gif", DIGITS[:5], LABELS[:5])
    with Image.open(tmp_path / "x.gif") as found:
        assert isinstance(found, GifImagePlugin.GifImageFile)
        assert found.n_frames == 5
        for place in (0, 2, 4):
            found.seek(place)
            frame = np.asarray(found.convert("L"))
            assert np.array_equal(frame, images.film(DIGITS[place : place + 1, None])[0])
            assert frame.shape[1] >= 800


def test_gif_rests_on_the_last_frame(tmp_path):
    frames = (np.arange(5)[:, None, None] * np.full((1, 30, 40), 50)).astype(np.uint8)
    images.save_film(tmp_path / "x.gif", frames, milliseconds=60, hold_last=900)
    with Image.open(tmp_path / "x.gif") as found:
        assert found.info["loop"] == 0  # for ever
        durations = []
        for place, frame in enumerate(frames):
            found.seek(place)
            assert np.array_equal(np.asarray(found.convert("L")), frame)
            durations.append(found.info["duration"])
    assert durations == [60, 60, 60, 60, 900]


def test_mp4_holds_the_frames(tmp_path, monkeypatch):
    frames = images.film(DIGITS[:4, None])[:, :-1, :-1]  # of odd sides
    images.save_film(tmp_path / "x.mp4", frames, milliseconds=100, hold_last=300)
    reader = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", f"{tmp_path}/x.mp4"]
    done = subprocess.run(
        [*reader, *["-f", "rawvideo", "-pix_fmt", "gray", "-"]], capture_output=True
    )
    height, width = (side + side % 2 for side in frames.shape[1:])
    assert f"{width}x{height}" in done.stderr.decode() and "10 fps" in done.stderr.decode()
    found = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    assert len(found) == 6  # the last one for as long as three
    expected = frames[[0, 1, 2, 3, 3, 3]].astype(float)
    assert np.abs(found[:, : frames.shape[1], : frames.shape[2]] - expected).mean() < 4
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"\.mp4 needs the package imageio_ffmpeg: .* imageio-ffmpeg; or"
    ):
        images.check(tmp_path / "y.mp4")
    images.check(tmp_path / "y.gif")


def test_parquet_has_the_features_that_hugging_face_reads(tmp_path):
    images.save(tmp_path / "x.parquet", DIGITS, SOME_LABELS)
    table = parquet.read_table(tmp_path / "x.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"} and features["label"]["names"][3] == "3"
    assert table["label"].to_pylist() == np.where(LABELS == 4, -1, LABELS).tolist()
    assert np.array_equal(shown(io.BytesIO(table["image"][7].as_py()["bytes"])), BYTES[7])


def test_csv_is_a_line_a_digit(tmp_path):
    images.save(tmp_path / "x.csv", DIGITS, LABELS)
    head, *lines = (tmp_path / "x.csv").read_text().splitlines()
    assert head.startswith("label,pixel0,pixel1,") and head.endswith(",pixel783")
    rows = np.array([line.split(",") for line in lines], int)
    assert np.array_equal(rows, np.column_stack([LABELS, BYTES.reshape(23, -1)]))


def test_idx_is_a_pair_that_loads_as_a_source(tmp_path):
    where = images.save(tmp_path / "train.idx.gz", DIGITS, LABELS)
    images.save(tmp_path / "t10k.IDX.gz", DIGITS[:5], LABELS[:5])
    pair = [tmp_path / f"train-{name}.gz" for name in idx.NAMES]
    assert where == f"{pair[0]} and {pair[1]}"
    assert len(list(tmp_path.iterdir())) == 4
    train, test = data.raw(f"idx:{tmp_path}")
    assert np.array_equal(train.images[..., 0], BYTES)
    assert np.array_equal(train.labels, LABELS)
    assert np.array_equal(test.images, train.images[:5])


def test_a_pair_is_written_whole_or_not_at_all(tmp_path):
    images.save(tmp_path / "x.idx.gz", DIGITS, LABELS)
    (tmp_path / "x-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "x-labels-idx1-ubyte.gz").mkdir()
    before = (tmp_path / "x-images-idx3-ubyte.gz").read_bytes()
    with pytest.raises(UserError, match=r"x-images-idx3-ubyte\.gz exists already"):
        images.check(tmp_path / "x.idx.gz")
    with pytest.raises(UserError, match=r"x-labels-idx1-ubyte\.gz: it exists"):
        images.save(tmp_path / "x.idx.gz", DIGITS[:3], LABELS[:3])
    assert (tmp_path / "x-images-idx3-ubyte.gz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("by_digit", "there"), [(False, False), (False, True), (True, False)], ids=str
)
def test_a_folder_holds_an_image_a_file(by_digit, there, tmp_path):
    folder = tmp_path / "new" / "digits"
    if there:
        folder.mkdir(parents=True)
    path = folder if there else f"{folder}/"
    assert images.save(path, DIGITS, SOME_LABELS, by_digit=by_digit) == f"{folder}/, a PNG each"
    for place, (image, label) in enumerate(zip(BYTES, SOME_LABELS, strict=True)):
        digit = "any" if label == ANY else f"{label}"
        name = f"{digit}/{place:05}.png" if by_digit else f"{place:05}-{digit}.png"
        with Image.open(folder / name) as found:
            assert found.mode == "L" and np.array_equal(np.asarray(found), image)
    assert len(list(folder.rglob("*.png"))) == 23


def test_a_folder_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    count = 0

    def full(_):
        nonlocal count
        count += 1
        if count == 9:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        images.save(f"{tmp_path}/x/", DIGITS, LABELS)
    assert not list((tmp_path / "x").iterdir())


@pytest.mark.parametrize("ending", [*images.ENDINGS, images.FOLDER])
def test_equal_images_give_equal_files_whatever_the_time(ending, tmp_path, monkeypatch):
    images.save(f"{tmp_path}/one/x{ending}", DIGITS[:3], LABELS[:3])
    monkeypatch.setattr("time.time", lambda: 2e9)
    images.save(f"{tmp_path}/other/x{ending}", DIGITS[:3].copy(), LABELS[:3])
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "other")
    )
    assert one and one == other


KNOWN = r"\.png or \.npz or .*\.gif or .*\.idx\.gz, or in / for a folder"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        *((name, KNOWN) for name in ("x.jpg", "x", "x.npz.txt", ".png", "x.idx", ".idx.gz")),
        ("folder", r"already holds mine\.txt"),
        ("folder/", r"already holds mine\.txt"),
        ("folder/mine.txt/", "is not a folder"),
        ("folder/mine.txt/x.png", "is not a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(name, says, tmp_path):
    mine = tmp_path / "folder" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    for call in (images.check, lambda path: images.save(path, DIGITS, LABELS)):
        with pytest.raises(UserError, match=says):
            call(f"{tmp_path}/{name}")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"
    images.check(tmp_path / "new" / "x.png")
    assert not (tmp_path / "new").exists()


def test_labels_must_match(tmp_path):
    with pytest.raises(ValueError, match="23 images have 22 labels"):
        images.save(tmp_path / "x.npz", DIGITS, LABELS[1:])
