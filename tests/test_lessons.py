"""Sheets of exercises and figures to teach with."""

import functools
import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from reportlab import rl_config
from scipy.spatial import distance

from jaxgen import data, families, images
from jaxgen.apps import exercises, figures, redraw, sheet
from jaxgen.apps.exercises import Exercise
from jaxgen.apps.figures import codebook, noise, plane, training
from jaxgen.arrays import IMAGE
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.training.folder import RunFolder
from tests import runs
from tests.conftest import SMALL, small

DIGITS = data.load("synthetic:200")


# Exercises.


@pytest.mark.parametrize("largest", [10, 100, 9999])
def test_sums_stay_within_their_bounds_and_are_right(largest):
    kinds = ("plus", "minus", "times", "divided")
    found = exercises.sums(300, kinds, largest, 0)
    operations = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__, ":": int.__truediv__}
    for index, (first, sign, second) in enumerate(found):
        assert sign == exercises.SIGNS[kinds[index % 4]]
        result = operations[sign](first, second)
        assert result == found[index].answer
        assert min(first, second) > 0 and 0 <= result <= largest and max(first, second) <= largest
    assert exercises.sums(300, kinds, largest, 0) == found != exercises.sums(300, kinds, largest, 1)
    assert exercises.sums(20, kinds, largest, 0) == found[:20]


@pytest.mark.parametrize(
    ("text", "named", "title"),
    [
        ("plus,minus", ("plus", "minus"), "Sums"),
        ("minus", ("minus",), "Subtractions"),
        ("Times, *", ("times", "times"), "Multiplications"),
        ("/,:", ("divided", "divided"), "Divisions"),
        ("+,x", ("plus", "times"), "Sums and multiplications"),
        ("minus,times", ("minus", "times"), "Subtractions and multiplications"),
        ("x,:,-,+", ("times", "divided", "minus", "plus"), "Sums, multiplications and divisions"),
    ],
)
def test_operations_are_read_as_words_and_signs_and_have_a_name(text, named, title):
    assert exercises.operations(text) == named
    assert exercises.title(named) == title
    assert exercises.operations("plus,over") is exercises.operations("") is None


def test_no_exercise_comes_twice_while_there_are_others():
    found = exercises.sums(60, ("plus", "minus"), 100, 0)
    assert len(set(found)) == 60
    assert len(exercises.sums(300, ("times",), 10, 0)) == 300  # of which there are few
    numbers = exercises.numbers(80, 100, 0)
    assert len(set(numbers)) == 80
    assert all(10 <= number.first == number.answer <= 100 for number in numbers)


@pytest.mark.parametrize(
    ("least", "attempts", "drawn"), [(0.6, [0, 1, 1, 0], 4 + 3 + 2), (0.9, [1, 1, 1, 0], 4 + 4 + 2)]
)
def test_the_first_image_that_is_good_enough_is_taken_or_else_the_best(least, attempts, drawn):
    labels = np.arange(4, dtype=np.int32)
    scores = np.array([[0.7, 0.9, 0.9], [0.1, 0.9, 0.9], [0.1, 0.5, 0.2], [0.2, 0.1, 0.2]])

    def draw(asked, indices):  # the pixels are the attempt and the index
        attempt, index = np.divmod(indices, redraw.INDICES)
        return np.broadcast_to(
            (10 * attempt + index)[:, None, None, None] / 255, (len(asked), *IMAGE)
        )

    def score(pixels, asked):
        attempt, index = np.divmod(np.rint(pixels[:, 0, 0, 0] * 255).astype(int), 10)
        assert np.array_equal(index, asked)
        return scores[index, attempt]

    found = redraw.redraw(draw, labels, np.arange(4), score, least, tries=3)
    assert found.images[:, 5, 5, 0].tolist() == (10 * np.array(attempts) + labels).tolist()
    assert found.indices.tolist() == (redraw.INDICES * np.array(attempts) + labels).tolist()
    assert found.scores.tolist() == scores[labels, attempts].tolist() and found.drawn == drawn
    with pytest.raises(UserError, match=r"each of 3 drawings of the same digit 2 cannot be"):
        redraw.redraw(draw, labels, np.arange(4), score, least, tries=3, refusal="cannot be")


