"""``bin/compare``: train, measure and compare the six families."""

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from jaxgen.cli import flags
from jaxgen.errors import UserError

DESCRIPTION = """Compare the six families: train what is missing, measure everything, and write a
report. What was found is kept, so that the same command goes on where it stopped.

examples:
  bin/compare                              the recipes as they are; runs that are there are used
  bin/compare --steps 1000                 1,000 steps each
  bin/compare --seeds 3 --budget 120s      the same time of training for each, three seeds
  bin/compare --full                       likelihoods as in papers; hours, and it says how many
  bin/compare --quiz                       a page where you tell real digits from drawn ones

The report is OUT/report.html, and beside it report.md and report.json."""


@dataclass(frozen=True)
class Compare:
    models: str = ""
    """Recipes, with commas; one of each family when not given."""
    seeds: int = 1
    """Trainings of each."""
    steps: int | None = None
    """Steps of each training; as the recipe says when not given."""
    budget: str | None = None
    """Time of each training instead, such as 120s or 5m."""
    full: bool = False
    """Measure likelihoods as papers do, which takes hours: how many is said first."""
    quiz: bool = False
    """Only write the quiz, of models that have been compared."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://HOST:8786: its workers train, whose machines must
    be alike, since times are compared."""
    out: Path = Path("compare")
    """Folder of the report."""


def main(args: list[str]) -> int:
    wanted = flags.parse(Compare(), "compare", DESCRIPTION, args)
    from jaxgen.experiments import course

    models = tuple(name for name in wanted.models.split(",") if name)
    plan = course.make(models, wanted.seeds, wanted.steps, wanted.budget, wanted.full)
    from jaxgen import devices
    from jaxgen.data import files

    files.check(wanted.out / "report.json")

    devices.start()
    from jaxgen.experiments import course_report, course_results
    from jaxgen.pages import files as pages
    from jaxgen.training.console import Console

    console = Console()
    comparison = course.Comparison(plan, wanted.out, console)
    if wanted.quiz:
        return _quiz(comparison, wanted.out)
    comparison.carry_out(wanted.scheduler)
    command = shlex.join(["bin/compare", *args])
    results = course_results.Results(comparison.to_dict(command), comparison.arrays())
    files.write(wanted.out / "report.json", json.dumps(results.to_dict(), indent=1) + "\n")
    page, *_ = pages.write(course_report.document(results), wanted.out, "report")
    console.say(f"report in {page}")
    for line in comparison.skipped:
        print(f"jaxgen: skipped {line}", file=sys.stderr)
    return 2 if comparison.skipped else 0


def _quiz(comparison, folder: Path) -> int:
    import numpy as np

    from jaxgen import data
    from jaxgen.data import files
    from jaxgen.pages.quiz import quiz

    shown = 40
    pictures = {
        model: arrays["images"][:shown, ..., 0] for model, arrays in comparison.arrays().items()
    }
    if not pictures:
        raise UserError(f"{folder} holds no comparison of these models: bin/compare makes one")
    test = data.load("mnist").test.images
    chosen = np.random.default_rng(0).choice(len(test), shown, replace=False)
    page = folder / "quiz.html"
    files.write(page, quiz({"real": test[chosen, ..., 0], **pictures}, seed=0))
    print(f"open {page}")
    return 0
