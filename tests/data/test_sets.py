"""Data sets of others, each written as its publisher has it and read blind: by its path alone."""

import bz2
import csv
import gzip
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from scipy import io as scipy_io

from jaxgen import data
from jaxgen.cli import main
from jaxgen.data import formats, sets, writers
from jaxgen.data.sets import pixels
from tests import pens
from tests.data.told import sentence

TRAIN, TEST = (
    data.Split(part.images[:count], part.labels[:count])
    for part, count in zip(data.raw("mnist"), (600, 200), strict=True)
)
IMAGES, LABELS = TRAIN.images[..., 0], TRAIN.labels
TESTED, TESTED_LABELS = TEST.images[..., 0], TEST.labels
DIGITS = tuple("0123456789")


def equal(part: sets.Part, images=IMAGES, labels=LABELS) -> bool:
    same = np.array_equal(part.images[..., 0], images)
    return same and np.array_equal(part.labels, labels)


def idx(array: np.ndarray) -> bytes:
    kind = {"uint8": 8, "int32": 12}[array.dtype.name]
    header = struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def put(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


def lying(images=IMAGES):
    """As EMNIST's files have them."""
    return images.swapaxes(1, 2)


def read(path="set"):
    said = []
    return sets.read(path, said.append), said


@pytest.mark.parametrize("names", ["emnist-digits-{}-{}.gz", "my-{}-{}", "digits-{}-{}"])
def test_emnist_idx_lies_on_its_side_whatever_its_name(names, here):
    for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
        pack = gzip.compress if names.endswith("gz") else bytes
        put(f"set/{names.format(part, 'images-idx3-ubyte')}", pack(idx(lying(images))))
        put(f"set/{names.format(part, 'labels-idx1-ubyte')}", pack(idx(labels.astype(np.uint8))))
    put("set/emnist-digits-mapping.txt", b"".join(b"%d %d\n" % (n, 48 + n) for n in range(10)))
    found, said = read()
    assert equal(found.train) and equal(found.test, TESTED, TESTED_LABELS)
    assert found.names == DIGITS and any("mirrored along the diagonal" in line for line in said)


def test_one_of_emnists_sets_is_named_by_what_its_files_have_in_common(here):
    for name in ("emnist-digits", "emnist-mnist"):
        for part in ("train", "test"):
            put(f"set/{name}-{part}-images-idx3-ubyte", idx(lying()))
            put(f"set/{name}-{part}-labels-idx1-ubyte", idx(LABELS.astype(np.uint8)))
    assert "holds 2 data sets (emnist-digits, emnist-mnist" in sentence(sets.read, "set")
    assert equal(read("set/emnist-digits")[0].train)


def test_emnist_mat(here):
    def part(images, labels):
        flat = lying(images).reshape(len(images), -1)
        return {"images": flat, "labels": labels[:, None] + 1, "writers": labels[:, None] * 7}

    mapping = np.array([[n + 1, 97 + n] for n in range(10)], np.uint8)
    dataset = {"train": part(IMAGES, LABELS), "test": part(TESTED, TESTED_LABELS)}
    scipy_io.savemat("x.mat", {"dataset": {**dataset, "mapping": mapping}}, do_compression=True)
    found, _ = read("x.mat")
    assert found.names == tuple("abcdefghij")
    assert equal(found.train) and equal(found.test, TESTED, TESTED_LABELS)
    assert np.array_equal(found.train.writers, LABELS * 7)


def test_qmnist_has_labels_of_eight_columns(here):
    for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
        columns = np.zeros((len(labels), 8), np.int32)
        columns[:, 0], columns[:, 2] = labels, np.arange(len(labels)) // 10
        put(f"set/qmnist-{part}-images-idx3-ubyte.gz", gzip.compress(idx(images)))
        put(f"set/qmnist-{part}-labels-idx2-int.gz", gzip.compress(idx(columns)))
    found, said = read()
    assert equal(found.train) and np.array_equal(found.train.writers, np.arange(600) // 10)
    assert any("writers in the third" in line for line in said)


def test_a_set_is_parted_by_its_writers(here, capsys):
    columns = np.zeros((600, 8), np.int32)
    columns[:, 0], columns[:, 2] = LABELS, np.arange(600) // 25
    put("set/qmnist-images-idx3-ubyte", idx(IMAGES))
    put("set/qmnist-labels-idx2-int", idx(columns))
    assert main.run(["digits", "writers", "set", "--out=writers"]) == 0
    assert "24 writers, 0 of few images left out" in capsys.readouterr().out
    with np.load("writers/0003.npz") as arrays:
        assert np.array_equal(arrays["images"], IMAGES[75:100])
        assert np.array_equal(arrays["labels"], LABELS[75:100])
    train, test = data.raw("files:set")  # the test is of three writers, with all of their images
    assert len(test.labels) == 75 and len(train.labels) == 525
    kept = {image.tobytes() for image in test.images}
    assert all(
        len({IMAGES[i].tobytes() in kept for i in range(w, w + 25)}) == 1 for w in range(0, 600, 25)
    )
    columns[:, 2] = np.arange(600) % 2  # both write in both parts
    for part, rows_of in (("train", slice(400)), ("test", slice(400, 600))):
        put(f"both/{part}-images-idx3-ubyte", idx(IMAGES[rows_of]))
        put(f"both/{part}-labels-idx2-int", idx(columns[rows_of]))
    assert main.run(["digits", "writers", "both", "--out=two"]) == 0
    with np.load("two/0001.npz") as arrays:
        assert np.array_equal(arrays["images"], IMAGES[1::2])
    for args, says in (
        (["set", "--out=writers"], "exists already"),
        (["set", "--out=other", "--least=26"], "leaves no writer"),
        (["synthetic", "--out=other"], "does not say who wrote"),
        (["set"], "where to?"),
    ):
        assert says in sentence(main.run, ["digits", "writers", *args])


def test_kuzushiji_has_images_and_labels_apart(here):
    Path("set").mkdir()
    for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
        np.savez_compressed(f"set/kmnist-{part}-imgs.npz", images)
        np.savez_compressed(f"set/kmnist-{part}-labels.npz", labels.astype(np.uint8))
    classes = "index,codepoint,char\n" + "".join(f"{n},U+30,{chr(0x304A + n)}\n" for n in range(10))
    put("set/kmnist_classmap.csv", classes.encode())
    found, _ = read()
    assert equal(found.train) and equal(found.test, TESTED, TESTED_LABELS)
    assert found.names == tuple(chr(0x304A + n) for n in range(10))


def rows(name: str, header: list[str], columns: list, between=",") -> None:
    with Path(name).open("w", newline="") as file:
        writer = csv.writer(file, delimiter=between)
        writer.writerows([header] if header else [])
        writer.writerows(np.column_stack([c.reshape(len(c), -1) for c in columns]).tolist())


def test_csv_of_kaggle_and_kannada(here):
    Path("set").mkdir()
    pixels = [f"pixel{n}" for n in range(784)]
    rows("set/train.csv", ["label", *pixels], [LABELS, IMAGES])
    rows("set/test.csv", pixels, [TESTED])
    rows("set/sample_submission.csv", ["ImageId", "Label"], [LABELS[:9], LABELS[:9]])
    found, said = read()
    assert equal(found.train) and found.test is None
    assert any("test.csv has no labels: left out" in line for line in said)
    rows("set/test.csv", ["id", *pixels], [np.arange(200), TESTED])
    rows("set/Dig-MNIST.csv", ["label", *pixels], [TESTED_LABELS, TESTED])
    found, said = read()
    assert equal(found.train) and any("Dig-MNIST.csv is of no part" in line for line in said)


def test_letters_of_kaggle_have_names_that_are_numbers(here):
    rows("letters.csv", ["0", *(f"0.{n}" for n in range(1, 785))], [LABELS % 26, IMAGES])
    assert equal(read("letters.csv")[0].train)


def test_openml_has_the_class_last_as_text(here):
    names = [f"pixel{n}" for n in range(1, 785)]
    head = ["@RELATION mnist_784", *(f"@ATTRIBUTE {name} real" for name in names)]
    head += [f"@ATTRIBUTE class {{{','.join(DIGITS)}}}", "@DATA"]
    lines = [",".join(map(str, [*x.ravel(), y])) for x, y in zip(IMAGES, LABELS, strict=True)]
    put("mnist_784.arff", "\n".join([*head, *lines]).encode())
    found, _ = read("mnist_784.arff")
    assert equal(found.train) and found.names == DIGITS
    rows("x.csv", [*names, "class"], [IMAGES, LABELS])
    put("x.csv", Path("x.csv").read_text().replace(",5\n", ",'5'\n").encode())
    assert equal(read("x.csv")[0].train)


@pytest.mark.parametrize("column", formats.LABEL_COLUMNS)
def test_labels_have_the_same_names_in_csv_and_parquet(column, here):
    rows("x.csv", [*(f"pixel{n}" for n in range(784)), column.title()], [IMAGES, LABELS])
    pictures = [{"bytes": png(image)} for image in IMAGES]
    table = pa.table({"image": pictures, column.title(): LABELS.tolist()})
    parquet.write_table(table, "x.parquet")
    for name in ("x.csv", "x.parquet"):
        assert equal(read(name)[0].train)


def usps(images):
    """16 x 16, from -1 to 1."""
    small = np.stack([np.asarray(Image.fromarray(image).resize((16, 16))) for image in images])
    return small / np.float32(127.5) - 1


def recognised(part: sets.Part, labels) -> float:
    from jaxgen.evaluation import judge

    assert np.array_equal(part.labels, labels)
    return float((judge.look(judge.load(), part.images)[0].argmax(1) == labels).mean())


def test_usps_as_libsvm_and_hdf5(here):
    for name, images, labels in (("u/usps", IMAGES, LABELS), ("u/usps.t", TESTED, TESTED_LABELS)):
        pixels = usps(images[:, 4:24, 4:24]).reshape(len(images), -1)
        lines = [
            " ".join([f"{y + 1}", *(f"{i}:{v:.3f}" for i, v in enumerate(x, 1) if v)])
            for x, y in zip(pixels, labels, strict=True)
        ]
        put(f"{name}.bz2", bz2.compress("\n".join(lines).encode()))
    found, said = read("u")
    assert recognised(found.train, LABELS) > 0.9 and recognised(found.test, TESTED_LABELS) > 0.9
    assert any("1 is 0" in line for line in said)
    with h5py.File("usps.h5", "w") as file:
        for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
            pixels = (usps(images[:, 4:24, 4:24]).reshape(len(images), -1) + 1) / 2
            file[f"{part}/data"], file[f"{part}/target"] = pixels, labels
    found, _ = read("usps.h5")
    assert recognised(found.train, LABELS) > 0.9 and recognised(found.test, TESTED_LABELS) > 0.9


def test_svhn_has_its_images_along_the_last_axis(here):
    Path("set").mkdir()
    rng = np.random.default_rng(0)
    for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
        large = np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, 3) // 2
        noisy = large + rng.integers(60, 120, (len(images), 1, 1, 3), dtype=np.uint8)
        labels = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        scipy_io.savemat(f"set/{part}_32x32.mat", {"X": np.moveaxis(noisy, 0, 3), "y": labels})
    found, said = read()
    assert np.array_equal(found.train.labels, LABELS) and found.names == DIGITS
    assert found.train.images.shape == (600, 28, 28, 1) and found.test is not None
    assert any("the label 10 is 0" in line for line in said)


def test_scikit_learns_digits_are_recognised(here):
    """Real ones, 8 x 8 with ink on all rows."""
    from sklearn import datasets

    digits = datasets.load_digits()
    np.savez("digits.npz", images=digits.images, labels=digits.target)
    found, _ = read("digits.npz")
    assert recognised(found.train, digits.target) > 0.9
    rows("digits.csv", [], [digits.data.astype(int), digits.target])  # as optdigits
    again, _ = read("digits.csv")
    assert np.array_equal(again.train.images, found.train.images)
    assert np.array_equal(again.train.labels, digits.target)


def test_semeion_has_a_column_for_each_class(here):
    small = np.stack([np.asarray(Image.fromarray(x[4:24, 4:24]).resize((16, 16))) for x in IMAGES])
    lines = [
        " ".join([*(f"{v:.4f}" for v in (x > 90).ravel()), *(f"{int(y == n)}" for n in range(10))])
        for x, y in zip(small, LABELS, strict=True)
    ]
    put("semeion.data", " \n".join(lines).encode())
    found, _ = read("semeion.data")
    assert recognised(found.train, LABELS) > 0.85


def test_pendigits_are_drawn(here):
    points = np.stack([pens.eight_points(image) for image in TESTED])
    rows("pendigits.tra", [], [points, TESTED_LABELS])
    found, said = read("pendigits.tra")
    assert recognised(found.train, TESTED_LABELS) > 0.9
    assert any("eight points" in line for line in said)


def test_arrays_of_other_names(here):
    by_class = {
        f"{part}{n}": images[labels == n].reshape(-1, 784)
        for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS))
        for n in range(10)
    }
    scipy_io.savemat("mnist_all.mat", by_class)
    order = np.argsort(LABELS, kind="stable")
    assert equal(read("mnist_all.mat")[0].train, IMAGES[order], LABELS[order])
    np.savez("mnist.npz", x_train=IMAGES, y_train=LABELS, x_test=TESTED, y_test=TESTED_LABELS)
    found, _ = read("mnist.npz")
    assert equal(found.train) and equal(found.test, TESTED, TESTED_LABELS)
    for kind in ("identity", "fog"):  # MNIST-C
        for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
            Path("mnist_c", kind).mkdir(parents=True, exist_ok=True)
            np.save(f"mnist_c/{kind}/{part}_images.npy", images[..., None])
            np.save(f"mnist_c/{kind}/{part}_labels.npy", labels)
    assert equal(read("mnist_c/fog")[0].train)
    assert "2 data sets" in sentence(sets.read, "mnist_c")
    affine = np.pad(IMAGES, ((0, 0), (6, 6), (6, 6))).reshape(600, -1).T
    scipy_io.savemat("1.mat", {"affNISTdata": {"image": affine, "label_int": LABELS[None]}})
    found, _ = read("1.mat")
    assert recognised(found.train, LABELS) > 0.98


