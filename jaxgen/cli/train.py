"""``bin/train``: train a model, or go on with a run."""

import contextlib
from dataclasses import dataclass
from typing import Annotated

import tyro

import jaxgen
from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.config import Config, flat
from jaxgen.training import folder

DESCRIPTION = """Train a model on handwritten digits; the same command again goes on where it
stopped.

examples:
  bin/train --model ddpm --steps 1000          about two minutes on two cores
  bin/train --model ddpm --net.width 64 --optim.rate 1e-3 --run wide
  bin/train --model ddpm --steps 2000          goes on with the same run
  bin/train --model ddpm --fresh --seed 1      starts over; the old run is moved aside

models:
  {models}
set-ups of papers:
  {papers}

The flags and defaults below are those of {shown}: bin/train --model NAME --help shows another's."""


@dataclass(frozen=True)
class Train:
    config: Annotated[Config, tyro.conf.arg(name="")]
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    fresh: bool = False
    """Start over, and move a run that is there aside."""
    quiet: bool = False
    """Print nothing but errors."""
    shard_params: bool = False
    """Split parameters and the state of their optimiser over the devices too, where they are large:
    less memory on each, more to be sent."""
    coordinator: str | None = None
    """HOST:PORT where several processes that train as one find each other: the first's. Or auto,
    where SLURM, Open MPI or Kubernetes has started them, and the next two can be left out."""
    processes: int | None = None
    """How many they are."""
    process: int | None = None
    """Which one this is, from 0 on."""


def main(args: list[str]) -> int:
    recipe = common.recipe(args, "train")
    description = DESCRIPTION.format(
        models=", ".join(configs.names()),
        papers=", ".join(configs.papers()),
        shown=recipe.model,
    )
    train = flags.parse(Train(recipe), "train", description, args)
    group = (train.coordinator, train.processes, train.process)
    if group == (None, None, None):
        status, speaks = _alone(train), True
    else:
        status, speaks = _together(train)
    if status == 0 and speaks and not train.quiet:
        model = train.config.model
        run = folder.locate(model, train.run)
        named = run.run_flag(model) or f" --model {model}"
        learned = known.contents.learned if (known := run.learned) else (3,)
        print(f"next: bin/sample{named} --digit {3 if 3 in learned else learned[0]}")
    return status


def _alone(train: Train) -> int:
    from jaxgen import devices
    from jaxgen.training.console import Console

    console = Console(train.quiet)
    run = folder.locate(train.config.model, train.run)
    with run.lock():
        for line in run.prepare(train.config, train.fresh):
            console.say(line)
        devices.start(run.cpu_devices())
        from jaxgen.training import loop

        return loop.train(train.config, run, console, train.shard_params)


def _together(train: Train) -> tuple[int, bool]:
    """Train as one of several processes, of which the first looks after the folder of the run.
    Returns the exit status, and whether this is the first."""
    from jaxgen import devices, hosts
    from jaxgen.training import loop
    from jaxgen.training.console import Console

    config = train.config
    run = folder.locate(config.model, train.run)
    devices.start(joins=True)
    group = hosts.Group(train.coordinator, train.processes, train.process)
    with contextlib.ExitStack() as stack, hosts.joined(group):
        console = Console(train.quiet or not hosts.is_first())
        settings = {f"--{name}": str(value) for name, value in flat(config)}
        hosts.require_alike({"jaxgen": jaxgen.__version__, "--run": str(run)} | settings)

        def prepare() -> list[str]:
            stack.enter_context(run.lock())
            return run.prepare(config, train.fresh)

        for line in hosts.on_first(prepare):
            console.say(line)
        return loop.train(config, run, console, train.shard_params), hosts.is_first()
