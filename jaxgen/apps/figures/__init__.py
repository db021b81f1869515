"""Figures of trained models to teach with: the kinds of figures, and the files."""

import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from matplotlib import style
from matplotlib.figure import Figure

from jaxgen import families
from jaxgen.apps.figures import codebook, interpolation, noise, plane, populations, training
from jaxgen.apps.figures.drawing import Lesson
from jaxgen.errors import UserError
from jaxgen.families.capabilities import Diffuses, Encodes, Quantises

__all__ = ["KINDS", "Lesson", "render", "require", "usual"]

DPI = 200


class Kind(NamedTuple):
    """A kind of figure."""

    draw: Callable[[Lesson], Figure]
    applies: Callable[[Any], bool] = lambda family: True  # whether it can show a family


def _has_vector_codes(family: Any) -> bool:
    """Whether the codes are vectors, and fast enough for thousands of images."""
    vectors = hasattr(family.config, "latents") and not family.encodes_iteratively
    return vectors and isinstance(family, Encodes)


KINDS = {
    "plane": Kind(plane.draw, _has_vector_codes),
    "codebook": Kind(codebook.draw, lambda family: isinstance(family, Quantises)),
    "process": Kind(noise.draw, lambda family: isinstance(family, Diffuses)),
    "training": Kind(training.draw),
    "interpolation": Kind(interpolation.draw, lambda family: isinstance(family, Encodes)),
    "populations": Kind(populations.draw),
}


def usual(family: Any, has_run: bool) -> str:
    """The default kind of figure for a family; ``has_run`` is whether its training is known."""
    if KINDS["plane"].applies(family):
        return "plane" if family.config.latents == 2 else "interpolation"
    kinds = (what for what in ("codebook", "process") if KINDS[what].applies(family))
    return next(kinds, "training" if has_run else "interpolation")


def require(what: str, family: Any, run: str) -> None:
    """Raise a UserError where the figure ``what`` cannot show a family."""
    name = type(family).__module__.rpartition(".")[2]
    if not KINDS[what].applies(family):
        models = families.names_with(KINDS[what].applies)
        others = [name for name, kind in KINDS.items() if kind.applies(family)]
        raise UserError(
            f"{name} has no {what}: take {' or '.join(models)}, or --what {' or '.join(others)}"
        )
    if what == "plane" and (latents := family.config.latents) != 2:
        raise UserError(
            f"a plane has 2 dimensions and the latent of {run} has {latents}: bin/train --model "
            f"{name} --net.latents 2 --run {name}-2d makes one that fits"
        )


def render(what: str, lesson: Lesson, ending: str) -> bytes:
    """The contents of a .png, .svg or .pdf file; the same figure gives the same bytes."""
    settings: dict[Any, Any] = {
        "font.size": 9,
        "axes.titlesize": 10,
        "figure.titlesize": 11,
        "image.cmap": "gray",
        "legend.frameon": False,
        "svg.hashsalt": "jaxgen",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,  # text that can be copied
    }
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    # From Matplotlib's defaults, not a user's settings.
    with style.context(["default", settings]), warnings.catch_warnings():
        # Matplotlib uses a function that Pillow will remove.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        figure = KINDS[what].draw(lesson)
        figure.suptitle(lesson.name)
        file = io.BytesIO()
        figure.savefig(file, format=ending[1:], dpi=DPI, metadata=undated[ending])
    return file.getvalue()
