"""Write a trained model to a folder of its own, without its training: the weights, the recipe, and
a card with the judge's figures. The commands and ``jaxgen.load`` read such a folder anywhere, and
draw with the sampling settings that are given here.

examples:
  bin/publish --model cvae --out cvae-of-mine
  bin/sample --run ./cvae-of-mine --digit 3"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxgen.cli import common
from jaxgen.errors import UserError
from jaxgen.training import console as consoles


@dataclass(frozen=True)
class Publish(common.DrawingFlags):
    out: Path | None = None
    """The new folder."""
    weights: Literal["float16", "float32"] = "float16"
    """The numbers of large arrays: float16 takes half the room, and draws as well."""


def main(args: list[str]) -> None:
    wanted, run = common.start(Publish, "publish", __doc__, args)
    if wanted.out is None:
        raise UserError(f"where to? --out {run.config.model}-published, a new folder")
    with consoles.Console().status() as progress:
        folder = run.model.publish(wanted.out, half=wanted.weights == "float16", progress=progress)
    size = folder.facts()["bytes"] / 2**20
    run.announce(f"a model of {size:.1f} MiB", folder.path)
