"""Printed lines in the ink of a picture, found and taken away: rulings, squares, frames.

A line is straight, thin, and runs through most of the picture. The strokes of a digit that it
crosses are kept: where they are clearer than the line, as they are; where they are not, what is on
both sides of the line is joined across it.

The lines are found by a Hough transform (Duda and Hart 1972). They may bend a little, and their
grey may change along them.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

# Shares are of the longer edge of the picture.
_WIDEST = 0.03  # wider lines are strokes
_BEND = 0.015  # how far a line may leave the straight
_SAME = 0.02  # lines nearer to each other are one
_WINDOW = 1 / 6  # in which a line has one grey
_ANGLES = np.deg2rad(np.arange(-90, 90, 1.0))  # of the normals of lines
_TURN = np.deg2rad(4)  # lines that cross at less are one
_WHOLE = 0.9  # the share of its way through the picture that a line covers
_PART = 0.55  # the same of the side of a frame, which lies away from the middle
_AWAY = 0.26  # of the shorter edge: the distance of a frame's sides from the middle
_LONG = 0.4  # of the shorter edge: no line is shorter, as one over a corner would be
_FREE = 0.12  # of the shorter edge: as much of a line must be seen beside the strokes
_CLEARER = 2.2  # times as clear as a line is a pen over it, and no other line
_BLOCK = 4  # pixels along a line, which are taken together


class Line(NamedTuple):
    """The points (x, y) from the middle of the picture with (x, y) . (cos, sin) = distance."""

    angle: float  # radians, of the normal
    distance: float  # pixels


class _Band(NamedTuple):
    """The picture around a line, a row for each pixel along the line."""

    ink: np.ndarray  # [length, across]
    covered: np.ndarray  # bool: by strokes, or outside the picture
    inside: np.ndarray  # bool [length]: where the line is in the picture


def removed(ink: np.ndarray, least: float) -> tuple[np.ndarray, bool]:
    """Ink [h, w] without printed lines, and whether there were any; less than ``least`` is
    paper."""
    whole, strokes, widest = ink, _strokes(ink, least), 0
    for _ in range(3):  # more lines show when the clearest are gone
        widths = []
        for line in find(ink > least, strokes):
            ink, width = _without(ink, strokes, line, least)
            widths.append(width)
        widest = max([widest, *widths])
        if not any(widths):
            break
    rest = _without_rests(ink, widest, least) if widest else ink
    if not widest or rest.max() < 0.3 * whole.max():  # all of it is a line, as a one may be
        return whole, False
    return rest, True


def find(mask: np.ndarray, strokes: np.ndarray) -> list[Line]:
    """The lines of ``mask`` [h, w] that run through most of the picture, as far as it is not
    covered by ``strokes``; the clearest first."""
    from skimage import transform

    height, width = mask.shape
    shorter, longer = sorted(mask.shape)
    thin = mask & ~strokes
    if np.count_nonzero(thin) < _FREE * _PART * shorter:
        return []
    thin = ndimage.binary_dilation(thin) & ~strokes
    votes, _, distances = transform.hough_line(thin, _ANGLES)
    covered = transform.hough_line(strokes, _ANGLES)[0]
    # The distances are from the first pixel.
    middle = (width - 1) / 2 * np.cos(_ANGLES) + (height - 1) / 2 * np.sin(_ANGLES)
    away = distances[:, None] - middle
    chords = _chords(height, width, away)
    free = chords - covered
    seen = (free >= _FREE * shorter) & (chords >= _LONG * shorter)
    share = np.where(seen, votes / np.maximum(free, 1), 0)
    share[(share < _PART) | ((share < _WHOLE) & (abs(away) < _AWAY * shorter))] = 0
    near = max(3, round(_SAME * longer))
    best = ndimage.maximum_filter(share, (2 * near + 1, 5), mode="constant")
    found: list[Line] = []
    rows, columns = np.nonzero((share > 0) & (share == best))
    for index in np.argsort(-share[rows, columns], kind="stable"):
        row, column = rows[index], columns[index]
        line = Line(float(_ANGLES[column]), float(away[row, column]))
        if not any(_are_one(line, other, near, shorter) for other in found):
            found.append(line)
    return found


def _chords(height: int, width: int, distances: np.ndarray) -> np.ndarray:
    """How many pixels of the picture are on lines of all angles at ``distances`` [d, angles]."""
    cos, sin, away = abs(np.cos(_ANGLES)), abs(np.sin(_ANGLES)), abs(distances)
    # From the foot of the normal, a line leaves the picture at the first edge on either side.
    with np.errstate(divide="ignore", invalid="ignore"):
        one = np.minimum((width / 2 - away * cos) / sin, (height / 2 + away * sin) / cos)
        other = np.minimum((width / 2 + away * cos) / sin, (height / 2 - away * sin) / cos)
    return np.nan_to_num(one + other).clip(0) * np.maximum(cos, sin)


def _are_one(line: Line, other: Line, near: float, side: int) -> bool:
    turn = (line.angle - other.angle + np.pi / 2) % np.pi - np.pi / 2
    sign = 1 if abs(line.angle - other.angle) < np.pi / 2 else -1
    apart = abs(line.distance - sign * other.distance)
    return abs(turn) < _TURN and apart < near + abs(turn) * side / 2


def _strokes(ink: np.ndarray, least: float) -> np.ndarray:
    """Where the ink is wider than a line: bool [h, w]."""
    wide = round(_WIDEST * max(ink.shape)) + 2
    mask = ink > least
    core = ndimage.minimum_filter(ndimage.binary_closing(np.pad(mask, wide)), wide)
    core = np.asarray(ndimage.maximum_filter(core, wide, origin=-1 if wide % 2 == 0 else 0))
    core = ndimage.binary_dilation(core[wide:-wide, wide:-wide], iterations=3)
    return np.asarray(core, bool) & mask


def _without(
    ink: np.ndarray, strokes: np.ndarray, line: Line, least: float
) -> tuple[np.ndarray, int]:
    """Ink without a line, and the line's width in pixels; the same ink and 0 where it is none."""
    height, width = ink.shape
    side = max(height, width)
    bend = max(2, round(_BEND * side))
    reach = round(_WIDEST * side) + bend + 1
    cos, sin = np.float32(np.cos(line.angle)), np.float32(np.sin(line.angle))
    x = np.arange(width, dtype=np.float32) - (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    across = x * cos + y * sin - np.float32(line.distance)
    where = np.nonzero(abs(across) < reach)
    across = across[where]
    along = y[where[0], 0] * cos - x[where[1]] * sin
    start = along.min()
    t = np.arange(int(along.max() - start) + 2, dtype=np.float32)[:, None] + start
    s = np.arange(-reach, reach + 1, dtype=np.float32)
    columns = (line.distance + s) * cos - t * sin + (width - 1) / 2
    rows = (line.distance + s) * sin + t * cos + (height - 1) / 2
    outside = (columns < -0.5) | (columns > width - 0.5) | (rows < -0.5) | (rows > height - 0.5)
    i, j = (np.rint(v).astype(int).clip(0, n - 1) for v, n in ((rows, height), (columns, width)))
    band = _Band(
        np.where(outside, 0, ndimage.map_coordinates(ink, [rows, columns], order=1)),
        strokes[i, j] | outside,
        ~outside[:, reach],
    )
    cleaned, wide = _cleaned(band, side, bend, least)
    if wide:
        taken = ndimage.map_coordinates(
            band.ink - cleaned, [along - start, across + reach], order=1
        )
        ink = ink.copy()
        ink[where] = np.maximum(ink[where] - taken, 0)
    return ink, wide


def _cleaned(band: _Band, side: int, bend: int, least: float) -> tuple[np.ndarray, int]:
    """The ink along a line without the line, and the line's width in pixels; 0 if it is none."""
    length, across = band.ink.shape
    middle, steps = across // 2, np.arange(length)
    level = _level(band, max(3, round(_WINDOW * side / _BLOCK)) | 1)
    # The line's place, which may bend: where it is clearest.
    central = level[:, middle - bend : middle + bend + 1]
    clear, places = central.max(1), middle - bend + central.argmax(1)
    places = ndimage.median_filter(places, 2 * side // 12 + 1, mode="nearest")
    is_there = (clear > least) & band.inside
    if is_there.sum() < 0.4 * band.inside.sum():
        return band.ink, 0

    def beside(values: np.ndarray, offset: int) -> np.ndarray:
        return values[steps, (places + offset).clip(0, across - 1)]

    # The width, on each side: to where little is left of the line.
    peak = float(np.median(clear[is_there]))
    edges = []
    for sign in (-1, 1):
        profile = [float(np.median(beside(level, sign * k)[is_there])) for k in range(1, middle)]
        is_low = np.array([*profile, 0]) < max(0.2 * peak, least / 2)
        edges.append(int(is_low.argmax()))
    wide = sum(edges) + 1
    if wide > max(3, _WIDEST * side):
        return band.ink, 0
    cleaned, window = band.ink.copy(), 2 * wide + 3
    sides = [beside(band.ink, sign * (edge + 1)) for sign, edge in zip((-1, 1), edges, strict=True)]
    joined = np.minimum(*(ndimage.maximum_filter1d(values, window) for values in sides))
    for offset in range(-edges[0], edges[1] + 1):
        value = beside(band.ink, offset)
        pen = np.where(value > _CLEARER * beside(level, offset) + least, value, 0)
        cleaned[steps, (places + offset).clip(0, across - 1)] = np.maximum(
            pen, np.minimum(joined, value)
        )
    return cleaned, wide


def _level(band: _Band, window: int) -> np.ndarray:
    """How clear the line is, as if no stroke covered it: [length, across], the median of ``window``
    blocks along it."""
    length, across = band.ink.shape
    steps, bare = np.arange(length), band.ink.copy()
    for column, hidden in zip(bare.T, band.covered.T, strict=True):
        if hidden.any() and not hidden.all():  # as it is before and after
            column[hidden] = np.interp(steps[hidden], steps[~hidden], column[~hidden])
    blocks = np.pad(bare, ((0, -length % _BLOCK), (0, 0)), mode="edge")
    blocks = blocks.reshape(-1, _BLOCK, across).mean(1)
    level = ndimage.median_filter(blocks, (window, 1), mode="nearest")
    return level.repeat(_BLOCK, 0)[:length]


def _without_rests(ink: np.ndarray, width: int, least: float) -> np.ndarray:
    """Ink without what is as thin as the lines were, if most of it is wider."""
    edge = width + 2
    fine = np.hypot(*np.indices((edge, edge)) - (edge - 1) / 2) <= edge / 2
    core = ndimage.binary_opening(np.pad(ink > least, edge), fine)
    kept = ndimage.binary_dilation(core, np.ones((3, 3)), iterations=2)[edge:-edge, edge:-edge]
    wider = np.where(kept, ink, 0)
    return wider if wider.sum() > 0.75 * ink.sum() else ink
