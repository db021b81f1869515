"""What tests do with the page in a real browser: open it, draw, and look."""

import base64
import contextlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen.data import pictures

LONG = 30_000  # ms, for an answer on a busy machine


@contextlib.contextmanager
def opener(chromium, file: Path):
    """Gives a function that opens the page in a file, or from a server; at the end it must have
    complained of nothing, and have asked for nothing but itself."""
    opened, complaints, requests = [], [], []

    def open_page(view="draw", address=None, width=1280, scheme="light", language="en", **options):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale=language,
            accept_downloads=True,
            **options,
        )
        opened.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(f"{error}"))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{address or file.as_uri()}#{view}")
        page.wait_for_selector("main section")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert not complaints
    others = [url for url in requests if not url.startswith(("data:", "blob:"))]
    assert all(url.split("#")[0].endswith(("/index.html", "/")) for url in others), others


def image_of(page, selector: str) -> np.ndarray:
    """The greys of a canvas, uint8 [h, w]."""
    address = page.eval_on_selector(selector, "canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("L"))


def drawn(page, count: int) -> np.ndarray:
    """The digits of the grid, uint8 [n, 28, 28]."""
    grid = image_of(page, ".grid")
    return grid.reshape(-1, 28, 10, 28).swapaxes(1, 2).reshape(-1, 28, 28)[:count]


def settle(page, selector="[role=status]", text="[0-9] s$") -> None:
    page.wait_for_selector(f"{selector}:text-matches('{text}')")


def generate(page, model: str, **fields: str) -> None:
    page.get_by_label("Model").select_option(model)
    for label, value in fields.items():
        field = page.get_by_label(label.replace("_", " "), exact=True)
        if label == "Seed":
            field.fill(value)
            field.blur()
        else:
            field.select_option(value)
    page.get_by_role("button", name="Generate", exact=True).click()


STROKES = {
    0: [[(140, 60), (95, 90), (90, 170), (130, 225), (180, 190), (185, 100), (140, 60)]],
    1: [[(150, 50), (140, 130), (135, 230)]],
    2: [[(90, 100), (140, 60), (180, 100), (140, 160), (85, 220), (200, 220)]],
    7: [[(85, 75), (190, 66), (128, 228)], [(105, 150), (185, 142)]],
}


def draw(page, strokes, finger=False) -> None:
    """Draw strokes on the paper, with the mouse or a finger."""
    box = page.locator(".paper").bounding_box()
    scale = box["width"] / 280
    for stroke in strokes:
        places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        if finger:
            touch(page, places)
            continue
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        page.mouse.up()


def touch(page, places) -> None:
    session = page.context.new_cdp_session(page)
    for kind, place in [
        ("touchStart", places[0]),
        *(("touchMove", place) for place in places[1:]),
        ("touchEnd", None),
    ]:
        points = [] if place is None else [{"x": place[0], "y": place[1]}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def prepared(page) -> np.ndarray:
    """What Python makes of the drawing: uint8 [28, 28]."""
    address = page.eval_on_selector(".paper", "canvas => canvas.toDataURL()")
    content = base64.b64decode(address.partition(",")[2])
    return pictures.decode(content, "it")[0][..., 0]


def cards(page, heading: str) -> dict[str, np.ndarray]:
    """The pictures under a heading by their names, when all are there."""
    place = page.locator(f"h2:text-is('{heading}') ~ .cards").first
    place.locator("figcaption:text('…')").first.wait_for(state="detached")
    found = {}
    for figure in place.locator("figure").all():
        name = figure.locator("figcaption").inner_text().splitlines()[0]
        address = figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
            found[name] = np.asarray(image.convert("L"))
    return found
