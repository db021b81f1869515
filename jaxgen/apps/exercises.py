"""Exercises for those who learn numbers: sums, and numbers to read."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

MOST_TRIES = 100  # for an exercise that is not on the sheet yet; then it comes twice


class Exercise(NamedTuple):
    """What is asked, and what is to be found."""

    first: int
    sign: str = ""  # + - x :, or none for a number to read
    second: int = 0

    @property
    def answer(self) -> int:
        match self.sign:
            case "+":
                return self.first + self.second
            case "-":
                return self.first - self.second
            case "x":
                return self.first * self.second
            case ":":
                return self.first // self.second
        return self.first


SIGNS = {"plus": "+", "minus": "-", "times": "x", "divided": ":"}
_SYMBOLS = {"*": "times", "/": "divided"} | {sign: name for name, sign in SIGNS.items()}
LEAST, MOST = 10, 9999  # of the largest number


def operations(text: str) -> tuple[str, ...] | None:
    """The operations that a person names with commas between them, as words or as signs; None where
    one is unknown."""
    words = [word.strip().lower() for word in text.split(",")]
    named = [_SYMBOLS.get(word, word) for word in words]
    return tuple(named) if set(named) <= set(SIGNS) else None


def title(operations: Collection[str]) -> str:
    """What exercises of these operations are called."""
    called = {"minus": "subtractions", "times": "multiplications", "divided": "divisions"}
    if "plus" in operations:
        called["minus"] = "sums"  # of both
        called = {"plus": "sums", **called}
    names = [*dict.fromkeys(called[one] for one in called if one in operations)]
    *firsts, last = names
    return (", ".join(firsts) + " and " * bool(firsts) + last).capitalize()


def sums(count: int, operations: tuple[str, ...], largest: int, seed: int) -> list[Exercise]:
    """``count`` sums of these operations in turn, without a number above ``largest`` or below 0,
    and no sum twice unless there are too few."""
    makers = {"plus": _plus, "minus": _minus, "times": _times, "divided": _divided}
    random = np.random.default_rng([seed, 0])
    return _different(
        count, lambda place: makers[operations[place % len(operations)]](random, largest)
    )


def numbers(count: int, largest: int, seed: int) -> list[Exercise]:
    """``count`` numbers to read, from a tenth of ``largest`` up to it, no number twice unless there
    are too few."""
    random = np.random.default_rng([seed, 1])
    return _different(count, lambda _: Exercise(int(random.integers(largest // 10, largest + 1))))


def _different(count, make):
    found: list[Exercise] = []
    for place in range(count):
        tries = (make(place) for _ in range(MOST_TRIES))
        found.append(next((one for one in tries if one not in found), make(place)))
    return found


def _plus(random, largest):
    total = int(random.integers(2, largest + 1))
    first = int(random.integers(1, total))
    return Exercise(first, "+", total - first)


def _minus(random, largest):
    first = int(random.integers(2, largest + 1))
    return Exercise(first, "-", int(random.integers(1, first)))


def _times(random, largest):
    """Of the tables up to ten."""
    one = int(random.integers(2, min(10, largest // 2) + 1))
    other = int(random.integers(2, min(10, largest // one) + 1))
    first, second = (one, other) if random.integers(2) else (other, one)
    return Exercise(first, "x", second)


def _divided(random, largest):
    """Of the same tables, without a rest."""
    one, _, other = _times(random, largest)
    return Exercise(one * other, ":", one)
