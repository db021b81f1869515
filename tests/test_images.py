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
from jaxgen.data import idx
from jaxgen.errors import UserError

DIGITS = np.random.default_rng(0).uniform(-0.1, 1.1, (23, 28, 28, 1)).astype(np.float32)
LABELS = np.arange(23, dtype=np.int32) % 10


def test_pixels_are_rounded_and_cut_off():
    found = images.to_uint8(np.array([-0.2, 0, 0.4999 / 255, 0.5001 / 255, 1, 1.5], np.float32))
    assert found.tolist() == [0, 0, 0, 1, 255, 255]


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_bytes_come_back(kind):
    every = np.arange(256, dtype=np.uint8)
    floats = images.to_float(every)
    assert floats.dtype == np.float32
    assert (floats[0], floats[-1]) == (0, 1)
    assert np.array_equal(images.to_uint8(floats.astype(kind)), every)
    assert images.to_uint8(every) is every


def test_arrays_of_a_device_are_taken():
    import jax.numpy as jnp

    assert images.to_uint8(jnp.array([0.0, 0.5, 1.0], jnp.bfloat16)).tolist() == [0, 128, 255]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_pixel_is_told(wrong, tmp_path):
    broken = DIGITS.copy()
    broken[3, 4, 5] = wrong
    for name in (*(f"x{ending}" for ending in images.ENDINGS), "x/"):
        with pytest.raises(UserError, match="1 of 18032 pixels"):
            images.save(f"{tmp_path}/{name}", broken, LABELS)
    assert not list(tmp_path.iterdir())
    with pytest.raises(TypeError, match="int64"):
        images.to_uint8(np.array([1]))


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
    assert images.grid(np.zeros((1, 28, 28, 1))).shape == (116, 116)
    assert images.grid(np.zeros((64, 28, 28))).shape == (914, 914)
    assert images.grid(np.zeros((1000, 28, 28))).shape == (752, 1202)


def test_a_picture_of_nothing_or_of_too_much_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no images"):
        images.grid(DIGITS[:0])
    with pytest.raises(UserError, match="10001 images are too many"):
        images.save(tmp_path / "x.png", np.zeros((10001, 1, 1, 1)), np.zeros(10001))


def test_png_is_the_grid(tmp_path):
    path = tmp_path / "new" / "folder" / "x.PNG"
    images.save(path, DIGITS, LABELS)
    picture = images.grid(DIGITS)
    assert path.read_bytes() == images.png(picture)
    with Image.open(path) as found:
        assert np.array_equal(np.asarray(found), picture)


def test_npz_holds_images_and_labels(tmp_path):
    images.save(tmp_path / "x.npz", DIGITS, LABELS.astype(np.int64))
    with np.load(tmp_path / "x.npz") as found:
        assert sorted(found) == ["images", "labels"]
        assert found["images"].shape == (23, 28, 28)
        assert (found["images"].dtype, found["labels"].dtype) == (np.uint8, np.int32)
        assert np.array_equal(found["images"], images.to_uint8(DIGITS)[..., 0])
        assert np.array_equal(found["labels"], LABELS)


def test_gif_shows_the_images_one_after_another(tmp_path):
    images.save(tmp_path / "x.gif", DIGITS, LABELS)
    with Image.open(tmp_path / "x.gif") as found:
        assert isinstance(found, GifImagePlugin.GifImageFile)
        assert found.n_frames == 23
        for place in (0, 11, 22):
            found.seek(place)
            shown = np.asarray(found.convert("L"))
            assert np.array_equal(shown, images.film(DIGITS[place : place + 1, None])[0])
            assert shown.shape[1] >= 800


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
    shown = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    assert len(shown) == 6  # the last one for as long as three
    expected = frames[[0, 1, 2, 3, 3, 3]].astype(float)
    assert np.abs(shown[:, : frames.shape[1], : frames.shape[2]] - expected).mean() < 4
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"\.mp4 needs a package more: .* imageio-ffmpeg; or"):
        images.check(tmp_path / "y.mp4")
    images.check(tmp_path / "y.gif")


def test_parquet_has_the_features_that_hugging_face_reads(tmp_path):
    labels = np.where(LABELS == 4, 10, LABELS)
    images.save(tmp_path / "x.parquet", DIGITS, labels)
    table = parquet.read_table(tmp_path / "x.parquet")
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"} and features["label"]["names"][3] == "3"
    assert table["label"].to_pylist() == np.where(LABELS == 4, -1, LABELS).tolist()
    with Image.open(io.BytesIO(table["image"][7].as_py()["bytes"])) as found:
        assert np.array_equal(np.asarray(found), images.to_uint8(DIGITS)[7, ..., 0])


def test_csv_is_a_line_a_digit(tmp_path):
    images.save(tmp_path / "x.csv", DIGITS, LABELS)
    head, *lines = (tmp_path / "x.csv").read_text().splitlines()
    assert head.startswith("label,pixel0,pixel1,") and head.endswith(",pixel783")
    rows = np.array([line.split(",") for line in lines], int)
    assert np.array_equal(rows[:, 0], LABELS)
    assert np.array_equal(rows[:, 1:], images.to_uint8(DIGITS).reshape(23, -1))


