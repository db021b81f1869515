"""Correction without a model: filters of scikit-image, each with the setting that is best on
training digits with the same damage.

    total variation    Chambolle 2004
    non-local means    Buades, Coll and Morel 2005
    closing            fills gaps narrower than a disc

The first two keep the mean grey, which noise that is clipped at black has raised. So a straight
line, fitted to the same training digits, then maps their greys.
"""

from collections.abc import Callable

import numpy as np

Filter = Callable[[np.ndarray], np.ndarray]  # images float32 [n, 28, 28, 1] to images


def total_variation(weight: float) -> Filter:
    from skimage import restoration

    return _each(lambda image: restoration.denoise_tv_chambolle(image, weight=weight))


def non_local_means(strength: float) -> Filter:
    from skimage import restoration

    return _each(
        lambda image: restoration.denoise_nl_means(
            image, patch_size=5, patch_distance=9, h=strength, fast_mode=True
        )
    )


def closing(radius: float) -> Filter:
    from skimage import morphology

    reach = np.arange(-3, 4)
    disc = np.hypot(reach[:, None], reach) <= radius
    return _each(lambda image: morphology.closing(image, disc))


# By name: the filter, and the settings to choose from.
FILTERS: dict[str, tuple[Callable[[float], Filter], tuple[float, ...]]] = {
    "total variation": (total_variation, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)),
    "non-local means": (non_local_means, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)),
}
RADII = (1.0, 1.5, 2.0, 2.5, 3.0)


def denoiser(name: str, clean: np.ndarray, damaged: np.ndarray) -> Filter:
    """The filter with the least squared error on ``damaged`` training digits."""
    make, settings = FILTERS[name]
    fits = []
    for setting in settings:
        mended = make(setting)(damaged).ravel()
        greys = np.stack([mended, np.ones_like(mended)], 1)
        line, (error,), *_ = np.linalg.lstsq(greys, clean.ravel(), rcond=None)
        fits.append((float(error), setting, *line))
    _, setting, gain, offset = min(fits)
    return lambda images: (gain * make(setting)(images) + offset).clip(0, 1)


def best_closing(score: Callable[[np.ndarray], float], damaged: np.ndarray) -> Filter:
    """The closing with the highest ``score(mended)`` on ``damaged`` training digits."""
    return closing(max(RADII, key=lambda radius: score(closing(radius)(damaged))))


def _each(mend: Callable[[np.ndarray], np.ndarray]) -> Filter:
    """A filter that applies ``mend(image [h, w])`` to each image."""

    def mend_all(images):
        mended = [mend(image[..., 0].astype(np.float64)) for image in images]
        return np.stack(mended).astype(np.float32)[..., None].clip(0, 1)

    return mend_all
