"""The classification accuracy score (CAS) of Ravuri and Vinyals 2019.

A classifier learns from generated digits alone and is tested on real test digits. The score is high
only if the generated digits are both correct and varied. The same classifier, trained on as many
real digits, gives the score to compare with. Nothing is augmented: augmentation would hide what the
generated digits lack.
"""

from collections.abc import Callable

from jaxgen.data import Split
from jaxgen.evaluation import classifier, metrics
from jaxgen.evaluation import judge as judges
from jaxgen.evaluation.judge import Layered, Network
from jaxgen.evaluation.statistics import Estimate, proportion

EPOCHS = 8
STEPS = 400  # least number of steps, even for few digits
LEAST = classifier.BATCH  # digits to learn from


def score(
    train: Split,
    test: Split,
    seed: int = 0,
    *,
    network: Network | Layered = judges.NETWORK,
    steps: int | None = None,
    batch: int = classifier.BATCH,
    change: Callable | None = None,
) -> Estimate:
    """The accuracy on the digits ``test`` of a classifier that learns from the digits ``train``.

    ``change(images, key)`` augments each batch, if given. Without ``steps``, ``train`` needs LEAST
    digits or more.
    """
    steps = steps or max(EPOCHS * len(train.labels) // classifier.BATCH, STEPS)
    variables = classifier.fit(network, train, steps, seed=seed, batch=batch, change=change)
    logits, _ = classifier.look(network, variables, test.images)
    return proportion(metrics.hits(logits, test.labels), len(test.labels))
