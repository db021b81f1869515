"""Light ink on dark paper, as MNIST has it: for the images of a source.

An image whose border is light for the most part has dark ink, and is inverted. A person's own
pictures, which may be photographs, are told by more than their border: see ``pictures``.
"""

import numpy as np

LIGHT = 127  # greys above are light


def is_dark(images: np.ndarray) -> np.ndarray:
    """Whether the ink of each of images uint8 [n, h, w] or [n, h, w, 1] is dark: bool [n]."""
    flat = images.reshape(images.shape[:3])
    border = np.concatenate([flat[:, 0], flat[:, -1], flat[:, :, 0], flat[:, :, -1]], 1)
    return np.median(border, 1) > LIGHT


def lightened(images: np.ndarray) -> tuple[np.ndarray, int]:
    """The images with light ink, and how many had to be inverted; the same array where none."""
    dark = is_dark(images)
    if not dark.any():
        return images, 0
    images = images.copy()
    images[dark] = 255 - images[dark]
    return images, int(dark.sum())
