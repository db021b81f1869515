"""Digits on paper: from pictures with lines, frames and shadows, from whole pages, from forms."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgen import data
from jaxgen.apps import scans
from jaxgen.classes import ANY
from jaxgen.cli import digits as command
from jaxgen.cli.digits import read
from jaxgen.data import page_files, pictures, user_images
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_float
from jaxgen.paper import form, ink, lines
from jaxgen.paper import page as pages
from tests import paper, photos

TEST = data.load().test


def chosen(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Test digits that the judge recognises by themselves: uint8 [n, 28, 28], and their labels."""
    order = np.random.default_rng(seed).permutation(len(TEST.labels))[: 2 * count]
    taken = judge.probabilities(judge.load(), to_float(TEST.images[order])).argmax(1)
    order = order[taken == TEST.labels[order]][:count]
    return TEST.images[order][..., 0], TEST.labels[order]


def grey(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("L"))


@pytest.mark.parametrize("kind", paper.KINDS)
def test_a_digit_is_read_from_every_kind_of_paper(kind):
    digits, labels = chosen(12, seed=len(kind))
    random = np.random.default_rng(3)
    read = [pictures.decode(paper.KINDS[kind](digit, random), kind)[0] for digit in digits]
    taken = judge.probabilities(judge.load(), to_float(np.stack(read))).argmax(1)
    assert (taken == labels).sum() >= (10 if "thin" in kind else 11)
    if "thin" not in kind:  # whose ink is another than the digit's own
        more = np.array([np.sum(a) / np.sum(b) for a, b in zip(read, digits, strict=True)])
        assert 0.85 < more.mean() < 1.15


@pytest.mark.parametrize("kind", ["frame", "squared", "ruled, slanting", "thin pen, frame"])
def test_printed_lines_are_named(kind):
    digit = chosen(1, seed=0)[0][0]
    words = pictures.decode(paper.KINDS[kind](digit, np.random.default_rng(0)), "x")[1]
    assert "printed lines taken away" in words
    words = pictures.decode(paper.KINDS["plain"](digit, np.random.default_rng(0)), "x")[1]
    assert "printed lines taken away" not in words


def test_the_line_is_found_where_it_was_drawn():
    made = paper.page(200, 200)
    paper.ruled(made, 1000, wide=2, angle=30, start=0.06)  # one line, 60 pixels from the corner
    mask = 1 - made[..., 0] > 0.1
    (line,) = lines.find(mask, np.zeros_like(mask))
    assert np.rad2deg(line.angle) % 180 == pytest.approx(120, abs=1)
    normal = np.array([np.cos(line.angle), np.sin(line.angle)])
    y, x = np.argwhere(mask).T
    away = np.stack([x - 99.5, y - 99.5], 1) @ normal - line.distance
    assert abs(away).max() < 4


def test_a_line_leaves_what_crosses_it():
    picture = np.zeros((200, 200), np.float32)
    picture[:, 90:104] = 0.9  # a stroke
    with_line = picture.copy()
    with_line[120:122] = np.maximum(with_line[120:122], 0.9)  # as clear as the stroke
    found, had_lines = lines.removed(with_line, 0.05)
    assert had_lines
    assert (np.abs(found - picture) > 0.1).sum() <= 10  # beside the stroke


def test_a_one_is_no_printed_line():
    picture = np.zeros((200, 200), np.float32)
    picture[2:198, 99:102] = 1
    found, had_lines = lines.removed(picture, 0.05)
    assert not had_lines and np.array_equal(found, picture)


def test_shade_does_not_change_ink():
    made = paper.page(120, 120)[..., 0]
    made[40:80, 55:65] *= 0.2
    light = np.linspace(1, 0.4, 120, dtype=np.float32)
    found = ink.without_shade(made * light)
    assert np.abs(found[45:75, 57:63] - 0.8).max() < 0.03
    assert found[:, :30].max() < 0.05 and found[:, 90:].max() < 0.05


@pytest.mark.parametrize(
    "options",
    [{}, {"cover": "ruled"}, {"cover": "", "table": False}],
    ids=["squared", "ruled", "bare"],
)
def test_all_digits_of_a_page_are_found_in_reading_order(options):
    digits, labels = chosen(40, seed=4)
    sheet = paper.sheet(digits, np.random.default_rng(40), **options)
    found = scans.read([grey(sheet.content)], "page")
    assert len(found.images) == 40
    sure = found.labels != ANY
    assert sure.sum() >= 37 and (found.labels == labels)[sure].sum() >= sure.sum() - 1
    for label, doubt in zip(found.labels, found.doubts, strict=True):
        assert bool(doubt) == (label == ANY)


def test_a_form_that_was_photographed_at_an_angle_is_read_back():
    layout = form.Layout(11, 6, "letter")
    digits, labels = chosen(300, seed=5)
    for seed in range(2):
        made = photos.filled(layout, digits, labels, np.random.default_rng(seed))
        read = form.read(grey(made.content))
        assert read.layout == layout
        boxes = [
            "crossed" if box.is_crossed else "empty" if box.cut is None else box.label
            for box in read.boxes
        ]
        assert boxes == made.boxes
    found = scans.read_forms([grey(made.content)], "form")
    asked = [box for box in made.boxes if isinstance(box, int)]
    assert found.labels.tolist() == asked
    taken = judge.probabilities(judge.load(), to_float(found.images)).argmax(1)
    assert (taken == asked).mean() > 0.95


def test_the_same_form_is_the_same_file():
    assert form.pdf(form.Layout(10, 8)) == form.pdf(form.Layout(10, 8))
    for kind in ("a4", "letter"):
        rows, columns = form.Layout(1, 1, kind).most
        assert min(form.Layout(rows, columns, kind).box) >= 8


