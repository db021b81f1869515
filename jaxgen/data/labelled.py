"""A data set to learn from, of one's own or as others publish it: files:PATH is what ``sets``
reads, divided into training and test digits.

Without a training part, all images are training images. Without a test part, a fair sample of one
image of seven is the test set, or where the writers are known, the images of one writer of seven
(``partition``).
"""

from collections.abc import Callable

from jaxgen import classes
from jaxgen.data import partition, sets
from jaxgen.data.large import Large
from jaxgen.data.split import Raw, Split

_IDX = ".idx.gz"  # as ``images.save`` writes them: two files, whose names begin alike


def raw(path: str, say: Callable[[str], None] = lambda line: None) -> Raw | Large:
    """Return the training and the test images, or how to read them where there are too many for
    memory. ``say(line)`` tells what the files were taken for, and what was changed. Raises
    UserError as ``sets.read``."""
    found = sets.read_or_large(path.removesuffix(_IDX), say)
    if isinstance(found, Large):
        return found
    if not classes.are_digits(found.names):
        say(classes.told(found.names))
    train = Split(found.train.images, found.train.labels)
    if found.test is None:
        return Raw(*partition.with_test(train, found.train.writers), found.names)
    return Raw(train, Split(found.test.images, found.test.labels), found.names)
