"""Figures to teach with, drawn from what a run has learned: which there are, and as what files."""

import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxgen.apps.figures import codebook, interpolation, noise, plane, populations, training
from jaxgen.apps.figures.drawing import Lesson
from jaxgen.errors import UserError
from jaxgen.families.base import Family

__all__ = ["KINDS", "Lesson", "render", "require", "usual"]

DPI = 200


class Kind(NamedTuple):
    """A kind of figure."""

    draw: Callable  # a function of a Lesson that returns a figure of Matplotlib
    families: tuple[str, ...] = ()  # those that can; none named, all


KINDS = {
    "plane": Kind(plane.draw, ("ae", "vae", "cvae")),
    "codebook": Kind(codebook.draw, ("vqvae",)),
    "process": Kind(noise.draw, ("ddpm",)),
    "training": Kind(training.draw),
    "interpolation": Kind(interpolation.draw),
    "populations": Kind(populations.draw),
}


def usual(name: str, family: Family) -> str:
    """The kind of figure that says most about a family of this name."""
    if name in KINDS["plane"].families and _dimensions(family) == 2:
        return "plane"
    known = {"vqvae": "codebook", "gan": "training", "ddpm": "process"}
    return known.get(name, "interpolation" if family.has("encode") else "training")


def require(what: str, name: str, family: Family, run: str) -> None:
    """Raise a UserError where there is no such figure of a family of this name."""
    able = KINDS[what].families
    if able and name not in able:
        others = [kind for kind, (_, names) in KINDS.items() if not names or name in names]
        raise UserError(
            f"{name} has no {what}: take {' or '.join(able)}, or --what {' or '.join(others)}"
        )
    if what == "interpolation" and not family.has("encode"):
        raise UserError(f"{name} has no way from an image to a latent: take --what training")
    if what == "plane" and (found := _dimensions(family)) != 2:
        raise UserError(
            f"a plane has 2 dimensions and the latent of {run} has {found}: "
            f"bin/train --model {name} --net.latents 2 --run {name}-2d makes one that fits"
        )


def _dimensions(family: Any) -> int:
    return family.config.latents


def render(what: str, lesson: Lesson, ending: str) -> bytes:
    """The figure as the contents of a .png, .svg or .pdf file; the same figure, the same bytes."""
    from matplotlib import style

    settings: dict[Any, Any] = {
        "font.size": 9,
        "svg.hashsalt": "jaxgen",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,  # letters that can be copied out
    }
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    # From Matplotlib's own defaults, whatever a user has set.
    with style.context(["default", settings]), warnings.catch_warnings():
        # Matplotlib asks PIL for what it will remove.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        figure = KINDS[what].draw(lesson)
        figure.suptitle(lesson.told, fontsize=11)
        file = io.BytesIO()
        figure.savefig(file, format=ending[1:], dpi=DPI, metadata=undated[ending])
    return file.getvalue()
