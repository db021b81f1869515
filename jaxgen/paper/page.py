"""The digits on a page: found in a photograph or a scan, cut out, and put in reading order."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage

from jaxgen.paper import ink as inks

# Shares are of the longer edge of the page.
_WORKING = 1800  # pixels along the longer edge
_STROKE = 0.02  # no stroke is so wide
_RULE = 1 / 20  # as long is a printed line at least
_WIDEST = 7  # pixels; wider ones are strokes
_WOBBLE = 5  # pixels: how far a line may leave the straight along its length
_FAINT = 0.2  # of the contrast of ink; less is paper
_LEAST = 0.008  # the height of a digit
_MOST = 0.25
_TURNS = np.deg2rad(np.arange(-20, 20.1, 0.5))  # by which a page may be turned
# Shares are of the usual height of a digit.
_SMALL = 0.7  # a piece of a digit
_GAP = 0.15  # between the pieces of a digit
_CLEARER = 2.2  # times as clear as a printed line is a pen over it


class Cut(NamedTuple):
    """A digit of a page."""

    box: tuple[int, int, int, int]  # top, left, bottom, right, in pixels of the upright page
    ink: np.ndarray  # float32 [h, w] in [0, 1]
    doubt: str  # in words, or empty


class Page(NamedTuple):
    """A page, upright, and its digits in reading order."""

    grey: np.ndarray  # uint8 [h, w]
    turn: float  # degrees, counterclockwise, by which the picture was turned
    cuts: list[Cut]


def read(grey: np.ndarray) -> Page:
    """Find the digits in a picture of a page, uint8 [h, w]."""
    image = Image.fromarray(grey)
    scale = min(1, _WORKING / max(image.size))
    size = [round(scale * edge) for edge in image.size]
    image = image.resize(size, Image.Resampling.BOX, reducing_gap=2)
    if not inks.has_dark_ink(np.asarray(image, np.float32) / 255):
        image = Image.fromarray(255 - np.asarray(image))
    light = np.asarray(image, np.float32) / 255
    ink = inks.without_shade(light, _STROKE)
    ink[~_paper(light)] = 0
    if turn := _turn(light):
        way = Image.Resampling.BILINEAR
        fill = int(np.median(np.asarray(image)))
        image = image.rotate(turn, way, expand=True, fillcolor=fill)
        ink = np.asarray(Image.fromarray(ink).rotate(turn, way, expand=True))
    return Page(np.asarray(image), turn, _cuts(*without_rules(ink)))


def ink_of(grey: np.ndarray) -> tuple[np.ndarray, float]:
    """The ink of an upright page uint8 [h, w] as of ``without_rules``."""
    return without_rules(inks.without_shade(grey.astype(np.float32) / 255, _STROKE))


def without_rules(ink: np.ndarray) -> tuple[np.ndarray, float]:
    """Ink [h, w] of an upright page without printed lines, and how much ink is more than grain."""
    least = max(4 * inks.grain(ink), 0.05)
    for axis in (0, 1):
        ink = _without_lines_along(ink, axis, least)
    return ink, least


def _turn(grey: np.ndarray) -> float:
    """By how many degrees, counterclockwise, the page must be turned to be upright: so that its
    lines, or its rows of digits, lie along the picture's."""
    from skimage import transform

    times = max(1, math.ceil(max(grey.shape) / 1000))
    ink = inks.without_shade(transform.downscale_local_mean(grey, times), _STROKE)
    mask = ink > max(4 * inks.grain(ink), 0.05)
    height, width = mask.shape
    down, across = np.indices(mask.shape)
    mask &= np.hypot(down - height / 2, across - width / 2) < min(height, width) / 2
    if not mask.any():
        return 0.0
    sharp = [
        np.square(transform.hough_line(mask, _TURNS + quarter)[0].astype(float)).sum(0)
        for quarter in (0, np.pi / 2)
    ]
    sharpness = sharp[0] / sharp[0].mean() + sharp[1] / sharp[1].mean()
    best = int(sharpness.argmax())
    if sharpness[best] < 1.05 * np.median(sharpness):
        return 0.0
    return float(np.rad2deg(_TURNS[best]))


def _paper(light: np.ndarray) -> np.ndarray:
    """Where the page is, and not the table that it lies on: bool [h, w]."""
    from skimage import filters, measure, transform

    times = max(1, math.ceil(max(light.shape) / 250))
    small = transform.downscale_local_mean(light, times)
    bright = ndimage.grey_closing(small, (7, 7))
    mask = bright > filters.threshold_otsu(bright)
    dark = np.asarray(measure.label(~mask))
    table = np.zeros_like(mask)
    for piece in measure.regionprops(dark):
        top, left, bottom, right = piece.bbox
        at_edge = top == 0 or left == 0 or bottom == mask.shape[0] or right == mask.shape[1]
        if at_edge and piece.area > 0.002 * mask.size:
            inside = dark == piece.label
            rim = ndimage.binary_dilation(inside, iterations=2) & mask
            edge = inside & ndimage.binary_dilation(mask, iterations=2)
            step = np.median(bright[rim]) - np.median(bright[edge])
            whole = np.median(bright[mask]) - np.median(bright[inside])
            if step > 0.6 * whole and np.median(bright[edge]) < 0.7 * np.median(bright[rim]):
                table |= inside
    table = np.asarray(ndimage.binary_dilation(table, iterations=2), bool)
    return ~table.repeat(times, 0).repeat(times, 1)[: light.shape[0], : light.shape[1]]


