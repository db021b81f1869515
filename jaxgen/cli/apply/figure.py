"""``bin/apply figure``: a picture to teach with."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxgen import config as configs
from jaxgen.cli import common, flags

DESCRIPTION = """Make a picture to teach with, of what a run has learned.

    plane           where the codes of test digits lie, and what the latent plane decodes to: ae,
                    vae and cvae of two latent dimensions
    codebook        what each code stands for, and digits in codes: vqvae
    process         noise added to a digit, and taken away by the network: ddpm
    training        the same digits at several steps, and the losses: all families
    interpolation   ways between test digits, beside a cross-fade of pixels: all families
    populations     the two populations of writers in MNIST, and which of them the model's digits
                    resemble: all families

examples:
  bin/train --model vae --net.latents 2 --run vae-2d
  bin/apply figure --run vae-2d                            its plane
  bin/apply figure --model ddpm --digit 5 --out noise.svg
  bin/apply figure --model gan                             how it has learned
  bin/apply figure --model ae --what interpolation --out ways.pdf"""


@dataclass(frozen=True)
class Figure(common.Seeded):
    sampling: Annotated[configs.Sampling, tyro.conf.arg(name="")]
    what: (
        Literal["plane", "codebook", "process", "training", "interpolation", "populations"] | None
    ) = None
    """The kind of picture; when not given, what says most about the family."""
    digit: int | None = None
    """The digit that is shown: of process, and of the plane of a cvae; 3, if there is one."""
    out: Path | None = None
    """Where to: a name that ends in .png, .svg or .pdf."""

    def __post_init__(self):
        super().__post_init__()
        known = self.digit is None or 0 <= self.digit <= 9
        configs.require("digit", self.digit, known, "0 to 9")
        if self.out is not None:
            known = self.out.suffix.lower() in (".png", ".svg", ".pdf")
            configs.require("out", self.out, known, "a file that ends in .png, .svg or .pdf")


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "apply figure")
    wanted = flags.parse(Figure(common.even(config).sampling), "apply figure", DESCRIPTION, args)
    from jaxgen import devices, families
    from jaxgen.data import files

    config = replace(config, sampling=wanted.sampling)
    devices.start()
    from jaxgen.apps import figures
    from jaxgen.training import trained

    family = families.build(config)
    what = wanted.what or figures.usual(family)
    figures.require(what, family, f"{folder}")
    out = wanted.out or Path(common.unused(folder, f"{what}-seed-{wanted.seed}.png"))
    files.check_new(out)
    model = trained.load(folder, config, common.warn)
    digits = folder.digits(config, wanted.data)
    digit = wanted.digit
    if digit is None:
        digit = 3 if 3 in model.digits else model.digits[0]
    else:
        model.require([digit], f"--digit {digit}")
    name = f"{config.model} after {common.steps(model.step)}"
    if folder.path.name != config.model:
        name = f"{folder.path.name}: {name}"
    lesson = figures.Lesson(model.family, model.variables, digits, folder, name, digit, wanted.seed)
    files.write(out, figures.render(what, lesson, out.suffix.lower()))
    print(f"{what} after {common.steps(model.step)}: {common.kept(out)}")
    return 0
