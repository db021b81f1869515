"""Measure a recipe on this machine: the train step, drawing digits and, unless --quick, a whole
training.

Everything stands beside the speed of a matrix product in the same run, since machines differ and
are shared.

examples:
  bin/bench --model ddpm             trains the recipe from nothing and judges it: some minutes
  bin/bench --model ddpm --quick     the step and the drawing only
  bin/bench --profile ddpm           where the time of a train step goes
  bin/bench --quality ddpm gan       what they draw after 4, 6, 8, 11 ... seconds of training
  bin/bench --peers diffusers-small jaxgen-ddpm    other projects, which pip installs, and jaxgen
  bin/bench --against v1.0           this version and another one in turn
  bin/bench --against HEAD~9 --models gan vae --check     fails if this version is slower"""

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

from jaxgen import config
from jaxgen.cli import common, flags
from jaxgen.config import Config
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import devices, families, sampling
    from jaxgen.benchmark import against, peers, profiling, results
    from jaxgen.training import console as consoles
    from jaxgen.training import costs

DRAWN = 1000  # digits


@dataclass(frozen=True)
class Bench:
    config: Annotated[Config, tyro.conf.arg(name="")]
    quick: bool = False
    """Leave out the whole training."""


@dataclass(frozen=True)
class Profiling:
    profile: str
    """The recipe whose train step is profiled."""
    layers: int = 15
    """How many layers to show, from the slowest on."""

    def __post_init__(self):
        config.require("layers", self.layers, self.layers >= 1, "1 or more")


@dataclass(frozen=True)
class Against:
    against: str
    """A revision of git: a commit, a tag or a branch."""
    models: tuple[str, ...] = ()
    """The recipes to compare; one of each family when not given."""
    pairs: int = 5
    """How often both versions are measured."""
    check: bool = False
    """Exit with status 1 if a figure of this version is worse: if a ratio is below 0.9."""

    def __post_init__(self):
        config.require("pairs", self.pairs, self.pairs >= 2, "2 or more, for an interval")


@dataclass(frozen=True, kw_only=True)
class Timed:
    """The flags of trainings that are judged again and again on their way."""

    seconds: float = 600.0
    """The longest training of each."""
    count: int = 5000
    """Digits that are drawn and judged at each of the times."""

    def __post_init__(self):
        config.require("seconds", self.seconds, self.seconds > 0, "above 0")


@dataclass(frozen=True, kw_only=True)
class Quality(Timed):
    quality: tuple[str, ...] = ()
    """The recipes to train; one of each family when not given."""


@dataclass(frozen=True, kw_only=True)
class Peers(Timed):
    peers: tuple[str, ...] = ()
    """The models to train; all when not given, which takes hours."""
    count: int = 1000
    """Digits that are drawn and judged at each of the times; some draw slowly."""


def main(args: list[str]) -> int:
    profiled, revision = flags.peek(args, "profile", "against")
    given = {arg.partition("=")[0] for arg in args}
    if "--quality" in given:
        return quality(flags.parse(Quality(), "bench", __doc__, args))
    if "--peers" in given:
        return beside_peers(flags.parse(Peers(), "bench", __doc__, args))
    if profiled is not None:
        return profile(flags.parse(Profiling(profiled), "bench", __doc__, args))
    if revision is not None:
        return compare(flags.parse(Against(revision), "bench", __doc__, args))
    bench = flags.parse(Bench(common.recipe(args, "bench")), "bench", __doc__, args)
    if not bench.quick:
        whole_training(args)
    devices.start(batch=bench.config.batch)
    print(f"on {devices.describe()}, {os.cpu_count()} cores")
    step(bench.config)
    seconds = costs.drawing(bench.config, sampling.CHUNK, DRAWN)
    print(f"drawing {DRAWN} digits, compile excluded: {np.median(seconds):.2g} s")
    return 0


def profile(wanted: Profiling) -> int:
    recipe = config.recipe(config.canonical(wanted.profile))
    devices.start(batch=recipe.batch)
    print(f"{recipe.model} on {devices.describe()}")
    print(profiling.profile(recipe).table(wanted.layers))
    return 0


def quality(wanted: Quality) -> int:
    """Print what recipes draw after each time of training, and the times to some qualities."""
    names = [config.recipe(config.canonical(name)).model for name in wanted.quality]
    names = [f"jaxgen-{name}" for name in names or families.names()]
    for result in peers.measure(names, wanted.seconds, wanted.count, consoles.Console().say):
        print(f"\n{results.curve(result)}", flush=True)
    return 0


def beside_peers(wanted: Peers) -> int:
    """Print a table of the models of other projects, and those of jaxgen."""
    names = wanted.peers or tuple(peers.PEERS)
    print(results.table(peers.measure(names, wanted.seconds, wanted.count, consoles.Console().say)))
    return 0


def compare(wanted: Against) -> int:
    """Print a table of this version and another one. Raises ``UserError`` where a check has no
    verdict."""
    models = [config.recipe(config.canonical(name)).model for name in wanted.models]
    say = consoles.Console().say
    other = against.checkout(wanted.against, say)
    print(f"{wanted.against} and this version, in turn, {wanted.pairs} times; 95 % intervals")
    print(against.HEADER, flush=True)
    found = []
    for comparison in against.compare(other, models or families.names(), wanted.pairs, say):
        print(comparison, flush=True)
        found.append(comparison)
    worse = [comparison.what for comparison in found if comparison.is_worse]
    open_ = [comparison for comparison in found if comparison.is_worse is None]
    if worse:
        print(f"worse: {'; '.join(worse)}")
    if wanted.check and not worse and open_:
        least = max(open_, key=lambda comparison: comparison.width)
        raise UserError(
            f"this machine is too busy for a verdict on {'; '.join(c.what for c in open_)} (the "
            f"ratio of {least.what} is anywhere from {least.ratio.low:.2f} to "
            f"{least.ratio.high:.2f}): stop other work, or give more --pairs"
        )
    return 1 if wanted.check and worse else 0


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
        judging = subprocess.run([*command, "evaluate", "--run", run], env=environment)
        if judging.returncode:
            sys.exit(judging.returncode)


def step(recipe: Config) -> None:
    """Print the time of a train step, and its speed as a fraction of a matrix product's."""
    cost = costs.training(recipe, consoles.Console())
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
