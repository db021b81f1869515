"""The measures: pure functions of features, logits, labels and pixels, on the host.

Sums that cancel are taken in float64; the wide tables of distances in float32 through BLAS, a block of rows at a
time, so that memory stays bounded whatever the number of images.
"""

from typing import NamedTuple

import numpy as np

from jaxgen.arrays import DIGITS


def frechet(features_a, features_b) -> float:
    """The Frechet distance of two sets of features [n, d], as Gaussians (Heusel et al. 2017, equation 6).

        |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))

    In squared feature units; 0 for equal sets. The trace of the root is taken through the symmetric product
    cov_a^(1/2) cov_b cov_a^(1/2), which has the same eigenvalues and stays real, also where a covariance is
    singular. Biased upwards for few images: compare at equal n only.
    """
    mean_a, cov_a = _gaussian(features_a)
    mean_b, cov_b = _gaussian(features_b)
    values, vectors = np.linalg.eigh(cov_a)
    root_a = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    product = root_a @ cov_b @ root_a
    root_trace = np.sqrt(np.linalg.eigvalsh((product + product.T) / 2).clip(0)).sum()
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * root_trace
    return max(float(distance), 0.0)


def _gaussian(features):
    features = np.asarray(features, np.float64)
    return features.mean(0), np.cov(features, rowvar=False)
