"""Where digits come from: ``load(source)`` gives them as arrays, in three fixed parts.

    split          the digits of a source (Split, Digits), and a digest of them (Contents)
    partition      the rules that divide a source: which images are held out
    populations    who wrote a digit of MNIST
    mnist          MNIST itself, embedded in the package
    idx            folders of IDX files, the format of MNIST, and a writer for it
    tfds           datasets that TensorFlow Datasets prepared, read without TensorFlow
    synthetic      crude strokes, for tests
    formats        files of images as others publish them, by their contents
    sets           data sets of such files, joined and understood
    labelled       a data set of such files to learn from
    large          data sets of more images than memory should hold
    stream         their training images, read from the disk
    downloads      published data sets by name
    source_images  images of these sources, brought to the size and the ink of MNIST
    user_images    a person's own digits, many in a file or folder
    pictures       a person's own picture of one digit, brought to MNIST's form
    strokes        the ink of such a picture
    tables         files of arrays, CSV and Parquet
    batches        the images of each training step
    files          files that are written whole or not at all
    writers        data sets of any size, written piece by piece
    tfds_writer    data sets for TensorFlow Datasets, file by file

Each source has a function ``raw`` that returns its training and its test digits in file order; the
rule of ``partition`` divides the training digits further. All arrays are numpy's, and nothing here
imports JAX.
"""

import dataclasses
import difflib
import os
from collections.abc import Callable

from jaxgen.config import STRIDED, Config
from jaxgen.data import idx, known, large, mnist, partition, source_images, synthetic, tfds
from jaxgen.data.large import Large
from jaxgen.data.split import Digits, Raw, Split
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
    "fashion-mnist",
    "kmnist",
    "qmnist",
    "usps",
    "svhn",
    "emnist/NAME",
)

__all__ = [
    "SOURCES",
    "Digits",
    "Split",
    "full_source",
    "load",
    "raw",
    "with_absolute_path",
    "with_classes",
]


def load(source: str = "mnist", say: Callable[[str], None] = lambda line: None) -> Digits:
    """Return the digits of a source, with one training image of twelve held out for validation.

    MNIST has 55,000, 5,000 and 10,000 digits. ``mnist:N:SEED`` keeps N training digits of each of
    the ten, another choice for each SEED, and all validation and test digits. ``strided:SOURCE``
    holds out the validation digits of earlier versions, and keeps dark ink; all other sources
    invert images with dark ink. Of more images than memory should hold, ``stream`` has all and the
    three parts are samples. ``say(line)`` is called with each change of the images, and with
    the sizes of the parts. The same source gives the same arrays, whatever the seed of a run.
    Raises UserError for a source that is unknown, missing or damaged.
    """
    if (full := full_source(source)) != source:
        count, _, seed = source.removeprefix(STRIDED).partition(":")[2].partition(":")
        if not (count.isdecimal() and (seed or "0").isdecimal()):
            raise UserError(_unknown(source))
        few = partition.strided_few if source.startswith(STRIDED) else partition.few
        return few(source, load(full), int(count), int(seed or 0))
    found = _read(source, say)
    if isinstance(found, Large):
        digits = large.digits(source, found, say)
        _say_parts(digits, say)
        return digits
    train, test, names = found
    if source.startswith(STRIDED):
        return partition.strided(source, train, test)
    kind = source.partition(":")[0]
    if kind in ("idx", "tfds"):
        (train, dark), (test, dark_test) = map(source_images.with_light_ink, (train, test))
        if count := dark + dark_test:
            say(f"{count:,} images of {source} have dark ink: inverted")
        train, test = _upright(source, train, test, names, say)
    digits = partition.hold_out(source, train, test)._replace(names=names)
    if kind not in ("mnist", "synthetic"):
        _say_parts(digits, say)
    return digits


def _say_parts(digits: Digits, say: Callable[[str], None]) -> None:
    say(
        f"{digits.count:,} images to learn from, {len(digits.valid.labels):,} "
        f"held out to choose settings by, {len(digits.test.labels):,} to test with"
    )
    if digits.stream:
        say(
            f"the steps of training read them from {digits.stream.path}; all else is measured "
            f"with a fair sample of {len(digits.train.labels):,}"
        )


def _upright(
    source: str,
    train: Split,
    test: Split,
    names: tuple[str, ...],
    say: Callable[[str], None],
) -> tuple[Split, Split]:
    """The images of a source upright: those of EMNIST lie on their side, in TFDS too."""
    from jaxgen.data.sets import uprightness  # here, because MNIST itself needs none of it

    turn = uprightness.turn(train.images[..., 0], train.labels, names)
    if turn is None:
        return train, test
    say(f"{source}: {turn.words}")
    images, tests = (turn(part.images[..., 0])[..., None] for part in (train, test))
    return train._replace(images=images), test._replace(images=tests)


