"""What the devices of a compiled program send each other."""

import math
import re

# The bytes that each of n devices sends, for one byte of the result, when they stand in a ring
# (Patarasuk and Yuan 2009).
_SENT = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "all-to-all": lambda n: (n - 1) / n,
    "reduce-scatter": lambda n: n - 1,
    "collective-permute": lambda n: 1,
}
_CALL = re.compile(rf"= (.*?) ({'|'.join(_SENT)})(?:-start)?\(")
_ARRAY = re.compile(r"\b[a-z]+(\d+)\[([\d,]*)\]")


def sent(program: str, devices: int) -> float:
    """The bytes that each device sends while each collective of a program is called once;
    ``program`` is its text in XLA's HLO, as ``Compiled.as_text()`` gives it."""
    calls = _CALL.findall(program)
    return sum(_SENT[name](devices) * _size(result) for result, name in calls)


def _size(result: str) -> float:
    """The bytes of one array, or of several in a tuple."""
    return sum(
        int(bits) / 8 * math.prod(int(length) for length in shape.split(",") if length)
        for bits, shape in _ARRAY.findall(result)
    )
