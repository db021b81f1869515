"""Models for other programs: that the file does what the model does, for any number of images, in a
process that has jax alone."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx as onnx_format
import pytest
from jax import export as jax_export
from safetensors import safe_open

import jaxgen
from jaxgen import config as configs
from jaxgen.apps.export import functions, onnx, stablehlo, texts
from jaxgen.classes import DIGITS
from jaxgen.cli import main
from jaxgen.families.base import split
from jaxgen.families.capabilities import Diffuses
from tests import runs

pytestmark = pytest.mark.usefixtures("hasty")
# Run after what the text beside a file says.
ALONE = """
import sys
others = {"jaxgen", "flax", "optax", "orbax"} & set(sys.modules)
assert not others, others
np.save("alone.npy", np.asarray(found[0]))
"""


@pytest.fixture(scope="module", params=configs.names())
def model(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp(request.param))
        runs.tiny(request.param)
        yield jaxgen.load(request.param)


@pytest.fixture(scope="module")
def sampler(model):
    """The sampler, as it is read from its bytes."""
    content = stablehlo.to_bytes(functions.named(model, "sampler"))
    return jax_export.deserialize(bytearray(content)).call


def arguments(count):
    numbers = np.arange(count, dtype=np.uint32)
    return 0 * numbers, numbers, np.full(count, 3, np.int32)


def called(model, what, *arrays):
    content = stablehlo.to_bytes(functions.named(model, what))
    return jax.jit(jax_export.deserialize(bytearray(content)).call)(*arrays)


def test_the_file_is_used_as_its_text_says(model, sampler):
    file, text = model.export("draw.stablehlo")
    (code,) = re.findall(r"```python\n(.*?)```", text.read_text(), re.DOTALL)
    command = [sys.executable, "-c", code + ALONE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (ours,) = sampler(*arguments(16))
    np.testing.assert_array_equal(np.load("alone.npy"), ours)
    assert np.abs(ours - model.sample(digit=3, count=16)).max() < 1e-4
    with pytest.raises(jaxgen.UserError, match=r"draw\.stablehlo exists already"):
        model.export(file)


@pytest.mark.parametrize("count", [1, 7])
def test_any_number_of_images_goes_through_one_file(model, sampler, count):
    (images,) = sampler(*arguments(count))
    assert np.abs(images - model.sample(digit=3, count=count)).max() < 1e-4


def test_the_encoder_and_the_decoder_are_those_of_the_model(model):
    images = model.digits.test.images[:5] / np.float32(255)
    digits = model.digits.test.labels[:5]
    latents = called(model, "encoder", images, digits)
    ours = jax.tree.leaves(model.encode(images, digits))
    for found, expected in zip(latents, ours, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)
    (back,) = called(model, "decoder", *latents, digits)
    np.testing.assert_allclose(back, model.reconstruct(images, digits), atol=1e-3)


def test_the_network_is_that_of_a_diffusion_model(model):
    if not isinstance(model.family, Diffuses):
        with pytest.raises(jaxgen.UserError, match="removes no noise level by level: take ddpm"):
            model.export("x.stablehlo", what="network")
        return
    noisy = jax.random.normal(jax.random.key(0), (3, 28, 28, 1))
    times, digits = jnp.array([1, 20, 50]), jnp.full(3, 3)
    (clean,) = called(model, "network", noisy, times, digits)
    denoise = model.family.denoiser(model.variables, digits, 1.0)
    np.testing.assert_allclose(clean, denoise(noisy, times), atol=1e-5)


@pytest.fixture(scope="module", params=["sampler", "encoder", "decoder", "network"])
def function(request, model):
    if request.param == "network" and not isinstance(model.family, Diffuses):
        pytest.skip("a network of diffusion")
    if request.param == "encoder" and model.family.encodes_iteratively:
        pytest.skip("the search draws")
    return functions.named(model, request.param, given_noise=True)


def test_onnx_computes_what_jax_computes(function):
    content = onnx.to_bytes(function, "name", {})
    assert onnx.difference(content, function) < 1e-5


def test_onnx_is_used_as_its_text_says(model):
    file, text = model.export("draw.onnx")
    (code,) = re.findall(r"```python\n(.*?)```", text.read_text(), re.DOTALL)
    found = {}
    exec(code, found)
    assert found["images"].shape == (16, 28, 28, 1)
    function = functions.named(model, "sampler", given_noise=True)
    (ours,) = function.call(*(jnp.asarray(found[name]) for name in function.inputs))
    np.testing.assert_allclose(found["images"], ours, atol=1e-4)
    saved = {p.key: p.value for p in onnx_format.load(file).metadata_props}
    assert configs.from_dict(json.loads(saved["recipe"])) == model.config


def test_the_noise_of_keys_gives_their_images(model):
    """The sampler from noise and the sampler from keys are one."""
    family, keys = model.family, jax.vmap(jax.random.key)(jnp.arange(7))
    function = functions.named(model, "sampler", given_noise=True)
    drawn = family.noise(split(keys)[0])
    arrays = drawn | {"labels": jnp.full(7, 3)}
    (images,) = function.call(*(arrays[name] for name in function.inputs))
    expected = family.sample(model.variables, keys, jnp.full(7, 3))
    np.testing.assert_allclose(images, expected, atol=1e-5)


def test_the_packages_for_onnx_are_those_of_the_locks():
    root = Path(jaxgen.__file__).parents[1]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    names = [re.split("[<>=]", requirement)[0] for requirement in extras["onnx"]]
    assert names == onnx.IMPORTED.split()
    assert (root / "requirements" / "onnx.txt").read_text().strip() == onnx.PINNED


def test_what_onnx_cannot_hold_is_a_sentence(here, monkeypatch):
    runs.tiny("ddpm")
    runs.tiny("gan")
    ancestral = jaxgen.load("ddpm").with_sampling(sampler="ancestral")
    with pytest.raises(jaxgen.UserError, match=r"draws random numbers, .* \.stablehlo"):
        ancestral.export("x.onnx")
    with pytest.raises(jaxgen.UserError, match="draws random numbers"):
        jaxgen.load("gan").export("x.onnx", "encoder")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(jaxgen.UserError, match=r"needs the package jax2onnx: .*--no-deps jax2onnx"):
        ancestral.export("x.onnx")
    assert not Path("x.onnx").exists()


def test_noise_of_any_name_has_a_line():
    """A family of one's own may call its noise as it likes."""
    array = texts.Array.of("uniform_place", ((3,), jnp.float32), DIGITS)
    assert array.shape == "n, 3" and array.python == "np.zeros([n, 3], np.float32)"
    assert "noise" in array.about


def test_arrays_go_with_their_recipe(model):
    file, text = model.export("arrays.safetensors")
    with safe_open(file, "np") as opened:
        recipe = configs.from_dict(json.loads(opened.metadata()["recipe"]))
        names = set(opened.keys())
    assert recipe == model.config
    assert all(f"| {name} |" in text.read_text() for name in names)


def test_exports_that_cannot_be(here, capsys):
    runs.tiny("ae")
    assert main.run(["export", "--model=ae", "--to=a.stablehlo", "--what=decoder"]) == 0
    assert "the decoder" in capsys.readouterr().out and Path("a.stablehlo.md").exists()
    for args, said in {
        (): "where to?",
        ("--to=a.pt",): r"must be a file that ends in \.onnx or",
        ("--to=a.stablehlo",): "exists already",
        ("--to=b.stablehlo", "--what=nothing"): "--what nothing cannot be",
    }.items():
        with pytest.raises(jaxgen.UserError, match=said):
            main.run(["export", "--model=ae", *args])
