"""``bin/apply correct``: mend damaged handwriting."""

from dataclasses import dataclass

from jaxgen.cli import common, flags

DESCRIPTION = """Correct damaged handwriting. The model is told the kind of damage and nothing else:
which digit it was is read off what is seen.

examples:
  bin/apply correct --model ddpm --damage broken              40 test digits, damaged first
  bin/apply correct --model ddpm --damage noise:0.4 --count 200
  bin/apply correct --model cvae --damage blot --images scan.png folder/

Test digits are damaged first, and then it says how near they come to what they were (the peak
signal-to-noise ratio, in dB) and how many the judge recognises, beside doing nothing and beside
filters of scikit-image, tuned on training digits. Your own images are taken as damaged."""

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
    """Where to: .png a picture of what was seen above what was made of it; the corrected digits
    alone as .npz, .csv, .parquet or .idx.gz, .gif or .mp4, or a folder, if it ends in /."""


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "apply correct")
    wanted = flags.parse(Correct(), "apply correct", DESCRIPTION, args)
    from jaxgen import devices, images
    from jaxgen.apps import correct, measuring, reader
    from jaxgen.apps import damage as damages
    from jaxgen.cli import given
    from jaxgen.training import trained

    out = wanted.out or common.unused(folder, f"corrected-{wanted.damage}-seed-{wanted.seed}.png")
    images.check(out)
    damage = damages.named(wanted.damage)
    devices.start()
    source = given.Source(folder, config, wanted.data)
    digits = source.digits
    clean = given.some(wanted.images, wanted.count, source, wanted.seed, broken=True)
    print("\n".join(clean.lines))
    seen, own = clean.images, wanted.images not in ((), ("test",))
    if not own:
        seen = correct.harm(damage, seen, wanted.seed)
    model = trained.load(folder, config, common.warn)
    reading = reader.load(digits.train, common.warn)
    done = correct.correct(model.family, model.variables, reading, seen, damage, wanted.seed)
    if clean.known:
        source.warn()
    if not own:
        print(table(clean, seen, done.images, damage, digits.train, wanted.seed))
    elif clean.known:
        print(f"recognised as what they are: {measuring.recognised(done.images, clean.labels)}")
        print(f"  before: {measuring.recognised(seen, clean.labels)}")
    labels = clean.labels if clean.known else done.digits
    where = images.save(out, done.images, labels, lambda: images.pairs(seen, done.images))
    many = common.digits(len(seen))
    print(f"{many} corrected after {common.steps(model.step)}: {common.kept(where)}")
    return 0


def table(clean, seen, done, damage, learned, seed: int) -> str:
    """A line on each way to correct: PSNR in dB, and how many are recognised."""
    from jaxgen import images
    from jaxgen.apps import correct, filters, measuring
    from jaxgen.cli import given
    from jaxgen.evaluation.statistics import mean

    pixels, labels = given.spread(learned, min(LEARN, len(learned.labels)), seed)
    pixels = images.to_float(pixels)
    harmed = correct.harm(damage, pixels, seed + 1)

    ways = {"corrected": done, "as they are": seen}
    for name in filters.FILTERS:
        ways[name] = filters.denoiser(name, pixels, harmed)(seen)
    ways["closing"] = filters.closer(lambda mended: measuring.hits(mended, labels), harmed)(seen)
    lines = ["                 PSNR in dB        recognised as what they were"]
    for name, mended in ways.items():
        nearer = mean(measuring.psnr(mended, clean.images))
        lines.append(f"{name:<17}{nearer!s:<18}{measuring.recognised(mended, clean.labels)}")
    return "\n".join(lines)
