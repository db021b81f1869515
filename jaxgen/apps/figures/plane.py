"""A latent plane: where the codes of test digits lie, and what the plane decodes to (Kingma and
Welling 2014, figure 4)."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from scipy import stats

from jaxgen import images
from jaxgen.apps.figures import drawing
from jaxgen.arrays import NO_DIGIT, SIDE
from jaxgen.data.split import part
from jaxgen.families.base import Fitted, Variational, over

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILES = 20  # along an edge
SHARE = 0.95  # of the codes on each axis within the plane


def draw(lesson: drawing.Lesson) -> "Figure":
    family, digit = lesson.family, NO_DIGIT
    seen = lesson.coded()
    if not isinstance(family, Fitted):  # the CVAE, which has a plane for each digit
        digit = lesson.digit
        seen = part(lesson.digits.test, lesson.digits.test.labels == digit)
    codes = over(drawing.encode(family), lesson.variables, seen)
    across, up = _axes_of_plane(lesson, codes, digit)
    places = np.stack(np.meshgrid(across, up[::-1]), -1).reshape(-1, 2).astype(np.float32)
    decoded = drawing.decoded(lesson, places, np.full(len(places), digit, np.int32))

    figure = drawing.figure(10.4, 5.4)
    left, right = figure.subplots(1, 2)
    _scatter(left, codes, seen.labels)
    # The frame that the other half shows.
    left.plot(across[[0, -1, -1, 0, 0]], up[[0, 0, -1, -1, 0]], color="0.4", linewidth=1)
    left.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    whose = "test digits" if digit == NO_DIGIT else f"test digits {digit}"
    left.set_title(f"The codes of {len(codes)} {whose}", fontsize=10)
    drawing.show(right, images.grid(decoded, TILES, gap=0, scale=1), "What the frame decodes to")
    middles = SIDE * (np.arange(TILES) + 0.5)
    for axis, values, ticks in ((right.xaxis, across, middles), (right.yaxis, up, middles[::-1])):
        chosen = np.arange(1, TILES, 3)
        axis.set_ticks(ticks[chosen], [f"{value:.1f}" for value in values[chosen]])
    right.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def _axes_of_plane(lesson: drawing.Lesson, codes: np.ndarray, digit: int) -> np.ndarray:
    """Where the tiles lie along each axis, float [2, TILES]: equally probable under the prior if it
    is a Gaussian, else evenly where the codes are."""
    rest = (1 - SHARE) / 2
    if isinstance(lesson.family, Variational):
        mean, log_var = lesson.family.prior_given(lesson.variables, jnp.array([digit]))
        steps = stats.norm.ppf(np.linspace(rest, 1 - rest, TILES))
        sigma = np.exp(0.5 * np.asarray(log_var[0]))
        return np.asarray(mean[0])[:, None] + sigma[:, None] * steps
    low, high = np.quantile(codes, [rest, 1 - rest], axis=0)
    return np.linspace(low, high, TILES).T


def _scatter(axes: "Axes", codes: np.ndarray, labels: np.ndarray) -> None:
    from matplotlib import patheffects

    around = [patheffects.withStroke(linewidth=3, foreground="white")]
    for digit in np.unique(labels):
        own = codes[labels == digit]
        axes.scatter(own[:, 0], own[:, 1], s=5, color=f"C{digit}", alpha=0.6, linewidths=0)
        x, y = np.median(own, 0)
        axes.text(x, y, f"{digit}", fontsize=13, ha="center", va="center", path_effects=around)
