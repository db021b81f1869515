"""Write digits in the hand of one image, or better in that of many: with their slant, the width of
their strokes, and all else that the digits of a person have in common.

examples:
  bin/apply restyle --model cvae --style hand.png --digits 2024
  bin/apply restyle --model gan --style test:7                  all ten digits
  bin/apply restyle --model cvae --style mine/ --count 50       five of each, in the hand of many
  bin/apply restyle --model cvae --style test --count 200       200 hands, one other digit each

The digits of --style mine/ may be cut out of a photographed page or form by bin/digits read; eight
of each are plenty. The command says how many new digits are recognised as the digit asked for.

With --style test it also gives the correlation of the width and the slant of the strokes with the
style image, and for comparison the same correlation for random test digits. With many images, it
gives both of the hand and of what it writes."""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import config as configs
from jaxgen import images
from jaxgen.cli import common
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import families
    from jaxgen.apps import measuring
    from jaxgen.cli import inputs
    from jaxgen.families import capabilities


@dataclass(frozen=True)
class Restyle(common.HandFlags):
    style: str | None = None
    """An image file of one digit, a digit of the data set such as test:7, a folder or a file of
    many digits in one hand, or test: many test digits, each a hand of its own."""
    digits: str | None = None
    """The digits to write, such as 2024; all ten when not given."""
    count: int | None = None
    """How many digits to write, those of --digits in turn; with --style test how many test digits,
    40 when not given."""
    out: str | None = None
    """Where to: .png a picture, with digits of the hand in its first row; the new digits alone as
    .npz, .csv, .parquet or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        if self.style == "test" and self.digits is not None:
            raise UserError("--style test writes random other digits: leave out --digits")
        fits = self.count is None or self.count >= 1
        configs.require("count", self.count, fits, "1 or more")


def main(args: list[str]) -> None:
    wanted, run = common.start(Restyle, "apply restyle", __doc__, args)
    if wanted.style is None:
        raise UserError(
            "whose hand? --style hand.png, mine/ with many digits, or a digit such as test:7"
        )
    out = run.out(wanted.out, f"restyled-{wanted.digits or 'all'}-seed-{wanted.seed}.png")
    if wanted.style == "test":
        return _of_test_digits(wanted, run, out)
    hand = inputs.read_hand(wanted.style, run)
    cycle = np.array(run.model.learned, np.int32)
    if wanted.digits is not None:
        cycle = run.labels("digits", wanted.digits)
    targets = np.resize(cycle, wanted.count or len(cycle))
    drawn = hand.write(targets, wanted.variety, wanted.seed)
    run.warn_of_judge()
    print(run.as_asked(drawn, targets))
    if len(hand.images) > 1:
        print("\n".join(measuring.strokes_of(hand.images, drawn)))

    def picture() -> np.ndarray:
        if len(hand.images) == 1:
            return images.grid(np.concatenate([hand.images, drawn]))
        columns = min(10, len(drawn))
        return images.grid(np.concatenate([hand.row(targets[:columns]), drawn]), columns)

    run.announce(run.drawn(len(drawn)), run.save(out, drawn, targets, picture))


def _of_test_digits(wanted: Restyle, run: common.Run, out: str) -> None:
    """Write another digit in the hand of each of many test digits."""
    capabilities.able(families.build(run.config), capabilities.Transfers)
    model = run.model
    hands = inputs.select((), wanted.count, model, wanted.seed)
    print("\n".join(hands.lines))
    targets = measuring.other_digits(hands.labels, wanted.seed, model.learned)
    drawn = model.restyle(hands.images, targets, hands.labels, wanted.seed)
    run.warn_of_judge()
    print(run.as_asked(drawn, targets))
    test, train = model.digits.test, model.digits.train
    real = test if np.isin(targets, test.labels).all() else train  # a few lack some digits
    others = measuring.random_images(real, targets, wanted.seed)
    for name, ours, chance in measuring.style_correlations(hands.images, drawn, others):
        print(
            f"{name} goes with the style's: r = {ours.within()}; "
            f"a random digit: r = {chance.within()}"
        )
    path = run.save(out, drawn, targets, lambda: images.pairs(hands.images, drawn))
    run.announce(run.drawn(len(drawn)), path)
