"""Reports and quizzes in a real browser: they load, fit, can be read, and can be played."""

import json

import pytest

from jaxgen.reports import files
from jaxgen.reports.html import html
from jaxgen.reports.quiz import quiz
from tests import browser, sample

# The contrast of the text of an element with the first ground that is behind it, by WCAG.
CONTRAST = """element => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(value => {
            const share = value / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let ground = element;
    const none = 'rgba(0, 0, 0, 0)';
    while (ground && getComputedStyle(ground).backgroundColor === none)
        ground = ground.parentElement;
    const [ink, paper] = [getComputedStyle(element).color, getComputedStyle(ground).backgroundColor]
        .map(light);
    return [(Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05), paper];
}"""
# The words of a chart that stick out of it, or overlap others by more than the edge of a letter.
COVERED = """chart => {
    const whole = chart.getBoundingClientRect(), edge = 3;
    const boxes = [...chart.querySelectorAll('text')]
        .map(text => [text.textContent, text.getBoundingClientRect()]);
    const apart = (a, b) => a.right - edge < b.left || b.right - edge < a.left
        || a.bottom - edge < b.top || b.bottom - edge < a.top;
    return boxes.filter(([_, box], place) => box.left < whole.left || box.right > whole.right
        || box.top < whole.top || box.bottom > whole.bottom
        || boxes.slice(0, place).some(([_, other]) => !apart(box, other))).map(([text]) => text);
}"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with a report and a quiz."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(html(sample.document()))
    (folder / "quiz.html").write_text(quiz(sample.pictures(), 0))
    return folder


@pytest.fixture
def visit(chromium, folder):
    """Opens a page; at the end of the test, it must have complained of nothing and asked for
    nothing."""
    pages, complaints, requests = [], [], []

    def open_page(name, width=1280, scheme="light"):
        page = chromium.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((folder / name).as_uri())
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not complaints
    asked = [url for url in requests if not url.startswith("data:")]
    assert [url.rsplit("/", 1)[1] for url in asked] in (["report.html"], ["quiz.html"])


def fits(page) -> bool:
    """Whether nothing sticks out of the page sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def play(page, real: str = "r", generated: str = "g") -> int:
    """Take every third picture for generated, with these keys; return how many answers are
    right."""
    held = json.loads(page.locator("#questions").text_content())
    sources = {question["picture"]: question["source"] for question in held["questions"]}
    right = 0
    for place in range(len(sources)):
        assert page.locator("#place").inner_text() == f"{place + 1} of {len(sources)}"
        is_real = sources[page.locator("#picture").get_attribute("src")] == 0
        says_real = place % 3 != 0
        page.keyboard.press(real if says_real else generated)
        right += is_real == says_real
    return right


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", browser.WIDTHS)
def test_a_report_fits_and_can_be_read(visit, width, scheme):
    page = visit("report.html", width, scheme)
    assert fits(page)
    for summary in page.locator("summary").all():
        summary.click()
    assert fits(page)
    for element in ("p", ".lead p", "figcaption", "td", "th", "a", "dd", "summary", "code"):
        contrast, paper = page.locator(element).first.evaluate(CONTRAST)
        assert contrast >= 4.5, element
        assert paper < 0.05 if scheme == "dark" else paper > 0.5
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    # Of the two sizes of each chart one is shown, and its letters are not made small by the page.
    shown = [chart for chart in page.locator(".chart").all() if chart.is_visible()]
    assert len(shown) == 4
    for chart in shown:
        wide = float(chart.get_attribute("viewBox").split()[2])
        assert chart.bounding_box()["width"] > 0.85 * wide
        assert chart.evaluate(COVERED) == []


def test_only_a_table_scrolls_sideways(visit):
    page = visit("report.html", 390)
    table = page.locator(".scroll").first
    assert table.evaluate("box => box.scrollWidth > box.clientWidth")
    table.focus()
    page.keyboard.press("ArrowRight")
    # Asked again within one call: the policy of the page forbids what waits for a function.
    assert table.evaluate("""async box => {
        for (let frame = 0; frame < 300 && !box.scrollLeft; frame++)
            await new Promise(requestAnimationFrame);
        return box.scrollLeft > 0;
    }""")


