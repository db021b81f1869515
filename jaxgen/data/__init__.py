"""Where digits come from: ``load(source)`` gives them as arrays, in three fixed parts.

    split          what a source gives (Split, Digits), and what is in it (Contents)
    partition      the rules that divide it: which images are held out
    populations    who wrote a digit of MNIST
    mnist          MNIST itself, embedded in the package
    idx            folders of IDX files, the format of MNIST, and a writer for it
    tfds           datasets that TensorFlow Datasets prepared, read without TensorFlow
    synthetic      crude strokes, for tests
    labelled       a person's own digits, with their labels, to learn from
    source_images  the size and the ink of MNIST, for the images of all these
    user_images    a person's own digits, many in a file or folder
    pictures       a person's own picture of one digit, brought to MNIST's form
    strokes        the ink of such a picture
    tables         files of arrays, CSV and Parquet
    batches        which images a training step sees
    files          files that are written whole or not at all
    writers        data sets of any size, written piece by piece
    tfds_writer    the same as TensorFlow Datasets has them

Each source has a function ``raw`` that gives its training and its test digits in file order; the
rule of ``partition`` divides the training digits further. All arrays are numpy's, and nothing here
imports JAX.
"""

import difflib
import os
from collections.abc import Callable

from jaxgen.config import STRIDED
from jaxgen.data import idx, mnist, partition, source_images, synthetic, tfds
from jaxgen.data.split import Digits, Split
from jaxgen.errors import UserError

SOURCES = (  # what --data takes
    "mnist",
    "mnist:N",
    "mnist:N:SEED",
    "idx:DIR",
    "tfds:NAME_OR_DIR",
    "files:PATH",
    "synthetic",
    "synthetic:N",
)

__all__ = ["SOURCES", "Digits", "Split", "anchored", "load", "raw", "whole"]


def load(source: str = "mnist", say: Callable[[str], None] = lambda line: None) -> Digits:
    """Return the digits of a source, with one training image of twelve held out for validation.

    MNIST: 55,000, 5,000 and 10,000 digits; ``mnist:N:SEED`` has only N training digits of each of
    the ten, another choice for each SEED, and the others of MNIST unchanged. ``strided:SOURCE`` has
    the validation digits that runs of earlier versions held out, and alone may have dark ink:
    elsewhere such images are inverted. ``say(line)`` is called with what was done to the images.
    The same source gives the same arrays, whatever the seed of a run. Raises UserError for a source
    that is unknown, missing or damaged.
    """
    if (full := whole(source)) != source:
        count, _, seed = source.removeprefix(STRIDED).partition(":")[2].partition(":")
        if not (count.isdecimal() and (seed or "0").isdecimal()):
            raise UserError(_unknown(source))
        few = partition.strided_few if source.startswith(STRIDED) else partition.few
        return few(source, load(full), int(count), int(seed or 0))
    train, test = raw(source, say)
    if source.startswith(STRIDED):
        return partition.strided(source, train, test)
    (train, dark), (test, dark_test) = map(source_images.lightened, (train, test))
    if count := dark + dark_test:
        say(f"{count:,} images of {source} have dark ink: inverted")
    digits = partition.hold_out(source, train, test)
    if source.partition(":")[0] not in ("mnist", "synthetic"):
        say(
            f"{len(digits.train.labels):,} images to learn from, {len(digits.valid.labels):,} "
            f"held out to choose settings by, {len(test.labels):,} to test with"
        )
    return digits


def anchored(source: str) -> str:
    """The source with a whole path, if it has one, which means the same from every folder. A path
    without a kind becomes a source of the kind of data set that lies there."""
    kind, colon, path = source.removeprefix(STRIDED).partition(":")
    here = os.path.abspath(os.path.expanduser(path))
    if not colon and kind not in ("mnist", "synthetic"):
        is_path = os.path.exists(os.path.expanduser(source))
        return anchored(_kind_of(source)) if is_path else source
    if not path or kind not in ("idx", "tfds", "files"):
        return source
    if kind == "tfds" and not os.path.exists(here):
        return source  # a name
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}{kind}{colon}{here}"


def whole(source: str) -> str:
    """The source that ``source`` takes a few digits of, or itself."""
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}mnist" if source.removeprefix(STRIDED).startswith("mnist:") else source


def raw(
    source: str = "mnist", say: Callable[[str], None] = lambda line: None
) -> tuple[Split, Split]:
    """Return all training digits and the test digits of a source, in file order. ``say(line)`` is
    called with what was done to them."""
    match source.removeprefix(STRIDED).split(":", 1):
        case ["mnist"]:
            return mnist.raw()
        case ["idx", folder] if folder:
            return idx.raw(folder, say)
        case ["tfds", name] if name:
            return tfds.raw(name, source.startswith(STRIDED))
        case ["files", path] if path:
            from jaxgen.data import labelled  # here, so that MNIST itself needs no Pillow

            return labelled.raw(path, say)
        case ["synthetic"]:
            return synthetic.raw()
        case ["synthetic", count] if count.isdecimal():
            return synthetic.raw(int(count))
    raise UserError(_unknown(source))


def _kind_of(path: str) -> str:
    """The source that an existing path is."""
    there = os.path.expanduser(path)
    if os.path.isfile(os.path.join(there, "dataset_info.json")):
        return f"tfds:{path}"
    names = os.listdir(there) if os.path.isdir(there) else []
    if any(name.startswith(("t10k-images-idx3", "t10k-images.idx3")) for name in names):
        return f"idx:{path}"
    return f"files:{path}"


def _unknown(source: str) -> str:
    kinds = {known.split(":")[0]: known for known in reversed(SOURCES)}
    near = difflib.get_close_matches(source.split(":")[0].lower(), kinds, n=1)
    meant = kinds[near[0]] if near else ""
    if os.path.exists(os.path.expanduser(source)):
        meant = _kind_of(source)
    hint = f"did you mean {meant}? The sources are" if meant else "the sources are"
    return f"--data {source!r} is no source of digits: {hint} {', '.join(SOURCES)}"
