"""Correct damaged handwriting. You give the kind of damage and nothing else: a classifier reads the
digit from the damaged image.

examples:
  bin/apply correct --model ddpm --damage broken              40 test digits, damaged first
  bin/apply correct --model ddpm --damage noise:0.4 --count 200
  bin/apply correct --model cvae --damage blot --images scan.png folder/

Test digits are damaged first. Then the command says how near the corrected digits come to the
original ones (the peak signal-to-noise ratio, in dB) and how many the judge recognises; and the
same for the damaged digits, and for filters of scikit-image that are tuned on training digits.
Your own images count as damaged."""

import functools
from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common
from jaxgen.cli.common import Run

with epy.lazy_imports():
    from jaxgen.apps import correct, filters, measuring
    from jaxgen.apps import damage as damages
    from jaxgen.cli import inputs
    from jaxgen.evaluation import statistics

LEARN = 100  # training digits that filters are tuned on


@dataclass(frozen=True)
class Correct(common.ImageFlags):
    damage: str = "broken"
    """What has happened to the digits: broken (strokes with gaps), swelling (strokes too wide),
    noise:0.4 (Gaussian, of that standard deviation where white is 1, then cut off at black and
    white), blur, blot (of ink), low-resolution."""
    images: tuple[str, ...] = ()
    """Image files of one damaged digit each, folders of them, or .npz or IDX files of many; test
    digits, damaged now, when not given."""
    out: str | None = None
    """Where to: .png a picture of the damaged digits above the corrected ones; the corrected digits
    alone as .npz, .csv, .parquet or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""


def main(args: list[str]) -> None:
    wanted, run = common.start(Correct, "apply correct", __doc__, args)
    out = run.out(wanted.out, f"corrected-{wanted.damage}-seed-{wanted.seed}.png")
    damage = damages.named(wanted.damage)
    clean = inputs.select(wanted.images, wanted.count, run.model, wanted.seed, broken=True)
    print("\n".join(clean.lines))
    damaged, are_test_digits = clean.images, wanted.images in ((), ("test",))
    if are_test_digits:
        damaged = correct.harm(damage, damaged, wanted.seed)
    corrected = run.model.correct(damaged, wanted.damage, wanted.seed)
    if clean.labels_known:
        run.warn_of_judge()
    if are_test_digits:
        print(table(clean.images, clean.labels, damaged, corrected.images, wanted, run))
    elif clean.labels_known:
        print(f"recognised correctly: {run.recognised(corrected.images, clean.labels)}")
        print(f"  before: {run.recognised(damaged, clean.labels)}")
    labels = clean.labels if clean.labels_known else corrected.digits
    picture = functools.partial(images.pairs, damaged, corrected.images)
    path = run.save(out, corrected.images, labels, picture)
    run.announce(f"{run.drawn(len(damaged))} corrected", path)


def table(
    clean: np.ndarray,
    labels: np.ndarray,
    damaged: np.ndarray,
    corrected: np.ndarray,
    wanted: Correct,
    run: Run,
) -> str:
    """A line for each method: PSNR in dB, and how many digits are recognised. The filters are tuned
    on training digits."""
    train, seed, damage = run.model.digits.train, wanted.seed, damages.named(wanted.damage)
    pixels, digits = inputs.balanced(train, min(LEARN, len(train.labels)), seed)
    pixels = images.to_float(pixels)
    examples = correct.harm(damage, pixels, seed + 1)
    methods = {"corrected": corrected, "not corrected": damaged}
    for name in filters.FILTERS:
        methods[name] = filters.denoiser(name, pixels, examples)(damaged)
    judge = run.model.judge
    closing = filters.best_closing(lambda mended: measuring.hits(mended, digits, judge), examples)
    methods["closing"] = closing(damaged)
    lines = ["                 PSNR in dB        recognised correctly"]
    for name, mended in methods.items():
        psnr = statistics.mean(measuring.psnr(mended, clean))
        lines.append(f"{name:<17}{psnr!s:<18}{run.recognised(mended, labels)}")
    return "\n".join(lines)
