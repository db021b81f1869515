"""``import jaxgen``: trained models in Python, alike for every family, and models as they are
published."""

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

import jaxgen
from jaxgen import config as configs
from jaxgen import data, images
from jaxgen.arguments import checked, labels
from jaxgen.classes import ANY
from jaxgen.cli import main
from jaxgen.families.capabilities import Encodes, HasBound, Transfers
from jaxgen.images import to_float, to_uint8
from jaxgen.training import console, published, weights
from tests import runs
from tests.conftest import SMALL, swept

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(scope="module", params=swept(configs.names(), ["ae", "gan", "vqvae", "ddpm"]))
def model(request, tmp_path_factory):
    """A model of two steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(request.param))
        runs.tiny(request.param)
        yield jaxgen.load(request.param)


@pytest.fixture
def ae(here):
    runs.tiny("ae")
    return jaxgen.load("runs/ae")


def test_importing_brings_nothing_until_something_is_asked_for():
    code = (
        "import sys, jaxgen; assert not {'jax', 'numpy', 'jaxgen.config'} & set(sys.modules);"
        "assert jaxgen.UserError.__name__ == 'UserError' and 'jax' not in sys.modules;"
        "assert set(jaxgen.__all__) <= set(dir(jaxgen)); print(jaxgen.recipes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == str(configs.names()).split(), done.stderr
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = jaxgen.nothing


def test_draws_what_the_command_draws(model):
    name = model.config.model
    args = ["sample", "--model", name, "--digit", "3", "--count", "5", "--out", "3.npz"]
    assert main.run(args) == 0
    with np.load("3.npz") as found:
        ours = model.sample(digit=3, count=5)
        assert ours.dtype == np.float32 and ours.shape == (5, 28, 28, 1)
        np.testing.assert_array_equal(to_uint8(ours)[..., 0], found["images"])
    fewer = model.sample(digits=[3, 3])
    np.testing.assert_array_equal(fewer, ours[:2])
    assert not np.array_equal(model.sample(digit=3, count=5, seed=1), ours)
    np.testing.assert_array_equal(model.sample(count=20)[3], model.sample(digits="0123")[3])


def test_decode_inverts_encode_as_reconstruct_does(model):
    images = model.digits.test.images[:6]
    digits = model.digits.test.labels[:6]
    assert isinstance(model.family, Encodes)
    latents = model.encode(images, digits)
    assert {len(leaf) for leaf in jax.tree.leaves(latents)} == {6}
    back = model.decode(latents, digits)
    np.testing.assert_allclose(back, model.reconstruct(images, digits), atol=1e-4)
    with pytest.raises(jaxgen.UserError, match="6 images need one label for all or 6, not 2"):
        model.encode(images, [1, 2])


def test_walks_between_drawn_digits_and_between_images(model):
    way = model.interpolate("38", frames=4, count=2)
    assert way.shape == (2, 4, 28, 28, 1)
    images, digits = model.digits.test.images[:3], model.digits.test.labels[:3]
    ends = model.interpolate(images, frames=3, digits=digits)
    assert ends.shape == (1, 5, 28, 28, 1)
    back = model.reconstruct(images, digits)
    np.testing.assert_allclose(ends[0, [0, 2, 4]], back, atol=2e-2)


def test_log_likelihood_is_for_families_with_a_bound(model):
    images = (model.digits.test.images[:3] > 127).astype(np.float32)
    digits = model.digits.test.labels[:3]
    if not isinstance(model.family, HasBound):
        with pytest.raises(jaxgen.UserError, match="has no bound of its likelihood: take"):
            model.log_likelihood(images, digits)
        return
    nats = model.log_likelihood(images, digits, samples=3)
    assert nats.shape == (3,) and np.isfinite(nats).all() and (nats < 0).all()


def test_writes_other_digits_in_the_same_hand(model):
    image, digit = model.digits.test.images[:1], model.digits.test.labels[0]
    if not isinstance(model.family, Transfers):
        with pytest.raises(jaxgen.UserError, match="cannot tell the hand from the digit"):
            model.restyle(image, "20", digit)
        return
    assert model.restyle(image, "20", digit).shape == (2, 28, 28, 1)
    with pytest.raises(jaxgen.UserError, match="3 digits need one style image, or one each, not 2"):
        model.restyle(model.digits.test.images[:2], "203", 1)


def test_variables_go_through_their_names_and_back(model):
    arrays = weights.flatten(model.variables)
    assert all(name.startswith(("params/", "stats/")) for name in arrays)
    back = weights.unflatten(arrays)
    assert jax.tree.structure(back) == jax.tree.structure(model.variables)
    for ours, theirs in zip(*map(jax.tree.leaves, (back, model.variables)), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    for name, array in weights.flatten(model.variables, half=True).items():
        is_large = array.size >= weights.LARGE
        assert array.dtype == (np.float16 if is_large else arrays[name].dtype), name
    weights.require(model.family, arrays, "here")
    first = min(arrays)
    with pytest.raises(jaxgen.UserError, match=f"here does not hold .* first .* is {first}"):
        weights.require(model.family, {**arrays, first: np.zeros(3)}, "here")


def test_a_published_model_is_the_same_model_anywhere(model, tmp_path):
    folder = model.publish(tmp_path / "whole", half=False)
    found = jaxgen.load(folder.path)
    assert found.step == model.step and found.config == model.config
    np.testing.assert_array_equal(found.sample(digit=3, count=4), model.sample(digit=3, count=4))
    card = json.loads((folder.path / "card.json").read_text())
    assert card["steps"] == 2 and card["judged"]["n"] == 100
    readme = (folder.path / "README.md").read_text()
    assert readme.startswith("---\n") and card["sha256"] in readme and "2 steps of 8" in readme
    again = found.publish(tmp_path / "half")  # also from one that is published
    assert again.facts()["training"] == card["training"]
    near = jaxgen.load(again.path).sample(digit=3, count=4)
    assert np.abs(near - model.sample(digit=3, count=4)).mean() < 0.02


def test_a_published_model_that_was_altered_is_refused(ae, tmp_path, capsys):
    folder = ae.publish(tmp_path / "mine")
    with pytest.raises(jaxgen.UserError, match="mine exists already: name a new folder"):
        ae.publish(tmp_path / "mine")
    args = ["sample", "--run", f"{folder.path}", "--count", "2", "--out", "x.npz"]
    assert main.run(args) == 0
    content = bytearray(folder.weights.read_bytes())
    content[-1] ^= 1
    folder.weights.write_bytes(content)
    with pytest.raises(jaxgen.UserError, match=r"has changed: its SHA-256 is \w{64}, and card"):
        jaxgen.load(folder.path)
    card = folder.card.read_text()
    folder.card.write_text("{}")
    with pytest.raises(jaxgen.UserError, match=r"card\.json cannot be read .it is of format None"):
        jaxgen.load(folder.path)
    folder.card.write_text(card)
    folder.weights.unlink()
    with pytest.raises(jaxgen.UserError, match=r"model\.safetensors cannot be read"):
        jaxgen.load(folder.path)


def test_results_of_a_published_model_stay_out_of_its_folder(ae, tmp_path, capsys):
    folder = ae.publish(tmp_path / "mine")
    before = sorted(folder.path.iterdir())
    assert main.run(["sample", "--run", f"{folder.path}"]) == 0
    assert Path("runs/published/mine/drawn/digits-seed-0.png").exists()
    assert sorted(folder.path.iterdir()) == before
    args = ["apply", "figure", "--run", f"{folder.path}", "--what", "training"]
    with pytest.raises(jaxgen.UserError, match="without the pictures and losses of its training"):
        main.run(args)


def test_trains_a_changed_recipe_and_goes_on_with_it(here):
    small = {"data": runs.SOURCE, "batch": 8, "net": SMALL["vae"]["net"] | {"latents": 2}}
    model = jaxgen.train("vae", "mine", steps=2, quiet=True, **small)
    assert f"{model!r}" == "<vae after 2 steps of training, runs/mine>"
    assert model.encode(model.sample(digits="01"), "01").shape == (2, 2)
    assert jaxgen.train("vae", "mine", steps=3, quiet=True, **small).step == 3
    with pytest.raises(jaxgen.UserError, match=r"no setting 'latent' of a Net.*latents"):
        jaxgen.train("vae", net={"latent": 2})
    with pytest.raises(jaxgen.UserError, match="steps cannot be 'many'"):
        jaxgen.train("vae", steps="many")
    with pytest.raises(jaxgen.UserError, match="no model is called 'vea'"):
        jaxgen.train("vea")


def test_data_are_found_from_any_folder(here, monkeypatch):
    digits = data.load("synthetic:200").train
    images.save("mine/", to_float(digits.images), digits.labels)
    tiny = {"net": {"layers": (8,), "latents": 2}, "steps": 1, "batch": 8, "quiet": True}
    model = jaxgen.train("ae", here / "a", data="mine/", **tiny)
    assert model.config.data == f"files:{here / 'mine'}"
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    assert len(jaxgen.load(here / "a").digits.train.labels) == model.digits.count
    assert jaxgen.load(here / "a", data="../mine/").digits.count == model.digits.count
    with pytest.raises(jaxgen.UserError, match="--count 0 cannot be"):
        model.evaluate(count=0)


def test_jaxgen_computes_with_32_bits(ae):
    with jax.enable_x64(True):
        for call in (lambda: jaxgen.load("ae"), lambda: jaxgen.train("ae", "x")):
            with pytest.raises(jaxgen.UserError, match="jax_enable_x64 is on, and jaxgen"):
                call()
    assert not Path("x").exists()


def test_a_notebook_shows_images_and_models(ae):
    images = ae.sample(digits="2024")
    with Image.open(io.BytesIO(images._repr_png_())) as picture:
        assert picture.mode == "L" and picture.width > 4 * 28
    assert type(images[:2]) is type(images) and images[0, 0]._repr_png_() is None
    assert type(images * 2) is np.ndarray and isinstance(images.mean(), np.float32)
    rows = jaxgen.show(np.full((2, 3, 28, 28, 1), 1.5))
    assert rows.max() == 1 and rows._repr_png_().startswith(b"\x89PNG")
    assert ae._repr_png_().startswith(b"\x89PNG")
    normal = ae.with_sampling(prior="normal")
    assert normal.config.sampling.prior == "normal" and not normal.family.is_conditional
    with pytest.raises(jaxgen.UserError, match="prior cannot be 'standard'"):
        ae.with_sampling(prior="standard")
    other = dataclasses.replace(ae, learned=(0, 1))
    with pytest.raises(jaxgen.UserError, match="--digit 7 asks for 7, and the model has learned"):
        other.sample(digit=7)


def test_arrays_of_another_kind_are_said_to_be_so():
    assert checked(np.zeros((28, 28), np.uint8)).shape == (1, 28, 28, 1)
    for wrong, why in {
        "shape": (np.zeros((3, 4, 28, 1)), r"not \[3, 4, 28, 1\]"),
        "none": (np.zeros((0, 28, 28)), r"not \[0, 28, 28\]"),
        "range": (np.full((1, 28, 28), 255.0), r"these are in \[255, 255\]"),
        "kind": (np.zeros((1, 28, 28), int), "not int64"),
    }.values():
        with pytest.raises(jaxgen.UserError, match=why):
            checked(wrong)
    np.testing.assert_array_equal(labels("20", "x"), [2, 0])
    np.testing.assert_array_equal(labels("any", "x", count=2), [ANY] * 2)
    for wrong in ("2a", [11], [-2], [0.5], []):
        with pytest.raises(jaxgen.UserError, match="it must be of digits 0 to 9, or any"):
            labels(wrong, "x")


def test_a_model_that_does_not_exist(here):
    with pytest.raises(jaxgen.UserError, match=r"there is no run in .*nothing"):
        jaxgen.load("nothing")
    assert published.find("ae", "x").path == Path("runs/x")


def test_a_notebook_has_a_bar_of_its_own(monkeypatch):
    class Cell:
        def update(self, text):
            shown.append(text)

    class Display:
        HTML = str

        @staticmethod
        def display(text, display_id):
            shown.append(text)
            return Cell()

    shown = []
    monkeypatch.setattr(console, "_notebook", lambda: Display)
    bar = console.Console()
    monkeypatch.setattr(bar._rich, "is_jupyter", True)
    with bar.bar(0, 10):
        bar.progress(5, 10, {"loss": 1.5}, 2.0, line=True)
    assert shown[0] == "compiling"
    assert '<progress value="5" max="10">' in shown[1] and "loss 1.5000" in shown[1]
