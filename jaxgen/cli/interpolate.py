"""``bin/interpolate``: the ways between digits, through a model's latents."""

import functools
from dataclasses import dataclass, replace
from typing import Annotated

import tyro

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.errors import UserError

DESCRIPTION = """Walk from digit to digit through the latents of a trained model, as a picture or a
film.

examples:
  bin/interpolate --model ddpm --from 3 --to 8
  bin/interpolate --model ddpm --from 3 --to 8 --count 1 --out way.gif
  bin/interpolate --model ddpm --digits 01234567890 --out tour.gif
  bin/interpolate --model ddpm --between mine.png test:7

Digits that a way begins or ends with are drawn again where the judge cannot read them. Your own
images may be of any size and kind, one digit each; the command says how they were brought
to 28 by 28, and what digit the judge takes them for."""


@dataclass(frozen=True)
class Interpolate(common.Seeded):
    sampling: Annotated[configs.Sampling, tyro.conf.arg(name="")]
    from_: Annotated[str | None, tyro.conf.arg(name="from", **flags.PLAIN)] = None
    """The digit to begin with, 0 to 9; drawn anew for every way."""
    to: str | None = None
    """The digit to end with."""
    digits: str | None = None
    """A tour instead, from each of these digits to the next, such as 0123456789."""
    between: tuple[str, ...] = ()
    """The way between images instead: two or more files of one digit each, or digits of the data
    set such as test:7. The settings of sampling do not matter to it."""
    frames: int | None = None
    """Images from a digit to the next, with both of them; 10 when not given, for a film 60 on one
    way and 20 from stop to stop of a tour."""
    count: int | None = None
    """How many ways, of different digits; 5 in a picture from a digit to another, else 1."""
    out: str | None = None
    """Where to: .png a picture, a row from each digit to the next; .gif or .mp4 a film; way by way,
    with the digit that is nearest, .npz, .csv, .parquet, .idx.gz, or a folder, if it ends in /."""

    def __post_init__(self):
        super().__post_init__()
        for flag, digit in (("from", self.from_), ("to", self.to)):
            configs.require(flag, digit, digit in (None, *"0123456789"), "0 to 9")
        if self.digits is not None and not (
            self.digits.isascii() and self.digits.isdecimal() and len(self.digits) > 1
        ):
            raise UserError(
                f"--digits {self.digits!r} is no tour: it must be two digits or more, such as 0123"
            )
        if len(self.between) == 1:
            raise UserError(f"--between {self.between[0]} has no end: name two images")
        if self.frames is not None and self.frames < 2:
            raise UserError(
                f"--frames {self.frames} are too few frames: both ends alone need 2, "
                "and a way between them more"
            )
        if self.count is not None:
            configs.require("count", self.count, self.count >= 1, "1 or more")
            if self.between:
                raise UserError("between images there is one way: leave out --count")

    @property
    def stops(self) -> str | None:
        """The digits on the way, or None where it leads through images."""
        chosen = [self.from_ or self.to, self.digits, self.between]
        if sum(map(bool, chosen)) != 1:
            raise UserError(
                "which way? give one of --from 3 --to 8, --digits 0123456789 and "
                "--between a.png b.png"
            )
        if self.from_ or self.to:
            if not (self.from_ and self.to):
                raise UserError("a way has two ends: give both --from and --to, such as 3 and 8")
            return self.from_ + self.to
        return self.digits

    @property
    def name(self) -> str:
        """What the way is called where no other name is given."""
        if self.between:
            return "between"
        return f"{self.from_}-to-{self.to}" if self.to else f"{self.digits}"


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "interpolate")
    wanted = flags.parse(Interpolate(config.sampling), "interpolate", DESCRIPTION, args)
    stops = wanted.stops
    import numpy as np

    from jaxgen import devices, films, images, sampling
    from jaxgen.cli import given
    from jaxgen.training import trained

    out = wanted.out or common.unused(folder, f"{wanted.name}-seed-{wanted.seed}.png")
    images.check(out)
    kind = images.ending(out)
    devices.start()
    if stops is None:
        seen = given.read(wanted.between, given.Source(folder, config, wanted.data))
        print("\n".join(seen.lines))
        model = trained.load(folder, config, common.warn)
        family = model.family.for_inversion()
        ways = sampling.encoded(family, model.variables, seen.images, seen.labels)
    else:
        model = trained.load(folder, replace(config, sampling=wanted.sampling), common.warn)
        family = model.family
        common.require_ear(family, "--digits" if wanted.digits else "--from and --to")
        count = wanted.count or (5 if wanted.to and kind == ".png" else 1)
        labels = np.tile([int(digit) for digit in stops], (count, 1)).astype(np.int32)
        model.require(labels.ravel(), "--digits" if wanted.digits else "--from or --to")
        places = legible(labels, wanted.seed, model, given.Source(folder, config, wanted.data))
        ways = sampling.drawn(family, model.variables, labels, wanted.seed, places)
        if len(stops) > 2 and stops[0] == stops[-1]:
            ways = ways.round_trip()
    legs = ways.labels.shape[1] - 1
    frames = wanted.frames or (10 if kind not in films.CONTENTS else 60 if legs == 1 else 20)
    drawn, nearest = sampling.interpolate(family, model.variables, ways, frames, wanted.seed)
    if kind == ".png":
        images.save_picture(out, strips(drawn, legs, frames))
        where = common.kept(out)
    elif kind in films.CONTENTS:
        images.save_film(out, images.film(drawn.swapaxes(0, 1)), milliseconds=60, hold_last=1000)
        where = out
    else:
        where = images.save(out, drawn.reshape(-1, *drawn.shape[2:]), nearest.ravel())
    many = "one way" if len(drawn) == 1 else f"{len(drawn)} ways"
    print(f"{many} of {drawn.shape[1]} images after {common.steps(model.step)}: {where}")
    return 0


def legible(labels, seed: int, model, source):
    """Places in the seed of digits ``labels`` [ways, stops] that can be read, as far as the judge
    can tell; says where it had to look for others. Where it cannot read such digits at all, the
    first places."""
    from jaxgen import sampling
    from jaxgen.apps import redraw
    from jaxgen.evaluation import judge

    places = sampling.in_turn(labels)
    if source.caution:
        return places
    eye, drawer = judge.load(), sampling.Drawer(model.family, chunk=sampling.FEW)

    def draw(asked, places):
        return drawer.draw(model.variables, asked, seed, places)

    flat = labels.ravel()
    sure = functools.partial(judge.sure_of, eye)
    found = redraw.redraw(draw, flat, places.ravel(), sure, judge.SURE, tries=16)
    again, unread = (found.indices != places.ravel()).sum(), (found.scores < judge.SURE).sum()
    if again:
        print(f"{again} of {len(flat)} ends are drawn again: the judge could not read them")
    if unread:
        print(f"{unread} of {len(flat)} ends cannot be read: train the model for longer")
    return found.indices.reshape(labels.shape)


def strips(drawn, legs: int, frames: int):
    """A row for each leg of each way, with both of its ends."""
    import numpy as np

    from jaxgen import images

    firsts = [(frames - 1) * leg for leg in range(legs)]
    rows = [way[first : first + frames] for way in drawn for first in firsts]
    return images.grid(np.concatenate(rows), frames)
