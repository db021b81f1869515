"""Exercises for those who learn numbers: sums, and numbers to read."""

from typing import NamedTuple

import numpy as np

MOST_TRIES = 100  # for an exercise that is not on the sheet yet; then it comes twice


class Exercise(NamedTuple):
    """What is asked, and what is to be found."""

    first: int
    sign: str = ""  # + - x, or none for a number to read
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
        return self.first


SIGNS = {"plus": "+", "minus": "-", "times": "x"}
LEAST, MOST = 10, 9999  # of the largest number


def sums(count: int, operations: tuple[str, ...], largest: int, seed: int) -> list[Exercise]:
    """``count`` sums of these operations in turn, without a number above ``largest`` or below 0,
    and no sum twice unless there are too few."""
    makers = {"plus": _plus, "minus": _minus, "times": _times}
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
