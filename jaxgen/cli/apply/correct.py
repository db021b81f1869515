"""Correct damaged handwriting. The model is told the kind of damage and nothing else: a classifier
reads from the damaged image which digit it was.

examples:
  bin/apply correct --model ddpm --damage broken              40 test digits, damaged first
  bin/apply correct --model ddpm --damage noise:0.4 --count 200
  bin/apply correct --model cvae --damage blot --images scan.png folder/

Test digits are damaged first. Then the command says how near the corrected digits come to the
original ones (the peak signal-to-noise ratio, in dB) and how many the judge recognises; and the
same for the damaged digits, and for filters of scikit-image that are tuned on training digits.
Your own images count as damaged."""

from dataclasses import dataclass

import numpy as np
from etils import epy

from jaxgen import images
from jaxgen.cli import common
from jaxgen.cli.common import Run

with epy.lazy_imports():
    from jaxgen.apps import correct, filters, measuring, reader
    from jaxgen.apps import damage as damages
    from jaxgen.cli import inputs
    from jaxgen.evaluation import statistics

LEARN = 100  # training digits that filters are tuned on


@dataclass(frozen=True)
class Correct(common.OfImages):
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
    clean = inputs.select(wanted.images, wanted.count, run, wanted.seed, broken=True)
    print("\n".join(clean.lines))
    harmed, own = clean.images, wanted.images not in ((), ("test",))
    if not own:
        harmed = correct.harm(damage, harmed, wanted.seed)
    family, variables = run.model.family, run.model.variables
    reading = reader.load(run.digits.train, common.warn)
    done = correct.correct(family, variables, reading, harmed, damage, wanted.seed)
    if clean.labels_known:
        run.warn_of_judge()
    if not own:
        print(table(clean.images, clean.labels, harmed, done.images, wanted, run))
    elif clean.labels_known:
        print(f"recognised as what they are: {measuring.recognised(done.images, clean.labels)}")
        print(f"  before: {measuring.recognised(harmed, clean.labels)}")
    labels = clean.labels if clean.labels_known else done.digits
    where = images.save(out, done.images, labels, lambda: images.pairs(harmed, done.images))
    run.announce(f"{common.digits(len(harmed))} corrected", where)


def table(
    clean: np.ndarray,
    labels: np.ndarray,
    harmed: np.ndarray,
    corrected: np.ndarray,
    wanted: Correct,
    run: Run,
) -> str:
    """A line on each way to correct: PSNR in dB, and how many digits are recognised. The filters
    are tuned on training digits."""
    learned, seed, damage = run.digits.train, wanted.seed, damages.named(wanted.damage)
    pixels, digits = inputs.balanced(learned, min(LEARN, len(learned.labels)), seed)
    pixels = images.to_float(pixels)
    examples = correct.harm(damage, pixels, seed + 1)
    ways = {"corrected": corrected, "as they are": harmed}
    for name in filters.FILTERS:
        ways[name] = filters.denoiser(name, pixels, examples)(harmed)
    closing = filters.best_closing(lambda mended: measuring.hits(mended, digits), examples)
    ways["closing"] = closing(harmed)
    lines = ["                 PSNR in dB        recognised as what they were"]
    for name, mended in ways.items():
        nearer = statistics.mean(measuring.psnr(mended, clean))
        lines.append(f"{name:<17}{nearer!s:<18}{measuring.recognised(mended, labels)}")
    return "\n".join(lines)