def png(image) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_parquet_and_webdataset(here):
    Path("set").mkdir()
    for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
        table = pa.table(
            {
                "image": [{"bytes": png(image), "path": None} for image in images],
                "label": labels.tolist(),
            }
        )
        names = {"label": {"names": list("zyxwvutsrq"), "_type": "ClassLabel"}}
        about = {"huggingface": json.dumps({"info": {"features": names}})}
        parquet.write_table(
            table.replace_schema_metadata(about), f"set/{part}-00000-of-00001.parquet"
        )
        with tarfile.open(f"{part}-0000.tar", "w") as archive:
            for n, (image, label) in enumerate(zip(images, labels, strict=True)):
                for ending, content in (("png", png(image)), ("cls", f"{label}".encode())):
                    member = tarfile.TarInfo(f"{n:06}.{ending}")
                    member.size = len(content)
                    archive.addfile(member, io.BytesIO(content))
    found, _ = read()
    assert equal(found.train) and equal(found.test, TESTED, TESTED_LABELS)
    assert found.names == tuple("zyxwvutsrq")
    assert equal(read("train-0000.tar")[0].train)


def test_folders_are_named_by_their_classes(here):
    for place in range(100):
        name = ("cat", "dog", "owl")[LABELS[place] % 3]
        put(f"set/{name}/{place:03}.png", png(IMAGES[place]))
    found, _ = read()
    assert found.names == ("cat", "dog", "owl") and len(found.train.labels) == 100


