"""Measure a recipe on this machine: the train step, drawing digits and, unless --quick, a whole
training.

Everything stands beside the speed of a matrix product in the same run, since machines differ and
are shared.

examples:
  bin/bench --model ddpm             trains the recipe from nothing and judges it: some minutes
  bin/bench --model ddpm --quick     the step and the drawing only"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import tyro
from etils import epy

from jaxgen.cli import common, flags
from jaxgen.config import Config

with epy.lazy_imports():
    from jaxgen import devices, sampling
    from jaxgen.training import console, costs

DRAWN = 1000  # digits


@dataclass(frozen=True)
class Bench:
    config: Annotated[Config, tyro.conf.arg(name="")]
    quick: bool = False
    """Leave out the whole training."""


def main(args: list[str]) -> None:
    bench = flags.parse(Bench(common.recipe(args, "bench")), "bench", __doc__, args)
    if not bench.quick:
        whole_training(args)
    devices.start()
    print(f"on {devices.describe()}, {os.cpu_count()} cores")
    step(bench.config)
    seconds = costs.drawing(bench.config, sampling.CHUNK, DRAWN)
    print(f"drawing {DRAWN} digits, compile excluded: {np.median(seconds):.2g} s")


def whole_training(args: list[str]) -> None:
    """Train from nothing in another process and folder, without compiled programs of earlier runs;
    then judge."""
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        environment = os.environ | {"XDG_CACHE_HOME": f"{folder}/cache"}
        command = [sys.executable, "-m", "jaxgen"]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "train", *args, "--run", run, "--quiet"], env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))
        seconds = time.perf_counter() - start
        print(f"training, from the command to its end: {seconds:.0f} s")
        print(f"peak memory of the training: {usage.ru_maxrss / 2**20:.2f} GiB", flush=True)
        subprocess.run([*command, "evaluate", "--run", run], env=environment, check=True)


def step(config: Config) -> None:
    """Print the time of a train step, and its speed as a fraction of a matrix product's."""
    cost = costs.training(config, console.Console())
    speed = cost.operations / np.median(cost.seconds)
    product = np.median(cost.products)
    least, usual, most = (1e3 * f(cost.seconds) for f in (min, np.median, max))
    print(f"train step: {usual:.3g} ms (from {least:.3g} to {most:.3g})")
    print(f"arithmetic: {cost.operations / 1e9:.1f} GFLOP a step, {speed / 1e9:.0f} GFLOP/s")
    print(
        f"matrix product of {costs.MATRIX_SIDE} x {costs.MATRIX_SIDE}: {product / 1e9:.0f} GFLOP/s"
    )
    print(f"the step reaches {speed / product:.0%} of it")
    print(f"memory of its program, on each device: {cost.memory / 2**20:.0f} MiB")
    if cost.sent:
        sent = f"{cost.sent / 1e6:.1f} MB a step"
        print(f"sent by each device to the others: {sent}; {cost.parameters:,} parameters")
