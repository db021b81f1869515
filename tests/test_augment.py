"""Data sets of drawn digits: what they hold, in every format, and that they go on."""

import contextlib
import json
import resource
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import neighbors

from jaxgen import data, images, sampling
from jaxgen.apps import augment, loading, reader
from jaxgen.cli import main
from jaxgen.data import Split, writers
from jaxgen.errors import UserError
from jaxgen.training import trained
from jaxgen.training.folder import RunFolder
from tests import runs
from tests.conftest import flags

DIGITS = data.load(runs.SOURCE)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a tiny run."""
    folder = tmp_path_factory.mktemp("augment")
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, folder)
        runs.tiny("gan")
        yield folder


@pytest.fixture
def there(made, monkeypatch):
    runs.at_home(monkeypatch, made)
    monkeypatch.setattr(writers, "PIECE", 100)


COMMAND = ["apply", "augment", "--model", "gan", "--count", "230"]


def held(folder: Path) -> dict[str, bytes]:
    """The files of a data set, but for the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def read(kind: str, folder: Path) -> Split:
    """The training digits, loaded by the code of the data card."""
    names: dict = {}
    with contextlib.chdir(folder):
        exec(loading.code(kind)["NumPy"], names)
    return Split(names["images"][..., None], names["labels"])


def same(one: Split, other: Split) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", writers.FORMATS)
def test_a_data_set_holds_what_the_model_draws(kind, there, tmp_path, capsys):
    out = tmp_path / kind
    assert main.run([*COMMAND, "--format", kind, "--out", f"{out}"]) == 0
    assert "230 digits after 2 steps" in capsys.readouterr().out
    found = read(kind, out)
    assert np.bincount(found.labels).tolist() == [23] * 10
    assert main.run(["sample", "--model", "gan", "--count", "230", "--out", f"{out}.npz"]) == 0
    with np.load(f"{out}.npz") as drawn:
        assert same(found, Split(drawn["images"][..., None], drawn["labels"]))
    card = (out / "README.md").read_text()
    assert "230 of 230 training digits" in card and "| 7 | 23 |" in card and "Frechet" in card
    before = held(out)
    assert main.run([*COMMAND, "--format", kind, "--out", f"{out}"]) == 0
    assert "all made before" in capsys.readouterr().out and held(out) == before
    assert "tensorflow" not in sys.modules


@pytest.mark.parametrize("kind", writers.FORMATS)
def test_a_card_has_code_for_the_libraries_of_its_readers(kind):
    """The code for NumPy is run wherever a data set is read here; the rest is at least Python."""
    code = loading.code(kind)
    assert {*code} == {"NumPy", "PyTorch", "Keras", "Hugging Face datasets", "scikit-learn"}
    for name, text in code.items():
        compile(text, name, "exec")
    names = {"images": DIGITS.test.images[..., 0], "labels": DIGITS.test.labels}
    names["classifier"] = classifier = neighbors.KNeighborsClassifier(1)
    exec(code["scikit-learn"], names)
    assert classifier.n_features_in_ == 784


@pytest.mark.parametrize("names", [("t-shirt", "bag", "coat"), ("A", "a", "+", "-")])
def test_folders_of_classes_are_read_back_by_the_code_of_the_card(names, tmp_path):
    labels = np.arange(12, dtype=np.int32) % len(names)
    digits = Split(DIGITS.test.images[:12], labels)
    writer = writers.FORMATS["png"](tmp_path, names)
    writer.put(0, digits)
    code = loading.code("png", names)
    found: dict = {}
    with contextlib.chdir(tmp_path):
        exec(code["NumPy"], found)
    assert same(Split(found["images"][..., None], found["labels"]), digits)
    folders = [path.name for path in sorted((tmp_path / "train").iterdir())]
    assert len({name.casefold() for name in folders}) == len(names)
    is_sorted = found["names"] == folders
    assert ("in the order of their names" in code["PyTorch"]) is not is_sorted


