"""Pictures and files: what is written is what was given."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxgen import images
from jaxgen.errors import UserError

DIGITS = np.random.default_rng(0).uniform(-0.1, 1.1, (23, 28, 28, 1)).astype(np.float32)
LABELS = np.arange(23, dtype=np.int32) % 10


def test_pixels_are_rounded_and_cut_off():
    found = images.to_uint8(np.array([-0.2, 0, 0.4999 / 255, 0.5001 / 255, 1, 1.5], np.float32))
    assert found.tolist() == [0, 0, 0, 1, 255, 255]
    with pytest.raises(ValueError, match="NaN"):
        images.to_uint8(np.array([np.nan], np.float32))


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (64, 8, 8), (80, 8, 10), (23, 5, 5)])
def test_a_grid_holds_every_digit_in_its_place(count, rows, columns):
    digits = np.random.default_rng(1).integers(0, 256, (count, 28, 28, 1), np.uint8)
    sheet = images.grid(digits)
    cell = 28 * images.SCALE + images.GAP
    assert sheet.shape == (rows * cell + images.GAP, columns * cell + images.GAP)
    for place in (0, count // 2, count - 1):
        top, left = (images.GAP + cell * n for n in divmod(place, columns))
        seen = sheet[top : top + cell - images.GAP : images.SCALE, left : left + cell - images.GAP : images.SCALE]
        assert np.array_equal(seen, digits[place, ..., 0])


def test_npz_holds_images_and_labels(tmp_path):
    path = tmp_path / "new" / "digits.npz"
    images.save(path, DIGITS, LABELS)
    with np.load(path) as found:
        assert found["images"].shape == (23, 28, 28)
        assert found["images"].dtype == np.uint8
        assert found["labels"].dtype == np.int32
        assert np.array_equal(found["images"], images.to_uint8(DIGITS)[..., 0])
        assert np.array_equal(found["labels"], LABELS)


@pytest.mark.parametrize("ending", images.ENDINGS)
def test_equal_images_give_equal_files(ending):
    assert images.ENDINGS[ending](DIGITS, LABELS) == images.ENDINGS[ending](DIGITS.copy(), LABELS)


def test_png_is_the_grid():
    picture = images.grid(DIGITS)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(images.png(picture)))), picture)


def test_gif_has_every_frame_and_rests_on_the_last(tmp_path):
    frames = (np.arange(5)[:, None, None] * np.full((1, 30, 30), 50)).astype(np.uint8)
    images.save_gif(tmp_path / "x.gif", frames)
    with Image.open(tmp_path / "x.gif") as found:
        assert found.n_frames == 5
        for place, frame in enumerate(frames):
            found.seek(place)
            assert np.array_equal(np.asarray(found.convert("L")), frame)
        assert found.info["duration"] == 1500


@pytest.mark.parametrize("name", ["digits.jpg", "digits", "digits.npz.txt"])
def test_an_unknown_ending_is_refused_with_those_there_are(name, tmp_path):
    with pytest.raises(UserError, match=r"\.png or \.npz"):
        images.save(tmp_path / name, DIGITS, LABELS)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError):
        images.save(tmp_path / "file" / "digits.png", DIGITS, LABELS)
    assert (tmp_path / "file").read_text() == "mine"
