"""Reports and quizzes: everything given is in them, nothing else is loaded, and they are sound."""

import base64
import dataclasses
import io
import itertools
import json
import math
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import resvg_py
from PIL import Image
from skimage import color

from jaxgen.errors import UserError
from jaxgen.reports import charts, files, markdown
from jaxgen.reports.document import (
    COLOURS,
    Curve,
    Document,
    Dot,
    Dots,
    Lines,
    Pictures,
    Scatter,
    Section,
    Table,
    number,
    paragraphs,
)
from jaxgen.reports.html import html
from jaxgen.reports.quiz import quiz
from tests import sample

VOID = {"meta", "link", "img", "input", "br", "progress", "path", "use"}
NASTY = """<b>&amp; "it's" $x$ |a| *b* _c_ [d](e) `f<g|h` </script>"""
PLAIN = NASTY.replace("`", "")


class Page(HTMLParser):
    """What a page holds; fails where a tag is closed that is not open."""

    def __init__(self, text: str):
        super().__init__()
        self.source, self.open, self.tags, self.text, self.tables = text, [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def all(self, name: str) -> list[dict]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def document() -> Document:
    return sample.document()


@pytest.fixture(scope="module")
def written(document, tmp_path_factory):
    """The paths of its files: the page, the Markdown, and what the Markdown shows."""
    return files.write(document, tmp_path_factory.mktemp("pages") / "new", "report")


@pytest.fixture(scope="module")
def page(written) -> Page:
    return Page(written[0].read_text())


def drawn(chart, width: int = charts.WIDE) -> str:
    return charts.inline(chart, width, "name", "caption")


def words(svg: str | bytes) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


def one(*blocks) -> Document:
    """A document of these blocks alone."""
    return Document("title", "", (), (Section("section", blocks),))


def strings(value):
    """All words and numbers of a document, as they are to be shown."""
    if isinstance(value, str):
        yield from paragraphs(value.replace("`", ""))
    elif isinstance(value, tuple | list | dict):  # of points [n, 2] the names
        for part in value:
            yield from strings(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield number(value)


def test_everything_given_is_in_the_page_and_in_the_markdown(document, page, written):
    shown = " ".join([*page.text, *(image["alt"] for image in page.all("img"))])
    text = re.sub(r"\\(?=\W|_)", "", written[1].read_text()).replace("`", "")
    text += " ".join(words(path.read_bytes()) for path in written if path.suffix == ".svg")
    given = set(strings(document))
    assert len(given) > 200
    for string in given:
        assert string in shown and string in text


def test_programs_that_are_no_browser_draw_charts_in_their_colours(written):
    """Programs that know no variables: nothing is black that a browser does not show so."""
    light = {charts.LIGHT[name]: charts.DARK[name] for name in charts.COLOURED}
    svgs = [path.read_text() for path in written if path.suffix == ".svg"]
    assert len(svgs) == 4
    for content in svgs:
        png = resvg_py.svg_to_bytes(
            svg_string=content,
            zoom=4,  # so that thin lines have pixels of their colour alone
            font_dirs=[f"{matplotlib.get_data_path()}/fonts/ttf"],
            sans_serif_family="DejaVu Sans",
        )
        with Image.open(io.BytesIO(bytes(png))) as picture:
            counted = picture.convert("RGB").getcolors(2**24) or ()
        found = {f"#{bytes(colour).hex()}" for _, colour in counted}
        used = set(re.findall(r'style="[^"]*(#\w{6})', content))
        assert {charts.PANEL, charts.MUTED, charts.RULE} <= used <= {*light}
        # Points let what is behind them through.
        assert used - ({*charts.SERIES} if "opacity: 0.8" in content else set()) <= found
        assert "#000000" not in found
        rules = re.findall(r'[a-z]: (#\w{6})"\] { [a-z]+: (#\w{6}) !important }', content)
        assert len(rules) == 2 * len(light) and dict(rules) == light


def test_text_is_escaped_wherever_it_stands():
    curve, dot = Curve(NASTY, [1], [2]), Dot(NASTY, 3.0)
    document = Document(
        NASTY,
        NASTY,
        ((NASTY, NASTY),),
        (
            Section(
                NASTY,
                (
                    NASTY,
                    Table((NASTY, NASTY), ((NASTY, NASTY),), NASTY),
                    Lines((curve,), NASTY, NASTY, NASTY),
                    Dots((dot,), NASTY, NASTY, dot),
                    Scatter({NASTY: np.ones((1, 2))}, NASTY, NASTY, NASTY),
                    Pictures(np.zeros((3, 3), np.uint8), NASTY, NASTY, (NASTY,), (NASTY,)),
                ),
            ),
        ),
    )
    found = Page(html(document))
    assert not found.all("b") and not found.all("script")
    assert "".join(found.text).count(PLAIN) >= 20
    assert found.all("img")[0]["alt"] == NASTY
    shown = markdown.pictures(document)
    assert [name for name, svg in shown.items() if b"<svg" in svg] == ["03.svg", "04.svg", "05.svg"]
    assert all("<b>&amp;" in words(svg) for svg in shown.values() if b"<svg" in svg)


def test_markdown_means_what_was_meant():
    assert markdown.inline(NASTY) == (
        r"""\<b\>\&amp; "it's" \$x\$ \|a\| \*b\* \_c\_ \[d\](e) `f<g\|h` \</script\>"""
    )
    found = markdown.markdown(one("1. one\n\n- two\n\n97.8 %\n\n12) three\n\n=== four"), "x")
    assert found.split("\n\n")[2:] == [
        "1\\. one", "\\- two", "97.8 %", "12\\) three", "\\=== four\n"
    ]  # fmt: skip
    table = markdown.markdown(one(Table(("a|b", "n"), (("c\nd", "1.5"),), "e")), "x")
    assert "| a\\|b | n |\n| --- | --: |\n| c d | 1.5 |\n\ne\n" in table


def test_a_page_loads_nothing(page):
    for found in (page, Page(quiz(sample.pictures(), 0))):
        addresses = [a[key] for _, a in found.tags for key in ("src", "href") if key in a]
        assert addresses and all(a.startswith(("data:", "#")) for a in addresses)
        assert "://" not in found.source and "@import" not in found.source
        links = re.findall(r"url\([^)]*\)", found.source)
        assert all(link.startswith("url(#") for link in links)
        assert "default-src 'none'" in found.all("meta")[2]["content"]
    assert not page.all("script")


def test_identifiers_are_unique_and_links_lead_somewhere(page):
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = {a["href"][1:] for _, a in page.tags if a.get("href", "").startswith("#")}
    links |= {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a}
    links |= set(re.findall(r"url\(#([^)]+)\)", page.source))
    assert links and links <= set(names)


def test_a_page_can_be_heard(page):
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    assert all(head["scope"] in ("row", "col") for head in page.all("th"))
    assert [svg["role"] for svg in page.all("svg") if svg["aria-labelledby"]] == ["img"] * 2 * 4


def test_tables_are_whole(document, page, written):
    for table in [*page.tables, *Page(html(one(Table(("a",), (), "none")))).tables]:
        assert len({len(row) for row in table}) == 1
    given = document.sections[1].blocks[1]
    assert page.tables[0] == [list(given.head), *map(list, given.rows)]
    lines = written[1].read_text().splitlines()
    for is_row, group in itertools.groupby(lines, lambda line: line.startswith("| ")):
        assert not is_row or len({len(re.findall(r"(?<!\\)\|", line)) for line in group}) == 1


def test_columns_of_numbers_are_set_to_the_right():
    columns = {
        ("1", "-2.5 %", "", "< .1", "1 to 2", "\u22123"): True,
        ("1", "none"): False,
        ("", ""): False,
        (): False,
    }
    for cells, numeric in columns.items():
        table = Table(("", "x"), tuple(("name", cell) for cell in cells))
        assert table.numeric() == [False, numeric]
        assert Page(html(one(table))).all("td").count({"class": "number"}) == len(cells) * numeric


def test_numbers_are_short_and_true():
    found = [number(v) for v in (1234567, 0.1 + 0.2, np.float32(0.97), 1e-9, 2.0, np.int64(12))]
    assert found == ["1234567", "0.3", "0.97", "1e-09", "2", "12"]


def test_a_chart_has_its_numbers_as_a_table():
    curves = Curve("a", [1, 2], [3, 4.5]), Curve("b", [2, 3], [5, 6], [4, 5], [6, 7])
    assert Lines(curves, "x", "y", "c").table() == Table(
        ("x", "a", "b"), (("1", "3", ""), ("2", "4.5", "5 (4 to 6)"), ("3", "", "6 (5 to 7)"))
    )
    dots = Dots((Dot("a", 1.5, 1, 2), Dot("b", 3)), "x", "c", Dot("l", 4))
    assert dots.table() == Table(
        ("", "x", "low", "high"),
        (("a", "1.5", "1", "2"), ("b", "3", "", ""), ("l", "4", "", "")),
    )


def test_charts_have_the_colours_and_the_letters_of_the_page(page):
    found = re.findall("<svg.*?</svg>", page.source, re.DOTALL)
    assert len(found) == 2 * 4
    for chart in found:
        assert not re.search("#[0-9a-f]{6}|DejaVu", chart)
        used = {*re.findall(r"var\(--([^)]*)\)", chart)}
        assert {"ink", "muted", "rule", "panel", "sans", "series-0"} <= used


def test_a_curve_can_have_the_colour_of_another_place():
    curves = (Curve("gan", (1, 2), (3, 4), colour=colour) for colour in (4, 10))
    solid, dashed = (drawn(Lines((curve,), "x", "y", "")) for curve in curves)
    assert set(re.findall(r"series-\d", solid + dashed)) == {"series-4"}
    assert "stroke-dasharray: 10" in dashed and "stroke-dasharray: 10" not in solid


def test_a_chart_has_as_many_series_as_there_are():
    names = [f"number {n}" for n in range(29)] + ["_"]
    lines = drawn(Lines(tuple(Curve(name, [1, 2], [3, 4]) for name in names), "x", "y", ""))
    points = {name: np.ones((n % 3, 2)) for n, name in enumerate(names)}  # of some none
    points = drawn(Scatter(points, "x", "y", ""))
    dots = drawn(Dots(tuple(Dot(name, 1) for name in names), "x", ""), charts.NARROW)
    for found in (lines, points, dots):
        assert {*names} <= {*ElementTree.fromstring(found).itertext()}
    looks = set(re.findall(r'style="(fill: none; stroke[^"]*stroke-width: 2(?:;[^"]*)?)"', lines))
    assert len(looks) == 24  # six colours with four dashes


def test_points_are_where_their_numbers_are():
    dots = tuple(Dot(f"{x}", x, x - 1, x + 1) for x in (0, 10, 40))
    root = ElementTree.fromstring(drawn(Dots(dots, "x", "")))
    marks = [float(use.get("x", "")) for use in root.iter("use")][-3:]
    bars = [
        [float(x) for x in re.findall(r"[ML] ([\d.]+)", path.get("d", ""))]
        for path in root.iter("path")
        if "stroke-opacity" in path.get("style", "")
    ]
    unit = (marks[1] - marks[0]) / 10
    assert marks[2] - marks[0] == pytest.approx(40 * unit, abs=0.02)
    for mark, bar in zip(marks, bars, strict=True):
        assert bar == pytest.approx([mark - unit, mark + unit], abs=0.02)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_a_value_that_has_no_place_is_left_out_and_said(value):
    """After hours of computing a report has to come, whatever came out."""
    y = [1.0, value, 3.0]
    lines = Lines((Curve("a", [1, 2, 3], y, y, y),), "x", "y", "", log_y=True)
    dots = Dots(tuple(Dot(f"{place}", v, v, v) for place, v in enumerate(y)), "x", "", log=True)
    for chart in (lines, dots):
        assert "<svg" in drawn(chart)
        assert any(number(value) in cell for row in chart.table().rows for cell in row)


def test_the_same_document_gives_the_same_bytes(written, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setitem(matplotlib.rcParams, "axes.grid", True)  # as a user may have set
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 20)
    again = files.write(sample.document(), tmp_path, "report")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in written]


def test_files_lie_where_the_markdown_looks(document, written):
    html_file, text, *shown = written
    assert (html_file.name, text.name) == ("report.html", "report.md")
    links = re.findall(r"^!\[.*\]\((.*)\)$", text.read_text(), re.MULTILINE)
    assert [text.parent / link for link in links] == shown
    for path, block in zip(shown[:2], document.sections[0].blocks[1:], strict=True):
        with Image.open(path) as found:
            assert found.size == (2 * block.image.shape[1], 2 * block.image.shape[0])


def test_pictures_of_an_earlier_report_go(tmp_path):
    mine = tmp_path / "report_files" / "mine.png"
    picture = Pictures(np.zeros((3, 3), np.uint8), "caption", "words")
    for blocks, names in ((("text", picture), {"02.png"}), (("less",), set())):
        files.write(one(*blocks), tmp_path, "report")
        mine.touch()
        assert {path.name for path in mine.parent.iterdir()} == {"mine.png", *names}


def test_a_place_that_takes_no_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is not a folder"):
        files.write(one("a"), tmp_path / "file", "report")


def test_a_picture_is_the_one_given():
    image = np.random.default_rng(0).integers(0, 256, (30, 200), np.uint8)
    (found,) = Page(html(one(Pictures(image, "caption", "words")))).all("img")
    assert (found["width"], found["height"]) == ("600", "90")
    content = base64.b64decode(found["src"].split(",")[1])
    with Image.open(io.BytesIO(content)) as picture:
        assert np.array_equal(np.asarray(picture), image)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Table(("a", "b"), (("c",),)), "1 cells under 2 heads"),
        (lambda: Curve("a", [1, 2], [3]), r"2 x, and of y, low and high \(1, 0, 0\)"),
        (lambda: Curve("a", [], []), "0 x"),
        (lambda: Curve("a", [1, 2], [3, 4], [3, 4]), "give as many"),
        (lambda: Dot("a", 1, low=0), "one end of an interval"),
        (lambda: Dots((), "x", "c"), "'c' has no dots"),
        (lambda: Lines((), "x", "y", "c"), "'c' has no curves"),
        (lambda: Pictures(np.zeros((2, 2)), "c", "a"), "not float64"),
        (lambda: Pictures(np.zeros((2, 2, 1), np.uint8), "c", "a"), r"\[2, 2, 1\]"),
        (lambda: Pictures(np.zeros((2, 2), np.uint8), "c", " "), "needs words"),
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused_when_it_is_made(make, told):
    with pytest.raises(ValueError, match=told):
        make()


