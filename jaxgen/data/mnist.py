"""MNIST (LeCun, Cortes, Burges 1998): 60,000 training and 10,000 test digits, in the package.

The four files lie in ``mnist_files/`` with their licence (CC BY-SA 3.0). Every load checks the
SHA-256 of their unpacked contents, and takes 0.2 s, mostly to unpack the training images; this is
one stream, so threads do not help.
"""

import functools
from pathlib import Path

from jaxgen.classes import DIGITS
from jaxgen.data import idx, split
from jaxgen.data.split import Split

FOLDER = Path(__file__).parent / "mnist_files"
SHA256 = {  # of the unpacked contents
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def raw(folder: Path = FOLDER) -> tuple[Split, Split]:
    """Return the 60,000 and the 10,000 digits in file order. Raises UserError for altered files."""
    return _part(folder, "train"), _part(folder, "t10k")


@functools.cache
def _part(folder: Path, part: str) -> Split:
    names = (f"{part}-{name}" for name in idx.NAMES)
    images, labels = (idx.read(folder / f"{name}.gz", SHA256[name]) for name in names)
    digits = split.checked("MNIST", images[..., None], labels, len(DIGITS))
    for array in digits:
        array.flags.writeable = False  # all callers share one copy
    return digits
