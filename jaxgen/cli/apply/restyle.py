"""Write digits in the hand of one image: with its slant, the width of its strokes, and all else
that does not depend on the digit.

examples:
  bin/apply restyle --model cvae --style hand.png --digits 2024
  bin/apply restyle --model gan --style test:7                  all ten digits
  bin/apply restyle --model cvae --style test --count 200       200 hands, one other digit each

With --style test the command says how many are recognised as the digit asked for. It also gives
the correlation of the width and the slant of the strokes with the style image, and for comparison
the same correlation for random test digits."""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import families
    from jaxgen.apps import measuring
    from jaxgen.cli import inputs
    from jaxgen.families import capabilities


@dataclass(frozen=True)
class Restyle(common.RunFlags):
    style: str | None = None
    """An image file of one digit, a digit of the data set such as test:7, or test: many digits."""
    digits: str | None = None
    """The digits to write, such as 2024; all ten when not given."""
    count: int | None = None
    """With --style test, how many test digits; 40 when not given."""
    out: str | None = None
    """Where to: .png a picture, the style image first; the digits alone as .npz, .csv, .parquet
    or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        common.require_number("digits", self.digits)
        if self.style == "test" and self.digits is not None:
            raise UserError("--style test writes random other digits: leave out --digits")
        if self.style != "test" and self.count is not None:
            raise UserError("--count is for --style test alone: leave it out")


def main(args: list[str]) -> None:
    wanted, run = common.start(Restyle, "apply restyle", __doc__, args)
    if wanted.style is None:
        raise UserError("whose hand? --style hand.png, or a digit of the data set such as test:7")
    out = run.out(wanted.out, f"restyled-{wanted.digits or 'all'}-seed-{wanted.seed}.png")
    capabilities.able(families.build(run.config), capabilities.Transfers)
    model, are_test_digits = run.model, wanted.style == "test"
    if are_test_digits:
        hands = inputs.select((), wanted.count, run.model, wanted.seed)
        styles, sources = hands.images, hands.labels
        targets = measuring.other_digits(sources, wanted.seed, model.learned)
    else:
        hands = inputs.read_style(wanted.style, run.model)
        targets = np.array([*map(int, wanted.digits or model.learned)], np.int32)
        styles, sources = hands.images, hands.labels
    model.require(targets, f"--digits {wanted.digits}")
    print("\n".join(hands.lines))
    drawn = model.restyle(styles, targets, sources, wanted.seed)
    run.warn_of_judge()
    print(f"recognised as the digit asked for: {measuring.recognised(drawn, targets)}")
    if are_test_digits:
        test, train = model.digits.test, model.digits.train
        real = test if np.isin(targets, test.labels).all() else train  # a few lack some digits
        others = measuring.random_images(real, targets, wanted.seed)
        for name, ours, chance in measuring.style_correlations(styles, drawn, others):
            print(
                f"{name} goes with the style's: r = {ours.within()}; "
                f"a random digit: r = {chance.within()}"
            )

    def picture() -> np.ndarray:
        if are_test_digits:
            return images.pairs(styles, drawn)
        return images.grid(np.concatenate([styles[:1], drawn]))

    run.announce(common.digits(len(drawn)), images.save(out, drawn, targets, picture))
