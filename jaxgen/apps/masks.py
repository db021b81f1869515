"""What is hidden of an image: masks float32 [n, 28, 28, 1], 1 where a pixel is visible.

left, right, top, bottom   that half
centre                     the inner 14 by 14
quadrants                  two of the four, by chance
random:0.7                 each pixel with that probability
mask.png                   what is white in a picture of 28 by 28
"""

import os

import numpy as np

from jaxgen.arrays import SIDE
from jaxgen.data import pictures
from jaxgen.errors import UserError

HALF = SIDE // 2
NAMES = ("left", "right", "top", "bottom", "centre", "quadrants", "random:0.7")


def visible(hide: str, count: int, seed: int) -> np.ndarray:
    """The masks of ``count`` images where ``hide`` is hidden; the i-th depends on ``seed`` and i.

    A UserError where there is no such mask, or where it hides all or nothing.
    """
    kind, _, level = hide.partition(":")
    if kind == "random":
        masks = _each(_scattered(_share(hide, level or "0.7")), count, seed)
    elif hide == "quadrants":
        masks = _each(_quadrants, count, seed)
    elif hide in FIXED:
        masks = np.repeat(fixed(hide)[None], count, 0)
    elif os.path.exists(hide):
        masks = np.repeat(_drawn(hide)[None], count, 0)
    else:
        raise UserError(
            f"--hide {hide!r} is no mask: it must be one of {', '.join(NAMES)}, or a picture of "
            f"{SIDE} by {SIDE} that is white where pixels are hidden"
        )
    return masks


def fixed(hide: str) -> np.ndarray:
    """The mask of a part that is the same for every image: float32 [28, 28, 1]."""
    mask = np.ones((SIDE, SIDE, 1), np.float32)
    mask[FIXED[hide]] = 0
    return mask


def whole(visible: np.ndarray) -> bool:
    """Whether in every mask [n, 28, 28, 1] each quadrant is visible or hidden as a whole."""
    quadrants = visible.reshape(len(visible), 2, HALF, 2, HALF)
    return bool((quadrants == quadrants[:, :, :1, :, :1]).all())


FIXED = {
    "left": np.s_[:, :HALF],
    "right": np.s_[:, HALF:],
    "top": np.s_[:HALF],
    "bottom": np.s_[HALF:],
    "centre": np.s_[HALF // 2 : -HALF // 2, HALF // 2 : -HALF // 2],
}


def _share(hide: str, level: str) -> float:
    try:
        share = float(level)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise UserError(
            f"--hide {hide} hides {'all' if share >= 1 else 'nothing'}: after random: stands a "
            "share between 0 and 1, such as random:0.7"
        )
    return share


def _each(one, count, seed):
    return np.stack([one(np.random.default_rng((seed, place))) for place in range(count)])


def _scattered(share):
    def one(random):
        return (random.random((SIDE, SIDE, 1)) >= share).astype(np.float32)

    return one


def _quadrants(random):
    seen = random.permutation([1, 1, 0, 0]).reshape(2, 2, 1)
    return seen.repeat(HALF, 0).repeat(HALF, 1).astype(np.float32)


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
    return (~white[..., None]).astype(np.float32)