def asked(text: str) -> dict:
    """What a quiz holds: its seed, sources and questions."""
    return json.loads(re.search(r'id="questions">(.*?)</script>', text, re.DOTALL)[1])


def test_half_of_a_quiz_is_real_and_the_rest_is_spread_evenly():
    for seed in range(5):
        found = asked(quiz(sample.pictures(), seed, 42))
        counts = np.bincount([question["source"] for question in found["questions"]])
        assert found["sources"] == ["real", "vae", "gan", "ddpm", "ae"]
        assert counts[0] == 21 and sorted(counts[1:]) == [5, 5, 5, 6]
        assert len({question["picture"] for question in found["questions"]}) == 42


def test_a_quiz_follows_from_its_seed_alone():
    first, second = (quiz(sample.pictures(), 1) for _ in range(2))
    assert first == second != quiz(sample.pictures(), 2)


def test_a_quiz_does_not_tell_before_the_end():
    pictures = sample.pictures() | {"</script><b>": sample.digits(5)}
    text = quiz(pictures, 0)
    found = Page(text)
    assert not found.all("b")
    assert "</script><b>" in asked(text)["sources"]
    assert not {*pictures} - {"real"} & {*" ".join(found.text).split()}
    (image,) = found.all("img")
    assert image["alt"] == "A digit, white on black: real or generated?"


