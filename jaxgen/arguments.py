"""What people give and get in Python: images and digits in the forms that they have them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgen import classes, images
from jaxgen.arrays import IMAGE
from jaxgen.classes import ANY
from jaxgen.data import pictures
from jaxgen.errors import UserError
from jaxgen.images import to_float

SHOWN = 1000  # images at most that a notebook shows


class Images(np.ndarray):
    """Images float32 [n, 28, 28, 1]: an array that a notebook shows as a picture. What is computed
    from it is a plain array."""

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)

    def _repr_png_(self) -> bytes | None:
        stack = np.asarray(self).reshape(-1, *IMAGE) if self.shape[-3:] == IMAGE else None
        if stack is None or not 1 <= len(stack) <= SHOWN:
            return None
        columns = self.shape[1] if self.ndim == 5 else None  # the way of an interpolation is a row
        return pictures.png(images.grid(stack, columns))


def show(images: Any) -> Images:
    """Images [n, 28, 28, 1], or rows of them [rows, columns, 28, 28, 1], as an array that a
    notebook shows as a picture; values outside [0, 1] are clipped."""
    return np.clip(np.asarray(images, np.float32), 0, 1).view(Images)


def checked(images: Any) -> np.ndarray:
    """Images as float32 [n, 28, 28, 1] in [0, 1]. Raises UserError for arrays of another kind."""
    array = np.asarray(images)
    shape = array.shape
    if shape == IMAGE or shape == IMAGE[:2]:
        array = array[None]
    if array.shape[1:] == IMAGE[:2]:
        array = array[..., None]
    if array.shape[1:] != IMAGE or not len(array):
        raise UserError(f"images must be [n, 28, 28, 1] or [n, 28, 28], not {list(shape)}")
    if array.dtype == np.uint8:
        return to_float(array)
    if array.dtype == bool:
        return array.astype(np.float32)
    if not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"images must be floats in [0, 1], or uint8, not {array.dtype}")
    if not ((array >= 0) & (array <= 1)).all():  # False for NaN too
        raise UserError(
            f"images must be in [0, 1], and these are in [{array.min():g}, {array.max():g}]"
        )
    return array.astype(np.float32)


def labels(
    given: Any, flag: str, names: Sequence[str] = classes.DIGITS, count: int | None = None
) -> np.ndarray:
    """Classes as labels int32 [n]: from a text as ``classes.numbers`` reads it, such as "2024", or
    from numbers, one or [n], of the classes ``names``, or -1 for any. One is repeated ``count``
    times. Raises UserError, which names the ``flag``, for others."""
    if isinstance(given, str):
        array = np.array(classes.numbers(given, names, flag))
    else:
        array = np.asarray(given).reshape(-1)
    is_whole = array.dtype.kind in "iu" and len(array) > 0
    if not is_whole or array.min() < ANY or array.max() >= len(names):
        what = "digits 0 to 9" if classes.are_digits(names) else f"classes 0 to {len(names) - 1}"
        raise UserError(f"{flag} {given} cannot be: it must be of {what}, or any")
    if count is not None and len(array) == 1:
        array = array.repeat(count)
    if count is not None and len(array) != count:
        raise UserError(f"{count} images need one label for all or {count}, not {len(array)}")
    return array.astype(np.int32)
