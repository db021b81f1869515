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
    known = [part for part in parts if part.writers is not None]
    if not known:
        raise UserError(f"{names[0]} does not say who wrote its images: there are no writers")
    # Some write in both parts.
    images, labels, writers = map(np.concatenate, zip(*known, strict=True))
    order = np.argsort(writers, kind="stable")
    numbers, starts = np.unique(writers[order], return_index=True)
    contents = {
        wanted.out / f"{number:04}.npz": tables.npz(images[rows, ..., 0], labels[rows], found.names)
        for number, rows in zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)
        if len(rows) >= wanted.least
    }
    if not contents:
        raise UserError(f"--least {wanted.least} leaves no writer: ask for fewer images")
    wanted.out.mkdir(parents=True)
    files.write_all(contents)
    left_out = len(numbers) - len(contents)
    print(f"{len(contents):,} writers, {left_out:,} of few images left out: {wanted.out}")
