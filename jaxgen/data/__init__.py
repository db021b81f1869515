"""Where digits come from: ``load(source)`` gives them as arrays, in three fixed parts.

    split      what a source gives (Split, Digits)
    partition  the rules that divide it: which images are held out
    populations  who wrote a digit of MNIST
    mnist      MNIST itself, embedded in the package
    idx        folders of IDX files, the format of MNIST, and a writer for it
    tfds       datasets that TensorFlow Datasets prepared, read without TensorFlow
    tfds_builder  makes such a dataset of IDX files
    synthetic  crude strokes, for tests
    pictures   a person's own picture of one digit, brought to MNIST's form
    own        a person's own digits, many in a file or folder
    ink        light on dark, as MNIST has it
    sizes      images of other sizes, brought to 28 by 28
    batches    which images a training step sees
    files      files that are written whole or not at all
    writers    data sets of any size, written piece by piece
    tfds_writer   the same as TensorFlow Datasets has them

Each source has a function ``raw`` that gives its training and its test digits in file order; the
rule of ``partition`` divides the training digits further. All arrays are numpy's, and nothing here
imports JAX.
"""

import difflib
import os
from collections.abc import Callable

from jaxgen.config import STRIDED
from jaxgen.data import idx, ink, mnist, partition, synthetic, tfds
from jaxgen.data.split import Digits, Split
from jaxgen.errors import UserError

SOURCES = (  # what --data takes
    "mnist",
    "mnist:N",
    "mnist:N:SEED",
    "idx:DIR",
    "tfds:NAME_OR_DIR",
    "synthetic",
    "synthetic:N",
)

__all__ = ["SOURCES", "Digits", "Split", "anchored", "load", "raw", "whole"]


def load(source: str = "mnist", told: Callable[[str], None] = lambda line: None) -> Digits:
    """Return the digits of a source, with one training image of twelve held out for validation.

    MNIST: 55,000, 5,000 and 10,000 digits; ``mnist:N:SEED`` has only N training digits of each of
    the ten, another choice for each SEED, and the others of MNIST unchanged. ``strided:SOURCE`` has
    the validation digits that runs of earlier versions held out, and alone may have dark ink:
    elsewhere such images are inverted, which ``told`` hears. The same source gives the same arrays,
    whatever the seed of a run. Raises UserError for a source that is unknown, missing or damaged.
    """
    if source.startswith(STRIDED) and whole(source) == source:
        return partition.strided(source, *raw(source))
    if whole(source) == source:
        (train, dark), (test, also) = map(_lightened, raw(source))
        if count := dark + also:
            told(f"{count:,} images of {source} have dark ink: inverted")
        return partition.hold_out(source, train, test)
    count, _, seed = source.removeprefix(STRIDED).partition(":")[2].partition(":")
    if not (count.isdecimal() and (seed or "0").isdecimal()):
        raise UserError(_unknown(source))
    few = partition.strided_few if source.startswith(STRIDED) else partition.few
    return few(source, load(whole(source)), int(count), int(seed or 0))


def _lightened(split: Split) -> tuple[Split, int]:
    images, dark = ink.lightened(split.images)
    return split._replace(images=images), dark


def anchored(source: str) -> str:
    """The source with a whole path, if it has one, which means the same from every folder."""
    kind, colon, path = source.removeprefix(STRIDED).partition(":")
    here = os.path.abspath(os.path.expanduser(path))
    if not path or kind not in ("idx", "tfds") or (kind == "tfds" and not os.path.exists(here)):
        return source  # of TFDS there are names too
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}{kind}{colon}{here}"


def whole(source: str) -> str:
    """The source that ``source`` takes a few digits of, or itself."""
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}mnist" if source.removeprefix(STRIDED).startswith("mnist:") else source


def raw(source: str = "mnist") -> tuple[Split, Split]:
    """Return all training digits and the test digits of a source, in file order."""
    match source.removeprefix(STRIDED).split(":", 1):
        case ["mnist"]:
            return mnist.raw()
        case ["idx", folder] if folder:
            return idx.raw(folder)
        case ["tfds", name] if name:
            return tfds.raw(name, source.startswith(STRIDED))
        case ["synthetic"]:
            return synthetic.raw()
        case ["synthetic", count] if count.isdecimal():
            return synthetic.raw(int(count))
    raise UserError(_unknown(source))


def _unknown(source: str) -> str:
    kinds = {known.split(":")[0]: known for known in reversed(SOURCES)}
    near = difflib.get_close_matches(source.split(":")[0].lower(), kinds, n=1)
    meant = kinds[near[0]] if near else ""
    if os.path.isdir(source):
        prepared = os.path.isfile(os.path.join(source, "dataset_info.json"))
        meant = f"{'tfds' if prepared else 'idx'}:{source}"
    hint = f"did you mean {meant}? The sources are" if meant else "the sources are"
    return f"--data {source!r} is no source of digits: {hint} {', '.join(SOURCES)}"
