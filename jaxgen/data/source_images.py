"""The images of a source, brought to MNIST's form as far as files of digits need it.

Size: the longer edge becomes 28 pixels and the shorter one follows, so that nothing is stretched
(Lanczos, the same for smaller and larger images). A shorter edge is then filled up evenly on both
sides with the image's own background: the median of its border.

Ink: an image whose border is light for the most part has dark ink, and is inverted. A person's own
pictures, which may be photographs, need more than that: see ``pictures``.
"""

from collections.abc import Sequence

import numpy as np

from jaxgen.data.split import SIDE, Split
from jaxgen.errors import UserError

MOST_SIDE = 512  # pixels; larger pictures are scans of pages, not digits
_LIGHT = 127  # greys above are light


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
    paper = round(float(np.median(_border(image[None]))))
    canvas = Image.new("L", (SIDE, SIDE), paper)
    canvas.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(canvas)


def is_dark(images: np.ndarray) -> np.ndarray:
    """Whether the ink of each of images uint8 [n, h, w] or [n, h, w, 1] is dark: bool [n]."""
    return np.median(_border(images.reshape(images.shape[:3])), 1) > _LIGHT


def lightened(digits: Split) -> tuple[Split, int]:
    """The digits with light ink, and how many had to be inverted; the same arrays where none."""
    dark = is_dark(digits.images)
    if not dark.any():
        return digits, 0
    images = digits.images.copy()
    images[dark] = 255 - images[dark]
    return digits._replace(images=images), int(dark.sum())


def _border(images: np.ndarray) -> np.ndarray:
    """The pixels at the edges of images [n, h, w], those in the corners twice: [n, 2 h + 2 w]."""
    return np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
