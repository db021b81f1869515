"""Reports and quizzes: everything given is in them, nothing else is loaded, and they are sound."""

import base64
import dataclasses
import io
import itertools
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import resvg_py
from PIL import Image

from jaxgen.errors import UserError
from jaxgen.pages import charts, files, markdown
from jaxgen.pages.document import (
    COLOURS,
    Cloud,
    Curve,
    Document,
    Dot,
    Dots,
    Level,
    Lines,
    Pictures,
    Scatter,
    Section,
    Table,
    Text,
    number,
    paragraphs,
)
from jaxgen.pages.html import html
from jaxgen.pages.quiz import quiz
from tests import sample

VOID = {"meta", "link", "img", "input", "br", "progress", "path", "use"}
NASTY = """<b>&amp; "it's" $x$ |a| *b* _c_ [d](e) `f<g|h` </script>"""
PLAIN = NASTY.replace("`", "")


class Page(HTMLParser):
    """What a page holds; fails where a tag is closed that is not open."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.text, self.tables = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
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
        if tag not in VOID:
            assert self.open.pop() == tag

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
def page(document) -> str:
    return html(document)


def one(*blocks) -> Document:
    """A document of these blocks alone."""
    return Document("title", "", (), (Section("section", blocks),))


def strings(value):
    """All words and numbers of a document, as they are to be shown."""
    if isinstance(value, str):
        yield from paragraphs(value.replace("`", ""))
    elif isinstance(value, Scatter):
        yield from (value.x, value.y, value.caption, *(cloud.name for cloud in value.clouds))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from strings(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from strings(getattr(value, field.name))
    elif isinstance(value, float | int) and not isinstance(value, bool):
        yield number(value)


def test_everything_given_is_in_the_page_and_in_the_markdown(document, page):
    found = Page(page)
    shown = " ".join([*found.text, *(image["alt"] for image in found.all("img"))])
    text = re.sub(r"\\(?=\W|_)", "", markdown.markdown(document, "x")).replace("`", "")
    drawn = " ".join(
        "".join(ElementTree.fromstring(content).itertext())
        for name, content in markdown.pictures(document).items()
        if name.endswith(".svg")
    )
    given = set(strings(document))
    assert len(given) > 200
    for string in given:
        assert string in shown
        assert string in text or string in drawn


def test_programs_that_are_no_browser_draw_charts_in_their_colours(document):
    """Those that know attributes alone: nothing is black that a browser does not show so."""
    known = dict(re.findall(r"--([\w-]+): #(\w+);", charts.THEME.partition("@media")[0]))
    fonts = f"{matplotlib.get_data_path()}/fonts/ttf"
    drawn = [x for x in markdown.pictures(document).items() if x[0].endswith(".svg")]
    assert len(drawn) == 4
    for name, content in drawn:
        for element in ElementTree.fromstring(content).iter():
            assert "style" not in element.attrib and "var(" not in f"{element.attrib}", name
        png = resvg_py.svg_to_bytes(
            svg_string=content.decode(),
            zoom=4,  # so that thin lines have pixels of their colour alone
            font_dirs=[fonts],
            sans_serif_family="DejaVu Sans",
        )
        with Image.open(io.BytesIO(bytes(png))) as picture:
            counted = picture.convert("RGB").getcolors(2**24)
        colours = np.array([colour for _, colour in counted or ()])
        found = {bytes(colour.tolist()).hex() for colour in colours}
        assert {known["panel"], known["muted"], known["rule"]} <= found, name
        assert "000000" not in found, name
        used = set(re.findall(r'"#(\w{6})"', content.decode().partition("</style>")[2]))
        assert used <= {*known.values()}
        for place in range(COLOURS):
            if (series := known[f"series-{place}"]) in used:
                far = np.abs(colours - [*bytes.fromhex(series)]).max(1)
                assert far.min() < 60, name  # points let what is behind them through


def test_text_is_escaped_wherever_it_stands():
    curve, dot, cloud = Curve(NASTY, [1], [2]), Dot(NASTY, 3.0), Cloud(NASTY, [1], [2])
    level = Level(NASTY, 2.5)
    document = Document(
        NASTY,
        NASTY,
        ((NASTY, NASTY),),
        (
            Section(
                NASTY,
                (
                    Text(NASTY),
                    Table((NASTY, NASTY), ((NASTY, NASTY),), NASTY),
                    Lines((curve,), NASTY, NASTY, NASTY, (level,)),
                    Dots((dot,), NASTY, NASTY, (level,)),
                    Scatter((cloud,), NASTY, NASTY, NASTY),
                    Pictures(np.zeros((3, 3), np.uint8), NASTY, NASTY, (NASTY,), (NASTY,)),
                ),
            ),
        ),
    )
    found = Page(html(document))
    assert not found.all("b") and not found.all("script")
    assert "".join(found.text).count(PLAIN) >= 20
    assert found.all("img")[0]["alt"] == NASTY
    for content in markdown.pictures(document).values():
        if content.startswith(b"<?xml"):
            assert "<b>&amp;" in "".join(ElementTree.fromstring(content).itertext())


def test_markdown_means_what_was_meant():
    assert markdown.inline(NASTY) == (
        r"""\<b\>\&amp; "it's" \$x\$ \|a\| \*b\* \_c\_ \[d\](e) `f<g\|h` \</script\>"""
    )
    found = markdown.markdown(one(Text("1. one\n\n- two\n\n97.8 %\n\n12) three\n\n=== four")), "x")
    assert found.split("\n\n")[2:] == [
        "1\\. one", "\\- two", "97.8 %", "12\\) three", "\\=== four\n"
    ]  # fmt: skip
    table = markdown.markdown(one(Table(("a|b", "n"), (("c\nd", "1.5"),), "e")), "x")
    assert "| a\\|b | n |\n| --- | --: |\n| c d | 1.5 |\n\ne\n" in table


def test_a_page_loads_nothing(page):
    for text in (page, quiz(sample.pictures(), 0)):
        assert "://" not in text
        addresses = [a[key] for _, a in Page(text).tags for key in ("src", "href") if key in a]
        assert addresses and all(a.startswith(("data:", "#")) for a in addresses)
        assert "@import" not in text
        assert all(link.startswith("url(#") for link in re.findall(r"url\([^)]*\)", text))
        assert "default-src 'none'" in text
    assert "<script" not in page


def test_identifiers_are_unique_and_links_lead_somewhere(page):
    tags = Page(page).tags
    names = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(names) == len(set(names))
    links = {a["href"][1:] for _, a in tags if a.get("href", "").startswith("#")}
    links |= {a["aria-labelledby"] for _, a in tags if "aria-labelledby" in a}
    links |= set(re.findall(r"url\(#([^)]+)\)", page))
    assert links and links <= set(names)


def test_a_page_can_be_heard(page):
    found = Page(page)
    assert found.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in found.all("img"))
    assert all(head["scope"] in ("row", "col") for head in found.all("th"))
    charts = [svg for svg in found.all("svg") if svg["role"] == "img" and svg["aria-labelledby"]]
    assert len(charts) == 2 * 4


def test_tables_are_whole(document, page):
    for text in (page, html(one(Table(("a",), (), "none")))):
        for table in Page(text).tables:
            assert len({len(row) for row in table}) == 1
    given = document.sections[1].blocks[1]
    assert Page(page).tables[0] == [list(given.head), *map(list, given.rows)]
    lines = markdown.markdown(document, "x").splitlines()
    for is_row, group in itertools.groupby(lines, lambda line: line.startswith("| ")):
        assert not is_row or len({len(re.findall(r"(?<!\\)\|", line)) for line in group}) == 1


@pytest.mark.parametrize(
    ("cells", "numeric"),
    [
        (("1", "-2.5 %", "", "< .1", "1 to 2", "\u22123"), True),
        (("1", "none"), False),
        (("", ""), False),
        ((), False),
    ],
)
def test_columns_of_numbers_are_set_to_the_right(cells, numeric):
    table = Table(("", "x"), tuple(("name", cell) for cell in cells))
    assert table.numeric() == [False, numeric]
    assert Page(html(one(table))).all("td").count({"class": "number"}) == len(cells) * numeric


def test_numbers_are_short_and_true():
    found = [number(v) for v in (1234567, 0.1 + 0.2, np.float32(0.97), 1e-9, 2.0, np.int64(12))]
    assert found == ["1234567", "0.3", "0.97", "1e-09", "2", "12"]


def test_a_chart_has_its_numbers_as_a_table():
    curves = Curve("a", [1, 2], [3, 4.5]), Curve("b", [2, 3], [5, 6], [4, 5], [6, 7])
    assert Lines(curves, "x", "y", "c", (Level("l", 3.5),)).table() == Table(
        ("x", "a", "b"), (("1", "3", ""), ("2", "4.5", "5 (4 to 6)"), ("3", "", "6 (5 to 7)")),
        "l: 3.5",
    )  # fmt: skip
    dots = Dots((Dot("a", 1.5, 1, 2), Dot("b", 3)), "x", "c", (Level("l", 4),))
    assert dots.table() == Table(
        ("", "x", "low", "high"),
        (("a", "1.5", "1", "2"), ("b", "3", "", ""), ("l", "4", "", "")),
    )


def test_charts_have_the_colours_of_the_page(document):
    for _, blocks in document.numbered():
        for _, block in blocks:
            if isinstance(block, Lines | Dots | Scatter):
                found = charts.inline(block, charts.WIDE, "name", "caption")
                assert not re.search("#[0-9a-f]{6}", found)
                assert {"ink", "muted", "rule", "series-0"} <= set(
                    re.findall(r"var\(--([^)]*)\)", found)
                )
                assert "font-family" not in found


def test_a_curve_can_have_the_colour_of_another_place():
    curves = (Curve("gan", (1, 2), (3, 4), place=4),)
    found = charts.inline(Lines(curves, "x", "y", ""), charts.WIDE, "name", "caption")
    assert "var(--series-4)" in found and "var(--series-0)" not in found
    assert "stroke-dasharray: 10" not in found
    seventh = (Curve("new", (1, 2), (3, 4), place=10),)
    found = charts.inline(Lines(seventh, "x", "y", ""), charts.WIDE, "name", "caption")
    assert "var(--series-4)" in found and "stroke-dasharray: 10" in found
    with pytest.raises(ValueError, match="'gan' is given place 12"):
        Curve("gan", (1, 2), (3, 4), place=12)


def test_points_are_where_their_numbers_are():
    dots = tuple(Dot(f"{x}", x, x - 1, x + 1) for x in (0, 10, 40))
    drawn = charts.inline(Dots(dots, "x", ""), charts.WIDE, "name", "caption")
    root = ElementTree.fromstring(drawn)
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


def test_names_stand_clear_of_each_other():
    found = charts._spread([50, 50.5, 51, 10], [14] * 4, 300)
    assert found[0] < found[1] < found[2]
    assert np.diff(sorted(found)).min() >= 14
    assert charts._spread([0, 100, 200], [14] * 3, 300) == [0, 100, 200]
    assert max(charts._spread([300, 300, 300], [14] * 3, 300)) <= 300


def test_the_same_document_gives_the_same_bytes(document, page, tmp_path, monkeypatch):
    first = files.write(document, tmp_path / "one", "report")
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setitem(matplotlib.rcParams, "axes.grid", True)  # as a user may have set
    monkeypatch.setitem(matplotlib.rcParams, "font.size", 20)
    second = files.write(sample.document(), tmp_path / "two", "report")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].read_text() == page


def test_files_lie_where_the_markdown_looks(document, tmp_path):
    html_file, text, *shown = files.write(document, tmp_path / "new", "report")
    assert (html_file.name, text.name) == ("report.html", "report.md")
    links = re.findall(r"^!\[.*\]\((.*)\)$", text.read_text(), re.MULTILINE)
    assert [text.parent / link for link in links] == shown
    assert len(shown) == 6
    pictures = [path for path in shown if path.suffix == ".png"]
    for path, block in zip(pictures, document.sections[0].blocks[1:], strict=True):
        with Image.open(path) as found:
            assert found.size == (2 * block.image.shape[1], 2 * block.image.shape[0])
    for path in shown[len(pictures) :]:
        assert "prefers-color-scheme: dark" in path.read_text()
    files.write(one(Text("less")), tmp_path / "new", "report")
    assert not list((tmp_path / "new" / "report_files").iterdir())


def test_a_place_that_takes_no_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="is no folder"):
        files.write(one(Text("a")), tmp_path / "file", "report")


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
        (lambda: Curve("a", [1, 2], [3]), "2 and 1 values"),
        (lambda: Curve("a", [], []), "0 and 0 values"),
        (lambda: Curve("a", [1, 2], [3, 4], [3], [4]), "2 and 1 and 1 values"),
        (lambda: Curve("a", [1, 2], [3, 4], [3, 4]), "2 and 2 and 0 values"),
        (lambda: Curve("a", [1], [float("nan")]), "holds nan"),
        (lambda: Dot("a", 1, low=0), "one end of an interval"),
        (lambda: Dot("a", float("inf")), "holds inf"),
        (lambda: Cloud("a", [1], [2, 3]), "1 and 2 values"),
        (lambda: Dots((), "x", "c"), "has none"),
        (lambda: Dots((Dot("a", 1, 0, 2),), "x", "c", log=True), "logarithmic"),
        (lambda: Lines((), "x", "y", "c"), "0 curves"),
        (lambda: Lines((Curve("a", [1], [2]),) * 13, "x", "y", "c"), "13 curves"),
        (lambda: Lines((Curve("a", [0], [2]),), "x", "y", "c", log_x=True), "logarithmic"),
        (lambda: Lines((Curve("a", [1], [2]),), "x", "y", "c", (Level("l", -1),), log_y=True),
         "-1 has no place"),
        (lambda: Scatter((Cloud("a", [1], [2]),) * 13, "x", "y", "c"), "13 classes"),
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
    shown = " ".join(found.text)
    assert not [name for name in pictures if name != "real" and name in shown.split()]
    assert [image["alt"] for image in found.all("img")] == [
        "A digit, white on black: real or generated?"
    ]


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
    pictures = {
        name: images
        for name, images in (sample.pictures() | change).items()
        if images is not None
    }  # fmt: skip
    with pytest.raises(ValueError, match=told):
        quiz(pictures, 0, questions)


def linear(colour: str) -> np.ndarray:
    """Red, green and blue as shares of light."""
    share = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG defines it, 1 to 21."""
    bright = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (one, other))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


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
# From light to Oklab (Ottosson 2020), where equal distances look equal.
CONES = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                  [0.2119034982, 0.6806995451, 0.1073969566],
                  [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
OKLAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                  [1.9779984951, -2.4285922050, 0.4505937099],
                  [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_read_and_told_apart(scheme):
    found = re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", charts.THEME)
    half = len(found) // 2
    colours = dict(found[scheme * half : (scheme + 1) * half])
    for ground in ("ground", "panel"):
        for name in ("ink", "muted", "accent"):
            assert contrast(colours[name], colours[ground]) >= 4.5
    assert contrast(colours["ink"], colours["inset"]) >= 4.5
    assert contrast(colours["accent"], colours["on-accent"]) >= 4.5
    series = [colours[f"series-{place}"] for place in range(6)]
    assert min(contrast(colour, colours["panel"]) for colour in series) >= 3
    for blindness in BLINDNESS.values():
        light = np.clip([blindness @ linear(colour) for colour in series], 0, 1)
        seen = np.cbrt(light @ CONES.T) @ OKLAB.T
        pairs = itertools.combinations(seen, 2)
        assert min(np.linalg.norm(a - b) for a, b in pairs) > 0.08
