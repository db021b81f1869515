"""Masks of hidden pixels: float32 [n, 28, 28, 1], 1 where a pixel is visible.

left, right, top, bottom   hide that half
centre                     hides the inner 14 by 14
quadrants                  hides two of the four at random
random:0.7                 hides each pixel with this probability
mask.png                   hides the white pixels of a picture of 28 by 28
"""

import os

import numpy as np

from jaxgen.arrays import SIDE
from jaxgen.data import pictures
from jaxgen.errors import UserError

HALF = SIDE // 2
FIXED = {
    "left": np.s_[:, :HALF],
    "right": np.s_[:, HALF:],
    "top": np.s_[:HALF],
    "bottom": np.s_[HALF:],
    "centre": np.s_[HALF // 2 : -HALF // 2, HALF // 2 : -HALF // 2],
}
NAMES = (*FIXED, "quadrants", "random:0.7")


def visible(hide: str, count: int, seed: int) -> np.ndarray:
    """The masks of ``count`` images that hide ``hide``; mask i depends on ``seed`` and i alone.

    Raises UserError for a mask that does not exist, or that hides all or nothing.
    """
    randoms = [np.random.default_rng((seed, index)) for index in range(count)]
    kind, _, level = hide.partition(":")
    if kind == "random":
        fraction = _fraction(hide, level or "0.7")
        masks = [random.random((SIDE, SIDE, 1)) >= fraction for random in randoms]
    elif hide == "quadrants":
        masks = [_quadrants(random) for random in randoms]
    elif hide in FIXED:
        masks = [fixed(hide)] * count
    elif os.path.exists(hide):
        masks = [_from_picture(hide)] * count
    else:
        raise UserError(
            f"--hide {hide!r} is not a mask: it must be one of {', '.join(NAMES)}, or a picture of "
            f"{SIDE} by {SIDE} that is white where pixels are hidden"
        )
    return np.stack(masks).astype(np.float32)


def fixed(hide: str) -> np.ndarray:
    """The mask that hides a part in FIXED: float32 [28, 28, 1]."""
    mask = np.ones((SIDE, SIDE, 1), np.float32)
    mask[FIXED[hide]] = 0
    return mask


def _fraction(hide: str, level: str) -> float:
    try:
        fraction = float(level)
    except ValueError:
        fraction = -1.0
    if not 0 < fraction < 1:
        raise UserError(
            f"--hide {hide} hides {'all' if fraction >= 1 else 'nothing'}: after random: comes a "
            "fraction between 0 and 1, such as random:0.7"
        )
    return fraction


def _quadrants(random):
    mask = random.permutation([1, 1, 0, 0]).reshape(2, 2, 1)
    return mask.repeat(HALF, 0).repeat(HALF, 1)


def _from_picture(path: str) -> np.ndarray:
    grey = pictures.grey(path)
    if grey.shape != (SIDE, SIDE):
        raise UserError(
            f"the mask {path} has {grey.shape[1]} x {grey.shape[0]} pixels: bring it to "
            f"{SIDE} x {SIDE}, white where pixels are hidden"
        )
    white = grey >= 0.5
    if white.all() or not white.any():
        part = "all" if white.all() else "nothing"
        raise UserError(f"the mask {path} hides {part}: it must be partly white")
    return ~white[..., None]
