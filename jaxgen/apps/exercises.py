"""Exercises for people who learn numbers: sums, and numbers to read."""

import operator
from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np

TRIES = 100  # to find an exercise that is not on the sheet yet; then one is repeated
LARGEST = 10, 9999  # bounds of the largest number of a sheet
SIGNS = {"plus": "+", "minus": "-", "times": "x", "divided": ":"}
_SYMBOLS = {"*": "times", "/": "divided"} | {sign: name for name, sign in SIGNS.items()}
_SOLVE = {"+": operator.add, "-": operator.sub, "x": operator.mul, ":": operator.floordiv}


class Exercise(NamedTuple):
    """A question whose answer is a number."""

    first: int
    sign: str = ""  # + - x :, or empty for a number to read
    second: int = 0

    @property
    def answer(self) -> int:
        return _SOLVE[self.sign](self.first, self.second) if self.sign else self.first


def operations(text: str) -> tuple[str, ...] | None:
    """The operations in a text with commas, as words or as signs; None where one is unknown."""
    words = [word.strip().lower() for word in text.split(",")]
    names = [_SYMBOLS.get(word, word) for word in words]
    return tuple(names) if set(names) <= set(SIGNS) else None


def title(operations: Collection[str]) -> str:
    """The name of exercises of these operations."""
    names = {"plus": "sums", "minus": "subtractions"}
    if "plus" in operations:
        names["minus"] = "sums"  # of both
    names |= {"times": "multiplications", "divided": "divisions"}
    *firsts, last = dict.fromkeys(names[name] for name in names if name in operations)
    return (", ".join(firsts) + " and " * bool(firsts) + last).capitalize()


def sums(count: int, operations: tuple[str, ...], largest: int, seed: int) -> list[Exercise]:
    """``count`` sums of these operations in turn, without a number above ``largest`` or below 0,
    and no sum twice unless there are too few."""
    makers = {"plus": _plus, "minus": _minus, "times": _times, "divided": _divided}
    random = np.random.default_rng([seed, 0])
    return _different(
        count, lambda index: makers[operations[index % len(operations)]](random, largest)
    )


def numbers(count: int, largest: int, seed: int) -> list[Exercise]:
    """``count`` numbers to read, from a tenth of ``largest`` up to it, no number twice unless there
    are too few."""
    random = np.random.default_rng([seed, 1])
    return _different(count, lambda _: Exercise(int(random.integers(largest // 10, largest + 1))))


def _different(count: int, make: Callable[[int], Exercise]) -> list[Exercise]:
    exercises: list[Exercise] = []
    for index in range(count):
        tries = (make(index) for _ in range(TRIES))
        exercises.append(next((x for x in tries if x not in exercises), make(index)))
    return exercises


def _plus(random, largest):
    total = int(random.integers(2, largest + 1))
    first = int(random.integers(1, total))
    return Exercise(first, "+", total - first)


def _minus(random, largest):
    first = int(random.integers(2, largest + 1))
    return Exercise(first, "-", int(random.integers(1, first)))


def _times(random, largest):
    """From the tables up to ten."""
    any_factor = int(random.integers(2, min(10, largest // 2) + 1))
    fitting = int(random.integers(2, min(10, largest // any_factor) + 1))
    first, second = (any_factor, fitting) if random.integers(2) else (fitting, any_factor)
    return Exercise(first, "x", second)


def _divided(random, largest):
    """From the same tables, without a remainder."""
    first, _, second = _times(random, largest)
    return Exercise(first * second, ":", first)
