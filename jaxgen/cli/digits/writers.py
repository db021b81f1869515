"""Part a data set by its writers, where it says who they are, as QMNIST and EMNIST in MATLAB files
do: a file for each person, to write in that hand or to train on.

examples:
  bin/digits writers qmnist --out writers/
  bin/digits writers emnist-digits.mat --least 100 --out writers/
  bin/apply restyle --model cvae --style writers/0123.npz --digits 2024
  bin/train --from cvae --data files:writers/0123.npz"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jaxgen import config as configs
from jaxgen.cli import flags
from jaxgen.cli.digits import check
from jaxgen.data import files, tables
from jaxgen.data.sets import Part
from jaxgen.errors import UserError


@dataclass(frozen=True)
class Writers:
    least: int = 20
    """Writers of fewer images are left out."""
    out: Path | None = None
    """The new folder of the files, NUMBER.npz."""

    def __post_init__(self):
        configs.require("least", self.least, self.least >= 1, "1 or more")


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Writers(), "digits writers", __doc__, args[len(names) :])
    if len(names) != 1 or wanted.out is None:
        raise UserError("which data set, and where to? bin/digits writers qmnist --out writers/")
    if os.path.lexists(wanted.out):
        raise UserError(f"{wanted.out} exists already: name a new folder")
    found = check.read(names[0])
    parts = [part for part in (found.train, found.test) if part is not None]
    own = [_by_writer(part) for part in parts]
    if not any(own):
        raise UserError(f"{names[0]} does not say who wrote its images: there are no writers")
    contents: dict[Path, bytes] = {}
    left_out = 0
    for part, rows in zip(parts, own, strict=True):
        for writer, chosen in rows.items():
            if len(chosen) < wanted.least:
                left_out += 1
                continue
            images, labels = part.images[chosen, ..., 0], part.labels[chosen]
            contents[wanted.out / f"{writer:04}.npz"] = tables.npz(images, labels)
    if not contents:
        raise UserError(f"--least {wanted.least} leaves no writer: ask for fewer images")
    wanted.out.mkdir(parents=True)
    files.write_all(contents)
    print(f"{len(contents):,} writers, {left_out:,} of few images left out: {wanted.out}")


def _by_writer(part: Part) -> dict[int, np.ndarray]:
    """The rows of each writer's images."""
    if part.writers is None:
        return {}
    order = np.argsort(part.writers, kind="stable")
    numbers, starts = np.unique(part.writers[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True))
