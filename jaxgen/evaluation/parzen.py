"""Parzen windows: the likelihood of test digits under a Gaussian about each drawn digit, for models
without a likelihood (Breuleux et al. 2011; Goodfellow et al. 2014).

    log p(x) = log 1/m sum_j N(x; sample_j, sigma^2 I)                                          (1)

It is here for history, since early papers report it. In 784 dimensions, windows about ten thousand
points are far from the density, and the figure ranks models wrongly: k-means centres of the
training digits get more than real digits (Theis et al. 2016, section 3.2).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

from jaxgen.data import Split, partition
from jaxgen.evaluation import metrics
from jaxgen.evaluation.statistics import Estimate, mean

SIGMAS = tuple(np.logspace(-1, 0, 10).tolist())  # as in the paper's code
CHOOSING = 1000  # validation digits that choose sigma


class Parzen(NamedTuple):
    """The figure of n real digits under windows about m drawn digits."""

    log_density: Estimate  # nats per image
    sigma: float  # chosen on validation digits
    samples: int  # m


def measure(images: np.ndarray, samples: np.ndarray, valid: Split) -> Parzen:
    """Choose sigma by some of the digits ``valid``, then compute (1) of ``images`` under windows
    about ``samples``, both uint8 [n, 28, 28, 1]."""
    few = partition.subset(valid, min(CHOOSING, len(valid.labels)))
    sigma = max(SIGMAS, key=lambda sigma: log_density(few.images, samples, sigma).mean())
    return Parzen(mean(log_density(images, samples, sigma)), sigma, len(samples))


def log_density(images: np.ndarray, samples: np.ndarray, sigma: float) -> np.ndarray:
    """(1) of images under windows about samples, both uint8 [n, 28, 28, 1], in nats [n]."""
    rows, columns = metrics.pixels(images), metrics.pixels(samples)
    constant = np.log(len(samples)) + 0.5 * rows.shape[1] * np.log(2 * np.pi * sigma**2)
    sums = [
        logsumexp(-distances / (2 * sigma**2), axis=1)
        for _, distances in metrics.squared_distances(rows, columns)
    ]
    return np.concatenate(sums) - constant
