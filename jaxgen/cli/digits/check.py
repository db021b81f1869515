"""Look at a data set before anything learns from it: what it was taken for, how many images each
class has, their ink, which way up they are, copies within and across the parts, and what looks
wrong. A picture shows images of each class.

examples:
  bin/digits check mine/                       a folder of class folders
  bin/digits check emnist/emnist-letters       the files whose names begin so
  bin/digits check train.csv --out train.png   the picture in another place"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from etils import epy

from jaxgen import data, images
from jaxgen.cli import flags
from jaxgen.data import downloads, files, sets
from jaxgen.data.sets import Found, Part
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen.data.sets import report


@dataclass(frozen=True)
class Check:
    out: Path | None = None
    """Where to put the picture; DATA-check.png when not given."""


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Check(), "digits check", __doc__, args[len(names) :])
    if len(names) != 1:
        raise UserError("which data set? bin/digits check mine/")
    (name,) = names
    out = wanted.out or Path(f"{os.path.basename(name.rstrip('/')) or 'data'}-check.png")
    if out.suffix.lower() != ".png":
        raise UserError(f"--out {out} must end in .png: it is a picture")
    files.check_new(out)
    found = read(name)
    for line in report.lines(found):
        print(line)
    images.save_picture(out, report.picture(found))
    print(f"images of each class: {out}")


def read(name: str) -> Found:
    """The data set in a file or folder, or of a source such as mnist."""
    source = data.with_absolute_path(name)
    kind, colon, path = source.partition(":")
    if source in downloads.SETS:
        return sets.read(downloads.fetch(source, print), print)
    if kind in ("files", "idx"):
        found = sets.read_or_large(path, print)
        if isinstance(found, Found):
            return found
    if not colon and kind not in ("mnist", "synthetic"):
        return sets.read(source, print)  # which says that there is no such path
    digits = data.load(source, print)
    train = [np.concatenate(both) for both in zip(digits.train, digits.valid, strict=True)]
    if digits.stream:
        print(f"what follows is of a fair sample of {len(train[1]):,} training images")
    return Found(Part(*train), Part(*digits.test), digits.names, (digits.source,))
