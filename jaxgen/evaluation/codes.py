"""What a code keeps of a digit: its reconstruction, the bound, and how well dimensions are reduced.

Codes that are vectors are set beside the principal components of the training digits, as many as
the code has dimensions, since those are the best that a linear code can do (in squared error). The
linear probe is a logistic regression that reads the digit off the code.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.data import Digits, Split, partition
from jaxgen.evaluation import metrics, reference
from jaxgen.evaluation.report import Against
from jaxgen.families.base import Family, Variables, Variational
from jaxgen.families.capabilities import Encodes, HasBound, HasRate, able
from jaxgen.mapping import map_images

SEARCHED = 200  # digits at most, where encoding is a search
PROBED = 10_000  # training digits at most that a probe learns from
ACTIVE = 0.01  # variance of the mean of a dimension that is in use (Burda et al. 2016, section 5)


class Linear(NamedTuple):
    """A code of so many dimensions beside as many principal components."""

    dimensions: int
    pca_squared_error: float  # an image, as above
    # The share of the digits that a linear probe reads off the codes, and off the principal
    # components; None where all are one digit.
    probe: float | None
    pca_probe: float | None


class Codes(NamedTuple):
    """The figures of n real digits that were encoded."""

    n: int
    # Of a reconstruction, summed over its pixels, where white is 1; None without an encoder.
    squared_error: float | None
    bound: float | None  # nats an image; None for a family without one
    rate: float | None  # nats an image: what the code says of it beyond its digit
    active: int | None  # dimensions of a variational code that say anything
    linear: Linear | None  # None where codes are no vectors

    def lines(self) -> list[str]:
        """The figures for a person."""
        lines = []
        if self.squared_error is not None:
            lines.append(f"reconstruction: squared error {self.squared_error:.2f} an image")
        if self.linear:
            size, pca_error, probe, pca_probe = self.linear
            lines[0] += f"; {size} principal components {pca_error:.2f}"
            if probe is not None:
                lines.append(
                    f"digit read off the {size} numbers by a linear probe: {probe:.1%}; "
                    f"off principal components {pca_probe:.1%}"
                )
        if self.bound is not None:
            lines.append(f"bound of minus the log-likelihood: {self.bound:.2f} nats an image")
        if self.rate is not None:
            bits = self.rate / math.log(2)
            lines.append(
                f"rate of the codes, given the digit: {self.rate:.1f} nats, {bits:.0f} bits"
            )
        if self.active is not None:
            lines.append(f"active dimensions: {self.active}")
        return [f"{line} (n = {self.n})" for line in lines]


def measure(
    family: Family, variables: Variables, digits: Digits, against: Against = "test"
) -> Codes:
    """Encode and decode the real digits; of a family that searches for codes, a choice of them."""
    real = reference.real_digits(digits, against)
    if family.encodes_iteratively:
        real = partition.subset(real, min(SEARCHED, len(real.labels)))
    family = family.for_inversion()
    error = bound = rate = active = None
    if isinstance(family, Encodes):
        pixels = metrics.pixels(real.images)
        reconstructed = each(family.reconstruct, variables, real)
        error = _squared_error(pixels, reconstructed.reshape(pixels.shape))
    if isinstance(family, HasBound) and not family.encodes_iteratively:
        bound = float(each(family.bound, variables, real).mean())
    if isinstance(family, HasRate):
        rate = float(each(family.rate, variables, real).mean())
    if isinstance(family, Variational):
        active = int((each(family.encode, variables, real).var(axis=0) > ACTIVE).sum())
    linear = _linear(family, variables, digits.train, real)
    return Codes(len(real.labels), error, bound, rate, active, linear)


def each(method: Callable, variables: Variables, split: Split) -> np.ndarray:
    """What a method of a family makes of each digit; the method takes variables, images, labels
    and, where it draws, keys."""
    chunk = min(1024, -(-len(split.labels) // 8) * 8)  # few digits are not padded with many
    return map_images(method, variables, images=split.images, labels=split.labels, chunk=chunk)


def plane(family: Family, variables: Variables, split: Split) -> np.ndarray | None:
    """The codes of digits laid out in a plane [n, 2], near ones near (t-SNE: van der Maaten and
    Hinton 2008), or as they are where they have two dimensions; None where codes are no vectors."""
    if not _is_vector(family, variables):
        return None
    from sklearn.manifold import TSNE

    codes = each(able(family, Encodes).encode, variables, split)
    if codes.shape[1] <= 2:
        return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))
    return TSNE(random_state=0, perplexity=min(30, len(codes) / 4)).fit_transform(codes)


def _linear(family, variables, train, real):
    if not _is_vector(family, variables):
        return None
    few = partition.subset(train, min(PROBED, len(train.labels)))
    codes = [each(able(family, Encodes).encode, variables, split) for split in (few, real)]
    size = codes[0].shape[1]
    pca = _components(train, size)
    pixels = metrics.pixels(real.images)
    components = [pca.transform(vectors) for vectors in (metrics.pixels(few.images), pixels)]
    back = pca.inverse_transform(components[1])
    labels = few.labels, real.labels
    return Linear(
        size,
        _squared_error(pixels, back),
        _probe(codes, labels),
        _probe(components, labels),
    )


_fitted: dict[tuple[int, int], tuple[np.ndarray, Any]] = {}  # with the images, which keeps their id


def _components(train: Split, size: int) -> Any:
    """The principal components of training digits, which are fitted once."""
    from sklearn.decomposition import PCA

    key = id(train.images), size
    if key not in _fitted:
        if len(_fitted) == 8:
            _fitted.clear()
        found = PCA(min(size, len(train.labels)), random_state=0)
        _fitted[key] = train.images, found.fit(metrics.pixels(train.images))
    return _fitted[key][1]


def _is_vector(family, variables) -> bool:
    """Whether images have codes that are vectors, and are encoded in one step."""
    if family.encodes_iteratively or not isinstance(family, Encodes):
        return False
    images, labels = np.zeros((1, 28, 28, 1), np.float32), np.zeros(1, np.int32)
    latents = jax.eval_shape(family.encode, variables, images, labels)
    return isinstance(latents, jax.ShapeDtypeStruct) and latents.ndim == 2


def _probe(vectors, labels) -> float | None:
    if len(np.unique(labels[0])) < 2:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return float(probe.fit(vectors[0], labels[0]).score(vectors[1], labels[1]))


def _squared_error(pixels, others) -> float:
    return float(np.square(pixels - others, dtype=np.float64).sum(1).mean())
