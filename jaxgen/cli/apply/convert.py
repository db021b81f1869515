"""Turn digits into another digit in the same hand, or write the same digits in
another hand.

examples:
  bin/apply convert --model cvae --images test:7 --to 1
  bin/apply convert --model cvae --images mine/ --style hand.png
  bin/apply convert --model gan --count 200 --to 3        200 test digits"""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import families
    from jaxgen.cli import inputs
    from jaxgen.families import capabilities


@dataclass(frozen=True)
class Convert(common.ImageFlags, common.HandFlags):
    to: str | None = None
    """The digit to turn them into, 0 to 9; of other data the name of a class."""
    style: str | None = None
    """The hand to write them in instead: an image file of one digit, one such as test:7, or a
    folder or a file of many digits in one hand."""
    out: str | None = None
    """Where to: .png a picture of each digit above the new one; the new digits alone as .npz, .csv,
    .parquet or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        if self.to is not None and self.style is not None:
            raise UserError("--to changes the digit and --style the hand: give one of them")


def main(args: list[str]) -> None:
    wanted, run = common.start(Convert, "apply convert", __doc__, args)
    if wanted.to is None and wanted.style is None:
        raise UserError("into what? --to 1 for another digit, or --style hand.png for another hand")
    what = "hand" if wanted.to is None else f"to-{wanted.to}"
    out = run.out(wanted.out, f"converted-{what}-seed-{wanted.seed}.png")
    capabilities.able(families.build(run.config), capabilities.Transfers)
    digits = inputs.select(wanted.images, wanted.count, run.model, wanted.seed)
    print("\n".join(digits.lines))
    targets = digits.labels
    if wanted.style is None:
        targets = np.full_like(digits.labels, run.label("to", wanted.to or ""))
        run.model.require(targets, f"--to {wanted.to}")
        drawn = run.model.restyle(digits.images, targets, digits.labels, wanted.seed)
    else:
        hand = inputs.read_hand(wanted.style, run)
        drawn = hand.write(targets, wanted.variety, wanted.seed)
    run.warn_of_judge()
    print(run.as_asked(drawn, targets))
    path = run.save(out, drawn, targets, lambda: images.pairs(digits.images, drawn))
    run.announce(run.drawn(len(drawn)), path)
