"""A model for other programs: its functions as StableHLO, or its arrays as safetensors.

``.stablehlo`` is one function with its weights, for any number of images, on CPUs, GPUs and TPUs.
A program needs jax alone to call it (``jax.export.deserialize``):

    sampler   seeds uint32 [n], indices uint32 [n] and labels int32 [n] to images
    encoder   images and labels to latents
    decoder   latents and labels to images
    network   images with noise [n, 28, 28, 1], times int32 [n] and labels to clean images

``.safetensors`` has all arrays by the names of their places (``training.weights``), and the recipe
as JSON in its metadata.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import export as jax_export

import jaxgen
from jaxgen import config as configs
from jaxgen import kept
from jaxgen.arrays import IMAGE
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.families.capabilities import Diffuses, Encodes, able
from jaxgen.training import weights
from jaxgen.training.trained import Trained

PLATFORMS = ("cpu", "cuda", "tpu")
ENDINGS = (".stablehlo", ".safetensors")
FUNCTIONS = ("sampler", "encoder", "decoder", "network")
ABOUT = {
    "seeds": "0 to 4294967295: one for each image, usually all the same",
    "indices": "the number of each image in its seed, usually 0 to n - 1",
    "labels": "the digits 0 to 9, or 10 for any",
    "images": "in [0, 1], light ink on black",
    "noisy": "images in [-1, 1] with noise, as the diffusion process has them",
    "times": "steps of the diffusion process, from 1 to net.times of the recipe, noise alone",
    "clean": "estimates of the images without noise, in [-1, 1]",
}


class Part(NamedTuple):
    """A function of a model that can be exported."""

    function: Callable  # of arrays, to a tuple of arrays
    inputs: dict[str, tuple[tuple[int, ...], Any]]  # shape of one image, and type, by name
    outputs: tuple[str, ...]


def part(model: Trained, what: str) -> Part:
    """The function ``what`` of a model. Raises UserError if its family has none."""
    family, variables = model.family, jax.tree.map(jnp.asarray, jax.device_get(model.variables))
    images, labels = (IMAGE, jnp.float32), ((), jnp.int32)
    numbers = {"seeds": ((), jnp.uint32), "indices": ((), jnp.uint32)}
    latents, form = _latents(model)

    def keys_of(seeds, indices):
        return jax.vmap(jax.random.fold_in)(jax.vmap(jax.random.key)(seeds), indices)

    def sampler(seeds, indices, labels):
        return (family.sample(variables, keys_of(seeds, indices), labels),)

    def encoder(images, labels):
        encode = able(family.for_inversion(), Encodes).encode
        return tuple(jax.tree.leaves(encode(variables, images, labels)))

    def decoder(*rest):
        *parts, labels = rest
        zeros = jnp.zeros(labels.shape, jnp.uint32)  # nothing is drawn
        decode = family.for_inversion().decode
        return (decode(variables, jax.tree.unflatten(form, parts), labels, keys_of(zeros, zeros)),)

    def network(noisy, times, labels):
        denoise = able(family, Diffuses).denoiser(variables, labels, 1.0)
        return (denoise(noisy, times),)

    if what == "sampler":
        return Part(sampler, numbers | {"labels": labels}, ("images",))
    if what == "encoder":
        able(family, Encodes)
        return Part(encoder, {"images": images, "labels": labels}, tuple(latents))
    if what == "decoder":
        return Part(decoder, latents | {"labels": labels}, ("images",))
    configs.require("what", what, what == "network", f"one of {', '.join(FUNCTIONS)}")
    able(family, Diffuses)
    inputs = {"noisy": images, "times": labels, "labels": labels}
    return Part(network, inputs, ("clean",))


def _latents(model: Trained) -> tuple[dict[str, tuple[tuple[int, ...], Any]], Any]:
    """The shape of one latent and its type, by name, and the form of the tree."""
    keys = jax.vmap(jax.random.key)(jnp.zeros(1, jnp.uint32))
    prior = model.family.prior
    tree = jax.eval_shape(prior, model.variables, keys, jnp.zeros(1, jnp.int32))
    found = {
        f"latents{name and '/'}{name}": (leaf.shape[1:], leaf.dtype)
        for name, leaf in weights.named(tree).items()
    }
    return found, jax.tree.structure(tree)


def to_stablehlo(chosen: Part) -> jax_export.Exported:
    """The function for any number n of images, with its weights."""
    (n,) = jax_export.symbolic_shape("n")
    arguments = [jax.ShapeDtypeStruct((n, *shape), kind) for shape, kind in chosen.inputs.values()]
    return jax_export.export(jax.jit(chosen.function), platforms=PLATFORMS)(*arguments)


def export(model: Trained, config: Config, to: Path, what: str) -> list[Path]:
    """Write a function of a model, or with ``.safetensors`` its arrays, to the new file ``to``, and
    beside it a text that says how to use it; returns both paths. Raises UserError for other
    endings, for a function that the family does not have, and where a file exists."""
    ending, text = to.suffix.lower(), to.with_name(f"{to.name}.md")
    configs.require("to", to, ending in ENDINGS, f"a file that ends in {' or '.join(ENDINGS)}")
    for path in (to, text):
        files.check_new(path)
    if ending == ".safetensors":
        content = kept.to_bytes(weights.flatten(model.variables), metadata(config))
        about = _about_arrays(to, config, model)
    else:
        chosen = part(model, what)
        exported = to_stablehlo(chosen)
        content = bytes(exported.serialize())
        about = _about_function(to, config, model, what, chosen, exported)
    files.write_all({to: content, text: about.encode()})
    return [to, text]


def metadata(config: Config) -> dict[str, str]:
    """What a file of arrays says of them: the recipe as JSON, and the version of jaxgen."""
    return {"recipe": json.dumps(configs.to_dict(config)), "jaxgen": jaxgen.__version__}


def _title(to: Path, config: Config, model: Trained) -> str:
    by = f"by jaxgen {jaxgen.__version__}"
    return f"# {to.name}\n\nOf `{config.model}` after {model.step:,} steps of training, {by}.\n"


def _about_function(
    to: Path, config: Config, model: Trained, what: str, chosen: Part, exported: Any
) -> str:
    def row(name: str, shape: tuple, kind: Any) -> str:
        about = ABOUT.get(name, "as the encoder makes them and the decoder takes them")
        return f"| {name} | {jnp.dtype(kind).name} [{_numbers(shape).rstrip(',')}] | {about} |"

    inputs = [row(name, *values) for name, values in chosen.inputs.items()]
    outputs = [
        row(name, aval.shape[1:], aval.dtype)
        for name, aval in zip(chosen.outputs, exported.out_avals, strict=True)
    ]
    head = ["| | | |", "|---|---|---|"]
    values = {"seeds": "np.zeros(n, np.uint32)", "indices": "np.arange(n, dtype=np.uint32)"}
    values |= {"labels": "np.full(n, 3, np.int32)", "times": "np.ones(n, np.int32)"}
    for name, (shape, kind) in chosen.inputs.items():
        values.setdefault(name, f"np.zeros(({_numbers(shape)}), np.{jnp.dtype(kind).name})")
    version, least = jax.__version_info__, f"{to.name} needs jax {jax.__version__} or later"
    code = [
        "from pathlib import Path",
        "import jax",
        "import numpy as np",
        "from jax import export",
        "",
        f'assert jax.__version_info__ >= {version}, "{least}"',
        f'call = export.deserialize(bytearray(Path("{to.name}").read_bytes())).call',
        "n = 16",
        *(f"{_variable(name)} = {values[name]}" for name in chosen.inputs),
        f"found = call({', '.join(map(_variable, chosen.inputs))})",
        f"{_variable(chosen.outputs[0])} = found[0]",
    ]
    return _lines(
        _title(to, config, model),
        f"The {what} with its weights, as StableHLO for {', '.join(PLATFORMS)}. It needs jax",
        f"{jax.__version__}, which wrote it, or a later version of the next six months, and the",
        "package flatbuffers. Call it only if you trust where it comes from: it is a program.",
        "",
        "Inputs, for any number n of images:",
        "",
        *head,
        *inputs,
        "",
        "Outputs, a tuple:",
        "",
        *head,
        *outputs,
        "",
        "```python",
        *code,
        "```",
    )


def _about_arrays(to: Path, config: Config, model: Trained) -> str:
    arrays = weights.flatten(model.variables)
    rows = [f"| {name} | {a.dtype} {list(a.shape)} |" for name, a in arrays.items()]
    code = [
        "import json",
        "from safetensors import safe_open",
        "",
        f'with safe_open("{to.name}", "np") as file:',
        '    recipe = json.loads(file.metadata()["recipe"])',
        "    arrays = {name: file.get_tensor(name) for name in file.keys()}",
    ]
    return _lines(
        _title(to, config, model),
        "The arrays by the names of their places: `params/PLAYER/...` the averaged weights,",
        "`stats/...` all others. Kernels of convolutions are [height, width, in, out], of dense",
        "layers [in, out]. The recipe is in the metadata.",
        "",
        "```python",
        *code,
        "```",
        "",
        "| | |",
        "|---|---|",
        *rows,
    )


def _numbers(shape: tuple) -> str:
    return ", ".join(map(str, ("n", *shape))) + "," * (not shape)


def _variable(name: str) -> str:
    return name.replace("/", "_")


def _lines(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines)
