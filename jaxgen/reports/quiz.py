"""Real or generated? A page that shows digits one by one, asks, and counts the right answers.

This is the oldest measure of a generative model, and no network can be trained against it.
"""

from collections.abc import Mapping

import numpy as np

from jaxgen.reports.html import PAGES, data_uri

REAL = "real"


def quiz(pictures: Mapping[str, np.ndarray], seed: int, questions: int = 40) -> str:
    """Return the quiz as one self-contained page.

    ``pictures`` are uint8 [n, 28, 28] by the name of their source; one source is ``real``. Half of
    the questions show real digits, the other half is divided evenly among the other sources. No
    picture comes twice. The choice and the order follow from ``seed``.
    """
    if REAL not in pictures or len(pictures) < 2:
        raise ValueError(f"a quiz is about {REAL!r} digits and others, not {sorted(pictures)}")
    sources = [REAL, *(name for name in pictures if name != REAL)]
    half, others = questions // 2, len(sources) - 1
    if questions % 2 or half < others:
        raise ValueError(
            f"{questions} questions do not do: ask an even number, {2 * others} or more for "
            f"{others} sources"
        )
    rng = np.random.default_rng(seed)
    # If the half does not divide evenly, random sources get one question more.
    counts = rng.permutation(half // others + (np.arange(others) < half % others))
    drawn = []
    for source, (name, count) in enumerate(zip(sources, [half, *counts], strict=True)):
        images = pictures[name]
        if images.dtype != np.uint8 or images.ndim != 3:
            raise ValueError(
                f"pictures of {name!r} are uint8 [n, h, w], not {images.dtype} {list(images.shape)}"
            )
        if len(images) < count:
            raise ValueError(
                f"{count} pictures of {name!r} are needed, and there are {len(images)}"
            )
        chosen = rng.choice(len(images), count, replace=False)
        drawn += [{"picture": data_uri(images[index]), "source": source} for index in chosen]
    rng.shuffle(drawn)
    template = PAGES.get_template("quiz.html.j2")
    return template.render(seed=seed, sources=sources, questions=drawn)
