"""The exception for mistakes that the user can correct, lines for the user, and the sentence for a
full memory."""

import sys


class UserError(Exception):
    """An error that the user can correct, as one sentence with the value and the way out.

    The commands print it on standard error and exit with status 2, without a traceback.
    """


LOST = 3  # exit status of a process that has lost the other processes of its group

NO_MEMORY = (
    "no memory is left for that: give a smaller --batch or --count, a smaller network, or a larger "
    "machine"
)


def warn(line: str) -> None:
    """Print a line on standard error; results go to standard output."""
    print(f"jaxgen: {line}", file=sys.stderr)


def is_of_memory(error: BaseException) -> bool:
    """Whether the host or a device has run out of memory."""
    if isinstance(error, MemoryError):
        return True
    of_jax = type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")
    return of_jax and "RESOURCE_EXHAUSTED" in f"{error}"
