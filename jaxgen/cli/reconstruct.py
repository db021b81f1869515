"""``bin/reconstruct``: take digits to their latents and back."""

import functools
from dataclasses import dataclass

from jaxgen import config as configs
from jaxgen.cli import common
from jaxgen.errors import UserError

COLUMNS = 10

DESCRIPTION = """Take digits to a model's latents and back: how much of them does it keep?

examples:
  bin/reconstruct --model ddpm                      40 test digits, each above its reconstruction
  bin/reconstruct --model ddpm --images a.png test:7
  bin/reconstruct --model ddpm --count 1000 --out back.npz

Your own images may be of any size and kind, one digit each; the command says how they were brought
to 28 by 28, and what digit the judge takes them for."""


@dataclass(frozen=True)
class Reconstruct:
    model: str | None = None
    """The family of models."""
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    count: int | None = None
    """How many test digits, spread over the ten; 40 when not given."""
    images: tuple[str, ...] = ()
    """Image files of one digit each instead, or digits of the data set such as test:7."""
    seed: int = 0
    """Another seed takes other test digits."""
    out: str | None = None
    """Where to: .png a picture, ten pairs a row; the reconstructions alone and the digits that they
    are of as .npz arrays, .idx.gz, .gif one after another, or a folder, if it ends in /."""

    def __post_init__(self):
        if self.count is not None and self.images:
            raise UserError("--images says what to reconstruct and how many: leave out --count")
        if self.count is not None:
            configs.require("count", self.count, self.count >= 1, "1 or more")
        configs.require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "reconstruct")
    wanted = common.parse(Reconstruct(), "reconstruct", DESCRIPTION, args)
    import numpy as np

    from jaxgen import data, devices, images, sampling
    from jaxgen.cli import given
    from jaxgen.training import trained

    out = wanted.out or str(folder.path / "drawn" / "reconstructed.png")
    images.check(out)
    devices.start()
    source = functools.cache(lambda: data.load(config.data))
    if wanted.images:
        digits, labels, lines, _ = given.read(wanted.images, source)
    else:
        digits, labels = given.spread(source().test, wanted.count or 40, wanted.seed)
        digits, lines = images.to_float(digits), []
    model = trained.load(folder, config, common.warn)
    family = model.family.faithful()
    back = sampling.reconstruct(family, model.variables, digits, labels, wanted.seed)
    errors = np.square(back - digits).sum((1, 2, 3))
    for line, error in zip(lines, errors, strict=False):
        print(f"{line}: squared error {error:.2f}")
    told = f"{len(errors)} {'images' if lines else 'test digits'}"
    print(
        f"{told} after {model.step} steps of training: squared error {errors.mean():.3f} an image, "
        f"from {errors.min():.3f} to {errors.max():.3f} (summed over 784 pixels in [0, 1])"
    )
    if images.ending(out) == ".png":
        images.save_picture(out, images.pairs(digits, back, COLUMNS))
        print(f"each above its reconstruction: {out}")
    else:
        print(f"the reconstructions: {images.save(out, back, labels)}")
    return 0
