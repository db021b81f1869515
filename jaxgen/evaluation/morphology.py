"""Measures of handwriting: thickness and slant of strokes, as in Morpho-MNIST (Castro et al. 2019).

``thickness`` enlarges an image and thresholds it at half of its maximum, because a stroke of MNIST
is three or four pixels wide, too few for a good skeleton.
"""

from typing import Any

import numpy as np

SCALE = 4  # enlargement


def thickness(images: np.ndarray) -> np.ndarray:
    """Twice the mean distance from the skeleton to the background, in pixels [n], of images
    [n, 28, 28, 1]; NaN where there is no ink."""
    from scipy import ndimage
    from skimage import morphology, transform

    def measured(image):
        shape = SCALE * image.shape[0], SCALE * image.shape[1]
        large = np.asarray(transform.resize(image, shape, order=3))
        ink = np.pad(large >= 0.5 * max(float(image.max()), 1e-6), 1)
        depths: Any = ndimage.distance_transform_edt(ink)
        distances = depths[morphology.skeletonize(ink)]
        return 2 * distances.mean() / SCALE if distances.size else np.nan

    return np.array([measured(image) for image in _floats(images)])


def slant(images: np.ndarray) -> np.ndarray:
    """The angle in radians [n] by which strokes lean to the right, from the horizontal shear in the
    second moments of an image; NaN where there is no ink."""
    images = _floats(images)
    total = images.sum((1, 2))
    total = np.where(total > 0, total, np.nan)
    down, across = np.arange(images.shape[1]), np.arange(images.shape[2])
    middle_down = (images.sum(2) @ down) / total
    middle_across = (images.sum(1) @ across) / total
    from_down = down - middle_down[:, None]
    from_across = across - middle_across[:, None]
    mixed = np.einsum("nij,ni,nj->n", images, from_down, from_across)
    upright = np.einsum("nij,ni->n", images, from_down**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.arctan(-mixed / upright)


def _floats(images):
    images = np.asarray(images, np.float64)
    return images.reshape(images.shape[:3])
