"""Datasets that TensorFlow Datasets prepared, read through ``as_data_source``, without TensorFlow.

Any dataset of small grey images of up to 62 classes will do, if it was prepared with
``file_format=array_record``: ``tfds:NAME`` is looked up where TFDS keeps its data
(``TFDS_DATA_DIR``, or ``~/tensorflow_datasets``) and never downloaded, ``tfds:DIR`` is a prepared
folder, with ``dataset_info.json`` in it. The splits ``train`` and ``test`` are read; where there is
no ``test``, a fair sample of one training image of seven is the test set (``partition.py``).
``source_images`` brings images of other sizes to 28 by 28.

TFDS takes 0.15 ms an image, 10 s for MNIST. So ``~/.cache/jaxgen`` (``XDG_CACHE_HOME``) keeps the
arrays until a file of the dataset has another size or time; those of millions of images as a
``stream``.
"""

import contextlib
import difflib
import glob
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import environment
from jaxgen.data import files, large, partition, source_images, split
from jaxgen.data.large import Large
from jaxgen.data.split import Raw, Split
from jaxgen.errors import UserError

_RULES = 3  # counted up when the arrays of the same dataset change
_BLOCK = 1000  # examples read at once
_PARTS = ("train", "test")
_CACHED = ("train_images", "train_labels"), ("test_images", "test_labels")  # arrays in the cache


def raw(name: str, strided: bool = False) -> Raw | Large:
    """Return the training and the test images of a prepared dataset, in its order, or how to read
    them where there are too many for memory. For a dataset without test images, ``strided`` takes
    every 7th training image, as earlier versions did.

    The first reading is slow, and so is each one where the cache cannot be written. Raises
    UserError for a dataset that is unknown, not prepared, damaged, or of other images.
    """
    from jaxgen.data.sets import classes  # here, so that MNIST itself needs none of it

    with quiet():
        builder = _builder(name)
        cache = _cache_path(builder)
        fingerprint = _fingerprint(builder)
        counts = _counts(f"tfds:{name}", builder)
        if counts["train"] > large.MOST:
            return _large(f"tfds:{name}", builder, fingerprint, counts)
        cached = _read_cache(cache, fingerprint)
        found = cached or _read(f"tfds:{name}", builder)
    if not cached:
        _write_cache(cache, fingerprint, found)
    train, test, names = found
    if not strided:
        classes.check_counts(train.labels, names, f"tfds:{name}")
    if len(test.labels):
        return found
    if not strided:
        return Raw(*partition.with_test(train), names)
    is_test = np.arange(len(train.labels)) % partition.TEST == partition.TEST - 1
    return Raw(split.part(train, ~is_test), split.part(train, is_test), names)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what TFDS prints about downloads and faster libraries."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


def _builder(name: str) -> Any:
    """The builder of a prepared dataset, from its files alone: no code of the dataset runs."""
    import tensorflow_datasets as tfds  # takes half a second
    from tensorflow_datasets.core import read_only_builder

    folder = Path(os.path.expanduser(name))
    # Unlike Path.is_file, os.path.isfile never raises.
    is_described = os.path.isfile(folder / "dataset_info.json")
    if not is_described and (os.path.isdir(folder) or name.startswith(("/", ".", "~"))):
        raise UserError(_no_dataset(folder))
    try:
        if is_described:
            return tfds.builder_from_directory(folder)
        where = os.environ.get("TFDS_DATA_DIR")
        return read_only_builder.builder_from_files(name, data_dir=where)
    except tfds.core.DatasetNotFoundError:
        raise UserError(
            _not_prepared(name, tfds.list_builders(with_community_datasets=False))
        ) from None
    except Exception as error:  # of any class, for damaged files
        raise _unreadable(f"tfds:{name}", error) from None


def _no_dataset(folder: Path) -> str:
    patterns = [f"{'*/' * depth}dataset_info.json" for depth in (1, 2, 3)]  # version, config, name
    infos = [info for pattern in patterns for info in glob.glob(pattern, root_dir=folder)]
    below = sorted(folder / os.path.dirname(info) for info in infos)
    hint = f"did you mean tfds:{below[-1]}?" if below else "name one that TFDS prepared"
    return f"tfds:{folder} has no dataset_info.json: {hint}"


def _not_prepared(name: str, builders: list[str]) -> str:
    where = os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")
    title = re.split("[/:]", name)[0]
    close = difflib.get_close_matches(title, builders, n=1)
    if close and title not in builders:
        return f"tfds:{name} is not in {where}, nor known to TFDS: did you mean tfds:{close[0]}?"
    return (
        f"tfds:{name} is not prepared in {where}: "
        f"run `tfds build {name} --file_format=array_record` in another environment, which has "
        "tensorflow, tensorflow-datasets and array_record, or set TFDS_DATA_DIR"
    )


def _unreadable(name: str, error: Exception) -> UserError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return UserError(
        f"{name} cannot be read ({reason}): prepare it again, with --file_format=array_record"
    )


