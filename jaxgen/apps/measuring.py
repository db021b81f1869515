"""What an application is worth, by the judge and in pixels, with intervals."""

import numpy as np

from jaxgen.evaluation import judge, metrics
from jaxgen.evaluation.report import share


def recognised(images: np.ndarray, labels: np.ndarray) -> str:
    """How many of images float32 [n, 28, 28, 1] the judge takes for the digits [n], in words."""
    logits, _ = judge.look(judge.load(), images)
    hits = metrics.hits(logits, labels)
    value, low, high = share(hits, len(labels))
    return f"{hits} of {len(labels)}, {value:.1%} (95 % interval {low:.1%} to {high:.1%})"


def psnr(images: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of each image in dB [n], where white is 1."""
    errors = np.square(images - clean).mean((1, 2, 3))
    return -10 * np.log10(np.maximum(errors, 1e-10))
