"""Real or generated? A page that shows digits one by one, asks, and tells how the answers did.

It is the oldest measure of a generative model, and the one that no network can be trained against.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgen.pages.html import data_uri, page

REAL = "real"
_FOLDER = Path(__file__).parent


def quiz(pictures: Mapping[str, np.ndarray], seed: int, questions: int = 40) -> str:
    """Return the quiz as a page that needs nothing but itself.

    ``pictures`` are uint8 [n, 28, 28] by the name of their source, one of which is ``real``. Half
    of the questions show real digits, the others come from the other sources, from each as many or
    one more. None comes twice. Which they are and their order follow from ``seed``.
    """
    names, counts = _shares(pictures, questions)
    rng = np.random.default_rng(seed)
    # Which sources have one more is drawn too, or the first would always be asked more about.
    counts[1:] = rng.permutation(counts[1:])
    asked = []
    for source, (name, count) in enumerate(zip(names, counts.tolist(), strict=True)):
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
        asked += [{"picture": data_uri(images[place]), "source": source} for place in chosen]
    rng.shuffle(asked)
    content = json.dumps({"seed": seed, "sources": names, "questions": asked}, indent=0)
    body = (_FOLDER / "quiz.html").read_text()
    body = body.replace("{count}", str(questions))
    # Within a script, only this character could end it.
    body = body.replace("{questions}", content.replace("<", "\\u003c"))
    style, script = ((_FOLDER / name).read_text() for name in ("quiz.css", "quiz.js"))
    return page("Real or generated?", [style], body, script)


def _shares(pictures, questions):
    """The sources, real ones first, and how many pictures of each are asked about."""
    if REAL not in pictures or len(pictures) < 2:
        raise ValueError(f"a quiz is about {REAL!r} digits and others, not {sorted(pictures)}")
    names = [REAL, *(name for name in pictures if name != REAL)]
    others = len(names) - 1
    if questions % 2 or questions < 2 * others:
        raise ValueError(
            f"{questions} questions do not do: ask an even number, {2 * others} or more for "
            f"{others} sources"
        )
    half = questions // 2
    more = np.arange(others) < half % others
    return names, np.array([half, *(half // others + more)])
