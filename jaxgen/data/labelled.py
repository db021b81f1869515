"""A person's own digits to learn from: files:PATH is a file or folder of images whose digits are
known, as ``user_images`` reads them.

    digits.npz, .csv, .parquet, .idx.gz   images and labels
    a folder                              such files, or pictures in folders 0 to 9

What lies in ``train`` and ``test``, or in files whose names begin so, are these parts, as
``bin/apply augment`` writes them. Otherwise, or where there is no test part, a fair sample of one
image of seven is the test set (``partition``).
"""

import os
from collections import Counter
from collections.abc import Callable

import numpy as np

from jaxgen.data import partition, split, user_images
from jaxgen.data.split import Split
from jaxgen.errors import UserError


def raw(path: str, say: Callable[[str], None] = lambda line: None) -> tuple[Split, Split]:
    """Return the training and the test digits. ``say`` hears what was done to how many images to
    bring them to MNIST's form. Raises UserError where there are none, or one has no label."""
    path = os.path.expanduser(path)
    if not os.path.exists(path) and not path.lower().endswith(".idx.gz"):
        raise UserError(f"files:{path} is not there: name a file or a folder of images")
    parts = _parts(path)
    done: Counter[str] = Counter()
    train = _read(path, parts["train"], done)
    test = _read(path, parts["test"], done) if "test" in parts else None
    words = [f"{count} {word}" for word, count in done.items() if not word.endswith("as it is")]
    if words:
        say(f"images of files:{path}: {', '.join(words)}")
    return partition.with_test(train) if test is None else (train, test)


def _parts(path: str) -> dict[str, list[user_images.Found]]:
    """What is found of each part."""
    if not os.path.isdir(path):
        return {"train": user_images.find(path)}
    names = sorted(os.listdir(path))
    parts = {}
    for part in ("train", "test"):
        its = [name for name in names if name == part or _is_file_of(part, name)]
        if its:
            parts[part] = [
                found for name in its for found in user_images.find(os.path.join(path, name))
            ]
    return parts if "train" in parts else {"train": user_images.find(path)}


def _is_file_of(part: str, name: str) -> bool:
    return name.lower().startswith(part) and name.lower().endswith(user_images.FILES)


def _read(path: str, found: list[user_images.Found], done: Counter[str]) -> Split:
    items = [item for one in found for item in one.items]
    if unknown := [item.name for item in items if item.label is None]:
        raise UserError(
            f"files:{path} has {len(unknown)} images that say no digit, {unknown[0]} first: put "
            "pictures into folders 0 to 9, and labels beside arrays"
        )
    images = np.empty((len(items), split.SIDE, split.SIDE, 1), np.uint8)
    for place, item in enumerate(items):
        images[place], words = item.read()
        done.update(words)
    return split.checked(f"files:{path}", images, np.array([item.label for item in items], int))
