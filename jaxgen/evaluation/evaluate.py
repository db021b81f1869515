"""All measures of generated images, in one report."""

import numpy as np

from jaxgen import data
from jaxgen.arrays import ANY, IMAGE
from jaxgen.errors import UserError
from jaxgen.evaluation import metrics, population
from jaxgen.evaluation.judge import Judge, look
from jaxgen.evaluation.reference import Reference, labels_like, measure, real_digits, relative
from jaxgen.evaluation.report import Figures, Neighbour, Report
from jaxgen.evaluation.statistics import proportion

CLOSEST = 16  # neighbours in the report


def evaluate(
    images: np.ndarray,
    labels: np.ndarray,
    source: str,
    judge: Judge,
    seed: int = 0,
    *,
    reference: Reference | None = None,
) -> Report:
    """Judge n images, drawn for ``labels`` [n] with ``seed``, against n real digits of ``source``.

    Images are uint8 or float in [0, 1], [n, 28, 28, 1]; floats are rounded to 256 greys first, as
    in a file. A label may be ANY. Figures are comparable if the labels are
    ``labels_like(real labels, n)``. ``reference`` is ``measure(judge, digits, n)`` by default; pass
    it to measure the real digits once for several generators.

    Raises UserError for images or labels of another kind, too few or too many.
    """
    images, n = as_bytes(images), len(images)
    digits = data.load(source)
    classes = len(digits.names)
    if labels.shape != (n,) or not ((labels >= ANY) & (labels < classes)).all():
        raise UserError(f"{n} images need {n} labels, 0 to {classes - 1}, or {ANY} for any")
    reference = reference or measure(judge, digits, n)
    if reference.n != n:
        raise UserError(f"{n} images need a reference of {n} real digits, not of {reference.n}")
    logits, features = look(judge, images)
    rates = reference.rates
    copies = metrics.copies(images, digits.train.images)
    spreads = metrics.spreads(features, logits.argmax(1), classes)
    usual = labels_like(real_digits(digits, reference.against).labels, n)
    return Report(
        n=n,
        seed=seed,
        judge=judge.hash,
        source=source,
        against=reference.against,
        like_real=np.array_equal(np.sort(labels), np.sort(usual)),
        unit=reference.unit,
        generated=Figures(
            recognised=_recognised(logits, labels, range(classes)),
            frechet=metrics.frechet(features, reference.features),
            frechet_interval=metrics.frechet_interval(features, reference.features),
            histogram=metrics.histogram(logits),
            prdc=metrics.prdc(reference.features, features),
            copied=copies.proportion,
            spreads=relative(spreads, reference.spreads),
            population=rates and population.proportion(population.load(), rates, images),
        ),
        real=reference.figures,
        mixtures=reference.mixtures,
        population_accuracy=rates and rates.accuracy,
        kinds=len(np.unique(usual)),
        by_digit=tuple(_recognised(logits, labels, [digit]) for digit in range(classes)),
        closest=_closest(copies),
        names=digits.names,
        searched=(len(digits.train.labels), digits.count) if digits.stream else None,
    )


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Images [n, 28, 28, 1] or [n, 28, 28] as uint8 [n, 28, 28, 1]; UserError for other arrays."""
    if images.shape[1:] == IMAGE[:2]:
        images = images[..., None]
    if images.shape[1:] != IMAGE:
        raise UserError(f"images to judge must be [n, 28, 28, 1], not {list(images.shape)}")
    if images.dtype == np.uint8:
        return images
    if not np.issubdtype(images.dtype, np.floating):
        raise UserError(f"images to judge must be uint8 or float in [0, 1], not {images.dtype}")
    if not ((images >= 0) & (images <= 1)).all():  # False for NaN too
        raise UserError("images to judge must lie in [0, 1]: clip them, or give them as uint8")
    return np.rint(images * 255).astype(np.uint8)


def _recognised(logits, labels, digits):
    rows = np.isin(labels, list(digits))
    if not rows.any():
        return None
    return proportion(metrics.hits(logits[rows], labels[rows]), int(rows.sum()))


def _closest(copies):
    order = np.argsort(copies.ratio, kind="stable")[:CLOSEST].tolist()
    return tuple(
        Neighbour(i, int(copies.nearest[i]), float(copies.distance[i]), float(copies.ratio[i]))
        for i in order
    )
