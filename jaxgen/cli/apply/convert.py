"""``bin/apply convert``: turn digits into others, in the same hand."""

from dataclasses import dataclass

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.errors import UserError

DESCRIPTION = """Turn digits into another digit in the same hand, or write the same digits in
another hand.

examples:
  bin/apply convert --model cvae --images test:7 --to 1
  bin/apply convert --model cvae --images mine/ --style hand.png
  bin/apply convert --model gan --count 200 --to 3        200 test digits"""


@dataclass(frozen=True)
class Convert(common.OfImages):
    to: str | None = None
    """The digit to turn them into, 0 to 9."""
    style: str | None = None
    """The hand to write them in instead: an image file of one digit, or one such as test:7."""
    out: str | None = None
    """Where to: .png a picture of each above what became of it; the new digits alone as .npz,
    .csv, .parquet or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        configs.require("to", self.to, self.to in (None, *"0123456789"), "0 to 9")
        if self.to is not None and self.style is not None:
            raise UserError("--to changes the digit and --style the hand: give one of them")


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "apply convert")
    wanted = flags.parse(Convert(), "apply convert", DESCRIPTION, args)
    if wanted.to is None and wanted.style is None:
        raise UserError("into what? --to 1 for another digit, or --style hand.png for another hand")
    import numpy as np

    from jaxgen import devices, families, images
    from jaxgen.apps import measuring, restyle
    from jaxgen.cli import given
    from jaxgen.families.capabilities import Transfers, able
    from jaxgen.training import trained

    what = f"to-{wanted.to}" if wanted.style is None else "hand"
    out = wanted.out or common.unused(folder, f"converted-{what}-seed-{wanted.seed}.png")
    images.check(out)
    devices.start()
    able(families.build(config), Transfers)
    model = trained.load(folder, config, common.warn)
    source = given.Source(folder, config, wanted.data)
    seen = given.some(wanted.images, wanted.count, source, wanted.seed)
    print("\n".join(seen.lines))
    styles, sources, targets = seen.images, seen.labels, seen.labels
    if wanted.style is None:
        assert wanted.to is not None
        targets = np.full_like(sources, int(wanted.to))
        model.require(targets, f"--to {wanted.to}")
    else:
        style = given.style(wanted.style, source)
        print("\n".join(style.lines))
        styles, sources = (array.repeat(len(targets), 0) for array in style[:2])
    drawn = restyle.restyle(model.family, model.variables, styles, sources, targets, wanted.seed)
    source.warn()
    print(f"recognised as the digit asked for: {measuring.recognised(drawn, targets)}")
    where = images.save(out, drawn, targets, lambda: images.pairs(seen.images, drawn))
    print(f"{common.digits(len(drawn))} after {common.steps(model.step)}: {common.kept(where)}")
    return 0
