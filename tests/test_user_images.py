"""A person's own digits, many at once: what is read, and what is refused."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from jaxgen import config, data, images
from jaxgen.cli import common, inputs
from jaxgen.data import pictures, user_images
from jaxgen.errors import UserError
from jaxgen.training.folder import RunFolder
from tests import runs

TEST = data.load("mnist").test
SOME, LABELS = TEST.images[:12], TEST.labels[:12]


NONE = runs.untrained("ae")


def same(found: inputs.Inputs, expected: np.ndarray = SOME) -> bool:
    return np.array_equal(images.to_uint8(found.images), expected)


@pytest.mark.parametrize("name", ["x.npz", "x.csv", "x.parquet", "x.idx.gz", "x/"])
def test_what_is_saved_is_read_back_with_its_labels(name, here):
    images.save(name, SOME, LABELS)
    found = inputs.select([name], None, NONE, 0)
    assert same(found) and found.labels_known and np.array_equal(found.labels, LABELS)
    few = inputs.select([name], 5, NONE, 0)
    assert len(few.labels) == 5 and len(set(few.labels.tolist())) == 5
    again = inputs.select([name], 5, NONE, 0)
    assert same(few, images.to_uint8(again.images))
    assert all(any(np.array_equal(one, image) for image in found.images) for one in few.images)


def test_tables_of_others_are_read(here):
    """Lines with the label first or last or missing, with and without names; columns of image files
    that are plain bytes."""
    pixels = SOME.reshape(12, -1)
    named = ",".join([*(f"p{place}" for place in range(784)), "Class"])
    forms = {
        "bare.csv": (np.column_stack([LABELS, pixels]), ""),
        "last.csv": (np.column_stack([pixels, LABELS]), named),
        "none.csv": (pixels, ""),
    }
    for name, (rows, head) in forms.items():
        np.savetxt(name, rows, "%d", ",", header=head, comments="")
        found = inputs.select([name], None, NONE, 0)
        assert same(found), name
        assert found.labels_known == (name != "none.csv")
        if found.labels_known:
            assert np.array_equal(found.labels, LABELS)
    np.savetxt("part.csv", pixels / 255, delimiter=",")
    assert same(inputs.select(["part.csv"], None, NONE, 0))
    parquet.write_table(pa.table({"image": [*map(images.png, SOME[..., 0])]}), "bytes.parquet")
    found = inputs.select(["bytes.parquet"], None, NONE, 0)
    assert same(found) and not found.labels_known


def test_labels_that_nobody_asked_for_are_unknown(here):
    for name in ("x.csv", "x.parquet"):
        images.save(name, SOME, np.full(12, 10))
        assert not inputs.select([name], None, NONE, 0).labels_known


def table(**columns) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", b"", "no numbers with commas"),
        ("x.csv", b"1 2 3", "3 pixels a line, which are not a square"),
        ("x.csv", b"1,2,3\n", "3 pixels a line, which are not a square"),
        ("x.csv", b"label,a\n0.5,1\n", "its labels are not whole numbers"),
        ("x.csv", b"label,a\n1,x\n", "could not convert string 'x'"),
        ("x.csv", b"label,a\n1,2\n1,2,3\n", "row 2 has 3 columns, the first has 2"),
        ("x.csv", b"\xff\xfe1,2\n", "codec can't decode"),
        ("x.parquet", b"PAR1 not at all", "magic bytes"),
        ("x.parquet", table(text=["a"], label=[1]), "it has the columns text, label, and no image"),
        ("x.parquet", table(image=[1.5], label=[1]), "its images are not image files"),
    ],
)
def test_tables_of_other_things_are_refused(name, content, says, here):
    Path(name).write_bytes(content)
    with pytest.raises(UserError, match=f"cannot read {name}: .*{says}.*; give a sound") as caught:
        user_images.find(name)
    assert "\n" not in str(caught.value)


def test_a_table_of_no_pictures_is_refused(here):
    Path("none.parquet").write_bytes(table(image=[b"no picture"]))
    with pytest.raises(UserError, match=r"image 0 of none\.parquet is not a readable image"):
        inputs.select(["none.parquet"], None, NONE, 0)


def test_the_file_of_images_stands_for_both(here):
    images.save("x.idx.gz", SOME, LABELS)
    name = "x-images-idx3-ubyte.gz"
    assert inputs.select([name], None, NONE, 0).labels_known
    Path("x-labels-idx1-ubyte.gz").unlink()
    found = inputs.select([name], None, NONE, 0)
    assert same(found) and not found.labels_known
    assert found.lines == [f"12 images of {name}"]


def test_folders_of_digits_say_what_they_are(here):
    for place, (image, label) in enumerate(zip(SOME[..., 0], LABELS, strict=True)):
        path = Path("train", f"{label}", f"{place:07}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    found = inputs.select(["train"], None, NONE, 0)
    assert found.labels_known and np.array_equal(np.sort(found.labels), np.sort(LABELS))
    # A number in a person's own name of a file says nothing.
    Path("mine").mkdir()
    Image.fromarray(SOME[0, ..., 0]).save("mine/scan-3.png")
    assert not inputs.select(["mine"], None, NONE, 0).labels_known
    with pytest.raises(UserError, match="holds no image file"):
        inputs.select(["."], None, NONE, 0)


def test_arrays_of_other_kinds_come_to_the_same(here):
    known = {"images": SOME[..., 0] / 255, "labels": LABELS.astype(np.uint8)}
    np.savez("floats.npz", **known)
    assert same(inputs.select(["floats.npz"], None, NONE, 0))
    np.savez("light.npz", images=255 - SOME)
    found = inputs.select(["light.npz"], None, NONE, 0)
    assert same(found) and not found.labels_known
    np.savez("large.npz", images=SOME[..., 0].repeat(2, 1).repeat(2, 2), labels=LABELS)
    large = inputs.select(["large.npz"], None, NONE, 0)
    assert np.abs(large.images - images.to_float(SOME)).mean() < 0.05
    np.savez("any.npz", images=SOME, labels=np.full(12, 10))  # as drawn where none was asked for
    assert not inputs.select(["any.npz"], None, NONE, 0).labels_known


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("channel first", lambda x: x[:, None]),
        ("colours", lambda x: x[..., None].repeat(3, 3)),
        ("colours first", lambda x: x[:, None].repeat(3, 1)),
        ("opaque", lambda x: np.pad(x[..., None].repeat(3, 3), [(0, 0)] * 3 + [(0, 1)])),
        ("flat", lambda x: x.reshape(len(x), -1)),
        ("whole", lambda x: x.astype(np.int64)),
        ("16 bits", lambda x: 257 * x.astype(np.uint16)),
        ("floats to 255", lambda x: x.astype(np.float32)),
        ("halves", lambda x: (x / 255).astype(np.float16)),
        ("from -1 to 1", lambda x: (x / 127.5 - 1).astype(np.float32)),
        ("bits", lambda x: x > 127),
        ("0 and 1", lambda x: (x > 127).astype(np.uint8)),
    ],
)
def test_arrays_as_other_libraries_have_them(kind, change, here):
    images = change(SOME[..., 0])
    if kind == "opaque":
        images[..., 3] = 255
    expected = np.where(SOME > 127, 255, 0) if kind in ("bits", "0 and 1") else SOME
    np.savez("named.npz", images=images)
    np.savez("alone.npz", images)
    np.save("x.npy", images)
    for file in ("named.npz", "alone.npz", "x.npy"):
        assert same(inputs.select([file], None, NONE, 0), expected)


def stored(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def header(shape: tuple[int, ...], kind: str = "|u1") -> bytes:
    file = io.BytesIO()
    described = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"nothing of the kind", "cannot read x.npz"),
        (stored(images=header((2**40, 28, 28))), "more memory than there is"),
        (stored(images=header((9, 28, 28))), "expected 7056 bytes got 0"),
        (stored(images=header((9, 28), "|O")), "Object arrays"),
        (stored(images=header((-1, 28, 28)) + bytes(784)), "negative dimensions"),
        (stored(images=b"no array"), "cannot read x.npz"),
        (stored(a=header((0,)), b=header((0,))), "holds a, b, and no images"),
        (stored(x_train=header((0,))), "shape (0,)"),
        (stored(), "holds nothing"),
        (stored(images=header((2, 3)) + bytes(6)), "shape (2, 3)"),
        (stored(images=header((0, 28, 28))), "shape (0, 28, 28)"),
        (stored(images=header((1, 2, 28, 28)) + bytes(1568)), "shape (1, 2, 28, 28)"),
        (stored(images=header((1, 1, 1), "<i4") + np.int32(-1).tobytes()), "from -1 to -1"),
        (stored(images=header((1, 1, 1), "<c8") + bytes(8)), "type complex64"),
        (stored(images=header((1, 28, 28)) + bytes(784), labels=header((2,)) + bytes(2)), "labels"),
        (stored(images=header((1, 1, 1), "<f4") + np.float32(700).tobytes()), "from 700 to 700"),
        (stored(images=header((1, 1, 1), "<f4") + np.float32("nan").tobytes()), "from nan to nan"),
        (stored(images=header((1, 600, 600)) + bytes(360000)), "600 x 600"),
    ],
)
def test_arrays_that_cannot_be_are_one_sentence(content, says, here):
    Path("x.npz").write_bytes(content)
    with pytest.raises(UserError) as caught:
        inputs.select(["x.npz"], None, NONE, 0)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_damage_anywhere_is_one_sentence(here):
    whole = stored(images=header((1, 4, 4)) + bytes(range(16)), labels=header((1,)) + b"\3")
    sound = user_images.find(put(whole))[0].items[0]
    assert sound.label == 3
    places, refused = range(0, len(whole), 3), 0
    for place in places:
        content = bytearray(whole)
        content[place] ^= 0xFF
        try:
            (one,) = user_images.find(put(bytes(content)))[0].items
            assert np.array_equal(one.read()[0], sound.read()[0])  # a date, or the like
        except UserError as error:
            assert "\n" not in f"{error}"
            refused += 1
    assert refused > len(places) / 2
    for length in range(0, len(whole), 7):
        with pytest.raises(UserError, match=r"x\.npz"):
            user_images.find(put(whole[:length]))


def put(content: bytes) -> str:
    Path("x.npz").write_bytes(content)
    return "x.npz"


def test_how_many_there_may_be(here, monkeypatch):
    images.save("x.npz", SOME, LABELS)
    with pytest.raises(UserError, match="--count 13 is more than --images names, which is 12"):
        inputs.select(["x.npz"], 13, NONE, 0)
    with pytest.raises(UserError, match="--count 0"):
        inputs.select(["x.npz"], 0, NONE, 0)
    monkeypatch.setattr(inputs, "MAX_WITHOUT_COUNT", 11)
    with pytest.raises(UserError, match="names 12 images: say how many of them with --count"):
        inputs.select(["x.npz"], None, NONE, 0)
    for missing in ("y.npz", "y.idx.gz", "y-images-idx3-ubyte"):
        with pytest.raises(UserError, match="cannot read y"):
            inputs.select([missing], None, NONE, 0)


def side_by_side(*places: int) -> bytes:
    """Real digits in one picture, dark on white."""
    real = TEST.images[list(places), :, 4:24, 0]
    picture = 255 - np.pad(np.concatenate(list(real), 1), 10)
    return pictures.png(picture.repeat(4, 0).repeat(4, 1))


def test_several_digits_in_a_picture_are_refused():
    for places, count in (((0, 1), 2), ((1, 2, 3), 3)):
        with pytest.raises(UserError, match=f"x shows {count} digits side by side"):
            pictures.decode(side_by_side(*places), "x")
        assert pictures.decode(side_by_side(*places), "x", broken=True)[0].any()


def test_no_real_digit_is_taken_for_several():
    real = data.load("mnist").valid.images[:150, ..., 0]
    for image in real:
        pictures.decode(pictures.png(255 - np.pad(image, 10)), "x")


def test_what_is_no_digit_is_doubted():
    assert inputs.doubts(images.to_float(TEST.images[:1]), NONE) is None
    square = np.zeros((1, 28, 28, 1), np.float32)
    square[:, 4:24, 4:24] = 1
    assert "of 5000 real digits" in str(inputs.doubts(square, NONE))
    noise = np.random.default_rng(0).random((1, 28, 28, 1)).astype(np.float32)
    assert inputs.doubts(noise, NONE) is not None


def test_what_was_drawn_before_keeps_its_name(here):
    run = RunFolder(Path("runs/x"))
    first = common.unused_path(run, "completed-my/mask.png-seed-0.png")
    assert first == "runs/x/drawn/completed-my-mask.png-seed-0.png"
    for expected in ("", "-2", "-3"):
        path = Path(common.unused_path(run, "a.png"))
        assert path.name == f"a{expected}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_names_that_stand_for_many():
    many = "x.npy x.npz x.idx.gz train-images-idx3-ubyte x-images-idx3-ubyte.gz /"
    assert all(user_images.is_many(name) for name in many.split())
    assert not any(user_images.is_many(x) for x in ("x.png", "test:7", "labels-idx1-ubyte", "test"))


def test_of_equal_drawings_one_is_kept(here):
    folder = RunFolder(Path("runs/x"))
    run = common.Run(folder, config.recipe("ae"), None)

    def draw(content: bytes) -> str:
        path = Path(common.unused_path(folder, "digit-3-seed-2.png"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return Path(run.without_copy(path)).name

    told = [draw(content) for content in (b"a", b"b", b"a", b"b", b"c")]
    assert told[:2] == ["digit-3-seed-2.png", "digit-3-seed-2-2.png"]
    assert told[2:] == [
        "digit-3-seed-2.png, as before",
        "digit-3-seed-2-2.png, as before",
        "digit-3-seed-2-3.png",
    ]
    assert len(list((folder.path / "drawn").iterdir())) == 3
    # Another seed's is another drawing, equal or not.
    other = folder.path / "drawn" / "digit-3-seed-1.png"
    other.write_bytes(b"a")
    assert run.without_copy(other) == f"{other}"
    # What a person names stays, in any other folder of that name.
    for path in (Path("drawn/mine-1.png"), Path("drawn/mine-2.png")):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a")
        assert run.without_copy(path) == f"{path}"
    assert len(list(Path("drawn").iterdir())) == 2
