"""Classes of any number and name: as people write them, in models, files and commands."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import jaxgen
from jaxgen import classes, config, data, families, images, testing
from jaxgen.classes import ANY, DIGITS
from jaxgen.cli import main
from jaxgen.data import known, user_images
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from tests import letters, runs
from tests.conftest import flags, small
from tests.data.told import sentence

LETTERS = tuple(letters.LETTERS)
CLOTHES = known.FASHION
CLAUSES = (
    testing.losses_are_finite_scalars,
    testing.samples_are_images,
    testing.latents_have_an_axis_of_images,
)


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("2024", DIGITS, [2, 0, 2, 4]),
        ("any", DIGITS, [ANY]),
        ("jax", LETTERS, [9, 0, 23]),
        ("JAX", LETTERS, [9, 0, 23]),
        ("a,z", LETTERS, [0, 25]),
        ("sneaker", CLOTHES, [7]),
        ("Bag, coat,7", CLOTHES, [8, 4, 7]),
        ("12", tuple(map(str, range(49))), [12]),
        ("aA", ("a", "A"), [0, 1]),
    ],
)
def test_classes_are_read_as_people_write_them(text, names, found):
    assert classes.numbers(text, names, "--digits") == found


@pytest.mark.parametrize(
    ("text", "names", "told"),
    [
        ("1x", DIGITS, "--digits 1x cannot be: it must be of digits 0 to 9, or any"),
        ("sneeker", CLOTHES, "did you mean sneaker?"),
        ("10", CLOTHES, "the classes are t-shirt, trouser"),
        ("50", tuple(map(str, range(49))), "and 37 more"),
        ("b", ("a", "A"), "the classes are a, A"),
        ("", DIGITS, "0 to 9"),
    ],
)
def test_a_class_that_nobody_knows_is_one_sentence(text, names, told):
    with pytest.raises(UserError) as error:
        classes.numbers(text, names, "--digits")
    assert told in f"{error.value}"


def test_digits_are_written_to_recipes_as_before():
    recipe = config.recipe("cvae")
    assert "classes" not in config.to_dict(recipe)
    other = config.changed(recipe, {"classes": LETTERS})
    assert config.from_dict(json.loads(json.dumps(config.to_dict(other)))) == other
    assert config.differences(other, recipe) == []  # no flag changes them


def test_the_labels_of_fashion_mnist_tell_its_names(here, monkeypatch):
    """As MNIST's labels would, if they were Fashion-MNIST's."""
    train, test = data.raw("synthetic:200")
    digest = hashlib.sha256(train.labels.astype(np.uint8).tobytes()).hexdigest()
    monkeypatch.setitem(known._BY_LABELS, digest, CLOTHES)
    for part, split in (("train", train), ("t10k", test)):
        images.save(f"set/{part}.idx.gz", split.images, split.labels)
        images.save(f"other/{part}.npz", split.images, split.labels)
    for source in ("idx:set", "files:other"):
        assert data.load(source).names == CLOTHES
    images.save("other/train.npz", train.images[:-1], train.labels[:-1])
    assert data.load("files:other").names == DIGITS


@pytest.mark.parametrize(
    "names", [("A", "a", "A-0"), ("+", "-", "class-0"), ("t-shirt/top", "bag"), LETTERS]
)
def test_no_two_classes_have_one_folder(names):
    folders = [folder.casefold() for folder in classes.in_paths(names)]
    assert len(set(folders)) == len(names)
    assert [classes.of_paths(names)[folder] for folder in classes.in_paths(names)] == [
        *range(len(names))
    ]


def test_folders_that_a_person_has_made_are_known_in_their_case(tmp_path):
    for name in ("A", "a", "b"):
        images.save(tmp_path / name / "1.png", np.full((1, 28, 28, 1), 0.5), np.zeros(1, int))
    (group,) = user_images.find(f"{tmp_path}", names=("A", "a", "b"))
    assert sorted(item.label for item in group.items) == [0, 1, 2]


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        (("Coat", "Bag"), [0, 1, 0]),  # of the file's numbers 1, 0, 1
        (("Bag", "Coat"), [1, 0, 1]),
        (("first", "second"), [1, 0, 1]),  # names that say nothing here
    ],
)
def test_the_names_in_a_file_say_what_its_labels_mean(own, wanted, tmp_path):
    greys = np.arange(3 * 28 * 28, dtype=np.uint8).reshape(3, 28, 28)
    path = tmp_path / "some.npz"
    np.savez(path, images=greys, labels=np.array([1, 0, 1]), names=np.array(own))
    (group,) = user_images.find(f"{path}", names=("bag", "coat"))
    assert [item.label for item in group.items] == wanted


@pytest.mark.parametrize("name", families.names())
@pytest.mark.parametrize("count", [2, 26])
def test_every_family_keeps_its_contract_with_any_number_of_classes(name, count):
    recipe = small(name, classes=tuple(map(str, range(count))))
    family = families.build(recipe)
    assert family.classes == count
    subject = testing.Subject(recipe)
    for clause in CLAUSES:
        clause(subject)


@pytest.fixture(scope="module")
def place(tmp_path_factory, optimised):
    """A run of the cvae on letters, and one of the gan, and their judge."""
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, tmp_path_factory.mktemp("classes"))
        letters.write(Path("letters"), 2600, 520)
        for name in ("cvae", "gan"):
            args = ["--data=letters", "--steps=40", "--batch=32", *flags(name)]
            assert main.run(["train", f"--model={name}", *args]) == 0
        yield


def test_a_run_knows_its_classes(place):
    model = jaxgen.load("./runs/cvae")
    assert model.names == LETTERS and model.family.classes == 26
    assert json.loads(Path("runs/cvae/config.json").read_text())["classes"] == list(LETTERS)
    assert len(json.loads(Path("runs/cvae/data.json").read_text())["train"]) == 26
    assert model.learned == tuple(range(26))
    assert model.sample(digit="z", count=2).shape == (2, 28, 28, 1)
    assert np.array_equal(model.sample(digit=25, count=2), model.sample(digit="Z", count=2))
    assert len(model.sample()) == 104  # four of each
    assert not np.array_equal(model.sample(digits="a"), model.sample(digits="b"))
    codes = model.encode(model.digits.test.images[:3], model.digits.test.labels[:3])
    assert model.decode(codes, [25, 0, 3]).shape == (3, 28, 28, 1)


def test_a_training_goes_on_with_its_classes(place, capsys):
    args = ["--data=letters", "--steps=42", "--batch=32", "--optim.horizon=40", *flags("cvae")]
    assert "another recipe" in sentence(main.run, ["train", "--model=cvae", *args])
    args.remove("--optim.horizon=40")
    assert main.run(["train", "--model=cvae", *args]) == 0
    assert jaxgen.load("./runs/cvae").step == 42


@pytest.mark.parametrize("name", ["cvae", "gan"])
def test_commands_take_classes_by_their_names(place, name, capsys, monkeypatch):
    (Path(name) / "runs").mkdir(parents=True)
    Path(name, "runs", name).symlink_to(Path("runs", name).absolute())
    monkeypatch.chdir(name)
    assert main.run(["sample", f"--model={name}", "--label=q", "--count=3", "--out=q.npz"]) == 0
    assert main.run(["sample", f"--model={name}", "--digits=jax", "--out=jax/"]) == 0
    assert main.run(["sample", f"--model={name}", "--count=52", "--by-digit", "--out=all/"]) == 0
    assert "52 images after" in capsys.readouterr().out
    with np.load("q.npz") as file:
        assert file["labels"].tolist() == [16] * 3 and tuple(file["names"]) == LETTERS
    assert {path.name for path in Path("jax").iterdir()} >= {"00000-j.png", "00002-x.png"}
    assert sorted(path.name for path in Path("all").iterdir()) == sorted(LETTERS)
    for path in ("all", "jax"):
        found = [item.label for group in user_images.find(path, names=LETTERS) for item in group[0]]
        assert sorted(set(found)) == ([0, 9, 23] if path == "jax" else list(range(26)))
    assert main.run(["interpolate", f"--model={name}", "--from=a", "--to=b", "--out=w.png"]) == 0
    told = sentence(main.run, ["sample", f"--model={name}", "--digit=3x"])
    assert "the classes are a, b, c" in told


def test_no_figure_is_by_a_judge_of_digits(place, capsys):
    told = sentence(main.run, ["evaluate", "--model=cvae"])
    assert "the judge knows 10 classes, and files:" in told and "bin/digits judge files:" in told
    assert main.run(["apply", "convert", "--model=gan", "--to=k", "--count=2", "--out=k.png"]) == 0
    assert "asked for: not known" in capsys.readouterr().out
    assert not Path("runs/gan/watch.jsonl").exists()
    assert "needs digits" in sentence(main.run, ["apply", "sheet", "--model=cvae"])
    told = sentence(main.run, ["page", "--runs", "runs/cvae", "--out=page/"])
    assert "bin/digits judge files:" in told and not Path("page").exists()
    runs.tiny("vae")
    told = sentence(main.run, ["page", "--runs", "runs/cvae", "runs/vae", "--out=page/"])
    assert "vae draws 0, 1, 2" in told and "cvae a, b, c" in told
    args = ["study", "--model=ae", "--vary", "net.latents=2,3", "--data=letters"]
    assert "bin/digits judge" in sentence(main.run, [*args, "--steps=2"])


def test_letters_get_a_judge_and_a_report_of_26_classes(place, capsys):
    assert main.run(["digits", "judge", "letters", "--steps=300"]) == 0
    assert judge.own(data.load(data.with_absolute_path("letters"))).exists()
    capsys.readouterr()
    assert main.run(["evaluate", "--model=cvae", "--count=200"]) == 0
    said = capsys.readouterr().out
    assert "recognised as the class asked for" in said and "nats of 3.258" in said
    assert "recognised by class: a " in said and "digit" not in said.split("also in")[0]
    report = json.loads(Path("runs/cvae/report.json").read_text())
    assert report["classes"] == list(LETTERS) and len(report["recognised_by_digit"]) == 26
    assert len(report["generated"]["histogram"]) == 26
    model = jaxgen.load("./runs/cvae")
    real = model.digits.test
    assert (model.classify(real.images) == real.labels).mean() > 0.6


def test_what_was_drawn_is_data_of_the_same_classes(place):
    model = jaxgen.load("./runs/cvae")
    drawn, labels = model.sample(count=78), np.arange(78) % 26
    for path in ("again.npz", "again.parquet"):
        images.save(path, drawn, labels, names=LETTERS)
        digits = data.load(f"files:{path}")
        assert digits.names == LETTERS and len(digits.train.labels) > 50
