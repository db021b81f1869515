"""Find the digits of a photographed or scanned page, cut them out in reading order, and bring each
to the form of MNIST's. The page may be ruled or squared, lie on a table, be turned by up to 20
degrees, and be lit from a side. Digits are to stand apart from each other.

examples:
  bin/digits read page.jpg --out mine/                a PNG of each digit, named by what it is
  bin/digits read one.png two.jpg scan.pdf --out mine.npz
  bin/digits read --form photo.jpg --out mine.npz     a form that bin/digits form printed
  bin/apply restyle --model cvae --style mine/00004-7.png

Beside the digits, mine-overview.png shows the page, with each digit framed and numbered as its file
is. What is doubtful has a red frame; without --form, its file is named "any" instead of a digit."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common, flags
from jaxgen.data import files
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.apps import scans
    from jaxgen.data import page_files


@dataclass(frozen=True)
class Read:
    form: bool = False
    """The pages are forms that bin/digits form printed: a digit is what its row asks for, and empty
    and crossed-out boxes are left out."""
    out: str | None = None
    """Where to: a folder, if it ends in /, with a PNG of each digit, or a file of all in .npz,
    .csv, .parquet or .idx.gz."""


def main(args: list[str]) -> None:
    first = args[:1] if args[:1] == ["--form"] else []  # which may stand before the pages
    names = flags.leading(args[len(first) :])
    wanted = flags.parse(Read(), "digits read", __doc__, first + args[len(first) + len(names) :])
    if not names:
        raise UserError("which page? bin/digits read page.jpg --out mine/")
    if wanted.out is None:
        raise UserError("where to? bin/digits read page.jpg --out mine/")
    images.check(wanted.out)
    devices.start()
    read = scans.read_forms if wanted.form else scans.read
    found = [read(page_files.read(name), name) for name in names]
    count = sum(len(part.overviews) for part in found)
    overviews = [_beside(wanted.out, index, count) for index in range(count)]
    for path in overviews:
        files.check_new(path)
    pixels, labels = (np.concatenate([part[i] for part in found]) for i in (0, 1))
    where = images.save(wanted.out, pixels, labels)
    shown = [overview for part in found for overview in part.overviews]
    for path, overview in zip(overviews, shown, strict=True):
        images.save_picture(path, overview)
    doubts = [doubt for part in found for doubt in part.doubts]
    for number, doubt in enumerate(doubts):
        if doubt:
            print(f"digit {number}: {doubt}")
    doubtful = sum(map(bool, doubts))
    print(f"{common.digits(len(pixels))}, {doubtful} of them doubtful: {where}")
    print(f"where they were: {', '.join(map(str, overviews))}")


def _beside(out: str, index: int, count: int) -> Path:
    """The path of the overview of a page: mine-overview.png for mine/ or mine.npz."""
    path = Path(out) if Path(out).name else Path(out).resolve()
    stem = path.name if images.ending(out) == images.FOLDER else path.name.partition(".")[0]
    number = f"-{index + 1}" if count > 1 else ""
    return path.with_name(f"{stem}-overview{number}.png")
