"""A latent plane: the codes of test digits, and images decoded from the plane (as in Kingma and
Welling 2014, figure 4, but evenly spaced)."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxgen import images
from jaxgen.apps.figures import drawing
from jaxgen.classes import ANY
from jaxgen.data.split import part

TILES = 20  # along an edge
WITHIN = 0.99  # of the codes on each axis lie within the plane
APART = 14  # points between the centres of two labels
ROUNDS = 100  # at most, to move labels apart


def draw(lesson: drawing.Lesson) -> Figure:
    family, digit = lesson.family, ANY
    test = lesson.coded()
    if family.codes_depend_on_digit:  # there is a plane for each
        digit = lesson.digit
        test = part(lesson.digits.test, lesson.digits.test.labels == digit)
    codes = lesson.encode(test)
    (left, low), (right, high) = np.quantile(codes, [(1 - WITHIN) / 2, (1 + WITHIN) / 2], axis=0)
    middles = (np.arange(TILES) + 0.5) / TILES
    across, up = left + middles * (right - left), low + middles * (high - low)
    points = np.stack(np.meshgrid(across, up[::-1]), -1).reshape(-1, 2).astype(np.float32)
    decoded = lesson.decode(points, np.full(len(points), digit, np.int32))

    figure = drawing.figure(5.9)
    codes_axes, plane_axes = figure.subplots(1, 2)
    codes_axes.plot(
        [left, right, right, left, left], [low, low, high, high, low], color="0.4", linewidth=1
    )
    kind = "" if digit == ANY else f" {lesson.digits.names[digit]}"
    name = f"test {lesson.many}{kind}"
    codes_axes.set_title(f"The codes of {len(codes):,} {name}")
    tiles = images.grid(decoded, TILES, gap=0, scale=1)
    extent = (left, right, low, high)
    plane_axes.imshow(tiles, vmin=0, vmax=255, extent=extent, aspect="auto")
    plane_axes.set_title("Images decoded from the frame")
    for axes in (codes_axes, plane_axes):
        axes.set(xlabel="$z_1$", ylabel="$z_2$")
        axes.set_box_aspect(1)
    _scatter(figure, codes_axes, codes, test.labels, lesson.digits.names)
    return figure


def _scatter(
    figure: Figure, axes: Axes, codes: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> None:
    """The codes, with a label for each digit at their median, or beside another label."""
    digits = np.unique(labels)
    for digit in digits:
        x, y = codes[labels == digit].T
        axes.scatter(x, y, s=5, color=f"C{digit}", alpha=0.6, linewidths=0)
    figure.draw_without_rendering()  # lays the figure out, so that pixels are known
    medians = np.stack([np.median(codes[labels == digit], 0) for digit in digits])
    pixels = axes.transData.transform(medians)
    apart = axes.transData.inverted().transform(moved_apart(pixels, APART * figure.dpi / 72))
    around = [patheffects.withStroke(linewidth=3, foreground="white")]
    for digit, (x, y) in zip(digits, apart, strict=True):
        axes.text(
            x, y, names[int(digit)], fontsize=13, ha="center", va="center", path_effects=around
        )


def moved_apart(points: np.ndarray, least: float) -> np.ndarray:
    """The points [n, 2], moved a little so that any two are ``least`` or more apart."""
    points = points.astype(float)
    order = np.arange(len(points))
    upwards = np.stack(np.broadcast_arrays(0, np.sign(order[:, None] - order)), -1)
    for _ in range(ROUNDS):
        away = points[:, None] - points[None]  # [n, n, 2]
        far = np.linalg.norm(away, axis=-1, keepdims=True)
        ways = np.divide(away, far, out=upwards.astype(float), where=far > 0)
        missing = np.clip(least - far, 0, None) * (upwards != 0).any(-1, keepdims=True)
        if not missing.any():
            break
        points += 0.51 * (missing * ways).sum(1)  # each of two by half, and a little more
    return points
