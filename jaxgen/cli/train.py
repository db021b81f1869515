"""``bin/train``: train a model, or go on with a run."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from jaxgen.cli import common
from jaxgen.config import Config

DESCRIPTION = """Train a model on handwritten digits; the same command again goes on where it
stopped.

examples:
  bin/train --model ddpm --steps 1000          about two minutes on two cores
  bin/train --model ddpm --net.width 64 --optim.rate 1e-3 --run wide
  bin/train --model ddpm --steps 2000          goes on with the same run
  bin/train --model ddpm --fresh --seed 1      starts over; the old run is moved aside

Flags that begin with net or sampling belong to the model given by --model."""


@dataclass(frozen=True)
class Train:
    config: Annotated[Config, tyro.conf.arg(name="")]
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    fresh: bool = False
    """Start over, and move a run that is there aside."""
    quiet: bool = False
    """Print nothing but errors."""


def main(args: list[str]) -> int:
    train = common.parse(Train(common.recipe(args, "train")), "train", DESCRIPTION, args)
    from jaxgen import devices
    from jaxgen.training import folder, log

    config = train.config
    console = log.Console(train.quiet)
    run = folder.locate(config.model, train.run)
    with run.lock():
        for line in run.prepare(config, train.fresh):
            console.say(line)
        devices.start(run.cpu_devices())
        from jaxgen.training import loop

        status = loop.train(config, run, console)
    if status == 0:
        flag = f"--run {train.run}" if train.run else f"--model {config.model}"
        console.say(f"next: bin/sample {flag} --digit 3")
    return status
