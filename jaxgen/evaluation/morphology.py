"""Measures of handwriting: how thick strokes are and how they slant, as Morpho-MNIST defines them
(Castro et al. 2019).

An image is enlarged and cut at half of its white before it is measured: a stroke of MNIST is three
or four pixels wide, and in so few a skeleton says little.
"""

from typing import Any

import numpy as np

SCALE = 4  # times larger


def thickness(images: np.ndarray) -> np.ndarray:
    """Twice the mean distance from the skeleton to the background, in pixels [n], of images
    [n, 28, 28, 1]; NaN where there is no ink."""
    from scipy import ndimage
    from skimage import morphology, transform

    def one(image):
        shape = SCALE * image.shape[0], SCALE * image.shape[1]
        large = np.asarray(transform.resize(image, shape, order=3))
        ink = np.pad(large >= 0.5 * max(float(image.max()), 1e-6), 1)
        depths: Any = ndimage.distance_transform_edt(ink)
        distances = depths[morphology.skeletonize(ink)]
        return 2 * distances.mean() / SCALE if distances.size else np.nan

    return np.array([one(image) for image in _floats(images)])


def slant(images: np.ndarray) -> np.ndarray:
    """By how much strokes lean to the right, in radians [n]: the angle of the horizontal shear that
    an image's second moments tell; NaN where there is no ink."""
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