@pytest.fixture
def plain(monkeypatch):
    """The pages of a PDF are not compressed, so that ``words`` can read them."""
    monkeypatch.setattr(rl_config, "pageCompression", 0)


def words(pdf: bytes) -> str:
    """The text of all pages, in order."""
    return "\n".join(re.findall(r"\((.*?)\) Tj", pdf.decode("latin-1")))


def test_a_sheet_asks_and_answers(plain):
    sums = [Exercise(27, "+", 14), Exercise(60, "-", 5), Exercise(7, "x", 8)]
    layout = sheet.Layout(footer="words at the foot")
    sections = [sheet.Section("Sums", sums), sheet.Section("Numbers", [Exercise(582)])]
    digits = sheet.digits_of(sections)
    assert digits == "2714605785" + "82"
    ink = DIGITS.test.images[: len(digits)]
    made = sheet.pdf(sections, ink, layout)
    assert made.startswith(b"%PDF-") and made == sheet.pdf(sections, ink, layout)
    assert made.count(b"/Type /Page\n") == 3  # sums, numbers, answers
    text = words(made)
    for answer in ("27 + 14 = 41", "60 \\226 5 = 55", "7 \\327 8 = 56", "582"):
        assert answer in text
    assert text.count("words at the foot") == 3
    assert sheet.pdf(sections, ink, layout._replace(paper="letter")) != made
    many = [sheet.Section("Sums", sums * 20)], np.tile(ink[:10], (20, 1, 1, 1))
    made = sheet.pdf(*many, sheet.Layout())
    assert made.count(b"/Type /Page\n") == 4  # two columns of a dozen, thrice, and answers
    made = sheet.pdf(*many, sheet.Layout(columns=1, title="Class 3b"))
    assert made.count(b"/Type /Page\n") == 6 and words(made).count("Class 3b") == 6
    with pytest.raises(UserError, match="3 is too many: there is room for 2 of these sums"):
        sheet.pdf(*many, sheet.Layout(columns=3))


def test_each_digit_of_a_sheet_is_used_in_its_place(monkeypatch):
    sections = [sheet.Section("Sums", [Exercise(12, "+", 345)]), sheet.Section("N", [Exercise(6)])]
    used = []
    monkeypatch.setattr(sheet.images, "cropped", lambda image: used.append(image) or image)
    sheet.pdf(sections, DIGITS.test.images[:6], sheet.Layout())
    assert np.array_equal(np.stack(used), DIGITS.test.images[:6, ..., 0])
    with pytest.raises(StopIteration):  # too few
        sheet.pdf(sections, DIGITS.test.images[:5], sheet.Layout())


# Figures.


def test_patches_are_the_mean_of_what_images_show_there():
    pixels = np.zeros((2, 28, 28), np.float32)
    pixels[0, 4:8, 8:12] = 1.0  # the cell in row 1, column 2
    pixels[1, 0, 0] = 1.0
    codes = np.zeros((2, 7, 7), np.int32)
    codes[0, 1, 2] = codes[1, 1, 2] = 3
    codes[1, 0, 0] = 5
    counts, patches = codebook.patches_of(pixels, codes, 8)
    assert counts.tolist() == [95, 0, 0, 2, 0, 1, 0, 0]
    assert patches.shape == (8, 12, 12) and not patches[[1, 2, 4, 6, 7]].any()
    assert np.array_equal(patches[3, 4:8, 4:8], np.full((4, 4), 0.5)) and patches[3].sum() == 8
    assert patches[5, 4, 4] == 1 and patches[5].sum() == 1


