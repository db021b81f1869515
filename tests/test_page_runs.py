"""The page of runs of other recipes than those that ship, in a real browser."""

from pathlib import Path

import numpy as np
import pytest

import jaxgen
from jaxgen import config as configs
from jaxgen import data, page
from jaxgen.cli import main
from jaxgen.data.split import part
from jaxgen.evaluation import judge
from jaxgen.images import save, to_uint8
from tests import letters, runs
from tests.conftest import flags, small
from tests.letters import LETTERS
from tests.visits import STROKES, draw, drawn, generate, opener, settle

LEARNED = (3, 5)
DENSE = {"network": "dense", "layers": (16,)}
CHANGES = {
    "ae": {"net": {**DENSE, "latents": 2}},
    "vae": {"net": {**DENSE, "likelihood": "gaussian"}, "sampling": {"prior": "normal"}},
    "cvae": {"net": DENSE},
    "vqvae": {"net": {"quantiser": "fsq", "levels": (4, 4)}},
    "gan": {"net": {**DENSE, "objective": "wasserstein", "penalty": "gp"}},
    "ddpm": {
        "net": {"gaussian": 0, "predict": "eps", "schedule": "linear", "times": 12},
        "sampling": {"sampler": "dpmpp", "steps": 7},
    },
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Runs of two steps, on digits that are 3 or 5, by their names."""
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, tmp_path_factory.mktemp("runs"))
        train = data.load("synthetic:600").train
        few = part(train, np.isin(train.labels, LEARNED))
        save("few/", few.images / np.float32(255), few.labels)
        found = {}
        for family, changes in CHANGES.items():
            recipe = small(family, data="files:few", steps=2)
            runs.run(configs.changed(recipe, changes), Path(f"my-{family}"))
            found[f"my-{family}"] = jaxgen.load(f"./my-{family}")
        yield found


@pytest.fixture(scope="module")
def built(models, tmp_path_factory):
    entries = [page.Entry(name, f"--run {name}", model) for name, model in models.items()]
    return page.write(entries, tmp_path_factory.mktemp("page") / "page")


def test_every_run_draws_what_python_draws(chromium, built, models):
    with opener(chromium, built) as visit:
        shown = visit("generate")
        for name, model in models.items():
            digits = model.learned if model.family.is_conditional else []
            generate(shown, name, How_many="20", Seed="7")
            settle(shown)
            field = shown.get_by_label("Digit", exact=True)
            offered = ["all in turn"] * bool(digits) + ["any", *map(str, digits)]
            assert field.locator("option").all_inner_texts() == offered, name
            wanted = to_uint8(model.sample(count=20, seed=7))[..., 0]
            assert np.abs(drawn(shown, 20).astype(int) - wanted).max() <= 1, name
            asked = "" if digits else "--digit any "
            line = f"bin/sample --run {name} {asked}--count 20 --seed 7"
            assert shown.inner_text("code") == line


def test_only_learned_digits_are_written(chromium, built, models):
    with opener(chromium, built) as visit:
        shown = visit("draw")
        draw(shown, STROKES[2])
        settle(shown, text="The judge")
        shown.wait_for_selector("p:text('my-ae has not learned 2')")
        row = shown.locator(".row:has(figcaption:text-is('my-cvae')) canvas").first
        assert row.evaluate("canvas => canvas.width") == 28 * len(LEARNED)
        for view in ("walk", "diffusion", "codes", "quiz"):
            visit(view).wait_for_timeout(500)


@pytest.fixture(scope="module")
def lettered(tmp_path_factory):
    """The page of two runs on letters, and these runs; their judge is as good as untrained."""
    with pytest.MonkeyPatch.context() as patch:
        runs.at_home(patch, tmp_path_factory.mktemp("letters"))
        patch.setattr(judge, "READS", 0.0)
        letters.write(Path("letters"), 1040, 520)
        assert main.run(["digits", "judge", "letters", "--steps=2"]) == 0
        found = {}
        for family in ("cvae", "gan", "vqvae"):
            args = ["--data=letters", "--steps=2", "--batch=8", *flags(family)]
            assert main.run(["train", "--model", family, *args]) == 0
            found[family] = jaxgen.load(f"./runs/{family}")
        assert main.run(["page", "--runs", *found, "--out", "page"]) == 0
        yield Path("page/index.html").absolute(), found


def test_a_page_of_letters_draws_and_names_letters(chromium, lettered):
    file, models = lettered
    assert [path.name for path in file.parent.iterdir()] == ["index.html"]  # no lesson on digits
    with opener(chromium, file) as visit:
        shown = visit("generate")
        assert shown.title() == "jaxgen: Models of images in classes"
        for name, model in models.items():
            generate(shown, name, How_many="20", Seed="7", Class="any")
            settle(shown)
            wanted = to_uint8(model.sample(digit="any", count=20, seed=7))[..., 0]
            assert np.abs(drawn(shown, 20).astype(int) - wanted).max() <= 1, name
            generate(shown, name, How_many="20", Seed="7", Class="q")
            settle(shown)
            wanted = to_uint8(model.sample(digit="q", count=20, seed=7))[..., 0]
            assert np.abs(drawn(shown, 20).astype(int) - wanted).max() <= 1, name
            line = f"bin/sample --model {name} --digit q --count 20 --seed 7"
            assert shown.inner_text("code") == line


def test_a_real_letter_is_answered_and_spelled(chromium, lettered):
    with opener(chromium, lettered[0]) as visit:
        shown = visit("draw")
        shown.get_by_role("button", name="An example").click()
        settle(shown, text="The judge")
        assert shown.get_by_label("What it is").locator("option").all_inner_texts() == [*LETTERS]
        field = shown.get_by_label("A text in this hand")
        field.fill("jax")
        field.press("Enter")
        row = shown.locator(".row:has(figcaption:text-is('jax by cvae')) canvas")
        row.wait_for()
        assert row.evaluate("canvas => canvas.width") == 28 * 3
        for view in ("walk", "codes", "quiz", "game", "diffusion"):
            assert "digit" not in visit(view).inner_text("main").lower(), view


def test_digits_of_the_page_are_those_of_the_model(models):
    diffusion = page.programs.of(models["my-ddpm"]).facts["diffusion"]
    assert list(diffusion["tables"]["dpmpp"]) == [5, 7, 8, 10, 12]
    assert list(diffusion["tables"]["ancestral"]) == [12]
