"""Encode digits and decode them again: how much of them does the model keep?

examples:
  bin/reconstruct --model ddpm                      40 test digits, each above its reconstruction
  bin/reconstruct --model ddpm --images a.png test:7
  bin/reconstruct --model ddpm --count 1000 --out back.npz

Your own images may be of any size and kind, one digit each; the command says how they were brought
to 28 by 28, and what digit the judge takes them for."""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common

with epy.lazy_imports():
    from jaxgen.cli import inputs


@dataclass(frozen=True)
class Reconstruct(common.ImageFlags):
    out: str | None = None
    """Where to: .png a picture, ten pairs a row; the reconstructions alone, with their labels, as
    .npz, .csv, .parquet or .idx.gz, .gif or .mp4 one after another, or a folder, if it ends
    in /."""


def main(args: list[str]) -> None:
    wanted, run = common.start(Reconstruct, "reconstruct", __doc__, args)
    out = run.out(wanted.out, f"reconstructed-seed-{wanted.seed}.png")
    digits = inputs.select(wanted.images, wanted.count, run.model, wanted.seed)
    back = run.model.reconstruct(digits.images, digits.labels, wanted.seed)
    errors = np.square(back - digits.images).sum((1, 2, 3))
    each = len(digits.lines) == len(errors)
    for index, line in enumerate(digits.lines):
        print(f"{line}: squared error {errors[index]:.2f}" if each else line)
    between = f", from {errors.min():.3f} to {errors.max():.3f}" if len(errors) > 1 else ""
    print(
        f"{run.drawn(len(errors))} after {common.steps(run.model.step)}: squared error "
        f"{errors.mean():.3f} an image{between} (summed over 784 pixels in [0, 1])"
    )
    if images.ending(out) == ".png":
        images.save_picture(out, images.pairs(digits.images, back))
        print(f"each above its reconstruction: {run.without_copy(out)}")
    else:
        print(f"the reconstructions: {run.save(out, back, digits.labels)}")