def test_labels_of_a_plane_lie_beside_each_other_and_near_to_where_they_were():
    points = np.array([[0.0, 0], [0, 0], [3, 1], [50, 50]])
    apart = plane.moved_apart(points, 10)
    assert distance.pdist(apart).min() >= 10
    assert np.array_equal(apart[3], points[3])
    assert np.abs(apart - points).max() < 15


def test_cells_are_the_images_of_a_grid():
    some = DIGITS.test.images[:20]
    for scale in (1, 3):
        assert np.array_equal(images.cells(images.grid(some, 10, scale=scale), 10), some)
    with pytest.raises(UserError, match="no grid of 7 columns"):
        images.cells(images.grid(some, 10), 7)


def test_the_way_from_noise_ends_with_what_is_drawn():
    family = families.build(small("ddpm"))
    variables = jax.jit(family.init)(jax.random.key(0))
    keys, labels = jax.random.split(jax.random.key(1), 2), jnp.array([3, 4])
    ways, guesses = jax.jit(functools.partial(noise.denoised, family))(variables, keys, labels)
    known = jax.jit(family.trajectory)(variables, keys, labels)
    assert ways.shape == guesses.shape == known.shape
    assert np.allclose(ways, known, atol=1e-5)
    assert np.array_equal(guesses[:, -1], ways[:, -1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with tiny runs, and one that was never trained."""
    folder = tmp_path_factory.mktemp("lessons")
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, folder)
        runs.tiny("ae")
        looks = [{"step": step, "histogram": [50] * 10, "coverage": step / 4} for step in (1, 2)]
        Path("runs/ae/watch.jsonl").write_text("\n".join(map(json.dumps, looks)) + "\n{")
        for name in ("vae", "vqvae"):
            Path(f"runs/{name}").mkdir()
            RunFolder(Path(f"runs/{name}")).prepare(small(name), fresh=False)
        yield folder


@pytest.fixture
def there(trained, monkeypatch):
    runs.at_home(monkeypatch, trained)
    monkeypatch.setattr(figures, "DPI", 40)


def lesson(family, digits=DIGITS) -> figures.Lesson:
    variables = jax.jit(family.init)(jax.random.key(0))
    return figures.Lesson(family, variables, digits, RunFolder(Path("runs/ae")), "a name", 3, 0)


@pytest.mark.parametrize("name", sorted(SMALL))
def test_each_family_has_its_figure(name, there):
    recipe = small(name)
    family = families.build(recipe)
    if name in ("ae", "cvae", "vae"):
        assert figures.usual(family, has_run=True) == "interpolation"
        family = families.build(replace(recipe, net=replace(recipe.net, latents=2)))
    kind, says = {
        "vqvae": ("codebook", "of 16 codes are used"),
        "gan": ("training", "coverage"),
        "ddpm": ("process", "what the network"),
    }.get(name, ("plane", "The codes of"))
    assert figures.usual(family, has_run=True) == kind
    figures.require(kind, family, "runs/x")
    made = figures.render(kind, lesson(family), ".svg")
    assert says in made.decode() and "a name" in made.decode()
    if kind == "training":
        assert figures.render(kind, lesson(family), ".svg") == made


def test_the_two_populations_are_shown_for_a_model_of_mnist(there):
    shown = lesson(families.build(small("ae")), data.load("mnist"))
    text = figures.render("populations", shown, ".svg").decode()
    for says in ("even positions", "population 0, mean 0.00", "population 1, mean 0.21"):
        assert says in text
    with pytest.raises(UserError, match="--what populations is for models of MNIST"):
        figures.render("populations", replace(shown, digits=DIGITS), ".svg")


def test_the_figure_command_writes_by_the_ending(there, capsys):
    for ending, begins in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        command = ["apply", "figure", "--model", "ae", "--what", "training"]
        assert main.run([*command, "--out", f"x{ending}"]) == 0
        assert Path(f"x{ending}").read_bytes().startswith(begins)
    command = ["apply", "figure", "--model", "ae"]
    path = "runs/ae/drawn/interpolation-seed-0.png"
    for before in ("", ", as before"):  # equal ones are kept once
        assert main.run(command) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith(f": {path}{before}")
        with Image.open(path) as picture:
            assert picture.size[0] > picture.size[1] > 100


def test_the_sheet_command_makes_the_same_sheet_again(there, plain, capsys, monkeypatch):
    monkeypatch.setattr(judge, "SURE", 0.0)  # what two steps of training draw is no digit
    command = ["apply", "sheet", "--model", "ae", "--sums", "4", "--numbers", "2", "--out"]
    assert main.run([*command, "a.pdf"]) == main.run([*command, "b.pdf"]) == 0
    assert "4 sums and 2 numbers to read after 2 steps" in capsys.readouterr().out
    assert Path("a.pdf").read_bytes() == Path("b.pdf").read_bytes()
    assert "drawn by ae, after 2 steps of training on synthetic:600" in words(
        Path("a.pdf").read_bytes()
    )
    monkeypatch.setattr(judge, "SURE", 1.1)
    monkeypatch.setattr(redraw, "TRIES", 2)
    with pytest.raises(UserError, match=r"cannot be read by the judge: train the model"):
        main.run([*command, "c.pdf"])
    assert not Path("c.pdf").exists()


def test_a_sheet_can_be_in_one_hand(there, capsys, monkeypatch):
    used = []
    monkeypatch.setattr(sheet, "pdf", lambda *given: used.extend(given) or b"")
    command = ["apply", "sheet", "--model", "ae", "--sums", "9", "--style", "test:3"]
    assert main.run(command) == 0
    (sections, written, _), printed = used, capsys.readouterr()
    assert "digits drawn" not in printed.out and "the judge cannot read" in printed.err
    labels = np.array([*map(int, sheet.digits_of(sections))])
    for digit in np.unique(labels):
        assert len(np.unique(written[labels == digit], axis=0)) == 1
    assert len(np.unique(written, axis=0)) == len(np.unique(labels))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("sheet", "which model"),
        ("sheet --model vqvae --style test:3", "cannot tell the hand"),
        (
            "sheet --model ae --title xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "a line of 40 letters",
        ),
        ("sheet --model ae --title \u6570\u5b66", "letters of Latin alphabets"),
        ("sheet --model ae --columns 0", "--columns 0"),
        ("sheet --model ae --columns 9", "room for 2 of these sums"),
        ("sheet --model ae --sums 0", "would be empty"),
        ("sheet --model ae --sums -1", "--sums -1"),
        ("sheet --model ae --operations plus,over", "plus,over"),
        ("sheet --model ae --largest 5", "--largest 5"),
        ("sheet --model ae --out x.png", "ends in .pdf"),
        ("sheet --model ae --paper a3", "--paper"),
        ("sheet --model vae --prior normal", "VAE draws any digit"),
        ("sheet --model vae", "no sound checkpoint"),
        ("figure --model vqvae --what plane", "vqvae has no plane: take ae or cvae or vae"),
        ("figure --model ae --what planet", "--what"),
        ("figure --model vae --what plane", "--net.latents 2 --run vae-2d"),
        ("figure --model ae --digit 10", "--digit 10"),
        ("figure --model ae --out x.jpg", ".png, .svg or .pdf"),
        ("figure --model vae", "no sound checkpoint"),
    ],
)
def test_mistakes_are_one_sentence(there, command, says):
    with pytest.raises(UserError) as caught:
        main.run(["apply", *command.split()])
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_without_pictures_has_no_figure_of_its_training(there, tmp_path):
    digits = SimpleNamespace(learned=tuple(range(10)))
    lesson = SimpleNamespace(run=RunFolder(tmp_path), digits=digits)
    with pytest.raises(UserError, match="holds no pictures"):
        training.draw(lesson)
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "4.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(UserError, match=r"4\.png cannot be read"):
        training.draw(lesson)