def test_ink_is_dark_where_it_is_asked_for(there, tmp_path):
    light, dark = (
        [*COMMAND, "--format", "npz", "--ink", ink, "--out", f"{tmp_path}/{ink}"]
        for ink in ("light", "dark")
    )
    assert main.run(light) == main.run(dark) == 0
    for name in ("train-00000.npz", "test.npz"):
        one, other = (np.load(tmp_path / ink / name) for ink in ("light", "dark"))
        assert np.array_equal(255 - one["images"], other["images"])
        assert np.array_equal(one["labels"], other["labels"])
    assert "dark ink" in (tmp_path / "dark" / "README.md").read_text()
    with pytest.raises(UserError, match="a data set of --ink dark, not light"):
        main.run([*light[:-1], f"{tmp_path}/dark"])
    # One that an earlier version has made goes on.
    card = tmp_path / "light" / "card.json"
    state = json.loads(card.read_text())
    del state["order"]["ink"]
    card.write_text(json.dumps(state))
    assert main.run(light) == 0


@pytest.mark.parametrize("kind", ["idx", "tfds"])
def test_the_test_digits_are_the_real_ones(kind, there, tmp_path):
    writer = writers.FORMATS[kind](tmp_path, DIGITS.names)
    writer.begin(DIGITS.test)
    writer.put(0, DIGITS.valid)
    learned, test = data.raw(f"{kind}:{tmp_path}")
    assert same(learned, DIGITS.valid) and same(test, DIGITS.test)


@pytest.mark.parametrize("kind", writers.FORMATS)
def test_a_full_disk_leaves_a_sound_data_set_that_goes_on(kind, there, tmp_path, monkeypatch):
    whole, part = tmp_path / "whole", tmp_path / "part"
    command = [*COMMAND, "--format", kind, "--out"]
    assert main.run([*command, f"{whole}"]) == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Files may grow by half of the second piece.
    most = 28 * 28 * 150 if kind == "idx" else 100
    real = augment.DataSet._piece

    def piece(making, start, *rest):
        if start == 100:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        return real(making, start, *rest)

    with monkeypatch.context() as patch, pytest.raises(UserError, match=r"cannot .*make room"):
        patch.setattr(augment.DataSet, "_piece", piece)
        try:
            main.run([*command, f"{part}"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert same(read(kind, part), Split(*(a[:100] for a in read(kind, whole))))
    assert json.loads((part / "card.json").read_text())["done"] == 100
    assert main.run([*command, f"{part}"]) == 0
    assert held(part) == held(whole)


def test_real_digits_come_first_where_they_are_asked_for(there, tmp_path):
    command = [*COMMAND, "--real", "--mix", "0:1,7:3", "--out", f"{tmp_path}/x"]
    assert main.run(command) == 0
    found = data.raw(f"idx:{tmp_path}/x")[0]
    count = len(DIGITS.train.labels)
    assert len(found.labels) == count + 230
    assert same(Split(*(part[:count] for part in found)), DIGITS.train)
    assert np.bincount(found.labels[count:], minlength=10).tolist() == [58, *[0] * 6, 172, 0, 0]
    assert (
        f"Images 0 to {count - 1} are the training digits" in (tmp_path / "x/README.md").read_text()
    )


def making(least: float | None) -> augment.DataSet:
    run = RunFolder(Path("runs/gan"))
    config = run.load()
    order = augment.Order(150, "idx", "balanced", least, False, 0)
    return augment.DataSet(order, Path("x"), trained.load(run, config, print), config, DIGITS)


def test_what_a_filter_refuses_is_drawn_again(there):
    plain = making(None)._draw(np.arange(150))
    bright = np.median(plain.images.mean((1, 2, 3)))
    choosy = making(1.0)
    choosy._score = lambda drawn, asked: images.to_uint8(drawn).mean((1, 2, 3)) - bright
    found = choosy._draw(np.arange(150))
    assert np.array_equal(found.labels, sampling.balanced(150))
    assert (found.images.mean((1, 2, 3)) >= bright).all()
    kept = plain.images.mean((1, 2, 3)) >= bright
    assert np.array_equal(found.images[kept], plain.images[kept])
    assert choosy.state["drawn"] > 225
    # A digit does not depend on the others that are drawn.
    assert same(Split(*(part[70:90] for part in found)), choosy._draw(np.arange(70, 90)))
    choosy._score = lambda drawn, asked: np.full(len(drawn), -1.0)
    with pytest.raises(UserError, match="lower --filter"):
        choosy._draw(np.arange(3))


def test_a_filter_learns_from_the_digits_of_the_generator(there, tmp_path, monkeypatch):
    network, image = reader.Network(10), jnp.zeros((1, 28, 28, 1))
    learned, variables = [], network.init(jax.random.key(0), (image, image))
    monkeypatch.setattr(reader, "load", lambda digits, say: learned.append(digits) or variables)
    assert main.run([*COMMAND, "--filter", "0.01", "--out", f"{tmp_path}/x"]) == 0
    assert len(learned) == 1 and same(learned[0].train, DIGITS.train)
    assert "less than 0.01" in (tmp_path / "x/README.md").read_text()


@pytest.mark.parametrize(
    ("mix", "counts"),
    [
        ("balanced", [1] * 10),
        ("3:2", [0, 0, 0, 2]),
        ("0:1,7:3", [1, 0, 0, 0, 0, 0, 0, 3]),
        ("real", np.bincount(DIGITS.train.labels).tolist()),
    ],
)
def test_a_mix_is_in_turn(mix, counts):
    found = augment.cycle(mix, DIGITS.train.labels, DIGITS.names)
    assert np.bincount(found).tolist() == counts and (found >= 0).all()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--count", "0"], "--count 0"),
        (["--count", "40000000"], "33554432 or less"),
        (["--filter", "1"], "--filter 1.0"),
        (["--mix", "3"], "--mix 3 cannot be"),
        (["--mix", "10:1"], "--mix 10:1"),
        (["--mix", "3:0"], "--mix 3:0"),
        (["--out", "runs"], "already holds gan"),
        (["--out", "runs/gan/config.json"], "not a folder"),
        (["--format", "xml"], "xml"),
    ],
)
def test_mistakes_are_one_sentence(there, args, says):
    with pytest.raises(UserError) as caught:
        main.run(["apply", "augment", "--model", "gan", "--out", "new", *args])
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert not Path("new/card.json").exists() and not Path("runs/.lock").exists()


