"""The classes of a data set: labels as numbers of classes, and the names of these."""

import re
from collections.abc import Callable

import numpy as np

from jaxgen.classes import DIGITS
from jaxgen.data.formats import Table
from jaxgen.data.sets import uprightness
from jaxgen.errors import UserError

MOST_CLASSES = 62  # EMNIST's digits and letters
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
# EMNIST without a table of its characters (Cohen et al. 2017): digits, capitals, and small letters,
# of which 47 classes have only those that differ from the capital.
CHARACTERS = {
    62: (*DIGITS, *map(str.upper, LETTERS), *LETTERS),
    47: (*DIGITS, *map(str.upper, LETTERS), *"abdefghnqrt"),
}


def numbered(
    tables: list[Table], path: str, say: Callable[[str], None]
) -> tuple[tuple[str, ...], list[np.ndarray]]:
    """The names of the classes, and the labels of each table as their numbers."""
    texts = any(table.labels.dtype.kind in "US" for table in tables)
    columns = [table.labels.astype(str) if texts else table.labels for table in tables]
    every = np.unique(np.concatenate(columns))
    if texts and all(re.fullmatch(r"\d+", text) for text in every.tolist()):
        columns = [column.astype(int) for column in columns]
        every, texts = np.unique(np.concatenate(columns)), False
    if not texts:
        for table, column in zip(tables, columns, strict=True):
            wrong = np.flatnonzero((column % 1 != 0) | (column < 0))
            if len(wrong):
                raise UserError(
                    f"{table.name} has the label {column[wrong[0]]:g} in row {wrong[0] + 1}: "
                    "labels are whole numbers from 0 on, or texts"
                )
        columns = [column.astype(int) for column in columns]
        every = every.astype(int)
    _check_classes(every, path)
    given = tables[0].names
    if texts:
        names = tuple(sorted(every.tolist()))
        place = {text: number for number, text in enumerate(names)}
    else:
        names, place = _of_numbers(every.tolist(), given, tables, path, say)
    numbers = np.array([place[x] for x in every.tolist()])
    return names, [numbers[np.searchsorted(every, column)] for column in columns]


def _check_classes(every: np.ndarray, path: str) -> None:
    if len(every) < 2:
        raise UserError(f"{path} has images of one class alone, {every[0]}: give it two or more")
    if len(every) > MOST_CLASSES:
        raise UserError(
            f"{path} has {len(every)} classes: at most {MOST_CLASSES} can be told apart, choose "
            "some"
        )


def _of_numbers(
    every: list[int],
    given: tuple[str, ...],
    tables: list[Table],
    path: str,
    say: Callable[[str], None],
) -> tuple[tuple[str, ...], dict[int, int]]:
    """The names of classes whose labels are numbers, and the number of the class of each label."""
    if given == tuple(map(str, range(len(given)))):
        given = ()  # numbers say nothing
    if given and all(n < len(given) and given[n] for n in every):
        own = {n: given[n] for n in every}
        if set(own.values()) <= set(DIGITS):
            return DIGITS, {n: int(name) for n, name in own.items()}
        return tuple(own.values()), {n: i for i, n in enumerate(every)}
    if every == list(range(1, 11)):  # of USPS 1 is 0; of others, 10 is
        low = uprightness.digits_are(tables[0], [n - 1 for n in every], [n % 10 for n in every])
        say(f"labels 1 to 10: {'1 is 0' if low else '10 is 0'}")
        return DIGITS, {n: n - 1 if low else n % 10 for n in every}
    if every[-1] <= 9:
        return DIGITS, {n: n for n in every}
    first, count = every[0], len(every)
    in_a_row = every == list(range(first, first + count))
    if in_a_row and count == 26 and first in (0, 1):
        say(f"labels {first} to {every[-1]}: letters")
        return LETTERS, {n: n - first for n in every}
    if in_a_row and first == 0 and count in CHARACTERS:
        say(f"{count} classes: EMNIST's characters")
        return CHARACTERS[count], {n: n for n in every}
    return tuple(map(str, every)), {n: i for i, n in enumerate(every)}


def check_counts(labels: np.ndarray, names: tuple[str, ...], path: str) -> None:
    counts = np.bincount(labels, minlength=len(names))
    single = np.flatnonzero(counts == 1)
    if len(single):
        raise UserError(
            f"{path} has one image of {names[single[0]]!r}: a class needs two or more, to learn "
            "from and to test with"
        )
