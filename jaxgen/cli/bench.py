"""``bin/bench``: how fast a recipe is on this machine, beside the speed of its matrix product."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Annotated

import tyro

from jaxgen.cli import common
from jaxgen.config import Config

DESCRIPTION = """Measure a recipe on this machine: the train step, drawing digits and, unless
--quick, a whole training.

Everything stands beside the speed of a matrix product in the same run, since machines differ and
are shared.

examples:
  bin/bench --model ddpm             trains the recipe from nothing and judges it: some minutes
  bin/bench --model ddpm --quick     the step and the drawing only"""

SIDE = 2048  # of the matrices whose product is timed
DRAWN = 1000  # digits


@dataclass(frozen=True)
class Bench:
    config: Annotated[Config, tyro.conf.arg(name="")]
    quick: bool = False
    """Leave out the whole training."""


def main(args: list[str]) -> int:
    bench = common.parse(Bench(common.recipe(args, "bench")), "bench", DESCRIPTION, args)
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
    """Print the time of a train step, and its arithmetic beside that of the matrix product."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from jaxgen import data, devices, families
    from jaxgen.arrays import IMAGE, Batch
    from jaxgen.training import flops, loop, optimisers
    from jaxgen.training.log import Console
    from jaxgen.training.step import init

    digits = data.load(config.data).train
    family = families.build(config)
    players = optimisers.players(config, family)
    key = jax.random.key(config.seed)
    state = jax.device_put(init(family, players, key), devices.whole())
    block = loop.compile_block(config, family, players, key, state, digits, Console())
    state, _ = block(state, 0, 2)
    seconds, products = [], []
    for start in range(2, 62, 10):
        products.append(product_speed())
        began = time.perf_counter()
        state, _ = block(state, start, start + 10)
        seconds.append((time.perf_counter() - began) / 10)
    batch = Batch(jnp.zeros((config.batch, *IMAGE)), jnp.zeros(config.batch, jnp.int32))
    work = sum(flops.count(jax.grad(loss), own) for loss, own in losses(family, state, batch, key))
    speed, product = work / np.median(seconds), np.median(products)
    least, usual, most = (1e3 * f(seconds) for f in (min, np.median, max))
    print(f"train step: {usual:.0f} ms (from {least:.0f} to {most:.0f})")
    print(f"arithmetic: {work / 1e9:.1f} GFLOP a step, {speed / 1e9:.0f} GFLOP/s")
    print(f"matrix product of {SIDE} x {SIDE}: {product / 1e9:.0f} GFLOP/s")
    print(f"the step reaches {speed / product:.0%} of it")


def losses(family, state, batch, key):
    """For each turn the loss as a function of the player's own params, and these."""
    for player in family.turns:

        def loss(own, player=player):
            variables = state.variables.replace(params=state.variables.params | {player: own})
            return family.loss(variables, batch, key, player=player)[0]

        yield loss, state.variables.params[player]


def drawing(config: Config) -> None:
    """Print the time to draw digits with untrained weights, which takes as long as with trained
    ones."""
    import jax

    from jaxgen import devices, families, sampling

    family = families.build(config)
    variables = jax.device_put(family.init(jax.random.key(0)), devices.whole())
    drawer, labels = sampling.Drawer(family), sampling.balanced(DRAWN)
    drawer.draw(variables, labels[:1], seed=0)  # compiles
    began = time.perf_counter()
    drawer.draw(variables, labels, seed=0)
    print(f"drawing {DRAWN} digits, compile excluded: {time.perf_counter() - began:.1f} s")


def product_speed() -> float:
    """Floating-point operations a second of a large matrix product, which may use the whole
    machine."""
    import jax
    import numpy as np

    product = jax.jit(lambda a: a @ a)
    matrix = jax.device_put(np.full((SIDE, SIDE), 1 / SIDE, np.float32), jax.devices()[0])
    product(matrix).block_until_ready()
    began = time.perf_counter()
    for _ in range(4):
        matrix = product(matrix)
    matrix.block_until_ready()
    return 4 * 2 * SIDE**3 / (time.perf_counter() - began)
