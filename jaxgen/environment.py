"""Which environment variables jaxgen uses, and which it sets aside.

The user decides where a program runs: platforms, devices, caches, proxies, logs. But the same
command gives the same digits in every shell. So the options in HELD always have the values below. A
variable that asks for another value is set aside before JAX is imported, and one line reports it.
Nothing here imports JAX.
"""

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Options of JAX and Flax, and the fixed value of each.
HELD: dict[str, Any] = {
    # These change which digits are drawn, or the precision.
    "jax_default_matmul_precision": None,
    "jax_default_prng_impl": "threefry2x32",
    "jax_enable_custom_prng": False,
    "jax_enable_x64": False,
    "jax_high_dynamic_range_gumbel": False,
    "jax_random_seed_offset": 0,
    "jax_softmax_custom_jvp": False,
    "jax_threefry_partitionable": True,
    # These change the networks of Flax.
    "flax_array_ref": False,
    "flax_fix_rng_separator": False,
    "flax_preserve_adopted_names": False,
    "flax_return_frozendict": False,
    # Checks for programmers; jaxgen, Flax, Optax and Orbax do not pass all of them.
    "jax_array_garbage_collection_guard": None,
    "jax_check_tracer_leaks": False,
    "jax_debug_infs": False,
    "jax_debug_key_reuse": False,
    "jax_debug_leaked_clients_on_clear_backends": False,
    "jax_debug_nans": False,
    "jax_disable_jit": False,
    "jax_error_checking_behavior_divide": "ignore",
    "jax_error_checking_behavior_nan": "ignore",
    "jax_error_checking_behavior_oob": "ignore",
    "jax_explicit_x64_dtypes": "warn",
    "jax_legacy_prng_key": "allow",
    "jax_no_execution": False,
    "jax_no_tracing": False,
    "jax_numpy_dtype_promotion": "standard",
    "jax_numpy_rank_promotion": "allow",
    "jax_thread_guard": False,
    "jax_transfer_guard": None,
    "jax_transfer_guard_device_to_device": None,
    "jax_transfer_guard_device_to_host": None,
    "jax_transfer_guard_host_to_device": None,
}
_ASIDE = "{} is set aside: jaxgen computes alike in every shell"
_CPU_DEVICES = "--xla_force_host_platform_device_count"
_FAST = re.compile(r"--xla_\w*fast_m(ath|in)\w*(=.*)?")  # flags that trade digits for speed
_LIBRARIES = {"jax": "JAX_", "flax": "FLAX_"}  # and the prefix of their variables


def cache() -> Path:
    """The user's folder for files that jaxgen can make again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgen"


def settle(say: Callable[[str], None]) -> None:
    """Set aside the variables that HELD overrides, for this process and the processes that it
    starts. Call this before JAX is imported. ``say(line)`` reports each variable that asked for
    another value.

    Flags of XLA that make arithmetic inexact are set aside too; other flags of XLA stay. MPLBACKEND
    is set aside silently: jaxgen writes figures to files, and importing Matplotlib fails if the
    variable names a backend that is not installed, as in a shell that a notebook opens.
    """
    for option, value in HELD.items():
        name = option.upper()
        asked = os.environ.pop(name, None)
        if asked is not None and asked.strip().lower() not in _spellings(value):
            say(_ASIDE.format(f"{name}={asked}"))
    flags = os.environ.get("XLA_FLAGS", "").split()
    for flag in filter(_FAST.fullmatch, flags):
        if not flag.endswith(("=false", "=0")):
            say(_ASIDE.format(f"{flag} of XLA_FLAGS"))
    if any(map(_FAST.fullmatch, flags)):
        os.environ["XLA_FLAGS"] = " ".join(flag for flag in flags if not _FAST.fullmatch(flag))
    os.environ.pop("MPLBACKEND", None)


def unreadable(error: ValueError) -> str | None:
    """A sentence for the user if the error is that JAX or Flax, while it is imported, cannot read
    one of its variables; None for other errors."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    library = frame.f_globals["__name__"].partition(".")[0]
    if library not in _LIBRARIES or library in sys.modules:
        return None
    names = sorted(name for name in os.environ if name.startswith(_LIBRARIES[library]))
    names = [name for name in names if name in f"{error}".upper()] or names
    return f"{library} cannot read the environment ({error}): correct or unset {' or '.join(names)}"


def _spellings(value: Any) -> tuple[str, ...]:
    """The lower-case texts with which a variable asks for ``value``."""
    if isinstance(value, bool):
        return ("1", "true", "t", "yes", "y", "on") if value else ("0", "false", "f", "no", "off")
    return ("", "none") if value is None else (str(value).lower(),)


def asks_for_cpu_devices() -> bool:
    """Whether a variable sets the number of CPU devices."""
    return "JAX_NUM_CPU_DEVICES" in os.environ or _CPU_DEVICES in os.environ.get("XLA_FLAGS", "")


def with_cpu_devices(count: int) -> dict[str, str]:
    """The environment for a process with ``count`` CPU devices."""
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if _CPU_DEVICES not in flag]
    return os.environ | {"JAX_NUM_CPU_DEVICES": str(count), "XLA_FLAGS": " ".join(flags)}


def device_variables() -> list[str]:
    """The variables that choose the devices of JAX, each as ``NAME=value``."""
    names = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME", "JAX_NUM_CPU_DEVICES", "XLA_FLAGS")
    return [f"{name}={os.environ[name]}" for name in names if os.environ.get(name)]


@contextlib.contextmanager
def without_proxies() -> Iterator[None]:
    """Remove the proxies meanwhile: they lead out of a cluster, not to its processes."""
    proxies = {name: value for name, value in os.environ.items() if _is_proxy(name)}
    for name in proxies:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(proxies)


def _is_proxy(name: str) -> bool:
    return name.lower().endswith("_proxy") or name.startswith("GRPC_ADDRESS_HTTP_PROXY")
