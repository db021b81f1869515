"""Complete digits that are partly hidden. The visible part does not change, bit for bit. The model
does not know the digit: a classifier reads it from the visible part.

examples:
  bin/apply complete --model ddpm --hide left                 40 test digits
  bin/apply complete --model vqvae --hide random:0.7 --count 200
  bin/apply complete --model ddpm --images test:7 mine.png --hide bottom --ways 8
  bin/apply complete --model gan --hide mask.png --out whole.npz

For test digits the command says how many completions the judge recognises correctly; and how many
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
    from jaxgen.apps import complete, masks
    from jaxgen.cli import inputs


@dataclass(frozen=True)
class Complete(common.ImageFlags):
    hide: str = "left"
    """What is hidden: left, right, top, bottom, centre, quadrants (two of the four, by chance),
    random:0.7 of the pixels, or a picture of 28 by 28 that is white there."""
    ways: int = 1
    """How many completions of each digit, to see what is uncertain; 1 gives the most probable."""
    out: str | None = None
    """Where to: .png a picture of the visible part above its completion, or with several ways
    beside them; the completed digits alone as .npz, .csv, .parquet or .idx.gz, .gif or .mp4, or a
    folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        configs.require("ways", self.ways, 1 <= self.ways <= 100, "from 1 to 100")


def main(args: list[str]) -> None:
    wanted, run = common.start(Complete, "apply complete", __doc__, args)
    out = run.out(wanted.out, f"completed-{wanted.hide}-seed-{wanted.seed}.png")
    digits = inputs.select(wanted.images, wanted.count, run.model, wanted.seed)
    count = len(digits.labels)
    shown = count * (wanted.ways + 1)
    if images.ending(out) == ".png" and wanted.ways > 1 and shown > images.MAX_IN_GRID:
        raise UserError(
            f"--ways {wanted.ways} of {count} digits are too many for a picture: ask for fewer, or "
            "for --out whole.npz"
        )
    visible = masks.visible(wanted.hide, count, wanted.seed)
    print("\n".join(digits.lines))
    completed = run.model.complete(digits.images, visible == 0, wanted.ways, wanted.seed)
    first = completed.images[:, 0]
    if digits.labels_known:
        run.warn_of_judge()
        print(f"recognised correctly: {run.recognised(first, digits.labels)}")
        nearest = complete.nearest(digits.images, visible, run.model.digits.train.images)
        print(f"  by the nearest training digit: {run.recognised(nearest, digits.labels)}")
    labels = digits.labels.repeat(wanted.ways) if digits.labels_known else completed.digits.ravel()
    path = run.save(
        out,
        completed.images.reshape(-1, *first.shape[1:]),
        labels,
        lambda: picture(digits.images, visible, completed.images),
    )
    run.announce(f"{run.drawn(count)} completed", path)


def picture(digits: np.ndarray, visible: np.ndarray, completed: np.ndarray) -> np.ndarray:
    """The visible parts, with hidden pixels grey, each above its completion; or with several ways,
    each beside its completions."""
    shown = np.where(visible == 1, digits, 0.35)
    if completed.shape[1] == 1:
        return images.pairs(shown, completed[:, 0])
    rows = np.concatenate([shown[:, None], completed], 1)
    return images.grid(rows.reshape(-1, *digits.shape[1:]), rows.shape[1])
