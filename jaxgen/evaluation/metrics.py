"""The measures: pure functions of features, logits, labels and pixels, on the host.

Tables of distances are computed a block of rows at a time, which bounds the memory.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from scipy import stats

from jaxgen.images import to_float

ROWS = 256  # rows of a block of distances
GROUPS = 10  # parts of a jackknife
COPY = 0.7  # an image is a copy if its ratio of distances is smaller; see ``copies``


def frechet(features_a, features_b) -> float:
    """Frechet distance of two sets of features [n, d], as Gaussians (Heusel et al. 2017, eq. 6).

        |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))

    In squared feature units, 0 for equal sets. Biased upwards for few images: compare at equal n
    only, and with n above d.
    """
    mean_a, factor_a = _gaussian(features_a)
    mean_b, factor_b = _gaussian(features_b)
    # The eigenvalues of cov_a cov_b are the squares of these singular values. So there is no square
    # root of a rounding error, which would be large where a covariance is singular.
    root_trace = np.linalg.norm(factor_a @ factor_b.T, "nuc")
    between = ((mean_a - mean_b) ** 2).sum()
    distance = between + (factor_a**2).sum() + (factor_b**2).sum() - 2 * root_trace
    return max(float(distance), 0.0)


def frechet_interval(features, real) -> tuple[float, float]:
    """The 95 % interval of the Frechet distance of ``features`` [n, d] to ``real`` [m, d], for the
    choice of ``features`` alone.

    By Student's t over a jackknife of GROUPS parts (Efron and Stein 1981): each distance leaves one
    part of the features out.
    """
    groups = np.random.default_rng(0).permutation(len(features)) % GROUPS
    distances = np.array([frechet(features[groups != group], real) for group in range(GROUPS)])
    error = ((GROUPS - 1) / GROUPS * ((distances - distances.mean()) ** 2).sum()) ** 0.5
    value, half = frechet(features, real), float(stats.t.ppf(0.975, GROUPS - 1) * error)
    return max(value - half, 0.0), value + half


def _gaussian(features):
    """Mean [d] of features [n, d], and the triangle R [d, d] of their covariance R^T R."""
    features = np.asarray(features, np.float64)
    mean = features.mean(0)
    # numpy types mode="r" as if it gave both factors.
    factor = cast(np.ndarray, np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), "r"))
    return mean, factor


class Prdc(NamedTuple):
    """The overlap of two sets of features, by balls that reach from each point to its k-th
    neighbour. All but density are proportions, 0 to 1."""

    precision: float  # fakes in some real ball (Kynkaanniemi et al. 2019)
    recall: float  # reals in some fake ball
    density: float  # mean number of real balls around a fake, over k (Naeem et al. 2020)
    coverage: float  # reals whose ball contains a fake


def prdc(real, fake, k: int = 5) -> Prdc:
    """Precision, recall, density and coverage of fake features [m, d] against real ones [n, d].

    As in the authors' reference code. n and m must be above k. The results depend on n and m, so
    compare at equal numbers only.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    within = np.zeros(len(fake), np.int64)  # [m]: real balls around a fake
    recalled = covered = 0
    for start, distances in squared_distances(real, fake):
        distances = distances.astype(np.float32)  # as the radii
        inside = distances < real_radii[start : start + len(distances), None]
        within += inside.sum(0)
        covered += inside.any(1).sum()
        recalled += (distances < fake_radii).any(1).sum()
    return Prdc(
        precision=float((within > 0).mean()),
        recall=float(recalled / len(real)),
        density=float(within.mean() / k),
        coverage=float(covered / len(real)),
    )


def _radii(features, k):
    """Squared distance from each point to its k-th other neighbour: float32 [n].

    The sums cancel, so they are in float64; float32 is sorted four times faster.
    """
    blocks = (
        distances.astype(np.float32) for _, distances in squared_distances(features, features)
    )
    return np.concatenate([np.partition(block, k, axis=1)[:, k] for block in blocks])


