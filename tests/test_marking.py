"""Exercise sheets with marks: printed, filled in, photographed, and marked."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.apps import exercises, marking, scans, sheet
from jaxgen.cli import digits as command
from jaxgen.data import page_files
from jaxgen.errors import UserError
from jaxgen.paper import answers, form
from jaxgen.paper import page as pages
from tests import photos

TEST = data.load("mnist").test
SUMS = exercises.sums(14, ("plus", "minus"), 100, 0)
SECTIONS = [
    sheet.Section("Sums", SUMS),
    sheet.Section("Numbers to read", exercises.numbers(9, 1000, 0)),
]


def made(paper: str = "a4", sections=SECTIONS, **options) -> bytes:
    count = len(sheet.digits_of(sections))
    layout = sheet.Layout(paper, marks=True, **options)
    return sheet.pdf(sections, TEST.images[:count], layout)


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "sheet.pdf"
    path.write_bytes(made())
    return path


def photo(printed: Path, number: int, seed: int) -> photos.Answered:
    key, random = marking.key_of(f"{printed}"), np.random.default_rng(seed)
    pdf = printed.read_bytes()
    return photos.answered(pdf, key, number, TEST.images[..., 0], TEST.labels, random)


def grey(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


@pytest.mark.parametrize("paper", ["a4", "letter"])
def test_a_sheet_knows_its_lines_and_is_the_same_file_again(paper, tmp_path):
    pdf = made(paper)
    assert pdf == made(paper)
    (tmp_path / "sheet.pdf").write_bytes(pdf)
    key = marking.key_of(f"{tmp_path / 'sheet.pdf'}")
    wanted = [f"{exercise.answer}" for section in SECTIONS for exercise in section.exercises]
    assert key.paper == paper and [line.answer for line in key.lines] == wanted
    assert [line.page for line in key.lines] == [0] * 14 + [1] * 9
    shown = [photos.printed(pdf, number) for number in (0, 1)]
    for line in key.lines:  # where the key has a line, the page is black
        x, y = ((v * photos.SCALE) for v in (line.x + line.wide / 2, line.y))
        assert shown[line.page][round(y) - 3 : round(y) + 4, round(x)].min() < 0.5


@pytest.mark.parametrize("number", [0, 1])
def test_answers_are_marked_from_a_photograph(printed, number):
    key = marking.key_of(f"{printed}")
    counts: Counter = Counter()
    for seed in range(3):
        one = photo(printed, number, seed)
        (page,) = marking.mark([grey(one.content)], "photo", key)
        assert page.number == number + 1
        for found, written in zip(page.answers, one.written, strict=True):
            right = found.line.answer == written
            truth = "empty" if not written else "right" if right else "wrong"
            assert found.verdict in (truth, "not sure")
            counts[found.verdict] += 1
            if found.verdict != "not sure":
                assert found.read == written
    assert counts["not sure"] < 0.12 * sum(counts.values()) and len(counts) >= 3


def test_digits_that_touch_are_read(printed):
    """A one and a nought in one piece of ink."""
    one, nought = (TEST.images[TEST.labels == digit][0, ..., 0] / 255.0 for digit in (1, 0))
    crop = [image[:, image.max(0) > 0.2][4:24] for image in (one, nought)]
    ink = np.concatenate(crop, 1).astype(np.float32)
    ink[10, : ink.shape[1] // 2 + 4] = 1  # a stroke that joins them
    large = np.asarray(Image.fromarray(ink).resize([3 * n for n in ink.shape[::-1]]))
    line = answers.Line(0, 1, "10", 0, 0, 20)
    whole = pages.Cut((0, 0, *large.shape), large, "")
    found = marking._marked(answers.Written(line, [whole]), [*scans.judged([whole])[1]])
    assert found.verdict in ("right", "not sure")
    left, right = answers.halves(whole)
    assert left.box[3] == right.box[1] and left.ink.shape[1] + right.ink.shape[1] == large.shape[1]


def test_the_command_writes_a_table_and_pictures(printed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in (0, 1):
        Path(f"photo{number}.jpg").write_bytes(photo(printed, number, 7).content)
    args = ["mark", "photo0.jpg", "photo1.jpg", "--sheet", f"{printed}", "--out", "class.csv"]
    command.main(args)
    with open("class.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["page"] for row in rows] == ["1"] * 14 + ["2"] * 9
    assert {row["file"] for row in rows} == {"photo0.jpg", "photo1.jpg"}
    out = capsys.readouterr().out
    assert "photo0.jpg, page 1: " in out and " right" in out
    for name in ("class-photo0.png", "class-photo1.png"):
        picture = np.asarray(Image.open(name).convert("RGB"), int)
        assert (np.ptp(picture, axis=2) > 60).sum() > 500  # signs in colour
    with pytest.raises(UserError, match=r"class\.csv exists already"):
        command.main(args)


def test_no_page_of_a_class_is_lost(tmp_path, monkeypatch, capsys):
    """Of a scan of several pupils' sheets, and of photographs of one name."""
    monkeypatch.chdir(tmp_path)
    picture = np.zeros((4, 4, 3), np.uint8)
    count = {"scan.tiff": 3, "a/photo.jpg": 1, "b/photo.jpg": 1}
    line = answers.Line(0, 5, "10", 0, 0, 20)
    page = marking.Page(1, [marking.Marked(line, "10", "right")], picture)
    monkeypatch.setattr(marking, "key_of", lambda path: None)
    monkeypatch.setattr(page_files, "read", lambda name: name)
    monkeypatch.setattr(marking, "mark", lambda greys, name, key: [page] * count[name])
    command.main(["mark", *count, "--sheet=s.pdf", "--out=class.csv"])
    with open("class.csv", newline="") as file:
        rows = [(row["file"], row["picture"], row["page"]) for row in csv.DictReader(file)]
    scans = [("scan.tiff", number, "1") for number in ("1", "2", "3")]
    assert rows == [*scans, ("a/photo.jpg", "1", "1"), ("b/photo.jpg", "1", "1")]
    assert {path.stem.removeprefix("class-") for path in tmp_path.glob("*.png")} == {
        *("scan-1", "scan-2", "scan-3", "photo", "photo-2")
    }


