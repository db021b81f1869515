"""Compare published numbers with ours: train in the set-up of a paper, measure as the
paper does, and report both. Results are kept, so that the same command goes on. Where a
row is of a recipe that was trained before, or of a model that comes with jaxgen, that is measured.

examples:
  bin/reproduce --list                       the rows
  bin/reproduce hinton2006                   one row
  bin/reproduce burda2015 burda2015_iwae5    two, side by side on two cores
  bin/reproduce all --seeds 3                all of them, from three seeds
  bin/reproduce burda2015 --full             as long as the paper trained

The report is OUT/reproduction.md. It keeps the rows of earlier commands, and a row trained for more
or fewer steps stands beside the one trained as its recipe says. With --runs, the runs are elsewhere
than the report."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from etils import epy

from jaxgen import config as configs
from jaxgen.cli import flags
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.experiments.papers import ROWS, named

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.experiments import reproduction
    from jaxgen.reports import files as reports
    from jaxgen.training import console as consoles

KEPT = "reproduction.json"  # in the folder of the report, from which it is written again


@dataclass(frozen=True)
class Reproduce:
    seeds: int = 1
    """Trainings of each."""
    steps: int | None = None
    """Steps of each training; as the recipe says when not given."""
    full: bool = False
    """Train for as long as the paper did."""
    list: bool = False
    """Print all rows, and do nothing else."""
    out: Path = Path("reproduction")
    """Folder of the report."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://HOST:8786."""
    runs: Path | None = None
    """Folder of the runs and their results; OUT when not given."""


def main(args: list[str]) -> None:
    names = flags.leading(args)
    wanted = flags.parse(Reproduce(), "reproduce", __doc__, args[len(names) :])
    if wanted.list:
        return _list()
    if not names:
        raise UserError("which row? bin/reproduce --list prints them; all means all of them")
    rows = ROWS if names == ["all"] else tuple(named(name) for name in dict.fromkeys(names))
    files.check_report(wanted.out, "reproduction.md", mark=KEPT)
    recipes = [configs.recipe(name) for row in rows for name in row.recipes]
    devices.start(batch=math.gcd(*(recipe.batch for recipe in recipes)))
    console = consoles.Console()
    experiment = reproduction.Reproduction(
        rows, wanted.seeds, wanted.steps, wanted.full, wanted.runs or wanted.out
    )
    path = wanted.out / KEPT
    earlier = _earlier(path)  # before hours of training, in case it cannot be read
    results = earlier | experiment.carry_out(console, wanted.scheduler)
    kept = (json.dumps(results, indent=1) + "\n").encode()
    document = reproduction.document(results, ROWS)
    text, *_ = reports.write_markdown(document, wanted.out, "reproduction", {path: kept})
    for row in rows:
        label = experiment.label(row)
        for line in reproduction.lines(row, label, results[label]):
            console.say(line)
    console.say(f"report in {text}")


def _earlier(path: Path) -> dict:
    """The results of earlier commands."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give --out another folder") from None


def _list() -> None:
    width = max(len(row.name) for row in ROWS)
    for row in ROWS:
        published = ", ".join(f"{name} {value:g}" for name, value in row.published.items())
        print(
            f"{row.name:<{width}}  {row.paper}\n{'':<{width}}  {row.what}\n"
            f"{'':<{width}}  {published}\n"
        )
    print("bin/reproduce NAME trains and measures one row; bin/reproduce all, every row.")
