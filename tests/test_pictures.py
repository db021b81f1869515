"""A person's own pictures become digits as MNIST's are, and what is no picture is refused."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from jaxgen import data
from jaxgen.data import Digits, Split, pictures, user_images
from jaxgen.errors import UserError

TEST = data.load("synthetic:240").test  # digits of strokes; MNIST's own are read where it matters


def packed(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def drawing(ink=(0, 0, 0), paper=(255, 255, 255), size=(640, 480), mode="RGB") -> Image.Image:
    """A seven."""
    image = Image.new(mode, size, paper)
    pen = ImageDraw.Draw(image)
    pen.line([(200, 100), (420, 100), (300, 400)], fill=ink, width=40, joint="curve")
    return image


SEVEN, WORDS = pictures.decode(packed(drawing()), "seven.png")


def near(image: np.ndarray, other: np.ndarray = SEVEN) -> bool:
    return np.abs(image.astype(float) - other).mean() < 6


def test_a_drawing_has_the_form_of_mnist():
    assert WORDS == ["inverted", "640 x 480 brought to 28 x 28"]
    assert (SEVEN.shape, SEVEN.dtype, SEVEN.max()) == ((28, 28, 1), np.uint8, 255)
    down, across = np.nonzero(SEVEN[..., 0])
    assert np.ptp(down) + 1 == 20 and np.ptp(across) + 1 <= 20
    mass = SEVEN[..., 0] / SEVEN.sum()
    assert abs(mass.sum(1) @ np.arange(28) - 14) <= 0.5
    assert abs(mass.sum(0) @ np.arange(28) - 14) <= 0.5


def clear(ink, paper=(0, 0, 0, 0)):
    return drawing(ink, paper, mode="RGBA")


def card() -> Image.Image:
    """A white card with a transparent rim."""
    card = Image.new("RGBA", (700, 540), (0, 0, 0, 0))
    card.paste(drawing().convert("RGBA"), (30, 30))
    return card


def shaded() -> Image.Image:
    """A photograph: grey, lit from a side, with grain and a speck of dirt."""
    grey = np.asarray(drawing().convert("L"), np.float32) / 255
    light = np.linspace(90, 210, 640)[None] * (0.35 + 0.65 * grey)
    light[440:446, 30:36] = 40
    return Image.fromarray(
        (light + np.random.default_rng(0).normal(0, 6, light.shape)).clip(0, 255).astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: drawing((255,) * 3, (0,) * 3), []),
        (lambda: drawing((20, 20, 120), (250, 240, 200)), ["grey", "inverted"]),
        (lambda: clear((0, 0, 0, 255)), ["laid on white", "inverted"]),
        (lambda: clear((255, 255, 255, 255)), ["laid on black"]),
        (card, ["laid on white", "inverted"]),
        (lambda: clear((0, 0, 0, 255), (255, 255, 255, 255)), ["inverted"]),
        (lambda: drawing().quantize(8), ["inverted"]),
        (lambda: drawing().convert("1"), ["inverted"]),
        (lambda: drawing().convert("LA"), ["inverted"]),
        (shaded, ["inverted"]),
    ],
)
def test_every_kind_of_picture_shows_the_same_seven(made, words):
    image, told = pictures.decode(packed(made()), "x.png")
    assert near(image)
    assert told[:-1] == words
    assert told[-1].endswith("brought to 28 x 28")


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_every_format_shows_the_same_seven(kind):
    assert near(pictures.decode(packed(drawing(), kind), "x")[0])


@pytest.mark.parametrize(
    ("white", "dtype", "kind"),
    [(65535, "u2", "TIFF"), (65535, "u2", "PNG"), (65535, "i4", "TIFF"), (1, "f4", "TIFF")],
)
def test_numbers_of_more_bits_are_grey_too(white, dtype, kind):
    grey = np.asarray(drawing().convert("L")) / 255
    made = Image.fromarray((white * grey).astype(dtype))
    image, words = pictures.decode(packed(made, kind), "x")
    assert near(image)
    assert words[:-1] == ["8 bits", "inverted"]


def test_a_camera_that_lay_on_its_side_is_heard():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = drawing().transpose(Image.Transpose.ROTATE_90)
    image, told = pictures.decode(packed(turned, "JPEG", exif=exif), "x.jpg")
    assert near(image)
    assert told == ["turned upright", "inverted", "480 x 640 brought to 28 x 28"]


def test_thin_strokes_get_thicker():
    image = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(image).line([(200, 40), (180, 360)], fill=0, width=2)
    found, told = pictures.decode(packed(image), "x.png")
    assert told == ["inverted", "strokes thickened", "400 x 400 brought to 28 x 28"]
    assert (found.max(1) > 150).sum() >= 18
    assert found.sum() / 255 >= 18


def test_a_digit_of_mnist_stays_as_it_is_to_the_bit():
    digits = data.load().test.images
    for place, kept in enumerate(digits[:100]):
        for mode in ("L", "RGB"):
            made = packed(Image.fromarray(kept[..., 0]).convert(mode))
            found, told = pictures.decode(made, "x.png")
            assert np.array_equal(found, kept), place
            assert told == ["28 x 28 unchanged"]


def test_a_small_picture_of_another_form_is_brought_to_it():
    digit = data.load().test.images[0, ..., 0]
    found, told = pictures.decode(packed(Image.fromarray(255 - digit)), "x.png")
    assert np.array_equal(found[..., 0], digit) and told == ["inverted", "28 x 28 unchanged"]
    for other in (np.roll(digit, 5, 0), np.pad(digit[7:26:2, 7:26:2], 9)):
        found, told = pictures.decode(packed(Image.fromarray(other)), "x.png")
        assert told[-1] == "brought to MNIST's form"
        assert found.max() == 255
    found, _ = pictures.decode(packed(Image.fromarray(255 - digit)), "x.png")
    assert np.abs(found[..., 0].astype(float) - digit).mean() < 2


def rendered(digit: np.ndarray, kind: str, smooth: bool) -> bytes:
    """A digit as a large picture, dark on white, not in the middle."""
    way = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    big = np.asarray(Image.fromarray(digit[..., 0]).resize((560, 560), way))
    big = 255 - np.pad(big, [(30, 90), (150, 20)])
    return packed(Image.fromarray(np.stack([big] * 3, -1)), kind)


@pytest.mark.parametrize(
    ("kind", "smooth", "most"), [("PNG", False, 1), ("JPEG", False, 1.5), ("JPEG", True, 9)]
)
def test_rendered_digits_come_back_and_are_recognised(kind, smooth, most):
    from jaxgen.evaluation import judge

    digits, labels = (part[:100] for part in data.load().test)
    found = np.stack([pictures.decode(rendered(d, kind, smooth), "x")[0] for d in digits])
    assert np.abs(found.astype(float) - digits).mean() < most  # of 255
    taken = judge.look(judge.load(), found)[0].argmax(1)
    assert (taken == labels).mean() >= 0.95


def test_digits_of_the_data_set_have_names():
    def digits() -> Digits:
        return Digits("some", TEST, TEST, Split(TEST.images[:3], TEST.labels[:3]))

    found = user_images.single("test:2", digits)
    assert np.array_equal(found.read()[0], TEST.images[2])
    assert (found.label, found.read()[1]) == (TEST.labels[2], [])
    assert user_images.single("train:5", digits).label == TEST.labels[5]
    for wrong in ("test:3", "test:-1", "test:x", "test:²"):
        with pytest.raises(UserError, match=r"there are test:0 to test:2$"):
            user_images.single(wrong, digits)


def test_files_are_read_without_the_data_set(tmp_path):
    drawing().save(tmp_path / "seven.png")
    found = user_images.single(
        f"{tmp_path}/seven.png", lambda: pytest.fail("the data set was asked")
    )
    image, words = found.read()
    assert (found.label, words) == (None, WORDS)
    assert np.array_equal(image, SEVEN)


def test_what_is_no_picture_of_a_digit_is_told_in_one_sentence(tmp_path):
    whole = packed(drawing(), "JPEG")
    bomb = bytearray(packed(Image.new("1", (8, 8))))
    bomb[16:24] = (60000).to_bytes(4, "big") * 2  # the size in its header, and the checksum
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    contents = {
        "text.png": (b"not an image", "is not a readable image"),
        "empty.png": (b"", "is not a readable image"),
        "cut.jpg": (whole[: len(whole) // 2], "cannot be read"),
        "cut.png": (packed(shaded())[:3000], "cannot be read"),
        "large.png": (packed(Image.new("1", (4097, 8))), "4097 x 8 pixels"),
        "bomb.png": (bytes(bomb), "too many pixels"),
        "white.png": (packed(Image.new("L", (50, 50), 255)), "shows nothing"),
        "nothing.png": (packed(Image.new("RGBA", (50, 50))), "shows nothing"),
        "eps.png": (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "is not a readable image",
        ),
        "nan.tiff": (
            packed(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"),
            "not nu",
        ),
    }
    for name, (content, says) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=says) as refused:
            pictures.load(tmp_path / name)
        assert name in str(refused.value) and "\n" not in str(refused.value)
    for path, says in ((tmp_path, "is a folder"), (tmp_path / "gone.png", "No such file")):
        with pytest.raises(UserError, match=says):
            pictures.load(path)
    with pytest.raises(UserError, match="null"):
        pictures.load("a\0b.png")


def test_grain_alone_is_nothing():
    grain = np.random.default_rng(0).normal(128, 3, (300, 300)).astype(np.uint8)
    with pytest.raises(UserError, match="shows nothing"):
        pictures.decode(packed(Image.fromarray(grain)), "x.png")


def test_damage_is_never_more_than_a_sentence():
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP"):
        whole = np.frombuffer(packed(drawing(size=(500, 450)), kind), np.uint8)
        for _ in range(20):
            hurt = whole.copy()
            at = rng.integers(0, min(len(hurt), 2000), 8)
            hurt[at] = rng.integers(0, 256, 8)
            try:
                found, _ = pictures.decode(hurt.tobytes(), "x")
            except UserError:
                continue
            assert found.shape == (28, 28, 1)