def _read(name: str, builder: Any) -> Raw:
    """Read all examples of ``train`` and of ``test``; without a split ``test``, none of it."""
    from jaxgen.data.formats import Table  # here, so that MNIST itself needs none of it
    from jaxgen.data.sets import classes

    given = _names(name, builder)
    tables = [
        Table(name, *_read_part(name, builder, part), part, given)
        for part in _counts(name, builder)
    ]
    names, numbers = classes.numbered(tables, name, lambda line: None)
    train, *tests = (
        Split(table.images, labels.astype(np.int32))
        for table, labels in zip(tables, numbers, strict=True)
    )
    test = tests[0] if tests else split.part(train, np.zeros(len(train.labels), bool))
    return Raw(train, test, names)


def _counts(name: str, builder: Any) -> dict[str, int]:
    """The images of ``train`` and, where there are some, of ``test``."""
    parts = builder.info.splits
    if "train" not in parts:
        raise UserError(f"{name} has no split train (it has {', '.join(parts) or 'none'})")
    counts = {part: parts[part].num_examples for part in _PARTS if part in parts}
    if not counts["train"]:
        raise UserError(f"{name} has no images in its split train: prepare it again")
    return {part: count for part, count in counts.items() if count}  # TFDS reads no empty split


def _names(name: str, builder: Any) -> tuple[str, ...]:
    """The names of the classes by their numbers, if the dataset has them."""
    return tuple(getattr(builder.info.features[_keys(name, builder)[1]], "names", None) or ())


def _large(name: str, builder: Any, fingerprint: str, counts: dict[str, int]) -> Large:
    def pieces(say: Callable[[str], None]) -> Iterator[tuple[str, Split]]:
        for part in counts:
            for images, labels in _pieces(name, builder, part):
                yield part, Split(images[..., 0], labels)

    return Large(name, fingerprint, counts, pieces, _names(name, builder), may_be_dark=True)


def _read_part(name: str, builder: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [n, 28, 28, 1] and their labels int [n]."""
    none = Split(np.empty((0, split.SIDE, split.SIDE, 1), np.uint8), np.empty(0, int))
    images, labels = zip(none, *_pieces(name, builder, part), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _pieces(name: str, builder: Any, part: str) -> Iterator[Split]:
    """The images uint8 [k, 28, 28, 1] of a part, and their labels int [k], block by block."""
    image_key, label_key = _keys(name, builder)
    for block in _blocks(name, builder, part):
        grey = [_grey(name, np.asarray(example[image_key])) for example in block]
        labels = np.array([example[label_key] for example in block])
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise UserError(
                f"{name} has labels such as {block[0][label_key]!r}: they must be integers"
            )
        yield Split(source_images.fit(name, grey), labels)


def _blocks(name: str, builder: Any, part: str) -> Iterator[list[dict]]:
    try:
        source = builder.as_data_source(part)
        for start in range(0, len(source), _BLOCK):
            yield source.__getitems__(range(start, min(start + _BLOCK, len(source))))
    except Exception as error:  # of any class, as above
        raise _unreadable(name, error) from None


def _keys(name: str, builder: Any) -> tuple[str, str]:
    """The names of the features of images and labels."""
    keys = builder.info.supervised_keys or ("image", "label")
    if len(keys) == 2 and all(key in builder.info.features for key in keys):
        return keys
    raise UserError(f"{name} has the features {list(builder.info.features)}: give image and label")


def _grey(name: str, image: np.ndarray) -> np.ndarray:
    """The image as [h, w]."""
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim != 2 or image.dtype != np.uint8:
        shape = " x ".join(map(str, image.shape))
        raise UserError(
            f"{name} has images of {shape} {image.dtype}: they must be grey, h x w x 1 uint8"
        )
    return image


def _cache_path(builder: Any) -> Path:
    """One file for each folder and dataset: a dataset that changes replaces its old arrays."""
    digest = hashlib.sha256(f"{builder.data_dir} {builder.info.full_name}".encode()).hexdigest()
    return environment.cache() / f"tfds-{builder.name}-{digest[:16]}.npz"


def _fingerprint(builder: Any) -> str:
    """What changes when the dataset does: its name, version, files, their sizes and times."""
    stats = [(file.name, file.stat()) for file in sorted(Path(builder.data_dir).iterdir())]
    sizes = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]
    return json.dumps([_RULES, builder.info.full_name, sizes])


def _read_cache(path: Path, fingerprint: str) -> Raw | None:
    """The arrays of ``_write_cache``; None if they are missing, damaged or of another dataset."""
    try:
        # Opened here, because np.load leaves a damaged file open.
        with path.open("rb") as file, np.load(file) as arrays:
            if arrays["fingerprint"].item() != fingerprint:
                return None
            # The checksums of zip find altered arrays.
            train, test = (Split(*(arrays[name] for name in part)) for part in _CACHED)
            return Raw(train, test, tuple(arrays["names"].tolist()))
    except Exception:  # of any class: then the dataset itself is read
        return None


def _write_cache(path: Path, fingerprint: str, found: Raw) -> None:
    parts = (*found.train, *found.test)
    arrays: dict[str, Any] = dict(zip(sum(_CACHED, ()), parts, strict=True))
    arrays |= {"fingerprint": np.array(fingerprint), "names": np.array(found.names)}
    content = io.BytesIO()
    np.savez(content, **arrays)
    with contextlib.suppress(UserError):  # then the next reading is slow again
        files.write(path, content.getvalue())