def with_absolute_path(source: str) -> str:
    """The source with its path, if it has one, made absolute. A path without a kind of source gets
    the kind of the data set at that path."""
    kind, colon, path = source.removeprefix(STRIDED).partition(":")
    absolute = os.path.abspath(os.path.expanduser(path))
    if not colon and kind not in ("mnist", "synthetic"):
        if os.path.exists(os.path.expanduser(source)):
            return with_absolute_path(_source_at(source))
        return with_absolute_path(f"files:{source}") if _begins_files(source) else source
    if not path or kind not in ("idx", "tfds", "files"):
        return source
    if kind == "tfds" and not os.path.exists(absolute):
        return source  # a name
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}{kind}{colon}{absolute}"


def _begins_files(path: str) -> bool:
    """Whether a path that does not exist is what files in its folder have in common, or files in an
    archive may have; and is no name of a published set."""
    from jaxgen.data import downloads

    if path in downloads.SETS:
        return False
    place, start = os.path.split(os.path.expanduser(path))
    if os.path.isdir(place or "."):
        return any(name.startswith(start) for name in os.listdir(place or "."))
    return os.path.isfile(place)


def is_mnist(source: str) -> bool:
    """Whether a source is MNIST, or a part of it."""
    return source.removeprefix(STRIDED).partition(":")[0] == "mnist"


def with_classes(config: Config) -> Config:
    """The recipe with the names of the classes of its data."""
    if is_mnist(config.data):
        return config
    return dataclasses.replace(config, classes=load(config.data).names)


def full_source(source: str) -> str:
    """The source without its number of digits: ``mnist`` for ``mnist:100``."""
    strided = STRIDED if source.startswith(STRIDED) else ""
    return f"{strided}mnist" if source.removeprefix(STRIDED).startswith("mnist:") else source


def raw(
    source: str = "mnist", say: Callable[[str], None] = lambda line: None
) -> tuple[Split, Split]:
    """Return all training digits and the test digits of a source, in file order. ``say(line)`` is
    called with each change of the images."""
    found = _read(source, say)
    if isinstance(found, Large):
        raise UserError(
            f"{source} has {found.counts['train']:,} training images, too many for memory: name a "
            "part of it"
        )
    return found.train, found.test


def _read(source: str, say: Callable[[str], None]) -> Raw | Large:
    match source.removeprefix(STRIDED).split(":", 1):
        case ["mnist"]:
            return Raw(*mnist.raw())
        case ["idx", folder] if folder:
            train, test = idx.raw(folder, say)
            return Raw(train, test, known.names(train.labels))
        case ["tfds", name] if name:
            return tfds.raw(name, source.startswith(STRIDED))
        case ["files", path] if path:
            from jaxgen.data import labelled  # here, so that MNIST itself needs no Pillow

            return labelled.raw(path, say)
        case ["synthetic"]:
            return Raw(*synthetic.raw())
        case ["synthetic", count] if count.isdecimal():
            return Raw(*synthetic.raw(int(count)))
    from jaxgen.data import downloads

    if source in downloads.SETS:
        from jaxgen.data import labelled

        found = labelled.raw(downloads.fetch(source, say), say)
        assert isinstance(found, Raw)  # none is of Parquet
        return found._replace(names=downloads.SETS[source].names or found.names)
    raise UserError(_unknown(source))


def _source_at(path: str) -> str:
    """The source for an existing path."""
    expanded = os.path.expanduser(path)
    if os.path.isfile(os.path.join(expanded, "dataset_info.json")):
        return f"tfds:{path}"
    names = os.listdir(expanded) if os.path.isdir(expanded) else []
    if any(name.startswith(("t10k-images-idx3", "t10k-images.idx3")) for name in names):
        return f"idx:{path}"
    return f"files:{path}"


def _unknown(source: str) -> str:
    kinds = {form.split(":")[0]: form for form in reversed(SOURCES)}
    close = difflib.get_close_matches(source.split(":")[0].lower(), kinds, n=1)
    guess = kinds[close[0]] if close else ""
    if os.path.exists(os.path.expanduser(source)):
        guess = _source_at(source)
    hint = f"did you mean {guess}? The sources are" if guess else "the sources are"
    return f"--data {source!r} is not a source of digits: {hint} {', '.join(SOURCES)}"
