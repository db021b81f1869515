"""Write a trained model to a folder of its own, or to the Hugging Face hub, without its training:
the weights, the recipe, and a card with the judge's figures. The commands and ``jaxgen.load`` read
it anywhere, and draw with the sampling settings that are given here.

examples:
  bin/publish --model cvae --out cvae-of-mine
  bin/sample --run ./cvae-of-mine --digit 3
  bin/publish --model cvae --to hub:me/cvae-of-mine
  bin/sample --run hub:me/cvae-of-mine --digit 3"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jaxgen.cli import common
from jaxgen.errors import UserError
from jaxgen.training import console as consoles
from jaxgen.training import hub


@dataclass(frozen=True)
class Publish(common.DrawingFlags):
    out: Path | None = None
    """The new folder."""
    to: str | None = None
    """Instead of a folder: hub:USER/NAME, where everybody can have it."""
    weights: Literal["float16", "float32"] = "float16"
    """The numbers of large arrays: float16 takes half the room, and draws as well."""


def main(args: list[str]) -> None:
    wanted, run = common.start(Publish, "publish", __doc__, args)
    to = wanted.out or wanted.to
    if not to or (wanted.out and wanted.to):
        name = f"{run.config.model}-published"
        raise UserError(f"where to? --out {name}, a new folder, or --to hub:USER/{name}")
    if wanted.to:
        hub.Address.of(wanted.to)
    with consoles.Console().status() as progress:
        folder = run.model.publish(to, half=wanted.weights == "float16", progress=progress)
    size = folder.facts()["bytes"] / 2**20
    run.announce(f"a model of {size:.1f} MiB", f"{folder}")
