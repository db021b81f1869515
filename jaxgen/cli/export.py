"""Write a trained model for other programs: a function of it with its weights, as ONNX for other
runtimes and browsers, or as StableHLO, which needs jax alone; or its arrays as safetensors. A text
beside the file says how to use it.

examples:
  bin/export --model cvae --what decoder --to decoder.onnx
  bin/export --model ddpm --to sampler.stablehlo
  bin/export --model gan --to gan.safetensors"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxgen.cli import common
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Export(common.DrawingFlags):
    what: Literal["sampler", "encoder", "decoder", "network"] = "sampler"
    """The function: sampler from seeds, or for ONNX from noise, and digits to images, encoder from
    images to latents, decoder back, or network, the denoiser of a diffusion model."""
    to: Path | None = None
    """The new file, which ends in .onnx, .stablehlo or .safetensors."""


def main(args: list[str]) -> None:
    wanted, run = common.start(Export, "export", __doc__, args)
    if wanted.to is None:
        name = run.config.model
        raise UserError(f"where to? --to {name}.onnx, {name}.stablehlo or {name}.safetensors")
    file, text = run.model.export(wanted.to, wanted.what)
    what = "the arrays" if file.suffix == ".safetensors" else f"the {wanted.what}"
    run.announce(f"{what}, {file.stat().st_size / 2**20:.1f} MiB,", file)
    print(f"how to use it: {text}")
