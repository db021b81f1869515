"""What a code keeps of a digit: squared error of the reconstruction, bound, rate, linear probe.

Codes that are vectors are compared with principal components of the training digits, as many as the
code has dimensions: no linear code has a smaller squared error. The linear probe is a logistic
regression from codes to digits.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import kept
from jaxgen.data import Digits, Split, partition
from jaxgen.evaluation import metrics, reference
from jaxgen.evaluation.report import Against
from jaxgen.families.base import Family, Variables, Variational
from jaxgen.families.capabilities import Encodes, HasBound, HasRate, able
from jaxgen.mapping import map_images

SEARCHED = 200  # digits at most, where encoding is a search
PROBED = 10_000  # training digits at most of a probe
COMPONENTS = 1  # the version of ``components``, raised with every change
ACTIVE = 0.01  # least variance of the mean of an active dimension (Burda et al. 2016, section 5)


class Linear(NamedTuple):
    """A code that is a vector, beside as many principal components."""

    dimensions: int
    pca_squared_error: float  # per image, summed over its pixels
    # The accuracy of a linear probe on codes, and on principal components; None where all digits
    # are the same.
    probe: float | None
    pca_probe: float | None


class Codes(NamedTuple):
    """The figures of the codes of n real digits; None where a family has no such figure."""

    n: int
    squared_error: float | None  # of a reconstruction, summed over its pixels; white is 1
    bound: float | None  # nats per image
    rate: float | None  # nats per image: the information of the code beyond the digit
    active: int | None  # active dimensions of a variational code
    linear: Linear | None  # None where codes are no vectors

    def lines(self, one: str) -> list[str]:
        """The figures as sentences; ``one`` is what an image is of, such as a digit."""
        lines = []
        if self.squared_error is not None:
            lines.append(f"reconstruction: squared error {self.squared_error:.2f} per image")
        if self.linear:
            size, pca_error, probe, pca_probe = self.linear
            lines[0] += f"; {size} principal components {pca_error:.2f}"
            if probe is not None:
                lines.append(
                    f"accuracy of a linear probe on the {size} numbers: {probe:.1%}; "
                    f"on principal components {pca_probe:.1%}"
                )
        if self.bound is not None:
            lines.append(f"upper bound of -log p: {self.bound:.2f} nats per image")
        if self.rate is not None:
            bits = self.rate / math.log(2)
            lines.append(
                f"rate of the codes, given the {one}: {self.rate:.1f} nats, {bits:.0f} bits"
            )
        if self.active is not None:
            lines.append(f"active dimensions: {self.active}")
        return [f"{line} (n = {self.n})" for line in lines]


def measure(
    family: Family, variables: Variables, digits: Digits, against: Against = "test"
) -> Codes:
    """Encode and decode the real digits, or SEARCHED of them where encoding is a search."""
    real = reference.real_digits(digits, against)
    if family.encodes_iteratively:
        real = partition.subset(real, min(SEARCHED, len(real.labels)))
    family = family.for_inversion()
    error = bound = rate = active = None
    if isinstance(family, Encodes):
        pixels = metrics.pixels(real.images)
        reconstructed = _map_digits(family.reconstruct, variables, real)
        error = _squared_error(pixels, reconstructed.reshape(pixels.shape))
    if isinstance(family, HasBound) and not family.encodes_iteratively:
        bound = float(_map_digits(family.bound, variables, real).mean())
    if isinstance(family, HasRate):
        rate = float(_map_digits(family.rate, variables, real).mean())
    if isinstance(family, Variational):
        active = int((_map_digits(family.encode, variables, real).var(axis=0) > ACTIVE).sum())
    linear = _linear(family, variables, digits.train, real)
    return Codes(len(real.labels), error, bound, rate, active, linear)


def _map_digits(method: Callable, variables: Variables, split: Split) -> np.ndarray:
    """Apply ``method(variables, images, labels)`` of a family to each digit; a method that draws
    takes ``keys`` too."""
    chunk = min(1024, -(-len(split.labels) // 8) * 8)  # few digits need no padding to 1024
    return map_images(method, variables, images=split.images, labels=split.labels, chunk=chunk)


def plane(family: Family, variables: Variables, split: Split) -> np.ndarray | None:
    """The codes of digits in a plane [n, 2], where neighbours stay near (t-SNE: van der Maaten and
    Hinton 2008); codes of one or two dimensions unchanged; None where codes are no vectors."""
    if not _is_vector(family, variables):
        return None
    from sklearn.manifold import TSNE

    codes = _map_digits(able(family, Encodes).encode, variables, split)
    if codes.shape[1] <= 2:
        return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))
    return TSNE(random_state=0, perplexity=min(30, len(codes) / 4)).fit_transform(codes)


def _linear(family, variables, train, real):
    if not _is_vector(family, variables):
        return None
    few = partition.subset(train, min(PROBED, len(train.labels)))
    codes = [_map_digits(able(family, Encodes).encode, variables, split) for split in (few, real)]
    size = codes[0].shape[1]
    linear, pixels = components(train, size), metrics.pixels(real.images)
    linear_codes = [linear.codes(vectors) for vectors in (metrics.pixels(few.images), pixels)]
    back = linear.images(linear_codes[1])
    labels = few.labels, real.labels
    return Linear(
        size,
        _squared_error(pixels, back),
        _probe(codes, labels),
        _probe(linear_codes, labels),
    )


class Components(NamedTuple):
    """Principal components of images, as vectors of their pixels."""

    mean: np.ndarray  # float32 [p]
    axes: np.ndarray  # float32 [c, p], orthonormal, from the largest variance to the smallest

    def codes(self, pixels: np.ndarray) -> np.ndarray:
        """The coordinates [n, c] of images [n, p]."""
        return (pixels - self.mean) @ self.axes.T

    def images(self, codes: np.ndarray) -> np.ndarray:
        """The images [n, p] with these coordinates."""
        return codes @ self.axes + self.mean


def components(train: Split, size: int) -> Components:
    """The first principal components of training digits. All are computed once, and kept."""

    def make() -> kept.Arrays:
        from sklearn.decomposition import PCA

        pca: Any = PCA(random_state=0).fit(metrics.pixels(train.images))
        return {"mean": pca.mean_, "axes": pca.components_}

    found = kept.arrays("components", (COMPONENTS, train.images), make)
    return Components(found["mean"], found["axes"][:size])


def _is_vector(family, variables) -> bool:
    """Whether codes are vectors, and encoding is one step."""
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
