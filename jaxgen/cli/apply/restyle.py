"""``bin/apply restyle``: write digits in the hand of one image."""

from dataclasses import dataclass

from jaxgen.cli import common, flags
from jaxgen.errors import UserError

DESCRIPTION = """Write digits in the hand of one image: its slant, the width of its strokes, and
what else is not the digit.

examples:
  bin/apply restyle --model cvae --style hand.png --digits 2024
  bin/apply restyle --model gan --style test:7                  all ten digits
  bin/apply restyle --model cvae --style test --count 200       200 hands, one other digit each

With --style test it says how many are recognised as the digit asked for, and how far the width and
the slant of the strokes go with those of the style image: the correlation, beside that of a test
digit by chance of the digit asked for."""


@dataclass(frozen=True)
class Restyle(common.Seeded):
    style: str | None = None
    """An image file of one digit, a digit of the data set such as test:7, or test for many."""
    digits: str | None = None
    """The digits to write, such as 2024; all ten when not given."""
    count: int | None = None
    """With --style test, how many test digits; 40 when not given."""
    out: str | None = None
    """Where to: .png a picture, the style image first; the digits alone as .npz, .csv, .parquet
    or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        if self.digits is not None and not (self.digits.isascii() and self.digits.isdecimal()):
            raise UserError(
                f"--digits {self.digits!r} cannot be written: it must be digits only, such as 2024"
            )
        if self.style == "test" and self.digits is not None:
            raise UserError("--style test takes other digits by chance: leave out --digits")
        if self.style != "test" and self.count is not None:
            raise UserError("--count is for --style test alone: leave it out")


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "apply restyle")
    wanted = flags.parse(Restyle(), "apply restyle", DESCRIPTION, args)
    if wanted.style is None:
        raise UserError("whose hand? --style hand.png, or a digit of the data set such as test:7")
    import numpy as np

    from jaxgen import devices, families, images
    from jaxgen.apps import measuring, restyle
    from jaxgen.cli import given
    from jaxgen.families.capabilities import Transfers, able
    from jaxgen.training import trained

    out = wanted.out or common.unused(
        folder, f"restyled-{wanted.digits or 'all'}-seed-{wanted.seed}.png"
    )
    images.check(out)
    devices.start()
    able(families.build(config), Transfers)
    model = trained.load(folder, config, common.warn)
    source = given.Source(folder, config, wanted.data)
    if wanted.style == "test":
        seen = given.some((), wanted.count, source, wanted.seed)
        styles, sources = seen.images, seen.labels
        targets = measuring.others(sources, wanted.seed, model.digits)
    else:
        seen = given.style(wanted.style, source)
        asked = [*map(int, wanted.digits)] if wanted.digits else model.digits
        targets = np.array(asked, np.int32)
        styles, sources = (array.repeat(len(targets), 0) for array in seen[:2])
    model.require(targets, f"--digits {wanted.digits}")
    print("\n".join(seen.lines))
    drawn = restyle.restyle(model.family, model.variables, styles, sources, targets, wanted.seed)
    source.warn()
    print(f"recognised as the digit asked for: {measuring.recognised(drawn, targets)}")
    if wanted.style == "test":
        test, train = source.digits.test, source.digits.train
        real = test if np.isin(targets, test.labels).all() else train  # few lack some digits
        chance = measuring.of_digits(real, targets, wanted.seed)
        for name, ours, plain in measuring.hands(styles, drawn, chance):
            print(
                f"{name} goes with the style's: r = {ours.within()}; "
                f"a digit by chance: r = {plain.within()}"
            )

    def picture():
        if wanted.style == "test":
            return images.pairs(styles, drawn)
        return images.grid(np.concatenate([styles[:1], drawn]))

    where = images.save(out, drawn, targets, picture)
    print(f"{common.digits(len(drawn))} after {common.steps(model.step)}: {common.kept(where)}")
    return 0
