"""The classes of images, which are the ten digits or what else the data say: their names, and
classes as people write them. A class is a number, its place among the names.

``ANY`` is the label of an image of any class.
"""

import difflib
import re
from collections import Counter
from collections.abc import Sequence

from jaxgen.errors import UserError

DIGITS = tuple("0123456789")
ANY = -1
SHOWN = 12  # names at most that a sentence lists


def are_digits(names: Sequence[str]) -> bool:
    return tuple(names) == DIGITS


def nouns(names: Sequence[str]) -> tuple[str, str]:
    """What an image is of, and what images are: a digit and digits, or a class and images."""
    return ("digit", "digits") if are_digits(names) else ("class", "images")


def numbers(text: str, names: Sequence[str], flag: str) -> list[int]:
    """The classes that a text asks for: ``any``; names, such as ``sneaker`` or ``sneaker,bag``; or
    names of one character without commas, such as ``2024``. A name may be written in small letters,
    and where it is no number, a class by its number. Raises UserError, which names the ``flag``,
    for others."""
    if text == "any":
        return [ANY]
    if all(len(name) == 1 for name in names) and "," not in text and text:
        return [number(character, names, f"{flag} {text}") for character in text]
    return [number(name.strip(), names, f"{flag} {text}") for name in text.split(",")]


def number(name: str, names: Sequence[str], asked: str) -> int:
    """The class of a name, as in ``numbers``. Raises UserError, which names what was ``asked``."""
    found = _number(name, names)
    if name == "any" and found is None:
        raise UserError(f"{asked} cannot be: name a class, such as {names[0]}")
    if found is None:
        raise UserError(f"{asked} cannot be: {_way_out(name, names)}")
    return found


def _number(name: str, names: Sequence[str]) -> int | None:
    if name in names:
        return names.index(name)
    small = [index for index, other in enumerate(names) if other.casefold() == name.casefold()]
    if len(small) == 1:
        return small[0]
    numbered = any(other.isdecimal() for other in names)
    if name.isascii() and name.isdecimal() and not numbered and int(name) < len(names):
        return int(name)
    return None


def _way_out(name: str, names: Sequence[str]) -> str:
    if are_digits(names):
        return "it must be of digits 0 to 9, or any"
    if len(name) > 2 and (close := difflib.get_close_matches(name, names, n=1)):
        return f"did you mean {close[0]}?"
    return f"the classes are {listed(names)}"


def told(names: Sequence[str]) -> str:
    """All classes with their numbers, in a line."""
    return f"classes: {', '.join(f'{number} {name}' for number, name in enumerate(names))}"


def example(names: Sequence[str], learned: Sequence[int]) -> str:
    """The class that examples of commands name: 3, where a model has learned it."""
    return names[3 if 3 in learned else learned[0]]


def listed(names: Sequence[str]) -> str:
    """Names of classes in a sentence, SHOWN at most."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"


def in_paths(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes as names of folders and parts of names of files: ``t-shirt-top``. Those
    that would be alike where a file system does not tell small letters from capitals, such as ``A``
    and ``a``, have the number of their class too."""
    plain = [in_path(name) for name in names]
    numbered = [f"{name}-{number}" for number, name in enumerate(plain)]
    often = Counter(name.casefold() for name in plain)
    found = [
        name if often[name.casefold()] == 1 else other
        for name, other in zip(plain, numbered, strict=True)
    ]
    is_clear = len({name.casefold() for name in found}) == len(found)
    return tuple(found if is_clear else numbered)


def in_path(name: str) -> str:
    """The name of a class with letters, digits, hyphens and full stops alone."""
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "class"


def of_paths(names: Sequence[str]) -> dict[str, int]:
    """The number of the class that each name of a folder means: one of ``in_paths``, or the name of
    a class without its number where that is clear."""
    plain = [in_path(name) for name in names]
    often = Counter(plain)
    clear = {name: number for number, name in enumerate(plain) if often[name] == 1}
    return clear | {name: number for number, name in enumerate(in_paths(names))}
