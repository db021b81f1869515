"""The text beside an exported file: what goes in and comes out, and a program that uses it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxgen
from jaxgen.apps import card
from jaxgen.apps.export import onnx, stablehlo
from jaxgen.apps.export.functions import Function, Row
from jaxgen.classes import are_digits
from jaxgen.config import Config

ABOUT = {
    "seeds": "0 to 4294967295: one for each image, usually all the same",
    "indices": "the number of each image in its seed, usually 0 to n - 1",
    "labels": "the digits 0 to 9, or -1 for any",
    "images": "in [0, 1], light ink on black",
    "noisy": "images in [-1, 1] with noise, as the diffusion process has them",
    "times": "steps of the diffusion process, from 1 to net.times of the recipe, noise alone",
    "clean": "estimates of the images without noise, in [-1, 1]",
    "digit": "random classes 0 to LAST, for the labels -1",
    "normal": "draws from N(0, 1)",
    "gumbel": "draws from the Gumbel distribution, -log(-log(u)) of uniform u",
    "latents": "as the encoder makes them and the decoder takes them",
}
# Arguments of a sampler in Python; of others zeros.
IN_PYTHON = {
    "seeds": "np.zeros(n, np.uint32)",
    "indices": "np.arange(n, dtype=np.uint32)",
    "labels": "np.full(n, 3, np.int32)",
    "times": "np.ones(n, np.int32)",
    "digit": "rng.integers(0, LAST + 1, n).astype(np.int32)",
    "normal": "rng.normal(size=[SHAPE]).astype(np.float32)",
    "gumbel": "rng.gumbel(size=[SHAPE]).astype(np.float32)",
}
IN_JAVASCRIPT = {
    "labels": "3",
    "times": "1",
    "digit": "Math.floor((LAST + 1) * Math.random())",
    "normal": "Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())",
    "gumbel": "-Math.log(-Math.log(1 - Math.random()))",
}


class Array(NamedTuple):
    """An input or an output, as the text names it."""

    name: str
    kind: str
    shape: str  # such as n, 28, 28, 1
    about: str
    python: str
    javascript: str  # one number

    @staticmethod
    def of(name: str, row: Row, names: Sequence[str]) -> "Array":
        numbers, kind = row
        shape, kind = ", ".join(map(str, ("n", *numbers))), jnp.dtype(kind).name
        sort = name if name in ABOUT else name.split("_")[0]  # gumbel_digit is a gumbel
        zeros = f"np.zeros([{shape}], np.{kind})"
        last = len(names) - 1
        each = ", ".join(f"{number} {one}" for number, one in enumerate(names))
        python = IN_PYTHON.get(sort, zeros).replace("SHAPE", shape).replace("LAST", f"{last}")
        about = ABOUT.get(sort, "as the family's own noise has them").replace("LAST", f"{last}")
        if sort == "labels" and not are_digits(names):
            about = f"the classes, or -1 for any: {each}"
        script = IN_JAVASCRIPT.get(sort, "0").replace("LAST", f"{last}")
        return Array(name, kind, shape, about, python, script)


class Of(NamedTuple):
    """The texts of a file of this name."""

    file: str
    config: Config
    step: int

    def stablehlo(self, what: str, function: Function) -> str:
        return self._of_function("stablehlo.md.j2", what, function, platforms=stablehlo.PLATFORMS)

    def onnx(self, what: str, function: Function, difference: float) -> str:
        return self._of_function(
            "onnx.md.j2",
            what,
            function,
            difference=difference,
            opset=onnx.OPSET,
            counts=onnx.COUNTS,
        )

    def arrays(self, arrays: dict[str, np.ndarray]) -> str:
        return self._render("arrays.md.j2", arrays=arrays)

    def _of_function(self, template: str, what: str, function: Function, **values: Any) -> str:
        names = self.config.classes
        inputs = [Array.of(*each, names) for each in function.inputs.items()]
        outputs = [Array.of(*each, names) for each in function.results().items()]
        return self._render(template, what=what, inputs=inputs, outputs=outputs, **values)

    def _render(self, template: str, **values: Any) -> str:
        versions = {"jaxgen": jaxgen.__version__, "jax": jax.__version__}
        return card.render(
            f"export/{template}",
            file=self.file,
            model=self.config.model,
            step=self.step,
            versions=versions,
            jax_version=jax.__version_info__,
            **values,
        )
