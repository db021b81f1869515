"""The one exception that a user may cause, and what is said of mishaps that others raise."""


class UserError(Exception):
    """A mistake or a mishap that the user can mend, as one sentence with the value and the way out.

    The commands print it on standard error and exit with status 2, without a traceback.
    """


LOST = 3  # exit status of one of several processes whose others are gone

NO_MEMORY = (
    "no memory is left for that: give a smaller --batch or --count, a smaller network, or a larger "
    "machine"
)


def is_of_memory(error: BaseException) -> bool:
    """Whether an error is that memory has run out, on the host or on a device."""
    if isinstance(error, MemoryError):
        return True
    of_jax = type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")
    return of_jax and "RESOURCE_EXHAUSTED" in f"{error}"
