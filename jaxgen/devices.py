"""Where arrays live: a one-dimensional mesh named ``data`` over every device.

The batch is split over the mesh; everything else is whole on each device. Programs are written for
one device, and the compiler splits them, so the number of devices changes only the order of sums.

On a CPU each core is one virtual device, as far as the batch can be split: many operations of XLA's
CPU backend run on one thread, so two devices are 1.5 times faster than one device with two cores.
"""

import contextlib
import math
import os
from pathlib import Path
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxgen import environment
from jaxgen.errors import UserError

LARGE = 4096  # numbers in the smallest array that ``split_large`` splits
BATCH = 64  # the batch of every recipe with a name is a multiple of it


def start(cpu_devices: int | None = None, *, batch: int = BATCH, joins: bool = False) -> None:
    """Set JAX up. Call this before anything asks JAX for a device.

    The options that numbers depend on get the values of ``environment.HELD``. The number of CPU
    devices comes from JAX_NUM_CPU_DEVICES, else from XLA_FLAGS, else ``cpu_devices``, else it is
    the largest divisor of ``batch`` for which there are cores; in a process that has devices
    already, these stay. Compiled programs are cached in JAX_COMPILATION_CACHE_DIR, else in the
    user's cache folder if only the user can write to it, since JAX runs the programs that it reads
    from there.

    Raises UserError if the environment asks for devices that do not exist. A process that ``joins``
    others has no devices yet; it calls ``require`` later.
    """
    for option, value in environment.HELD.items():
        if hasattr(jax.config, option):  # not for options of Flax, and options that JAX has removed
            jax.config.update(option, value)
    if not environment.asks_for_cpu_devices():
        _set_cpu_devices(cpu_devices, batch)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        _keep_programs(environment.cache() / f"xla-{jax.__version__}")
    if not joins:
        require()


def adopt(cpu_devices: int | None = None, *, batch: int = BATCH) -> None:
    """As ``start``, in a program that is not jaxgen's: what it has set stays, and so do the devices
    if JAX has any already. Raises UserError also where it computes with 64 bits."""
    options: Any = jax.config
    if options.jax_enable_x64:
        raise UserError(
            "jax_enable_x64 is on, and jaxgen computes with 32 bits: call it within "
            "`with jax.enable_x64(False):`, or turn it off"
        )
    if not environment.asks_for_cpu_devices() and options.jax_num_cpu_devices == -1:
        _set_cpu_devices(cpu_devices, batch)
    if options.jax_compilation_cache_dir is None:
        _keep_programs(environment.cache() / f"xla-{jax.__version__}")
    require()


def _set_cpu_devices(count: int | None, batch: int) -> None:
    with contextlib.suppress(RuntimeError):  # JAX has its devices
        jax.config.update("jax_num_cpu_devices", count or _dividing(batch, _cores()))


def _dividing(batch: int, most: int) -> int:
    """The largest number of devices, ``most`` at most, over which a batch can be split."""
    return max(number for number in range(1, most + 1) if batch % number == 0)


def _keep_programs(folder: Path) -> None:
    """Cache compiled programs in ``folder``, if nobody else can write to it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = folder.stat().st_mode & 0o077 == 0 and os.access(folder, os.W_OK)
    except OSError:
        private = False  # without a cache everything works, but slower
    if private:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def require() -> None:
    """Raise UserError if JAX does not find the devices that the environment asks for."""
    try:
        jax.devices()
    except (AssertionError, RuntimeError) as error:
        if not (asked := environment.device_variables()):
            raise
        reason = " ".join(f"{error}".partition("(set ")[0].split()).rstrip(".")
        raise UserError(
            f"JAX finds no devices as {' and '.join(asked)} asks for{reason and f' ({reason})'}: "
            f"correct or unset {'it' if len(asked) == 1 else 'them'}, or install what JAX needs"
        ) from None


def count() -> int:
    return jax.device_count()


def check_batch(batch: int) -> None:
    """Raise UserError if a batch cannot be split over the devices."""
    if over := batch % count():
        some = range(_dividing(batch, count()))
        fewer = f", and so can this with CUDA_VISIBLE_DEVICES={','.join(map(str, some))}"
        raise UserError(
            f"--batch {batch} cannot be split over {count()} devices: "
            f"{batch - over or count()} or {batch - over + count()} can"
            f"{fewer if jax.default_backend() == 'gpu' else ''}"
        )


def workers() -> int:
    """How many processes, with one training each, are fastest side by side.

    On CPUs one per core: two dense networks on two cores are 1.9 times faster side by side than one
    after the other on both cores, two convolutional ones 1.3 times. On accelerators one process
    uses all devices.
    """
    return _cores() if jax.default_backend() == "cpu" else 1


def _cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pin_to(core: int) -> None:
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


def split_large(shape: tuple[int, ...]) -> NamedSharding:
    """Split an array of this shape along its longest axis that the devices divide evenly. A small
    array, or one without such an axis, is whole on every device."""
    axes = [axis for axis, length in enumerate(shape) if length % count() == 0]
    if math.prod(shape) < LARGE or not axes:
        return whole()
    return split(max(axes, key=lambda axis: shape[axis]))


def place(shape: tuple[int, ...], shard: bool) -> NamedSharding:
    """Where an array of a state lies: on every device, or ``split_large`` if these ``shard`` it."""
    return split_large(shape) if shard else whole()


def round_up(length: int) -> int:
    """The smallest multiple of the number of devices that is at least ``length``."""
    return length + -length % count()


def split(axis: int = 0) -> NamedSharding:
    """Split over the devices along ``axis``, whose length is a multiple of their number."""
    return NamedSharding(mesh(), PartitionSpec(*(None,) * axis, "data"))
