"""Data sets of others as they are published: what a file or folder holds, joined and understood.

    collect       the files of a data set, in parts, each image with its label
    classes       labels as numbers of classes, and the names of these
    pixels        images brought to MNIST's form
    uprightness   which way up they are

A data set is known by its contents alone: by what its files hold (``formats``), by the number of
its classes and by how its images look. ``say(line)`` tells what was concluded.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from jaxgen.classes import are_digits
from jaxgen.data import known, large
from jaxgen.data.formats import ParquetImages, Table
from jaxgen.data.large import Large
from jaxgen.data.sets import classes, collect, pixels, uprightness
from jaxgen.data.sets.classes import LETTERS
from jaxgen.data.split import Split

__all__ = ["LETTERS", "Found", "Part", "read", "read_or_large"]


class Part(NamedTuple):
    images: np.ndarray  # uint8 [n, 28, 28, 1]
    labels: np.ndarray  # int32 [n], the numbers of the classes
    writers: np.ndarray | None = None  # int [n]


class Found(NamedTuple):
    """A data set."""

    train: Part
    test: Part | None
    names: tuple[str, ...]  # of the classes
    kinds: tuple[str, ...] = ()  # of the files, in words


def read(path: str, say: Callable[[str], None] = lambda line: None) -> Found:
    """Read a data set: a file; a folder, with the files of one data set; or what the names of its
    files have in common, such as ``DIR/emnist-letters``.

    Raises UserError, with the file and where it can the row, for what is damaged, without labels,
    of several data sets, of one class or of more than 62.
    """
    path = os.path.expanduser(path)
    return _in_memory(path, collect.parts(path, say), say)


def read_or_large(path: str, say: Callable[[str], None] = lambda line: None) -> Found | Large:
    """As ``read``, or how to read the data set where its images lie in Parquet files and are too
    many for memory."""
    path = os.path.expanduser(path)
    parts = collect.parts(path, say)
    counts = {part: sum(len(table.images) for table in own) for part, own in parts.items()}
    are_lazy = any(isinstance(table.images, ParquetImages) for table in parts["train"])
    if counts["train"] <= large.MOST or not are_lazy:
        return _in_memory(path, parts, say)
    every = [(part, table) for part, own in parts.items() for table in own]
    tables = [table for _, table in every]

    def pieces(say: Callable[[str], None]) -> Iterator[tuple[str, Split]]:
        names, _ = classes.numbered(tables, path, lambda line: None)
        bringer = pixels.Bringer(path, names, say)
        for part, table in every:
            start = 0
            for images in bringer.pieces(table):
                yield part, Split(images, table.labels[start : start + len(images)])
                start += len(images)

    return Large(path, _fingerprint(tables), counts, pieces, tables[0].names)


def _fingerprint(tables: list[Table]) -> str:
    """What changes when a data set does: the names, sizes and times of files of images, and all
    labels."""
    found = []
    for table in tables:
        stat = os.stat(table.name) if os.path.exists(table.name) else None
        labels = hashlib.sha256(np.ascontiguousarray(table.labels).data).hexdigest()
        times = stat and (stat.st_size, stat.st_mtime_ns)
        found.append([table.name, table.part, len(table.images), times, labels, table.names])
    return json.dumps(found)


def _in_memory(path: str, parts: dict[str, list[Table]], say: Callable[[str], None]) -> Found:
    names, numbers = classes.numbered([table for own in parts.values() for table in own], path, say)
    counts = iter(numbers)
    labelled = {part: [next(counts) for _ in own] for part, own in parts.items()}
    if are_digits(names):
        names = known.names(np.concatenate(labelled["train"]))
    bringer = pixels.Bringer(path, names, say)
    found = {
        part: Part(
            np.concatenate([bringer.of(table) for table in own]),
            np.concatenate(labelled[part]).astype(np.int32),
            _writers(own),
        )
        for part, own in parts.items()
    }
    turn = uprightness.turn(found["train"].images, found["train"].labels, names)
    if turn:
        say(f"{path}: {turn.words}")
        found = {part: own._replace(images=turn(own.images)) for part, own in found.items()}
    found = {part: own._replace(images=own.images[..., None]) for part, own in found.items()}
    classes.check_counts(found["train"].labels, names, path)
    kinds = sorted({table.kind for own in parts.values() for table in own})
    return Found(found["train"], found.get("test"), names, tuple(kinds))


def _writers(tables: list[Table]) -> np.ndarray | None:
    own = [table.writers for table in tables if table.writers is not None]
    return np.concatenate(own) if len(own) == len(tables) else None
