"""Walk from digit to digit through the latents of a trained model, as a picture or a film.

examples:
  bin/interpolate --model ddpm --from 3 --to 8
  bin/interpolate --model ddpm --from 3 --to 8 --count 1 --out way.gif
  bin/interpolate --model ddpm --digits 01234567890 --out tour.gif
  bin/interpolate --model ddpm --between mine.png test:7
  bin/interpolate --model cvae --digits 0123456789 --style mine/ --out tour.gif

Digits that a way begins or ends with are drawn again where the judge cannot read them. Your own
images may be of any size and kind, one digit each; the command says how they were brought
to 28 by 28, and what digit the judge takes them for."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro
from etils import epy

from jaxgen import config as configs
from jaxgen import films, images
from jaxgen.cli import common
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen.cli import inputs


@dataclass(frozen=True)
class Interpolate(common.DrawingFlags, common.HandFlags):
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """The digit to begin with, 0 to 9; each way has a new drawing of it."""
    to: str | None = None
    """The digit to end with."""
    digits: str | None = None
    """A tour instead, from each of these digits to the next, such as 0123456789."""
    between: tuple[str, ...] = ()
    """The way between images instead: two or more files of one digit each, or digits of the data
    set such as test:7. Sampling settings have no effect on it."""
    style: str | None = None
    """Write the digits of --from and --to, or of --digits, in one hand: an image file of one digit,
    one such as test:7, or a folder or a file of many digits in that hand. It is one way then."""
    frames: int | None = None
    """Images from a digit to the next, with both ends; when not given 10, or in a film 60 for one
    way and 20 from digit to digit of a tour."""
    count: int | None = None
    """How many ways, each with other drawings of the digits; when not given, 5 in a picture from a
    digit to another, else 1."""
    out: str | None = None
    """Where to: .png a picture, a row from each digit to the next; .gif or .mp4 a film; all images,
    way by way, labelled with the nearest digit, as .npz, .csv, .parquet or .idx.gz, or a folder, if
    it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        configs.require("count", self.count, self.count is None or self.count >= 1, "1 or more")
        common.refuse(
            (
                len(self.between) == 1,
                f"--between {' '.join(self.between)} has no end: name two images",
            ),
            (
                self.frames is not None and self.frames < 2,
                f"--frames {self.frames} are too few frames: both ends alone need 2, and a way "
                "between them more",
            ),
            (
                self.count is not None and self.between,
                "between images there is one way: leave out --count",
            ),
            (
                self.between and self.style,
                "--between names images, which have their own hands: leave out --style",
            ),
            (
                self.count is not None and self.style,
                "in the hand of --style there is one way: leave out --count",
            ),
        )

    def stops(self, run: common.Run) -> np.ndarray | None:
        """The labels of the digits on the way, int32 [n], or None for a way between images."""
        flags = [self.from_ or self.to, self.digits, self.between]
        if sum(map(bool, flags)) != 1:
            raise UserError(
                "which way? give one of --from 3 --to 8, --digits 0123456789 and "
                "--between a.png b.png"
            )
        if self.from_ or self.to:
            if not (self.from_ and self.to):
                raise UserError("a way has two ends: give both --from and --to, such as 3 and 8")
            ends = (("from", self.from_), ("to", self.to))
            return np.array([run.label(*end) for end in ends], np.int32)
        if self.digits is None:
            return None
        tour = run.labels("digits", self.digits)
        configs.require("digits", self.digits, len(tour) > 1, "two digits or more, such as 0123")
        return tour

    @property
    def name(self) -> str:
        """The name of the way, for the name of its file."""
        if self.between:
            return "between"
        return f"{self.from_}-to-{self.to}" if self.to else f"{self.digits}"


def main(args: list[str]) -> None:
    wanted, run = common.start(Interpolate, "interpolate", __doc__, args)
    stops, seed = wanted.stops(run), wanted.seed
    out = run.out(wanted.out, f"{wanted.name}-seed-{seed}.png")
    kind = images.ending(out)
    if stops is None:
        ends = inputs.read(wanted.between, run.model)
        print("\n".join(ends.lines))
        points, known, count = ends.images, ends.labels, 1
    elif wanted.style:
        known, count = stops, 1
        points = inputs.read_hand(wanted.style, run).write(known, wanted.variety, seed)
    else:
        points, known = stops, None
        count = wanted.count or (5 if wanted.to and kind == ".png" else 1)
    flag = "--digits" if wanted.digits else "--from and --to"
    legs = len(points) - 1
    frames = wanted.frames or (10 if kind not in films.CONTENTS else 60 if legs == 1 else 20)
    drawn, nearest = run.model.walk(points, frames, count, seed, known, print, flag)
    path = out
    if kind == ".png":  # a row for each leg of each way, with both ends
        firsts = [(frames - 1) * leg for leg in range(legs)]
        rows = [way[first : first + frames] for way in drawn for first in firsts]
        images.save_picture(out, images.grid(np.concatenate(rows), frames))
    elif kind in films.CONTENTS:
        images.save_film(out, images.film(drawn.swapaxes(0, 1)), milliseconds=60, hold_last=1000)
    else:
        path = run.save(out, drawn.reshape(-1, *drawn.shape[2:]), nearest.ravel())
    count = "one way" if len(drawn) == 1 else f"{len(drawn)} ways"
    run.announce(f"{count} of {drawn.shape[1]} images", path)
