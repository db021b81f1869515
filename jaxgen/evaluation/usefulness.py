"""What drawn digits are good for: a classifier that has seen nothing else (the classification
accuracy score of Ravuri and Vinyals 2019).

A network learns from n drawn digits and the digits asked for, and is tested on the real test
digits, which shows at once whether the digits are right and whether they are varied. Beside it
stands the same network after n real training digits. Nothing is augmented, for that would hide
what the drawn digits lack.
"""

from collections.abc import Callable

from jaxgen.data import Split
from jaxgen.evaluation import classifier, metrics
from jaxgen.evaluation import judge as judges
from jaxgen.evaluation.judge import Layered, Network
from jaxgen.evaluation.statistics import Estimate, proportion

EPOCHS = 8
STEPS = 400  # at least, however few the digits
LEAST = classifier.BATCH  # digits to learn from


def score(
    learned: Split,
    test: Split,
    seed: int = 0,
    *,
    network: Network | Layered = judges.NETWORK,
    steps: int | None = None,
    batch: int = classifier.BATCH,
    change: Callable | None = None,
) -> Estimate:
    """The share of the digits ``test`` that a classifier recognises after the digits ``learned``
    alone, each batch of them changed by ``change(images, key)`` if anything is. When ``steps`` are
    not given, there are to be LEAST digits or more."""
    steps = steps or max(EPOCHS * len(learned.labels) // classifier.BATCH, STEPS)
    variables = classifier.fit(network, learned, steps, seed=seed, batch=batch, change=change)
    logits, _ = classifier.look(network, variables, test.images)
    return proportion(metrics.hits(logits, test.labels), len(test.labels))
