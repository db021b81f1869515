"""Complete digits that are partly hidden. The visible part stays as it is, bit for bit. The model
is not told which digit it was: a classifier reads that from the visible part.

examples:
  bin/apply complete --model ddpm --hide left                 40 test digits
  bin/apply complete --model vqvae --hide random:0.7 --count 200
  bin/apply complete --model ddpm --images test:7 mine.png --hide bottom --ways 8
  bin/apply complete --model gan --hide mask.png --out whole.npz

For test digits the command says how many the judge recognises as what they were; and how many
without a model, where the hidden part is copied from the training digit whose visible part is
nearest."""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import config as configs
from jaxgen import images
from jaxgen.cli import common
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen.apps import complete, masks, measuring, reader
    from jaxgen.cli import inputs


@dataclass(frozen=True)
class Complete(common.OfImages):
    hide: str = "left"
    """What is hidden: left, right, top, bottom, centre, quadrants (two of the four, by chance),
    random:0.7 of the pixels, or a picture of 28 by 28 that is white there."""
    ways: int = 1
    """How many completions of each digit, to see what is uncertain; 1 gives the most probable."""
    out: str | None = None
    """Where to: .png a picture of what was visible above its completion, or with several ways
    beside them; the completed digits alone as .npz, .csv, .parquet or .idx.gz, .gif or .mp4, or a
    folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        configs.require("ways", self.ways, 1 <= self.ways <= 100, "from 1 to 100")


def main(args: list[str]) -> None:
    wanted, run = common.start(Complete, "apply complete", __doc__, args)
    out = run.out(wanted.out, f"completed-{wanted.hide}-seed-{wanted.seed}.png")
    digits = inputs.select(wanted.images, wanted.count, run, wanted.seed)
    count = len(digits.labels)
    shown = count * (wanted.ways + 1)
    if images.ending(out) == ".png" and wanted.ways > 1 and shown > images.MAX_IN_GRID:
        raise UserError(
            f"--ways {wanted.ways} of {count} digits are too many for a picture: ask for fewer, or "
            "for --out whole.npz"
        )
    visible = masks.visible(wanted.hide, count, wanted.seed)
    print("\n".join(digits.lines))
    family, variables = run.model.family, run.model.variables
    reading = reader.load(run.digits.train, common.warn)
    done = complete.complete(
        family, variables, reading, digits.images, visible, wanted.ways, wanted.seed
    )
    first = done.images[:, 0]
    if digits.labels_known:
        run.warn_of_judge()
        print(f"recognised as what they were: {measuring.recognised(first, digits.labels)}")
        plain = complete.nearest(digits.images, visible, run.digits.train.images)
        print(f"  by the nearest training digit: {measuring.recognised(plain, digits.labels)}")
    where = images.save(
        out,
        done.images.reshape(-1, *first.shape[1:]),
        np.repeat(digits.labels, wanted.ways) if digits.labels_known else done.digits.ravel(),
        lambda: picture(digits.images, visible, done.images),
    )
    run.announce(f"{common.digits(count)} completed", where)


def picture(digits: np.ndarray, visible: np.ndarray, completed: np.ndarray) -> np.ndarray:
    """What is visible, hidden parts grey, above its completion; with several ways, beside them."""
    shown = np.where(visible == 1, digits, 0.35)
    if completed.shape[1] == 1:
        return images.pairs(shown, completed[:, 0])
    rows = np.concatenate([shown[:, None], completed], 1)
    return images.grid(rows.reshape(-1, *digits.shape[1:]), rows.shape[1])