def test_the_folder_of_another_command_is_left_alone(there, tmp_path):
    out = f"{tmp_path}/x"
    assert main.run([*COMMAND, "--out", out]) == 0
    before = held(tmp_path / "x")
    for more, says in (
        (["--seed", "1"], "--seed 0, not 1"),
        (["--format", "npz"], "--format idx, not npz"),
        (["--count", "231"], "--count 230, not 231"),
    ):
        with pytest.raises(UserError, match=says):
            main.run([*COMMAND, "--out", out, *more])
    assert held(tmp_path / "x") == before
    for content in ("{", "[]", "{}"):
        (tmp_path / "x/card.json").write_text(content)
        with pytest.raises(UserError, match="name a new folder"):
            main.run([*COMMAND, "--out", out])
    with pytest.raises(UserError, match="where to"):
        main.run(COMMAND)


def test_real_digits_that_have_moved_are_found(there, tmp_path):
    few = data.load("mnist").test
    images.save(f"{tmp_path}/mine/", few.images[:1500] / np.float32(255), few.labels[:1500])
    tiny = [arg for arg in runs.TINY if not arg.startswith("--data")]
    args = ["--run=away", f"--data={tmp_path}/mine/", *tiny, *flags("gan"), "--quiet"]
    assert main.run(["train", "--model=gan", *args]) == 0
    (tmp_path / "mine").rename(tmp_path / "theirs")
    out = tmp_path / "out"
    drawn = ["--run=away", f"--data={tmp_path}/theirs/", "--count=100", f"--out={out}"]
    assert main.run(["apply", "augment", *drawn]) == 0
    assert "frechet" in (out / "card.json").read_text()
