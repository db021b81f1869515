"""Arrays that take long to compute, kept in the user's cache folder, in the format safetensors."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import safetensors
import safetensors.numpy

from jaxgen import environment
from jaxgen.data import files
from jaxgen.errors import UserError

Arrays = dict[str, np.ndarray]


def arrays(
    name: str,
    inputs: Iterable[np.ndarray | int],
    make: Callable[[], Arrays],
    fit: Callable[[Arrays], bool] = lambda arrays: True,
) -> Arrays:
    """The arrays that ``make()`` computes from ``inputs``, by name; from a file if an earlier call
    has computed them. ``inputs`` should hold a number that changes with the computation.

    They are computed anew where the file is missing or damaged, or where ``fit(arrays)`` is false.
    Of processes that need the same arrays one computes them, and the others wait.
    """
    digest = hashlib.sha256()
    for part in inputs:
        digest.update(np.ascontiguousarray(part).tobytes())
    path = environment.cache() / f"{name}-{digest.hexdigest()[:16]}.safetensors"

    def read() -> Arrays | None:
        with contextlib.suppress(OSError, safetensors.SafetensorError):
            found = safetensors.numpy.load(path.read_bytes())
            return found if fit(found) else None

    if (found := read()) is not None:
        return found
    with files.locked(path.with_name(f".{name}.lock")):
        if (found := read()) is not None:  # from a process that this one has waited for
            return found
        made = make()
        # Where the file cannot be written, the next call computes them again.
        with contextlib.suppress(UserError):
            files.write(path, to_bytes(made))
        return made


def to_bytes(arrays: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    """Arrays in the format safetensors, in any memory order. Its own function writes the memory as
    it lies, so that a transposed array would be read as another one."""
    rows = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    return safetensors.numpy.save(rows, metadata)
