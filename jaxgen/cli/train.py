"""Train a model on handwritten digits; the same command again goes on where it stopped.

examples:
  bin/train --model ddpm --steps 1000          about two minutes on two cores
  bin/train --model ddpm --net.width 64 --optim.rate 1e-3 --run wide
  bin/train --model ddpm --steps 2000          goes on with the same run
  bin/train --model ddpm --fresh --seed 1      starts over; the old run is moved aside
  bin/train --from cvae --data mine/           goes on from trained weights, on few digits of yours

models:
  {models}

set-ups of papers:
  {papers}

The flags and defaults below belong to {shown}; for others: bin/train --model NAME --help."""

import contextlib
import math
import shlex
from dataclasses import dataclass
from typing import Annotated

import tyro
from etils import epy

import jaxgen
from jaxgen import config as configs
from jaxgen.classes import are_digits, example
from jaxgen.cli import common, flags
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training import folder
from jaxgen.training.folder import ModelFolder, RunFolder

with epy.lazy_imports():
    from jaxgen import devices, distributed
    from jaxgen import model as models
    from jaxgen.apps import finetuning
    from jaxgen.training import console as consoles
    from jaxgen.training import loop


@dataclass(frozen=True)
class Train:
    config: Annotated[Config, tyro.conf.arg(name="")]
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    from_: Annotated[str | None, tyro.conf.arg(name="from")] = None
    """Go on from the weights of this model: a recipe, whose run or else the model that comes with
    jaxgen is meant, or a run. Few digits in --data are enough, 80 for instance: the model sees them
    distorted, writes more in the same hand, and keeps what it knows of other digits."""
    fresh: bool = False
    """Start over; an existing run is moved aside."""
    quiet: bool = False
    """Print nothing but errors."""
    shard_params: bool = False
    """Split large parameters and the state of their optimiser over the devices too: each device
    needs less memory, and more is sent between devices."""
    coordinator: str | None = None
    """HOST:PORT of the first process, to which all processes that train as one connect. Or auto, if
    SLURM, Open MPI or Kubernetes has started them: leave out --processes and --process."""
    processes: int | None = None
    """The number of processes."""
    process: int | None = None
    """The number of this process, from 0 on."""


def main(args: list[str]) -> int:
    recipe, origin = _recipe(args)
    models, papers = ", ".join(configs.names()), ", ".join(configs.papers())
    description = f"{__doc__}".format(models=models, papers=papers, shown=recipe.model)
    train = flags.parse(Train(recipe), "train", description, args)
    model = train.config.model
    run = folder.locate(finetuning.name(train.config) if origin else model, train.run)
    if origin:
        finetuning.require_another(origin, run)
    if (train.coordinator, train.processes, train.process) == (None, None, None):
        status, is_first = _alone(train, run, origin), True
    elif origin:
        raise UserError("few digits are trained on by one process: leave out --coordinator")
    else:
        status, is_first = _together(train, run)
    if status == 0 and is_first and not train.quiet:
        flag = run.run_flag(model) or f" --model {model}"
        learned, names = run.learned.digits if run.learned else (3,), run.load().classes
        name = shlex.quote(example(names, learned))
        print(f"next: bin/sample{flag} --{'digit' if are_digits(names) else 'label'} {name}")
    return status


def _recipe(args: list[str]) -> tuple[Config, ModelFolder | None]:
    """The recipe whose settings are the defaults, and the model to go on from."""
    name, model, digits = flags.peek(args, "from", "model", "data")
    if name is None:
        return common.recipe(args, "train"), None
    origin = models.find(name)
    recipe = finetuning.recipe(origin)
    if model not in (None, recipe.model):
        raise UserError(f"--from {name} is a {recipe.model}, not a {model}: leave out --model")
    if digits is None and not common.asks_help(args):
        raise UserError(f"on which digits? bin/train --from {name} --data mine/")
    return recipe, origin


def _alone(train: Train, run: RunFolder, origin: ModelFolder | None) -> int:
    """Train in this process alone; returns the exit status."""
    console = consoles.Console(train.quiet)
    with run.lock():
        devices.start(None if train.fresh else run.cpu_devices(), batch=train.config.batch)
        devices.check_batch(train.config.batch)  # before anything is written
        for line in run.prepare(train.config, train.fresh):
            console.say(line)
        start = finetuning.start(origin, train.config, run)
        return loop.train(train.config, run, console, train.shard_params, start)


def _together(train: Train, run: RunFolder) -> tuple[int, bool]:
    """Train as one of several processes; only the first writes to the run's folder. Returns the
    exit status, and whether this process is the first."""
    batch, processes = train.config.batch, train.processes or distributed.announced()
    devices.start(batch=math.gcd(batch, batch // processes), joins=True)
    group = distributed.Group(train.coordinator, train.processes, train.process)
    with contextlib.ExitStack() as stack, distributed.joined(group):
        console = consoles.Console(train.quiet or not distributed.is_first())
        settings = {f"--{name}": str(value) for name, value in configs.flat(train.config)}
        distributed.require_alike({"jaxgen": jaxgen.__version__, "--run": str(run)} | settings)

        def prepare() -> list[str]:
            stack.enter_context(run.lock())
            return run.prepare(train.config, train.fresh)

        for line in distributed.on_first(prepare):
            console.say(line)
        status = loop.train(train.config, run, console, train.shard_params)
        return status, distributed.is_first()