def test_ink_can_be_dark(tmp_path):
    images.save(tmp_path / "x.npz", DIGITS, LABELS, dark=True)
    with np.load(tmp_path / "x.npz") as found:
        assert np.array_equal(found["images"], 255 - images.to_uint8(DIGITS)[..., 0])
    images.save(tmp_path / "x.png", DIGITS, LABELS, dark=True)
    images.save(tmp_path / "y.png", DIGITS, LABELS)
    dark, light = (np.asarray(Image.open(tmp_path / name)) for name in ("x.png", "y.png"))
    assert np.array_equal(dark, 255 - light)


def test_a_folder_can_have_one_for_each_digit(tmp_path):
    labels = np.where(LABELS == 4, 10, LABELS)
    images.save(f"{tmp_path}/x/", DIGITS, labels, by_digit=True)
    for place, (image, label) in enumerate(zip(images.to_uint8(DIGITS), labels, strict=True)):
        path = tmp_path / "x" / ("any" if label == 10 else f"{label}") / f"{place:05}.png"
        with Image.open(path) as found:
            assert np.array_equal(np.asarray(found), image[..., 0])
    assert len(list((tmp_path / "x").rglob("*.png"))) == 23


def test_idx_is_a_pair_that_loads_as_a_source(tmp_path):
    told = images.save(tmp_path / "train.idx.gz", DIGITS, LABELS)
    images.save(tmp_path / "t10k.IDX.gz", DIGITS[:5], LABELS[:5])
    assert told == (
        f"{tmp_path}/train-images-idx3-ubyte.gz and {tmp_path}/train-labels-idx1-ubyte.gz"
    )
    assert len(list(tmp_path.iterdir())) == 4
    assert idx.read(tmp_path / "train-images-idx3-ubyte.gz").shape == (23, 28, 28)
    train, test = data.raw(f"idx:{tmp_path}")
    assert np.array_equal(train.images, images.to_uint8(DIGITS))
    assert np.array_equal(train.labels, LABELS)
    assert np.array_equal(test.images, train.images[:5])


def test_a_pair_is_written_whole_or_not_at_all(tmp_path):
    images.save(tmp_path / "x.idx.gz", DIGITS, LABELS)
    (tmp_path / "x-labels-idx1-ubyte.gz").unlink()
    (tmp_path / "x-labels-idx1-ubyte.gz").mkdir()
    before = (tmp_path / "x-images-idx3-ubyte.gz").read_bytes()
    with pytest.raises(UserError, match=r"x-images-idx3-ubyte\.gz is there already"):
        images.check(tmp_path / "x.idx.gz")
    with pytest.raises(UserError, match=r"x-labels-idx1-ubyte\.gz: it is there"):
        images.save(tmp_path / "x.idx.gz", DIGITS[:3], LABELS[:3])
    assert (tmp_path / "x-images-idx3-ubyte.gz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_holds_an_image_a_file(there, tmp_path):
    folder = tmp_path / "new" / "digits"
    if there:
        folder.mkdir(parents=True)
    labels = np.where(LABELS == 4, 10, LABELS)
    told = images.save(folder if there else f"{folder}/", DIGITS, labels)
    assert told == f"{folder}/, a PNG each"
    names = sorted(path.name for path in folder.iterdir())
    assert names[:6] == [f"0000{i}-{'any' if i == 4 else i}.png" for i in range(6)]
    assert len(names) == 23
    for name, image in zip(names, images.to_uint8(DIGITS), strict=True):
        with Image.open(folder / name) as found:
            assert (found.mode, found.size) == ("L", (28, 28))
            assert np.array_equal(np.asarray(found), image[..., 0])


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for call in (images.check, lambda path: images.save(path, DIGITS, LABELS)):
        for path in (tmp_path, f"{tmp_path}/"):
            with pytest.raises(UserError, match=r"already holds mine\.txt"):
                call(path)
        with pytest.raises(UserError, match="is no folder"):
            call(f"{tmp_path}/mine.txt/")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


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
    images.save(f"{tmp_path}/one/x{ending}", DIGITS, LABELS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    images.save(f"{tmp_path}/other/x{ending}", DIGITS.copy(), LABELS)
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "other")
    )
    assert one and one == other


def test_a_file_is_replaced(tmp_path):
    images.save(tmp_path / "x.png", DIGITS, LABELS)
    images.save(tmp_path / "x.png", DIGITS[:1], LABELS[:1])
    with Image.open(tmp_path / "x.png") as found:
        assert found.size == (116, 116)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "name", ["digits.jpg", "digits", "digits.npz.txt", ".png", "x.idx", ".idx.gz"]
)
def test_an_unknown_ending_is_refused_with_those_there_are(name, tmp_path):
    for call in (images.check, lambda path: images.save(path, DIGITS, LABELS)):
        with pytest.raises(
            UserError, match=r"\.png or \.npz or .*\.gif or .*\.idx\.gz, or in / for a folder"
        ):
            call(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_place_that_takes_no_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for call in (images.check, lambda path: images.save(path, DIGITS, LABELS)):
        with pytest.raises(UserError, match="is no folder"):
            call(tmp_path / "file" / "x.png")
    assert (tmp_path / "file").read_text() == "mine"
    images.check(tmp_path / "new" / "x.png")
    assert not (tmp_path / "new").exists()


def test_labels_must_match(tmp_path):
    with pytest.raises(ValueError, match="23 images have 22 labels"):
        images.save(tmp_path / "x.npz", DIGITS, LABELS[1:])


def test_png_is_bytes_of_a_picture():
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with Image.open(io.BytesIO(images.png(picture))) as found:
        assert np.array_equal(np.asarray(found), picture)
