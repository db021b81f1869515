"""Ink, separated from its paper: shade, grain, printed lines, frames, dark edges, other dirt.

Pictures are float32 [h, w] in [0, 1]. In ink, paper is 0 and the clearest stroke 1.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from jaxgen.paper import lines

LEAST_CONTRAST = 16 / 255  # of ink
_WORKING = 240  # pixels along an edge of the picture that is looked at
_ROUGH = 140  # the same of the picture that tells dark ink from light
_STROKE = 0.35  # of the picture's edge: no stroke is so wide
_FAINT = 0.1  # of the contrast of ink; less is paper
_SURE = 0.45  # of the contrast of ink: a piece of ink has such a pixel
_SPECK = 0.03  # of the size of the largest piece of ink; smaller pieces are dirt
_DOTS = 0.003  # of the pixels: as many stand alone where dots show a grey
_HOLE = 0.12  # of the picture's edge: how far from the border holes are punched
_EDGE = 0.15  # of the picture's edge: the widest dark edge of a scanner


class Separated(NamedTuple):
    """The ink of a picture."""

    ink: np.ndarray  # float32 [h, w]
    is_dark: bool
    had_lines: bool  # printed ones, which were taken away


def separate(grey: np.ndarray) -> Separated:
    """The ink of a picture of one digit. Raises ValueError, which says why, where there is none."""
    from skimage import transform

    grey = _smoothed(grey)
    is_dark = has_dark_ink(grey)
    fine = without_shade(grey if is_dark else 1 - grey)
    # Everything is decided on a smaller picture, and then done to the finer one.
    times = math.ceil(max(grey.shape) / _WORKING)
    whole = transform.downscale_local_mean(fine, times)
    noise = grain(whole)
    least = max(4 * noise, 0.03)
    ink, had_lines = lines.removed(_without_edges(whole), least)
    high = float(np.percentile(ink[ink > least], 90)) if (ink > least).any() else 0
    if high < LEAST_CONTRAST:
        raise ValueError("nothing: all of it is one grey, but a digit needs ink")
    faint = max(_FAINT, min(4 * noise / high, 0.5))
    kept = _pieces(ink / high, faint)
    if not kept.any():
        raise ValueError("nothing that is clearer than its grain: a digit needs ink")
    taken, kept = (
        part.repeat(times, 0).repeat(times, 1)[: len(fine), : fine.shape[1]]
        for part in (whole - ink, kept)
    )
    fine = ((fine - taken) / high).clip(0, 1)
    return Separated(np.where(kept & (fine > faint), fine, 0), is_dark, had_lines)


def without_shade(grey: np.ndarray, stroke: float = _STROKE) -> np.ndarray:
    """How much darker a picture [h, w] of dark ink is than its paper, as a share of the paper's
    grey. Strokes are no wider than ``stroke`` of the picture's edge."""
    from skimage import transform

    times = max(1, math.ceil(max(grey.shape) * stroke / 34))
    rough = transform.downscale_local_mean(grey, times) if times > 1 else grey
    rough = ndimage.median_filter(rough, 3, mode="nearest")
    side = max(3, round(stroke * max(rough.shape))) | 1
    paper = ndimage.grey_closing(np.pad(rough, side, mode="edge"), (side, side))
    paper = paper[side:-side, side:-side]
    paper = ndimage.gaussian_filter(paper, side / 6, mode="nearest")
    height, width = grey.shape
    if times > 1:
        full = [n * times for n in paper.shape]
        paper = transform.resize(paper, full, order=1, mode="edge")[:height, :width]
    paper = np.asarray(paper)
    return ((paper - grey) / paper.clip(0.02)).clip(0).astype(np.float32)


def _smoothed(grey: np.ndarray) -> np.ndarray:
    """A picture of black and white alone shows greys by dots: they are brought together."""
    if ((grey > 0.02) & (grey < 0.98)).mean() > 0.01:
        return grey
    alone = (abs(grey - ndimage.median_filter(grey, 3)) > 0.5).mean()
    return ndimage.gaussian_filter(grey, max(grey.shape) / 100) if alone > _DOTS else grey


def has_dark_ink(grey: np.ndarray) -> bool:
    """Whether ink is darker than its paper. There is less ink than paper; where that is not clear,
    paper is what is in the corners."""
    from skimage import transform

    rough = transform.downscale_local_mean(grey, math.ceil(max(grey.shape) / _ROUGH))
    light = rough - _plane(rough)
    low, high = float(light.min()), float(light.max())
    is_dark = -low > high
    dark = light < (low + high) / 2
    if 0.35 < dark.mean() < 0.65:
        edge = max(1, min(rough.shape) // 10)
        votes = [np.rot90(dark, turns)[:edge, :edge].mean() > 0.5 for turns in range(4)]
        if sum(votes) != 2:
            is_dark = sum(votes) < 2
    return is_dark


def _plane(grey: np.ndarray) -> np.ndarray:
    """A plane through the grey of the paper, of which there is more than of ink."""
    height, width = grey.shape
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(down), down, across], 2).reshape(-1, 3)
    flat, plane = grey.ravel(), np.array([np.median(grey), 0, 0], np.float32)
    for _ in range(5):
        errors = abs(flat - basis @ plane)
        near = errors <= 3 * np.median(errors) + 1e-3
        plane = np.linalg.lstsq(basis[near], flat[near], rcond=None)[0]
    return (basis @ plane).reshape(grey.shape)


def grain(ink: np.ndarray) -> float:
    """The standard deviation of the grain of the paper."""
    fine = ink - ndimage.gaussian_filter(ink, 1.5)
    return 1.4826 * float(np.median(abs(fine)))


def _without_edges(ink: np.ndarray) -> np.ndarray:
    """Ink without the dark edges of a scanner: rows and columns of ink at the border."""
    ink = ink.copy()
    for turns in range(4):
        view = np.rot90(ink, turns)
        most = round(_EDGE * len(view))
        dark = np.percentile(view[:most], 10, axis=1) > 0.25
        if dark[:2].any():
            view[: int(dark[1:].argmin()) + 3] = 0
    return ink


def _pieces(ink: np.ndarray, faint: float) -> np.ndarray:
    """Where the pieces of ink are that may be a digit's: clear somewhere, large enough, and no
    punched holes."""
    from skimage import measure

    labels = np.asarray(measure.label(ndimage.gaussian_filter(ink, 0.7) > faint))
    count = labels.max() + 1
    sizes = np.bincount(labels.ravel(), ink.ravel(), count)
    clear = ndimage.maximum(ink, labels, np.arange(count)) >= _SURE
    sizes[0] = 0
    kept = clear & (sizes >= _SPECK * sizes.max())
    kept[0] = False
    if np.count_nonzero(kept) > 1:
        for piece in measure.regionprops(labels):
            kept[piece.label] &= not _is_hole(piece, labels.shape)
    return ndimage.binary_dilation(kept[labels], np.ones((3, 3)))


def _is_hole(piece, shape: tuple[int, int]) -> bool:
    """Whether a piece of ink is a full disc near the border."""
    top, left, bottom, right = piece.bbox
    height, width = shape
    round_ = 0.75 < (bottom - top) / (right - left) < 1.33
    near = min(top, left, height - bottom, width - right) < _HOLE * max(shape)
    return round_ and near and piece.extent > 0.65 and piece.solidity > 0.9