def squared_distances(rows, columns) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the number of the first row, and the squared distances to all columns [m, d], of each
    block of rows [n, d].

    |r|^2 + |c|^2 - 2 r c is one product, [-2 r, |r|^2, 1] . [c, 1, |c|^2], in the type of the rows.
    """
    table = np.hstack([columns, np.ones_like(columns[:, :1]), _lengths(columns)]).T
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        yield start, np.hstack([-2 * block, _lengths(block), np.ones_like(block[:, :1])]) @ table


def _lengths(vectors):
    return (vectors**2).sum(1, keepdims=True)


def accuracy(logits, labels) -> float:
    """The proportion of logits [n, k] that are largest at the label [n]."""
    return hits(logits, labels) / len(labels)


def hits(logits, labels) -> int:
    """How many of the logits [n, k] are largest at the label [n]."""
    return int((np.argmax(logits, axis=1) == labels).sum())


def histogram(logits) -> tuple[int, ...]:
    """The number of logits [n, k] that are largest at each of the k classes."""
    return tuple(np.bincount(np.argmax(logits, axis=1), minlength=logits.shape[1]).tolist())


def class_entropy(counts) -> float:
    """Entropy in nats of the counts of the digits: log 10 = 2.303 at most, 0 for one digit."""
    return float(stats.entropy(counts))


def spreads(features, labels, classes: int) -> tuple[float, ...]:
    """The mean distance of two images of one class in features [n, d], for each class; NaN where
    there are not two images. ``labels`` [n] are the images' classes."""
    return tuple(_spread(np.asarray(features, np.float64)[labels == k]) for k in range(classes))


def _spread(features):
    n = len(features)
    if n < 2:
        return float("nan")
    blocks = squared_distances(features, features)
    total = sum(np.sqrt(np.maximum(block, 0)).sum() for _, block in blocks)
    return float(total / (n * (n - 1)))


class Copies(NamedTuple):
    """The nearest training image of each image, and whether the image is a copy."""

    nearest: np.ndarray  # int [n]: index of the nearest training image
    distance: np.ndarray  # float32 [n]: Euclidean distance to it, of pixels in [0, 1]
    ratio: np.ndarray  # float32 [n], 0 to 1: this distance over the distance to the second nearest
    copied: np.ndarray  # bool [n]: the ratio is below COPY

    @property
    def proportion(self) -> float:
        """Proportion of copies among the images."""
        return float(self.copied.mean())


def copies(images, train_images) -> Copies:
    """Find the images uint8 [n, h, w, c] that copy one of the training images uint8 [m, h, w, c].

    A copy is clearly nearer to one training image than to all others: its distance to the nearest
    is below COPY times its distance to the second nearest (the ratio test of Lowe 2004; the
    adaptive threshold of Carlini et al. 2023 is similar). A fixed distance fails, since two ones
    are nearer to each other than an eight is to itself under faint noise: the ratio test finds 92 %
    of training digits under noise of 0.1, and a fixed distance with as many false alarms finds
    none. The test finds 0.3 % of real test digits, so compare with this proportion. It misses
    copies that are moved by a pixel, and copies of images that the training set contains twice.
    """
    queries, keys = pixels(images), pixels(train_images)
    nearest = np.empty((len(queries), 2), np.int64)
    for start, distances in squared_distances(queries, keys):
        rows = np.arange(len(distances))
        for rank in range(2):
            first = distances.argmin(1)
            nearest[start : start + ROWS, rank] = first
            distances[rows, first] = np.inf
    # Again without cancellation, so that an exact copy has distance 0.
    exact = np.stack([np.linalg.norm(queries - keys[column], axis=1) for column in nearest.T], 1)
    exact.sort(axis=1)
    ratio = exact[:, 0] / np.maximum(exact[:, 1], np.finfo(np.float32).tiny)
    return Copies(nearest[:, 0], exact[:, 0], ratio, ratio < COPY)


def pixels(images):
    """Images uint8 [n, h, w, c] as vectors float32 [n, h w c] in [0, 1]."""
    return to_float(images.reshape(len(images), -1))
