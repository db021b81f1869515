"""The measures: pure functions of features, logits, labels and pixels, on the host.

Wide tables of distances are made a block of rows at a time, so that memory stays bounded whatever
the number of images.
"""

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from scipy import stats

from jaxgen.arrays import DIGITS
from jaxgen.images import to_float

ROWS = 256  # rows of a table of distances that are in memory at once
GROUPS = 10  # parts of a jackknife
COPY = 0.7  # an image is a copy where its ratio of distances is below; see ``copies``


def frechet(features_a, features_b) -> float:
    """Frechet distance of two sets of features [n, d], as Gaussians (Heusel et al. 2017, eq. 6).

        |mean_a - mean_b|^2 + trace(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))

    In squared feature units, 0 for equal sets. Biased upwards for few images: compare at equal n
    only, and with n above d.
    """
    mean_a, factor_a = _gaussian(features_a)
    mean_b, factor_b = _gaussian(features_b)
    # The eigenvalues of cov_a cov_b are the squares of these singular values. Taken so, no root is
    # drawn of a rounding error, which would be large beside it where a covariance is singular.
    root_trace = np.linalg.norm(factor_a @ factor_b.T, "nuc")
    between = ((mean_a - mean_b) ** 2).sum()
    distance = between + (factor_a**2).sum() + (factor_b**2).sum() - 2 * root_trace
    return max(float(distance), 0.0)


def frechet_interval(features, real) -> tuple[float, float]:
    """The interval that holds at 95 % what other features of the same source would get: the Frechet
    distance of ``features`` [n, d] to ``real`` [m, d], which stay as they are.

    By Student's t over a jackknife of GROUPS parts (Efron and Stein 1981): the distance is taken of
    all but a tenth of the features, each tenth left out once.
    """
    groups = np.random.default_rng(0).permutation(len(features)) % GROUPS
    found = np.array([frechet(features[groups != one], real) for one in range(GROUPS)])
    error = ((GROUPS - 1) / GROUPS * ((found - found.mean()) ** 2).sum()) ** 0.5
    middle, half = frechet(features, real), float(stats.t.ppf(0.975, GROUPS - 1) * error)
    return max(middle - half, 0.0), middle + half


def _gaussian(features):
    """Mean [d] of features [n, d], and the triangle R [d, d] of their covariance R^T R."""
    features = np.asarray(features, np.float64)
    mean = features.mean(0)
    # numpy types mode="r" as if it gave both factors.
    factor = cast(np.ndarray, np.linalg.qr((features - mean) / np.sqrt(len(features) - 1), "r"))
    return mean, factor


class Prdc(NamedTuple):
    """How two sets of features overlap, by balls that reach from each point to its k-th neighbour.

    Each is a share from 0 to 1, but density, which may pass 1.
    """

    precision: float  # of the fakes, those in some real ball (Kynkaanniemi et al. 2019)
    recall: float  # of the reals, those in some fake ball
    density: float  # real balls that a fake lies in, over k (Naeem et al. 2020)
    coverage: float  # of the reals, those whose ball holds a fake


def prdc(real, fake, k: int = 5) -> Prdc:
    """Precision, recall, density and coverage of fake features [m, d] against real ones [n, d].

    The sums of the authors' reference code. n and m must be above k. Depends on n and m, so
    compare at equal numbers only.
    """
    real, fake = np.asarray(real, np.float64), np.asarray(fake, np.float64)
    real_radii, fake_radii = _radii(real, k), _radii(fake, k)
    within = np.zeros(len(fake), np.int64)  # [m]: real balls that a fake lies in
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
    """Squared distance from each to its k-th neighbour, itself left out: float32 [n].

    The sums, which cancel, are in float64; only then float32, which is sorted four times faster.
    """
    blocks = (
        distances.astype(np.float32) for _, distances in squared_distances(features, features)
    )
    return np.concatenate([np.partition(block, k, axis=1)[:, k] for block in blocks])


