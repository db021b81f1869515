"""Where arrays live: a one-dimensional mesh named ``data`` over every device.

The batch is split over the mesh and everything else is whole on each device. Programs are written
as if there were one device, and the compiler splits them, so a number does not depend on how many
devices there are beyond the order of sums.

On a CPU there is one virtual device a core: many operations of XLA's CPU backend run on one thread,
so two devices side by side are 1.5 times faster than one that is given both cores.
"""

import math
import os
from pathlib import Path

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgen import environment
from jaxgen.errors import UserError

LARGE = 4096  # numbers that an array must have to be worth splitting


def start(cpu_devices: int | None = None, *, joins: bool = False) -> None:
    """Set JAX up; to be called before anything asks it for a device.

    The options on which numbers depend are set as ``environment.HELD`` says. The environment's
    JAX_NUM_CPU_DEVICES says how many devices a CPU is, else its XLA_FLAGS, else ``cpu_devices``;
    else there is one a core. Compiled programs are kept where JAX_COMPILATION_CACHE_DIR says, else
    in the user's cache folder, which only the user can write to, since a program read from there is
    run.

    Raises UserError where the environment asks for devices that are not there. A process that
    ``joins`` others has devices later, and calls ``require`` then.
    """
    for option, value in environment.HELD.items():
        if hasattr(jax.config, option):  # not an option of Flax, nor one that JAX has given up
            jax.config.update(option, value)
    if not environment.asks_for_cpu_devices():
        jax.config.update("jax_num_cpu_devices", cpu_devices or _cores())
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        _keep_programs(cache() / f"xla-{jax.__version__}")
    if not joins:
        require()


def _keep_programs(folder: Path) -> None:
    """Have JAX keep compiled programs in a folder that is the user's alone."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = folder.stat().st_mode & 0o077 == 0 and os.access(folder, os.W_OK)
    except OSError:
        private = False  # without a cache everything works, only slower
    if private:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def require() -> None:
    """Ask JAX for its devices; a UserError where the environment asks for others than there are."""
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:
        if not (asked := environment.asked_of_devices()):
            raise
        reason = " ".join(f"{error}".partition("(set ")[0].split()).rstrip(".")
        raise UserError(
            f"JAX finds no devices as {' and '.join(asked)} asks for{reason and f' ({reason})'}: "
            f"correct or unset {'it' if len(asked) == 1 else 'them'}, or install what JAX needs"
        ) from None


def cache() -> Path:
    """The user's folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgen"


def count() -> int:
    return jax.device_count()


def workers() -> int:
    """How many trainings side by side are fastest, each in a process of its own.

    On CPUs one a core: two dense networks on two cores take 1.9 times less time so than one after
    the other on both cores, two of convolutions 1.3 times. Of accelerators one process has all.
    """
    return _cores() if jax.default_backend() == "cpu" else 1


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def stay_on(core: int) -> None:
    """Pin this process to one core, with one device. A worker calls this before ``start``."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[core % len(cores)]})
    os.environ.update(environment.with_cpu_devices(1))


def describe() -> str:
    """The devices in words, such as ``2 cpu devices`` or ``1 gpu device (NVIDIA H100)``."""
    first = jax.devices()[0]
    kind = "" if first.platform == "cpu" else f" ({first.device_kind})"
    return f"{count()} {first.platform} device{'s' if count() > 1 else ''}{kind}"


def mesh() -> Mesh:
    return jax.make_mesh((count(),), ("data",), axis_types=(AxisType.Auto,))


def whole() -> NamedSharding:
    """All of an array on every device."""
    return NamedSharding(mesh(), PartitionSpec())


def shared(shape: tuple[int, ...]) -> NamedSharding:
    """An array split along the longest of its axes that can be; one that is small, or that has no
    such axis, is whole on every device."""
    axes = [axis for axis, length in enumerate(shape) if length % count() == 0]
    if math.prod(shape) < LARGE or not axes:
        return whole()
    return split(max(axes, key=lambda axis: shape[axis]))


def even(length: int) -> int:
    """The length, or the next longer one that can be split over the devices."""
    return length + -length % count()


def split(axis: int = 0) -> NamedSharding:
    """Split over the devices along ``axis``, whose length is a multiple of their number."""
    return NamedSharding(mesh(), PartitionSpec(*(None,) * axis, "data"))
