"""A model for other programs: its functions as ONNX or StableHLO, or its arrays as safetensors.

``.onnx`` and ``.stablehlo`` hold one function with its weights, for any number n of images:

    sampler   labels int32 [n] to images; with .stablehlo from seeds and indices uint32 [n], as
              ``bin/sample`` draws them; with .onnx, which has no random numbers, from ``noise`` of
              the family
    encoder   images and labels to latents
    decoder   latents and labels to images
    network   images with noise [n, 28, 28, 1], times int32 [n] and labels to clean images

A program needs jax alone for StableHLO (``jax.export.deserialize``), on CPUs, GPUs and TPUs, and
any runtime of ONNX for the other, which also run in browsers.

``.safetensors`` has all arrays by the names of their places (``training.weights``), and the recipe
as JSON in its metadata.
"""

import json
from pathlib import Path

from etils import epy

import jaxgen
from jaxgen import config as configs
from jaxgen import kept
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.training import weights
from jaxgen.training.trained import Trained

with epy.lazy_imports():
    from jaxgen.apps.export import functions, onnx, stablehlo, texts

ENDINGS = (".onnx", ".safetensors", ".stablehlo")


def export(model: Trained, config: Config, to: Path, what: str) -> list[Path]:
    """Write a function of a model, or with ``.safetensors`` its arrays, to the new file ``to``, and
    beside it a text that says how to use it; returns both paths. Raises UserError for other
    endings, for a function that the family does not have or that the format cannot hold, and where
    a file exists."""
    ending, text = to.suffix.lower(), to.with_name(f"{to.name}.md")
    configs.require("to", to, ending in ENDINGS, f"a file that ends in {' or '.join(ENDINGS)}")
    for path in (to, text):
        files.check_new(path)
    about = texts.Of(to.name, config, model.step)
    if ending == ".safetensors":
        arrays = weights.flatten(model.variables)
        content = kept.to_bytes(arrays, metadata(config))
        said = about.arrays(arrays)
    elif ending == ".stablehlo":
        function = functions.named(model, what)
        content = stablehlo.to_bytes(function)
        said = about.stablehlo(what, function)
    else:
        onnx.require()
        function = functions.named(model, what, given_noise=True)
        content = onnx.to_bytes(function, f"{what} of {config.model}", metadata(config))
        said = about.onnx(what, function, onnx.difference(content, function))
    files.write_all({to: content, text: said.encode()})
    return [to, text]


def metadata(config: Config) -> dict[str, str]:
    """What a file says of its model: the recipe as JSON, and the version of jaxgen."""
    return {"recipe": json.dumps(configs.to_dict(config)), "jaxgen": jaxgen.__version__}
