"""A person's own digits to learn from: files:PATH is a file or folder of labelled images, which
``user_images`` reads.

    digits.npz, .csv, .parquet, .idx.gz   images and labels
    a folder                              such files, or pictures in folders 0 to 9

Folders ``train`` and ``test``, and files whose names begin with these words, are these parts, as
``bin/apply augment`` writes them. Without a training part, all images are training images. Without
a test part, a fair sample of one image of seven is the test set (``partition``).
"""

import os
from collections import Counter
from collections.abc import Callable

import numpy as np

from jaxgen.data import partition, split, user_images
from jaxgen.data.split import Split
from jaxgen.errors import UserError


def raw(path: str, say: Callable[[str], None] = lambda line: None) -> tuple[Split, Split]:
    """Return the training and the test digits. ``say(line)`` is called with the changes that bring
    images to MNIST's form, and their counts. Raises UserError where there is no image, or where an
    image has no label."""
    path = os.path.expanduser(path)
    if not os.path.exists(path) and not path.lower().endswith(".idx.gz"):
        raise UserError(f"files:{path} does not exist: name a file or a folder of images")
    parts = _parts(path)
    changes: Counter[str] = Counter()
    train = _read(path, parts["train"], changes)
    test = _read(path, parts["test"], changes) if "test" in parts else None
    words = [f"{n} {word}" for word, n in changes.items() if not word.endswith("unchanged")]
    if words:
        say(f"images of files:{path}: {', '.join(words)}")
    return partition.with_test(train) if test is None else (train, test)


def _parts(path: str) -> dict[str, list[user_images.Group]]:
    """The groups of images of ``train`` and, where there are some, of ``test``."""
    if not os.path.isdir(path):
        return {"train": user_images.find(path)}
    names = sorted(os.listdir(path))
    parts = {}
    for part in ("train", "test"):
        paths = [os.path.join(path, x) for x in names if x == part or _is_file_of(part, x)]
        if paths:
            parts[part] = [group for path in paths for group in user_images.find(path)]
    return parts if "train" in parts else {"train": user_images.find(path)}


def _is_file_of(part: str, name: str) -> bool:
    return name.lower().startswith(part) and name.lower().endswith(user_images.FILES)


def _read(path: str, groups: list[user_images.Group], changes: Counter[str]) -> Split:
    items = [item for group in groups for item in group.items]
    if unlabelled := [item.name for item in items if item.label is None]:
        raise UserError(
            f"files:{path} has {len(unlabelled)} images without a label, {unlabelled[0]} first: "
            "put pictures into folders 0 to 9, and labels beside arrays"
        )
    images = np.empty((len(items), split.SIDE, split.SIDE, 1), np.uint8)
    for index, item in enumerate(items):
        images[index], words = item.read()
        changes.update(words)
    return split.checked(f"files:{path}", images, np.array([item.label for item in items], int))
