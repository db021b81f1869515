"""Which pixels of an image are hidden: masks float32 [n, 28, 28, 1], 1 where a pixel is visible.

left, right, top, bottom   that half
centre                     the inner 14 by 14
quadrants                  two of the four, by chance
random:0.7                 each pixel with that probability
mask.png                   the white pixels of a picture of 28 by 28
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
    """The masks of ``count`` images where ``hide`` is hidden; the i-th depends on ``seed`` and i.

    A UserError where there is no such mask, or where it hides all or nothing.
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
        masks = [_drawn(hide)] * count
    else:
        raise UserError(
            f"--hide {hide!r} is no mask: it must be one of {', '.join(NAMES)}, or a picture of "
            f"{SIDE} by {SIDE} that is white where pixels are hidden"
        )
    return np.stack(masks).astype(np.float32)


def fixed(hide: str) -> np.ndarray:
    """The mask of a part that is the same for every image: float32 [28, 28, 1]."""
    mask = np.ones((SIDE, SIDE, 1), np.float32)
    mask[FIXED[hide]] = 0
    return mask


def whole(visible: np.ndarray) -> bool:
    """Whether in every mask [n, 28, 28, 1] each quadrant is visible or hidden as a whole."""
    quadrants = visible.reshape(len(visible), 2, HALF, 2, HALF)
    return bool((quadrants == quadrants[:, :, :1, :, :1]).all())


def _fraction(hide: str, level: str) -> float:
    try:
        fraction = float(level)
    except ValueError:
        fraction = -1.0
    if not 0 < fraction < 1:
        raise UserError(
            f"--hide {hide} hides {'all' if fraction >= 1 else 'nothing'}: after random: stands a "
            "fraction between 0 and 1, such as random:0.7"
        )
    return fraction


def _quadrants(random):
    mask = random.permutation([1, 1, 0, 0]).reshape(2, 2, 1)
    return mask.repeat(HALF, 0).repeat(HALF, 1)


def _drawn(path: str) -> np.ndarray:
    grey = pictures.grey(path)
    if grey.shape != (SIDE, SIDE):
        raise UserError(
            f"the mask {path} has {grey.shape[1]} x {grey.shape[0]} pixels: bring it to "
            f"{SIDE} x {SIDE}, white where pixels are hidden"
        )
    white = grey >= 0.5
    if white.all() or not white.any():
        what = "all" if white.all() else "nothing"
        raise UserError(f"the mask {path} hides {what}: let it be white in part")
    return ~white[..., None]