def squared_distances(rows, columns) -> Iterator[tuple[int, np.ndarray]]:
    """Squared distances of each block of rows [n, d] to all columns [m, d], with the number of its
    first row.

    |r|^2 + |c|^2 - 2 r c is one product, [-2 r, |r|^2, 1] . [c, 1, |c|^2], in the type of the rows.
    """
    table = np.hstack([columns, np.ones_like(columns[:, :1]), _lengths(columns)]).T
    for start in range(0, len(rows), ROWS):
        block = rows[start : start + ROWS]
        yield start, np.hstack([-2 * block, _lengths(block), np.ones_like(block[:, :1])]) @ table


def _lengths(vectors):
    return (vectors**2).sum(1, keepdims=True)


def accuracy(logits, labels) -> float:
    """The proportion of logits [n, 10] that are largest at the label [n]."""
    return hits(logits, labels) / len(labels)


def hits(logits, labels) -> int:
    """How many of the logits [n, 10] are largest at the label [n]."""
    return int((np.argmax(logits, axis=1) == labels).sum())


def histogram(logits) -> tuple[int, ...]:
    """How many of the logits [n, 10] are taken for each digit, 0 to 9."""
    return tuple(np.bincount(np.argmax(logits, axis=1), minlength=DIGITS).tolist())


def class_entropy(counts) -> float:
    """Entropy in nats of how often each digit came; at most log 10 = 2.303, and 0 for one digit."""
    return float(stats.entropy(counts))


def spreads(features, digits) -> tuple[float, ...]:
    """How far two images of one digit are from each other in features, on average over all pairs:
    for each digit 0 to 9, NaN where there are not two of it.

    ``features`` are [n, d], ``digits`` what each image is taken for [n].
    """
    return tuple(_spread(np.asarray(features, np.float64)[digits == d]) for d in range(DIGITS))


def _spread(features):
    n = len(features)
    if n < 2:
        return float("nan")
    blocks = squared_distances(features, features)
    total = sum(np.sqrt(np.maximum(block, 0)).sum() for _, block in blocks)
    return float(total / (n * (n - 1)))


class Copies(NamedTuple):
    """The nearest training image of each image, and whether it is too near."""

    nearest: np.ndarray  # int [n]: its place among the training images
    distance: np.ndarray  # float32 [n]: how far it is, as Euclidean distance of pixels in [0, 1]
    ratio: np.ndarray  # float32 [n], 0 to 1: that, over the distance to the second nearest
    copied: np.ndarray  # bool [n]: the ratio is below COPY

    @property
    def proportion(self) -> float:
        """Share of the images that are copies."""
        return float(self.copied.mean())


def copies(images, train_images) -> Copies:
    """Find the images uint8 [n, h, w, c] that copy one of the training images uint8 [m, h, w, c].

    A copy is nearer to one training image than to all others by a clear margin: its distance to
    the nearest is below 0.7 of its distance to the second nearest (the ratio test of Lowe 2004;
    the adaptive threshold of Carlini et al. 2023 is of this kind). One distance for all does not
    do, since real ones lie nearer to each other than an eight under faint noise lies to itself:
    of training digits under noise of 0.1 the ratio test finds 92 %, a fixed distance that passes
    as many test digits finds none. Of real test digits 0.3 % pass for copies: hold a share
    against theirs. What was copied and moved by a pixel is not seen, nor what the training set
    holds twice.
    """
    queries, keys = pixels(images), pixels(train_images)
    nearest = np.empty((len(queries), 2), np.int64)
    for start, distances in squared_distances(queries, keys):
        rows = np.arange(len(distances))
        for rank in range(2):
            first = distances.argmin(1)
            nearest[start : start + ROWS, rank] = first
            distances[rows, first] = np.inf
    # Once more without cancellation, so that a true copy is at exactly 0.
    exact = np.stack([np.linalg.norm(queries - keys[column], axis=1) for column in nearest.T], 1)
    exact.sort(axis=1)
    ratio = exact[:, 0] / np.maximum(exact[:, 1], np.finfo(np.float32).tiny)
    return Copies(nearest[:, 0], exact[:, 0], ratio, ratio < COPY)


def pixels(images):
    """Images uint8 [n, h, w, c] as vectors float32 [n, h w c] in [0, 1]."""
    return to_float(images.reshape(len(images), -1))
