"""What a Frechet distance is held against: its floor, and its unit.

The unit N is the distance between real test digits and the same digits under Gaussian noise of 0.1, clipped to
[0, 1]; the floor is the distance between training digits that the judge has not seen and the test digits. Both
are taken at the n of the question, because the distance of few images is biased upwards.
"""

import numpy as np

from jaxgen.evaluation import metrics
from jaxgen.evaluation.judge import Judge, look

NOISE = 0.1  # standard deviation, where white is 1
NOISE_SEED = 0


def noisy(images):
    """The test images uint8 [n, 28, 28, 1] under the fixed noise; float32 in [0, 1], the same for the same n."""
    noise = np.random.default_rng(NOISE_SEED).standard_normal(images.shape, np.float32)
    return np.clip(images / np.float32(255) + NOISE * noise, 0, 1)


def noise_unit(judge: Judge, images) -> float:
    """The unit N of the Frechet distance, of these test images uint8 [n, 28, 28, 1]."""
    return metrics.frechet(look(judge, noisy(images))[1], look(judge, images)[1])
