"""``bin/reconstruct``: take digits to their latents and back."""

from dataclasses import dataclass

from jaxgen.cli import common, flags

DESCRIPTION = """Take digits to a model's latents and back: how much of them does it keep?

examples:
  bin/reconstruct --model ddpm                      40 test digits, each above its reconstruction
  bin/reconstruct --model ddpm --images a.png test:7
  bin/reconstruct --model ddpm --count 1000 --out back.npz

Your own images may be of any size and kind, one digit each; the command says how they were brought
to 28 by 28, and what digit the judge takes them for."""


@dataclass(frozen=True)
class Reconstruct(common.OfImages):
    out: str | None = None
    """Where to: .png a picture, ten pairs a row; the reconstructions alone and the digits that they
    are of as .npz, .csv, .parquet or .idx.gz, .gif or .mp4 one after another, or a folder, if it
    ends in /."""


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "reconstruct")
    wanted = flags.parse(Reconstruct(), "reconstruct", DESCRIPTION, args)
    import numpy as np

    from jaxgen import devices, images, sampling
    from jaxgen.cli import given
    from jaxgen.training import trained

    out = wanted.out or common.unused(folder, f"reconstructed-seed-{wanted.seed}.png")
    images.check(out)
    devices.start()
    source = given.Source(folder, config, wanted.data)
    seen = given.some(wanted.images, wanted.count, source, wanted.seed)
    digits, labels = seen.images, seen.labels
    model = trained.load(folder, config, common.warn)
    family = model.family.for_inversion()
    back = sampling.reconstruct(family, model.variables, digits, labels, wanted.seed)
    errors = np.square(back - digits).sum((1, 2, 3))
    each = len(seen.lines) == len(errors)
    for place, line in enumerate(seen.lines):
        print(f"{line}: squared error {errors[place]:.2f}" if each else line)
    between = f", from {errors.min():.3f} to {errors.max():.3f}" if len(errors) > 1 else ""
    print(
        f"{common.digits(len(errors))} after {common.steps(model.step)}: squared error "
        f"{errors.mean():.3f} an image{between} (summed over 784 pixels in [0, 1])"
    )
    if images.ending(out) == ".png":
        images.save_picture(out, images.pairs(digits, back))
        print(f"each above its reconstruction: {common.kept(out)}")
    else:
        print(f"the reconstructions: {images.save(out, back, labels)}")
    return 0