def _without_lines_along(ink: np.ndarray, axis: int, least: float) -> np.ndarray:
    """Ink without the printed lines along an axis."""
    along, across = axis, 1 - axis
    length = round(_RULE * max(ink.shape)) | 1

    def wider(mask: np.ndarray, size: int, axis: int) -> np.ndarray:
        return np.asarray(ndimage.maximum_filter1d(mask, size, axis), mask.dtype)

    def narrower(mask: np.ndarray, size: int, axis: int) -> np.ndarray:
        return np.asarray(ndimage.minimum_filter1d(mask, size, axis), mask.dtype)

    mask = (ink > least).astype(np.uint8)
    line = wider(narrower(wider(mask, _WOBBLE, across), length, along), length, along) & mask
    thick = wider(narrower(mask, _WIDEST, across), _WIDEST, across)
    line &= ~thick & 1
    if not line.any():
        return ink
    line &= ink < 2 * np.median(ink[line > 0])  # a pen may run along it
    window = 61
    level = ndimage.uniform_filter1d(ink * line, window, along)
    level /= ndimage.uniform_filter1d(line.astype(np.float32), window, along).clip(1e-3)
    level = wider(level, 5, across)
    band = wider(line, 3, across).astype(bool)
    bare = np.where(band, 0, wider(ink, 3, along))
    joined = narrower(wider(bare, _WIDEST + 2, across), _WIDEST + 2, across)
    kept = np.where(ink > _CLEARER * level + least, ink, np.minimum(ink, joined))
    return np.where(band, kept, ink)


def pieces_of(ink: np.ndarray, least: float) -> tuple[float, np.ndarray, list]:
    """The pieces of ink of a page: how clear ink is, the number of the piece of each pixel [h, w],
    and the pieces that are clear, as scikit-image describes them."""
    from skimage import measure

    strong = ink[ink > 3 * least]
    if not strong.size:
        return 1.0, np.zeros(ink.shape, int), []
    high = float(np.percentile(strong, 80))
    labels = np.asarray(measure.label(ink > max(least, _FAINT * high)))
    pieces = measure.regionprops(labels, ink)
    return high, labels, [p for p in pieces if p.intensity_max > 0.5 * high and p.area > 12]


def cut_of(pieces: list, ink: np.ndarray, high: float, labels: np.ndarray) -> Cut | None:
    """A digit of these pieces; None where there are none."""
    if not pieces:
        return None
    boxes = np.array([piece.bbox for piece in pieces])
    (top, left), (bottom, right) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    part = (slice(top, bottom), slice(left, right))
    own = np.isin(labels[part], [piece.label for piece in pieces])
    own = ndimage.binary_dilation(own, np.ones((3, 3)))
    digit = np.where(own, ink[part] / high, 0).clip(0, 1).astype(np.float32)
    return Cut((int(top), int(left), int(bottom), int(right)), digit, "")


def grouped(pieces: list) -> list[list]:
    """The pieces of each digit, of digits that are about as high as each other."""
    if not pieces:
        return []
    boxes, heights = _sizes(pieces)
    usual = float(np.percentile(heights, 75))
    return [[pieces[index] for index in group] for group in _grouped(boxes, heights, usual)]


def _sizes(pieces: list) -> tuple[np.ndarray, np.ndarray]:
    """The boxes of pieces, top, left, bottom, right [n, 4], and their heights [n], which of wide
    ones are more."""
    boxes = np.array([piece.bbox for piece in pieces]).reshape(-1, 4)
    return boxes, np.maximum(boxes[:, 2] - boxes[:, 0], (boxes[:, 3] - boxes[:, 1]) / 1.5)


def _cuts(ink: np.ndarray, least: float) -> list[Cut]:
    """The digits in the ink of a page."""
    high, labels, pieces = pieces_of(ink, least)
    boxes, heights = _sizes(pieces)
    lowest, highest = (share * max(ink.shape) for share in (_LEAST, _MOST))
    fits = (heights >= lowest) & (heights <= highest)
    if not fits.any():
        return []
    usual = float(np.median(heights[fits]))
    cuts = []
    for group in _grouped(boxes, heights, usual):
        cut = cut_of([pieces[index] for index in group], ink, high, labels)
        assert cut is not None
        height, width = cut.ink.shape
        if max(lowest, 0.45 * usual) <= max(height, width / 1.5) and max(height, width) <= highest:
            touching = width > 1.5 * max(height, 0.8 * usual)
            cuts.append(cut._replace(doubt="may be two that touch") if touching else cut)
    return _ordered(cuts, usual)


def _grouped(boxes: np.ndarray, heights: np.ndarray, usual: float) -> list[list[int]]:
    """The pieces of each digit: a small piece belongs to what is near it."""
    group = np.arange(len(boxes))
    small = heights < _SMALL * usual
    for index in np.flatnonzero(small):
        gaps = np.maximum(boxes[:, :2] - boxes[index, 2:], boxes[index, :2] - boxes[:, 2:])
        gaps = gaps.clip(0).max(1).astype(float)
        gaps[index] = np.inf
        near = np.flatnonzero(gaps < _GAP * usual)
        if (~small[near]).any():  # one digit alone, the nearest
            near = near[~small[near]]
            near = near[[gaps[near].argmin()]]
        for other in near:
            group[group == group[other]] = group[index]
    return [np.flatnonzero(group == number).tolist() for number in np.unique(group)]


def _ordered(cuts: list[Cut], usual: float) -> list[Cut]:
    """Row by row, each from the left."""
    rows: list[list[Cut]] = []
    for cut in sorted(cuts, key=lambda cut: cut.box[0] + cut.box[2]):
        middle = (cut.box[0] + cut.box[2]) / 2
        if rows:
            last = [(other.box[0] + other.box[2]) / 2 for other in rows[-1]]
            if middle - float(np.mean(last)) < 0.7 * usual:
                rows[-1].append(cut)
                continue
        rows.append([cut])
    return [cut for row in rows for cut in sorted(row, key=lambda cut: cut.box[1])]
