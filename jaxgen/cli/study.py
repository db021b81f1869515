"""Study what a setting changes: train with each of its values, from several seeds,
and write a report. Results are kept, so that the same command goes on where it stopped.

examples:
  bin/study --list                                     the questions that have a name
  bin/study latent --model vae                         one of them
  bin/study latent --vary net.latents=4,16 --seeds 2   the same, smaller
  bin/study --model vae --vary net.beta=0.1,1,10 --vary net.latents=2,8,32 --seeds 3
  bin/study --model gan --vary net.objective=hinge,non-saturating --steps 500

All flags of bin/train set what the compared models share. The report is OUT/report.html, and beside
it report.md and results.csv; the runs are in OUT/runs, for bin/sample --run PATH."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from etils import epy

import jaxgen
from jaxgen.cli import common, flags
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.experiments import grid as grids
from jaxgen.experiments.questions import QUESTIONS, Question, named
from jaxgen.training import folder as folders

with epy.lazy_imports():
    from jaxgen import devices
    from jaxgen.experiments import study as studies
    from jaxgen.experiments import study_report
    from jaxgen.reports import files as reports
    from jaxgen.training import console as consoles

MANY = 500  # runs at most without --yes


@dataclass(frozen=True)
class Study:
    config: Annotated[Config, tyro.conf.arg(name="")]
    vary: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A setting and its values, such as net.beta=0.1,1,10, net.layers=256,512-256, or
    net.binarise=true,false; may be given several times. When not given, what the question
    varies."""
    each: bool = False
    """Vary one thing at a time, instead of all together."""
    seeds: int = 3
    """Trainings of each setting, with seeds from --seed on; a question has its own number."""
    list: bool = False
    """Print the questions that have a name, and do nothing else."""
    yes: bool = False
    """Begin a study of many hours without asking."""
    out: Path | None = None
    """Folder of the report and of everything it is made from; one in studies/ when not given."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://HOST:8786."""


def main(args: list[str]) -> None:
    command, question = shlex.join(["bin/study", *args]), None
    if args and not args[0].startswith("-"):
        question, args = named(args[0]), args[1:]
    if "--list" in args:
        return _list()
    args = _flags(question, args)
    default = Study(common.recipe(args, "study"), seeds=question.seeds if question else 3)
    wanted = flags.parse(default, "study", __doc__, args)
    base = wanted.config
    if question and base.model not in question.models:
        raise UserError(
            f"the question {question.name} is not for {base.model}, but for "
            f"{', '.join(question.models)}: with --vary you can ask your own question of it"
        )
    axes = tuple(grids.axis(x, base) for x in wanted.vary or (question.vary if question else ()))
    design = "each" if wanted.each or (question and question.design == "each") else "grid"

    def resolve(more: list[str]) -> Config:
        return flags.parse(default, "study", __doc__, [*args, *flags.normalised(more)]).config

    folder = wanted.out or Path("studies") / _name(question, base, axes)
    files.check_report(folder, "report.html", "report.md", "results.csv", "study.json")
    console, settings = consoles.Console(), grids.count(axes, design)
    if (runs := settings * wanted.seeds) > MANY and not wanted.yes:
        raise UserError(
            f"that is {settings:,} settings and {runs:,} runs: give --yes if you want them all, "
            "fewer values, or --each to vary one thing at a time"
        )
    grid = grids.make(base, axes, design, wanted.seeds, resolve)
    devices.start(batch=math.gcd(*(setting.config.batch for setting in grid.settings)))
    studies.require_judges(grid)
    study = studies.carry_out(grid, folder, console, wanted.yes, wanted.scheduler)
    _report(study, question, command, folder, console)


def _report(study, question: Question | None, command: str, folder: Path, console) -> None:
    provenance = (
        ("command", f"`{command}`"),
        ("jaxgen", f"{jaxgen.__version__}, commit {folders.commit()}"),
        ("devices", devices.describe()),
        ("judge", ", ".join(dict.fromkeys(studies.judges(study.grid).values()))),
    )
    files.write(folder / "results.csv", study_report.table(study))
    page, *_ = reports.write(study_report.document(study, question, provenance), folder, "report")
    console.say("\n".join(study_report.sentences(study, question)))
    console.say(f"report in {page}")


def _flags(question: Question | None, args: list[str]) -> list[str]:
    """The flags of a question, then the user's: the last value of a flag counts."""
    if question is None:
        return args
    model = [] if flags.peek(args, "model")[0] else ["--model", question.models[0]]
    return [*model, *question.flags, *args]


def _name(question: Question | None, base: Config, axes) -> str:
    if question:
        return f"{question.name}-{base.model}"
    return "-".join([base.model, *(axis.name.rpartition(".")[2] for axis in axes)])


def _list() -> None:
    width = max(len(question.name) for question in QUESTIONS)
    for question in QUESTIONS:
        print(f"{question.name:<{width}}  {question.asks}")
        print(f"{'':<{width}}  of {' | '.join(question.models)}; {'; '.join(question.vary)}\n")
    print("bin/study NAME --model MODEL answers one; other flags of bin/train change the models.")