def test_what_cannot_be_marked_is_one_sentence(printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(photo(printed, 0, 1).content)
    layout = sheet.Layout("a4")
    count = len(sheet.digits_of(SECTIONS))
    Path("plain.pdf").write_bytes(sheet.pdf(SECTIONS, TEST.images[:count], layout))
    others = [sheet.Section("Sums", exercises.sums(14, ("plus",), 100, 1))]
    Path("other.pdf").write_bytes(made(sections=others))
    Image.fromarray(grey(Path("photo.jpg").read_bytes())[:800]).save("half.png")
    Image.fromarray(np.uint8(255 * photos.printed(form.pdf(form.Layout(3, 3)), 0))).save("form.png")
    cases = [
        (["photo.jpg", "--sheet", "plain.pdf"], "plain.pdf is no sheet with marks"),
        (["photo.jpg", "--sheet", "other.pdf"], "is a page of another sheet"),
        (["photo.jpg", "--sheet", "none.pdf"], "none.pdf"),
        (["half.png", "--sheet", f"{printed}"], "of the four marks"),
        (["form.png", "--sheet", f"{printed}"], "is a form: read it with bin/digits read"),
        (["photo.jpg"], "of which sheet"),
        (["--sheet", f"{printed}"], "which page"),
    ]
    for args, sentence in cases:
        with pytest.raises(UserError, match=sentence) as caught:
            command.main(["mark", *args, "--out", "x.csv"])
        assert "\n" not in f"{caught.value}"
    with pytest.raises(UserError, match="where to"):
        command.main(["mark", "photo.jpg", "--sheet", f"{printed}"])
    with pytest.raises(UserError, match="is an exercise sheet: read it with bin/digits mark"):
        command.main(["read", "--form", "photo.jpg", "--out", "y/"])
    assert not any(Path(name).exists() for name in ("x.csv", "y"))