@pytest.mark.parametrize(
    ("change", "questions", "told"),
    [
        ({"real": None}, 40, "a quiz is about 'real' digits"),
        ({"vae": None, "gan": None, "ddpm": None, "ae": None}, 40, "and others"),
        ({}, 41, "even number, 8 or more"),
        ({}, 6, "even number, 8 or more"),
        ({"gan": np.zeros((4, 28, 28), np.uint8)}, 40, "5 pictures of 'gan' are needed"),
        ({"gan": np.zeros((9, 28, 28))}, 40, "not float64"),
    ],
)
def test_a_quiz_that_cannot_be_made_is_refused(change, questions, told):
    given = sample.pictures() | change
    pictures = {name: images for name, images in given.items() if images is not None}
    with pytest.raises(ValueError, match=told):
        quiz(pictures, 0, questions)


# What is left of the light for who lacks one kind of cone (Machado, Oliveira, Fernandes 2009).
BLINDNESS = {
    "none": np.eye(3),
    "red": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                     [-0.003882, -0.048116, 1.051998]]),
    "green": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                       [-0.011820, 0.042940, 0.968881]]),
    "blue": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                      [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip


@pytest.mark.parametrize("colours", [charts.LIGHT, charts.DARK], ids=["light", "dark"])
def test_colours_can_be_read_and_told_apart(colours):
    xyz = {
        name: color.rgb2xyz(np.array([*bytes.fromhex(value[1:])]) / 255)
        for name, value in colours.items()
        if value[0] == "#"
    }

    def contrast(one: str, other: str) -> float:
        """The contrast of two colours as WCAG defines it, 1 to 21."""
        dark, bright = sorted(xyz[name][1] for name in (one, other))  # Y is the luminance
        return (bright + 0.05) / (dark + 0.05)

    for ground in ("ground", "panel"):
        assert min(contrast(name, ground) for name in ("ink", "muted", "accent")) >= 4.5
    assert contrast("ink", "inset") >= 4.5
    assert contrast("accent", "on-accent") >= 4.5
    series = [f"series-{place}" for place in range(COLOURS)]
    assert min(contrast(name, "panel") for name in series) >= 3
    to_xyz = color.colorconv.xyz_from_rgb
    light = np.array([np.linalg.solve(to_xyz, xyz[name]) for name in series])
    for blindness in BLINDNESS.values():
        seen = color.xyz2lab(np.clip(light @ blindness.T, 0, 1) @ to_xyz.T)
        pairs = itertools.combinations(seen, 2)
        assert min(color.deltaE_ciede2000(a, b) for a, b in pairs) > 10