STROKE = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'><path d='M 2 1 {}'/></svg>"


def test_strokes_are_drawn_with_a_pen(here):
    """A seven and a one, as SVG and as InkML."""
    shapes = {"7": "L 7 1 C 6 3 5 5 4 8", "1": "V 8"}
    for label, rest in shapes.items():
        for n in range(3):
            put(f"set/{label}/{n}.svg", STROKE.format(rest).encode())
            points = {"7": "2 1, 7 1, 5 5, 4 8", "1": "2 1, 2 8"}[label]
            ink = (
                "<ink xmlns='http://www.w3.org/2003/InkML'>"
                f"<annotation type='truth'>{label}</annotation><trace>{points}</trace></ink>"
            )
            put(f"ink/{label}{n}.inkml", ink.encode())
    for path in ("set", "ink"):
        found, _ = read(path)
        assert found.names == DIGITS
        assert recognised(found.train, np.repeat([1, 7], 3)) == 1.0


@pytest.mark.parametrize("font", ["DejaVuSansMono.ttf", "STIXGeneralItalic.ttf"])
def test_letters_on_their_side_are_turned(font, here):
    """Labels 1 to 26 in the form of EMNIST's letters, printed in fonts that nothing was learned
    from."""
    import matplotlib
    from PIL import ImageDraw, ImageFont

    drawn = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/{font}", 26)
    images, labels = [], []
    for code in range(26):
        for text in (chr(97 + code), chr(65 + code)):
            picture = Image.new("L", (40, 40))
            ImageDraw.Draw(picture).text((8, 4), text, 255, drawn)
            images.append(pixels.in_form(np.asarray(picture)[None])[0])
            labels.append(code + 1)
    images, labels = np.stack(images), np.array(labels, np.uint8)
    put("set/train-images-idx3-ubyte", idx(lying(images)))
    put("set/train-labels-idx1-ubyte", idx(labels))
    found, said = read()
    assert found.names == sets.LETTERS and equal(found.train, images, labels - 1)
    assert any("mirrored along the diagonal" in line for line in said)


