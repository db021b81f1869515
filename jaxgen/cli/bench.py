"""``bin/bench``: how fast a recipe is on this machine, beside the speed of its matrix product."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Annotated

import tyro

from jaxgen.cli import common, flags
from jaxgen.config import Config

DESCRIPTION = """Measure a recipe on this machine: the train step, drawing digits and, unless
--quick, a whole training.

Everything stands beside the speed of a matrix product in the same run, since machines differ and
are shared.

examples:
  bin/bench --model ddpm             trains the recipe from nothing and judges it: some minutes
  bin/bench --model ddpm --quick     the step and the drawing only"""

DRAWN = 1000  # digits


@dataclass(frozen=True)
class Bench:
    config: Annotated[Config, tyro.conf.arg(name="")]
    quick: bool = False
    """Leave out the whole training."""


def main(args: list[str]) -> int:
    bench = flags.parse(Bench(common.recipe(args, "bench")), "bench", DESCRIPTION, args)
    if not bench.quick:
        whole_training(args)
    from jaxgen import devices

    devices.start()
    print(f"on {devices.describe()}, {os.cpu_count()} cores")
    step(bench.config)
    drawing(bench.config)
    return 0


def whole_training(args: list[str]) -> None:
    """Train from nothing in a process and a folder of its own, without compiled programs of earlier
    runs; then judge."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        environment = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache"}
        command = [sys.executable, "-m", "jaxgen"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "train", *args, "--run", run, "--quiet"], env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        print(
            f"training, from the command to its end: {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        print(f"peak memory of the training: {usage.ru_maxrss / 2**20:.2f} GiB", flush=True)
        subprocess.run([*command, "evaluate", "--run", run], env=environment, check=True)


def step(config: Config) -> None:
    """Print the time of a train step, and its share of the speed of a matrix product."""
    import numpy as np

    from jaxgen.training import costs
    from jaxgen.training.console import Console

    cost = costs.training(config, Console())
    speed = cost.operations / np.median(cost.seconds)
    product = np.median(cost.products)
    least, usual, most = (1e3 * f(cost.seconds) for f in (min, np.median, max))
    print(f"train step: {usual:.3g} ms (from {least:.3g} to {most:.3g})")
    print(f"arithmetic: {cost.operations / 1e9:.1f} GFLOP a step, {speed / 1e9:.0f} GFLOP/s")
    print(f"matrix product of {costs.SIDE} x {costs.SIDE}: {product / 1e9:.0f} GFLOP/s")
    print(f"the step reaches {speed / product:.0%} of it")
    print(f"memory of its program, on each device: {cost.memory / 2**20:.0f} MiB")
    if cost.sent:
        sent = f"{cost.sent / 1e6:.1f} MB a step"
        print(f"sent by each device to the others: {sent}; {cost.parameters:,} parameters")


def drawing(config: Config) -> None:
    """Print the time to draw digits."""
    import numpy as np

    from jaxgen import sampling
    from jaxgen.training import costs

    seconds = costs.drawing(config, sampling.CHUNK, DRAWN)
    print(f"drawing {DRAWN} digits, compile excluded: {np.median(seconds):.2g} s")