def test_names_stand_beside_their_rows_of_pictures(visit):
    page = visit("report.html", 390)
    pictures = page.locator(".picture").all()
    assert len(pictures) == 2  # with names of columns, and without
    for picture in pictures:
        image = picture.locator("img").bounding_box()
        names = [name.bounding_box() for name in picture.locator(".rows span").all()]
        for row, box in enumerate(names):
            middle = box["y"] + box["height"] / 2
            place = (row + 0.5) / len(names)
            assert middle == pytest.approx(image["y"] + image["height"] * place, abs=2)
            assert box["x"] + box["width"] < image["x"]


def test_a_report_is_light_and_whole_on_paper(visit):
    page = visit("report.html", 700, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    for box in page.locator("section .scroll").all():
        assert box.evaluate("box => !box.checkVisibility() || box.scrollWidth <= innerWidth")
    assert not page.locator("nav").is_visible()


@pytest.mark.parametrize(
    ("width", "scheme", "keys"),
    [(390, "light", "rg"), (390, "dark", "RG"), (1280, "dark", ["ArrowLeft", "ArrowRight"])],
)
def test_a_quiz_is_played_with_the_keyboard(visit, width, scheme, keys):
    page = visit("quiz.html", width, scheme)
    assert fits(page)
    assert page.locator("#score").is_hidden()
    shown = page.locator("main").inner_text()
    assert not any(name in shown.lower().split() for name in ("vae", "gan", "ddpm", "ae"))
    right = play(page, *keys)
    assert page.locator("#hits").inner_text().startswith(f"{right} of 40 answers; ")
    assert page.locator("#share").inner_text() == f"{right / 40:.0%}".replace("%", " %")
    assert page.locator("#play").is_hidden()
    assert fits(page)
    rows = [row.inner_text().split() for row in page.locator("#sources tr").all()]
    assert [row[0] for row in rows] == ["real", "vae", "gan", "ddpm", "ae"]
    taken = [int(row[1]) for row in rows]
    assert sum(taken) == 26  # all but every third of 40
    assert taken[0] + sum(5 - count for count in taken[1:]) == right
    wrong = page.locator("#sources img")
    assert wrong.count() == 40 - right
    for element in ("#hits", "#verdict", ".muted", "td", "th", "td small", "#again"):
        assert page.locator(element).first.evaluate(CONTRAST)[0] >= 4.5, element
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")


def test_a_chart_of_the_markdown_is_a_picture_of_its_size(chromium, tmp_path):
    (tmp_path / "page.html").write_text('<img src="report_files/06.svg">')
    files.write(sample.document(), tmp_path, "report")
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    width, height = page.evaluate(
        "[document.images[0].naturalWidth, document.images[0].naturalHeight]"
    )
    page.close()
    assert width == 744 and 250 < height < 400


def test_a_quiz_can_be_played_again_in_another_order(visit):
    page = visit("quiz.html")
    first = page.locator("#picture").get_attribute("src")
    play(page)
    page.keyboard.press("r")  # once it is over, this is no answer
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#picture").get_attribute("src") != first
    right = play(page)
    assert page.locator("#hits").inner_text().startswith(f"{right} of 40 answers; ")


def test_a_quiz_is_played_with_buttons(visit):
    page = visit("quiz.html", 390)
    for _ in range(20):
        page.get_by_role("button", name="real").click()
        page.get_by_role("button", name="generated").click()
    assert page.locator("#score").is_visible()


@pytest.mark.parametrize(
    ("hits", "told"),
    [(40, "you can tell them apart"), (20, "do not show"), (0, "you see a difference")],
)
def test_the_score_is_held_against_guessing(visit, hits, told):
    page = visit("quiz.html")
    held = json.loads(page.locator("#questions").text_content())
    sources = {question["picture"]: question["source"] for question in held["questions"]}
    for place in range(40):
        is_real = sources[page.locator("#picture").get_attribute("src")] == 0
        page.keyboard.press("r" if is_real == (place < hits) else "g")
    assert page.locator("#share").inner_text() == f"{hits / 40:.0%}".replace("%", " %")
    assert told in page.locator("#verdict").inner_text()
    # Wilson's interval, by hand: of 20 in 40 it is 35.2 to 64.8.
    interval = {40: "91 to 100 %", 20: "35 to 65 %", 0: "0 to 9 %"}[hits]
    assert page.locator("#hits").inner_text().endswith(f"interval is {interval}.")
