"""``bin/apply augment``: whether drawn data help a classifier."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from jaxgen import config as configs
from jaxgen.cli import common
from jaxgen.errors import UserError

STUDY = """Does drawn data help a classifier that has few real digits? Generators are trained on
those few alone; classifiers learn from the real digits, the drawn ones, or both, and shift and
rotate is what they are held against. What was found is kept: the same command goes on.

examples:
  bin/apply augment --study                                 under two hours on two cores
  bin/apply augment --study --sizes 10,20,50,100,500 --models ae,vae,cvae,gan

The report is OUT/report.html, and beside it report.md and report.json."""


@dataclass(frozen=True)
class Study:
    study: bool = True
    """Study whether drawn data help, instead of making some."""
    models: str = "cvae,gan"
    """Recipes of the generators, with commas."""
    sizes: tuple[int, ...] = (10, 50, 500)
    """Real digits of each of the ten, with commas."""
    seeds: int = 5
    """Choices of the real digits, each with generators and classifiers of its own."""
    out: Path = Path("augment-study")
    """Folder of the report, and of all that it is made of."""


def main(args: list[str]) -> int:
    if "--study" in args:
        return study(args)
    raise UserError("augment studies whether drawn data help: give --study")


def study(args: list[str]) -> int:
    wanted = common.parse(Study(), "apply augment", STUDY, args)
    for model in wanted.models.split(","):
        configs.recipe(model)
    import jaxgen
    from jaxgen import devices
    from jaxgen.data import files

    files.check(wanted.out / "report.json")
    devices.start()
    from jaxgen.apps import study, study_report
    from jaxgen.pages import files as pages
    from jaxgen.training import folder
    from jaxgen.training.log import Console

    console = Console()
    plan = study.Plan(tuple(wanted.models.split(",")), wanted.sizes, wanted.seeds)
    found = study.Study(plan, wanted.out, console)
    found.carry_out()
    told = study_report.to_dict(found)
    folder.write(wanted.out / "report.json", json.dumps(told, indent=1) + "\n")
    provenance = (
        ("command", f"`{shlex.join(['bin/apply', 'augment', *args])}`"),
        ("jaxgen", f"{jaxgen.__version__}, commit {folder.commit()}"),
        ("devices", devices.describe()),
    )
    page, *_ = pages.write(study_report.document(found, provenance), wanted.out, "report")
    console.say("\n".join(told["verdicts"]))
    console.say(f"report in {page}")
    return 0