def test_a_page_becomes_files_and_an_overview(tmp_path, capsys):
    digits, labels = chosen(12, seed=6)
    page = tmp_path / "page.jpg"
    page.write_bytes(paper.sheet(digits, np.random.default_rng(1)).content)
    out = tmp_path / "mine.npz"
    command.main(["read", f"{page}", "--out", f"{out}"])
    assert "12 digits, " in capsys.readouterr().out
    (group,) = user_images.find(f"{out}")
    known = [item.label for item in group.items]
    assert sum(a == b for a, b in zip(known, labels, strict=True)) >= 10
    assert np.array_equal(group.items[0].read()[0], np.load(out)["images"][0][..., None])
    with Image.open(tmp_path / "mine-overview.png") as overview:
        assert overview.mode == "RGB" and max(overview.size) <= 1600
    with pytest.raises(UserError, match="exists already"):
        command.main(["read", f"{page}", "--out", f"{out}"])
    command.main(["read", f"{page}", f"{page}", "--out", f"{tmp_path / 'both'}/"])
    assert len(list((tmp_path / "both").iterdir())) == 24
    assert (tmp_path / "both-overview-2.png").exists()


def test_a_form_is_printed_and_a_filled_pdf_is_read(tmp_path, capsys):
    out = tmp_path / "form.pdf"
    command.main(["form", "--rows", "3", "--columns", "4", "--out", f"{out}"])
    assert out.read_bytes() == form.pdf(form.Layout(3, 4))
    with pytest.raises(UserError, match="is an empty form"):
        command.main(["read", "--form", f"{out}", "--out", f"{tmp_path / 'x.npz'}"])
    digits, labels = chosen(300, seed=7)
    made = photos.filled(form.Layout(3, 4), digits, labels, np.random.default_rng(0))
    scan = tmp_path / "scan.pdf"
    Image.open(io.BytesIO(made.content)).save(scan, "PDF")
    command.main(["read", f"{scan}", "--form", "--out", f"{tmp_path / 'x.npz'}"])
    wanted = [box for box in made.boxes if isinstance(box, int)]
    assert np.load(tmp_path / "x.npz")["labels"].tolist() == wanted


def test_what_is_no_page_is_told_in_one_sentence(tmp_path):
    random = np.random.default_rng(0)
    blank = paper.page(900, 640)
    digits = chosen(12, seed=8)[0]
    blurred = paper.sheet(digits, random, cover="", table=False, scale=4)
    smeared = np.asarray(Image.open(io.BytesIO(blurred.content)), np.float32) / 255
    contents = {
        "blank.png": (paper.photographed(blank), "is one grey"),
        "dark.png": (paper.photographed(blank * 0.05), "is one grey, too dark"),
        "blurred.png": (paper.photographed(smeared, blur=8), "is blurred"),
        "text.png": (b"no picture", "is not a readable image"),
        "broken.pdf": (b"%PDF-1.7 nothing", "cannot be read"),
    }
    for name, (content, says) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=says) as refused:
            command.main(["read", f"{tmp_path / name}", "--out", f"{tmp_path / 'out'}/"])
        assert "\n" not in f"{refused.value}" and name in f"{refused.value}"
        assert not (tmp_path / "out").exists()


def test_a_photograph_with_a_map_of_its_light_is_one_page(tmp_path):
    page, small = (Image.new("L", (side, side), 200) for side in (60, 20))
    page.save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[small])
    with Image.open(tmp_path / "photo.jpg") as image:
        assert (image.format, image.n_frames) == ("MPO", 2)
    [grey] = page_files.read(f"{tmp_path}/photo.jpg")
    assert grey.shape == (60, 60)


def test_an_overview_lies_beside_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read._beside("./", 0, 1) == tmp_path.with_name(f"{tmp_path.name}-overview.png")
    assert read._beside("mine/", 1, 2) == Path("mine-overview-2.png")


def test_pages_have_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(page_files, "MOST_PAGES", 2)
    images = [Image.new("L", (40, 40))] * 3
    for name in ("many.tiff", "many.pdf"):
        images[0].save(tmp_path / name, save_all=True, append_images=images[1:])
        with pytest.raises(UserError, match="has 3 pages"):
            list(page_files.read(f"{tmp_path / name}"))
    monkeypatch.setattr(page_files, "MOST_PIXELS", 1000)
    images[0].save(tmp_path / "large.png")
    with pytest.raises(UserError, match="megapixels"):
        list(page_files.read(f"{tmp_path / 'large.png'}"))


def test_a_form_of_another_version_or_cut_off_is_refused(monkeypatch):
    digits, labels = chosen(300, seed=9)
    monkeypatch.setattr(form, "VERSION", 2)
    made = photos.filled(form.Layout(2, 3), digits, labels, np.random.default_rng(0))
    monkeypatch.undo()
    with pytest.raises(UserError, match="is a form of version 2"):
        scans.read_forms([grey(made.content)], "form")
    half = grey(made.content)
    with pytest.raises(UserError, match="shows 2 of the four marks"):
        scans.read_forms([half[: len(half) // 2]], "form")


def test_pages_are_turned_upright():
    digits = chosen(24, seed=10)[0]
    straight = paper.sheet(digits, np.random.default_rng(0), tilt=0, lean=0)
    image = Image.open(io.BytesIO(straight.content)).convert("L")
    for degrees in (-15, 6):
        turned = image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=60)
        assert pages.read(np.asarray(turned)).turn == pytest.approx(-degrees, abs=0.6)
