"""Compare the six families: train what is missing, measure everything, and write a
report. Results are kept, so that the same command goes on where it stopped.

examples:
  bin/compare                              the recipes without changes; existing runs are used, or
                                           else the models that come with jaxgen
  bin/compare --steps 1000                 1,000 steps each
  bin/compare --seeds 3 --budget 120s      the same time of training for each, three seeds
  bin/compare --full                       likelihoods as in papers; hours, and it says how many
  bin/compare --quiz                       a page where you tell real digits from drawn ones

The report is OUT/report.html, and beside it report.md and report.json."""

import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from etils import epy

from jaxgen import data, errors
from jaxgen.cli import flags
from jaxgen.data import files
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.experiments import course, course_report, course_results
    from jaxgen.reports import files as reports
    from jaxgen.reports import quiz
    from jaxgen.training import console as consoles

QUIZZED = 40  # digits of each model


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
    """Measure likelihoods as papers do, which takes hours; the command says first how many."""
    quiz: bool = False
    """Only write the quiz, of models that have been compared."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://HOST:8786. Their machines must
    be alike, since times are compared."""
    out: Path = Path("compare")
    """Folder of the report."""


def main(args: list[str]) -> int:
    wanted = flags.parse(Compare(), "compare", __doc__, args)
    models = tuple(name for name in wanted.models.split(",") if name)
    plan = course.make(models, wanted.seeds, wanted.steps, wanted.budget, wanted.full)
    files.check_report(wanted.out, "report.json", "report.html", "report.md", "quiz.html")
    devices.start(batch=math.gcd(*(recipe.batch for recipe in plan.recipes)))
    console = consoles.Console()
    comparison = course.Comparison(plan, wanted.out, console)
    if wanted.quiz:
        _quiz(comparison, wanted.out)
        return 0
    comparison.carry_out(wanted.scheduler)
    command = shlex.join(["bin/compare", *args])
    results = course_results.Results(comparison.to_dict(command), comparison.arrays())
    files.write(wanted.out / "report.json", json.dumps(results.to_dict(), indent=1) + "\n")
    page, *_ = reports.write(course_report.document(results), wanted.out, "report")
    console.say(f"report in {page}")
    for line in comparison.skipped:
        errors.warn(f"skipped {line}")
    return 2 if comparison.skipped else 0


def _quiz(comparison, folder: Path) -> None:
    pictures = {
        model: arrays["images"][:QUIZZED, ..., 0] for model, arrays in comparison.arrays().items()
    }
    if not pictures:
        raise UserError(f"{folder} holds no comparison of these models: bin/compare makes one")
    test = data.load("mnist").test.images
    chosen = np.random.default_rng(0).choice(len(test), QUIZZED, replace=False)
    page = folder / "quiz.html"
    files.write(page, quiz.quiz({"real": test[chosen, ..., 0], **pictures}, seed=0))
    print(f"open {page}")