def test_what_cannot_be_understood_is_one_sentence(here):
    def csv_of(*lines):
        return "\n".join(lines).encode()

    put("text.csv", csv_of("label,a,b,c,d", "1,2,3,4,5", "1,2,3,x,5"))
    put("ragged.csv", csv_of("label,a,b,c,d", "1,2,3,4,5", "1,2,3"))
    put("one.csv", csv_of("label,a,b,c,d", "1,2,3,4,5", "1,2,3,4,5"))
    np.savez("lonely.npz", images=IMAGES[:3], labels=np.array([1, 1, 2]))
    np.savez("many.npz", images=np.concatenate([IMAGES[:126]]), labels=np.arange(126) // 2)
    np.savez("fewer.npz", images=IMAGES[:9], labels=np.arange(8))
    np.savez(
        "mixed.npz", images=np.concatenate([IMAGES[:9] / 255, IMAGES[9:99]]), labels=LABELS[:99]
    )
    put("cut.gz", gzip.compress(idx(IMAGES))[:5000])
    put("short-images-idx3-ubyte", idx(IMAGES)[:-7])
    for path, says in {
        "text.csv": "'x' to float32 in row 2, column 4",
        "ragged.csv": "row",
        "one.csv": "images of one class alone, 1",
        "lonely.npz": "one image of '2'",
        "many.npz": "63 classes: at most 62",
        "fewer.npz": "9 images and 8 labels",
        "mixed.npz": "from 0 to 1 in row 1",
        "cut.gz": "cannot read cut.gz",
        "short-images-idx3-ubyte": "its header promises",
        "nowhere": "does not exist",
    }.items():
        assert says in sentence(sets.read, path), path


def test_a_set_is_looked_at_before_anything_learns_from_it(here, capsys):
    put("mine-train-images-idx3-ubyte", idx(np.concatenate([lying(), lying()[:3]])))
    labels = np.concatenate([LABELS, (LABELS[:3] + 1) % 10]).astype(np.uint8)
    put("mine-train-labels-idx1-ubyte", idx(labels))
    assert main.run(["digits", "check", "mine"]) == 0
    said = capsys.readouterr().out
    assert "lie mirrored along the diagonal" in said
    assert f"training images: 603 (0 {(labels == 0).sum()}, 1 {(labels == 1).sum()}, " in said
    assert "copies of an image: 3 in the training images" in said
    assert "WRONG? 3 copies of an image have another label" in said
    with Image.open("mine-check.png") as picture:
        assert picture.height == 320
    assert "mine-check.png exists already" in sentence(main.run, ["digits", "check", "mine"])
    assert main.run(["digits", "check", "synthetic", "--out=x.png"]) == 0
    assert "nothing looks wrong" in capsys.readouterr().out


def test_mnists_names_do_not_say_which_way_up_images_are(here):
    for part in ("train", "t10k"):
        put(f"set/{part}-images-idx3-ubyte", idx(lying()))
        put(f"set/{part}-labels-idx1-ubyte", idx(LABELS.astype(np.uint8)))
    said = []
    assert data.with_absolute_path("set").startswith("idx:")
    digits = data.load("idx:set", said.append)
    assert "turned upright" in said[0]
    assert np.array_equal(np.sort(digits.test.images.sum((1, 2, 3))), np.sort(IMAGES.sum((1, 2))))
    assert np.array_equal(digits.test.images[..., 0], IMAGES)


def test_emnist_lies_on_its_side_in_tfds_too(here):
    train, test = (
        data.Split(lying(part.images[..., 0])[..., None], part.labels) for part in (TRAIN, TEST)
    )
    writer = writers.FORMATS["tfds"](Path("emnist"), DIGITS)
    writer.begin(test)
    writer.put(0, train)
    said = []
    digits = data.load("tfds:emnist", said.append)
    assert "turned upright" in said[0]
    assert np.array_equal(digits.test.images[..., 0], TESTED)


def test_archives_are_read_as_the_folders_in_them(here):
    with zipfile.ZipFile("gzip.zip", "w") as archive:  # EMNIST's
        for name in ("digits", "mnist"):
            for part in ("train", "test"):
                start = f"gzip/emnist-{name}-{part}"
                archive.writestr(f"{start}-images-idx3-ubyte.gz", gzip.compress(idx(lying())))
                labels = gzip.compress(idx(LABELS.astype(np.uint8)))
                archive.writestr(f"{start}-labels-idx1-ubyte.gz", labels)
    assert "gzip.zip holds 2 data sets" in sentence(sets.read, "gzip.zip")
    assert equal(read("gzip.zip/emnist-digits")[0].train)
    source = data.with_absolute_path("./gzip.zip/emnist-digits")  # as --data has it
    assert source == f"files:{here}/gzip.zip/emnist-digits"
    assert data.with_absolute_path("./nowhere/emnist") == "./nowhere/emnist"
    with tarfile.open("set.tar.gz", "w:gz") as archive:
        for part, images, labels in (("train", IMAGES, LABELS), ("test", TESTED, TESTED_LABELS)):
            for n, (image, label) in enumerate(zip(images, labels, strict=True)):
                content = png(image)
                member = tarfile.TarInfo(f"set/{part}/{'abcdefghij'[label]}/{n:04}.png")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    found, _ = read("set.tar.gz")
    assert found.names == tuple("abcdefghij")
    assert len(found.train.labels) == 600 and found.test is not None
    assert len(found.test.labels) == 200
    put("cut.zip", Path("gzip.zip").read_bytes()[:-300])
    assert "cannot read cut.zip" in sentence(sets.read, "cut.zip")
    with zipfile.ZipFile("inside.zip", "w") as archive:
        archive.writestr("train.csv", "label,a,b,c,d\n1,2,3,4,5\n2,3,x,4,5\n")
    assert "inside.zip" in sentence(sets.read, "inside.zip")


def clothes(count: int) -> np.ndarray:
    """Broad shapes with a pattern, light on black, which fill the image: uint8 [n, 28, 28]."""
    rng = np.random.default_rng(0)
    images = np.zeros((count, 28, 28), np.uint8)
    for image in images:
        top, left, height, width = *rng.integers(0, 6, 2), *rng.integers(16, 22, 2)
        image[top : top + height, left : left + width] = rng.integers(60, 255, (height, width))
    return images


@pytest.mark.parametrize("large", [False, True])
def test_pictures_that_are_no_handwriting_stay_as_they_are(large, here):
    """As the hub has Fashion-MNIST: named classes, in pictures."""
    images, labels = clothes(60), np.arange(60) % 3
    shown = images.repeat(4, 1).repeat(4, 2) if large else images
    table = pa.table({"image": [{"bytes": png(x), "path": None} for x in shown], "label": labels})
    about = {"label": {"names": ["Bag", "Ankle boot", "T-shirt"], "_type": "ClassLabel"}}
    kept = {"huggingface": json.dumps({"info": {"features": about}})}
    parquet.write_table(table.replace_schema_metadata(kept), "fashion.parquet")
    found, said = read("fashion.parquet")
    assert found.names == ("Bag", "Ankle boot", "T-shirt")
    apart = np.abs(found.train.images[..., 0].astype(int) - images)
    assert apart.mean() < (12 if large else 0.01), said


def test_handwriting_of_several_sizes_comes_to_one(here):
    for place in range(60):
        own = np.pad(IMAGES[place], ((0, place % 5), (0, place % 7)))
        put(f"set/{LABELS[place]}/{place}.png", png(255 - own))
    found, said = read()
    assert recognised(found.train, found.train.labels) > 0.95
    assert any("of 35 sizes brought to MNIST's form" in line for line in said)
