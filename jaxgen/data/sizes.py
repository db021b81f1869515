"""Images of other small sizes, brought to 28 by 28.

The longer edge becomes 28 pixels and the shorter one follows, so that nothing is stretched
(Lanczos, the same for smaller and larger images). A shorter edge is then filled up evenly on both
sides with the image's own background: the median of its border. Grey values are not inverted: where
the ink is dark, it stays dark.
"""

from collections.abc import Sequence

import numpy as np

from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

MOST_SIDE = 512  # pixels; larger pictures are scans of pages, not digits


def fit(name: str, images: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return uint8 [n, 28, 28, 1] of images uint8 [h, w] of any sizes from 1 to 512.

    ``name`` is what the UserError calls them.
    """
    if isinstance(images, np.ndarray) and images.shape[1:] == (SIDE, SIDE):
        return images[..., None]
    fitted = np.empty((len(images), SIDE, SIDE, 1), np.uint8)
    for row, image in zip(fitted, images, strict=True):
        require(name, image.shape)
        row[..., 0] = image if image.shape == (SIDE, SIDE) else _resized(image)
    return fitted


def require(name: str, shape: tuple[int, ...]) -> None:
    """Raise a UserError where an image of this height and width is none of a digit."""
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
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    canvas = np.full((SIDE, SIDE), round(float(np.median(border))), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    canvas[top : top + height, left : left + width] = np.asarray(small)
    return canvas
