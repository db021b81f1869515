"""Make a picture to teach with, of a trained model.

    plane           the codes of test digits, and images decoded from the latent plane: ae, vae and
                    cvae of two latent dimensions
    codebook        what each code stands for, and digits in codes: vqvae
    process         noise added to a digit, and removed by the network: ddpm
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

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epy

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.data import files
from jaxgen.training.folder import RunFolder

with epy.lazy_imports():
    from jaxgen import families
    from jaxgen.apps import figures


@dataclass(frozen=True)
class Figure(common.DrawingFlags):
    what: (
        Literal["plane", "codebook", "process", "training", "interpolation", "populations"] | None
    ) = None
    """The kind of picture; when not given, the one that says most about the family."""
    digit: str | None = None
    """The digit that process, or the plane of a cvae, shows; when not given 3, if the run has
    learned it."""
    out: Path | None = None
    """Where to: a name that ends in .png, .svg or .pdf."""

    def __post_init__(self):
        super().__post_init__()
        if self.out is not None:
            valid = self.out.suffix.lower() in (".png", ".svg", ".pdf")
            configs.require("out", self.out, valid, "a file that ends in .png, .svg or .pdf")


def main(args: list[str]) -> None:
    [what] = flags.peek(args, "what")
    shows_steps = what in (None, "process")  # of diffusion; other pictures show what is drawn
    adapted = common.with_even_steps if shows_steps else lambda config: config
    wanted, run = common.start(Figure, "apply figure", __doc__, args, adapted)
    family = families.build(run.config)
    trained_here = run.folder if isinstance(run.folder, RunFolder) else None
    what = wanted.what or figures.usual(family, trained_here is not None)
    figures.require(what, family, f"{run.folder}")
    out = run.out(wanted.out, f"{what}-seed-{wanted.seed}.png", files.check_new)
    model = run.model
    digit = 3 if 3 in model.learned else model.learned[0]
    if wanted.digit is not None:
        digit = run.label("digit", wanted.digit)
        model.require([digit], f"--digit {wanted.digit}")
    name = f"{run.config.model} after {common.steps(model.step)}"
    if run.folder.path.name != run.config.model:
        name = f"{run.folder.path.name}: {name}"
    lesson = figures.Lesson(
        model.family, model.variables, model.digits, trained_here, name, digit, wanted.seed
    )
    files.write(out, figures.render(what, lesson, Path(out).suffix.lower()))
    run.announce(what, out)
