"""The images of a source, brought to the size and the ink of MNIST.

Size: the longer edge is scaled to 28 pixels and the shorter one in proportion (Lanczos, for smaller
and larger images). The shorter edge is then padded evenly on both sides with the image's
background: the median of its border.

Ink: an image whose border is mostly light has dark ink, and is inverted; but where nearly all
images of a source agree, the others are as these are, whatever touches their borders. A person's
own pictures, which may be photographs, need more than that: see ``pictures``.
"""

from collections.abc import Sequence

import numpy as np

from jaxgen.data.split import SIDE, Split
from jaxgen.errors import UserError

MOST_SIDE = 512  # pixels; larger pictures are scans of pages, not digits
_LIGHT = 127  # higher greys are light
_FEW = 0.05  # of the images of a source, which may touch their borders


def fit(name: str, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return uint8 [n, 28, 28, 1] of images uint8 [h, w] with edges from 1 to 512 pixels.

    Raises UserError, which calls the images ``name``, for others.
    """
    if isinstance(images, np.ndarray) and images.shape[1:] == (SIDE, SIDE):
        return images[..., None]
    fitted = np.empty((len(images), SIDE, SIDE, 1), np.uint8)
    for row, image in zip(fitted, images, strict=True):
        require(name, image.shape)
        row[..., 0] = image if image.shape == (SIDE, SIDE) else _resized(image)
    return fitted


def require(name: str, shape: tuple[int, ...]) -> None:
    """Raise a UserError for a height or width that no image of a digit has."""
    height, width = shape
    if not all(1 <= edge <= MOST_SIDE for edge in shape):
        raise UserError(
            f"{name} has an image of {height} x {width} pixels: "
            f"edges must be 1 to {MOST_SIDE} pixels, cut the digits out first"
        )


def _resized(image: np.ndarray) -> np.ndarray:
    from PIL import Image  # here, so that MNIST itself needs no Pillow

    longer = max(image.shape)
    height, width = (max(1, round(edge * SIDE / longer)) for edge in image.shape)
    small = Image.fromarray(np.ascontiguousarray(image)).resize(
        (width, height), Image.Resampling.LANCZOS
    )
    paper = round(float(np.median(_border(image[None]))))
    canvas = Image.new("L", (SIDE, SIDE), paper)
    canvas.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(canvas)


def has_dark_ink(images: np.ndarray) -> np.ndarray:
    """Whether each image, uint8 [n, h, w] or [n, h, w, 1], has dark ink: bool [n]."""
    return np.median(_border(images.reshape(images.shape[:3])), 1) > _LIGHT


def with_light_ink(digits: Split) -> tuple[Split, int]:
    """Invert images with dark ink, and return how many; without such images, the same arrays."""
    dark = to_invert(has_dark_ink(digits.images))
    if not dark.any():
        return digits, 0
    images = digits.images.copy()
    images[dark] = 255 - images[dark]
    return digits._replace(images=images), int(dark.sum())


def to_invert(dark: np.ndarray) -> np.ndarray:
    """Which images of a source are inverted, where ``dark`` bool [n] have dark ink."""
    agreed = [share for share in (0, 1) if abs(dark.mean() - share) <= _FEW]
    return np.full(len(dark), bool(agreed[0])) if agreed else dark


def _border(images: np.ndarray) -> np.ndarray:
    """The pixels at the edges of images [n, h, w], with each corner twice: [n, 2 h + 2 w]."""
    return np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
