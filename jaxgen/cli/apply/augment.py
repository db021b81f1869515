"""Make a data set of drawn digits, of any size, that other programs can load. The same command
goes on where it stopped.

examples:
  bin/apply augment --model ddpm --count 50000 --out digits-synth/
  bin/apply augment --model gan --count 1000000 --format tfds --out million/
  bin/apply augment --model cvae --filter 0.9 --mix 1:1,7:3 --out sevens/
  bin/apply augment --model cvae --style mine/ --count 1000 --out my-hand/
  bin/apply augment --model gan --real --out mnist-and-more/      after the real training digits
  bin/apply augment --study                                       does it help? see --study --help

README.md in the folder is its data card. The test digits beside the drawn ones are real."""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epy

import jaxgen
from jaxgen import config as configs
from jaxgen import errors
from jaxgen.classes import nouns
from jaxgen.cli import common, flags
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.training import folder as folders

with epy.lazy_imports():
    from jaxgen import devices, families
    from jaxgen.apps import augment
    from jaxgen.cli import inputs
    from jaxgen.experiments import augmentation
    from jaxgen.reports import files as reports
    from jaxgen.training import console as consoles
    from jaxgen.training import trained


@dataclass(frozen=True)
class Augment(common.DrawingFlags, common.HandFlags):
    count: int = 50_000
    """How many digits to draw."""
    out: Path | None = None
    """Folder of the data set: a new one, or one that this command has begun."""
    format: Literal["idx", "npz", "csv", "parquet", "png", "tfds"] = "idx"
    """MNIST's own files; arrays; tables of label and pixels; Parquet as Hugging Face datasets has
    it; a folder of PNG files for each digit; TensorFlow Datasets."""
    ink: Literal["light", "dark"] = "light"
    """Light ink on black as MNIST has it, or dark on white: also of the real digits."""
    mix: str = "balanced"
    """Which digits: as many of each, as often as in the real data (real), or weights such as
    0:1,7:3."""
    filter: float | None = None
    """Draw a digit again where a classifier gives its label a lower probability than this, above 0
    and below 1. The classifier learns from the training digits of the model alone."""
    style: str | None = None
    """Write all of them in one hand: an image file of one digit, one such as test:7, or a folder or
    a file of many digits in that hand. Sampling settings then have no effect."""
    real: bool = False
    """Put the training digits of the model before the drawn ones."""

    def __post_init__(self):
        super().__post_init__()
        configs.require("count", self.count, self.count >= 1, "1 or more")
        if self.filter is not None:
            configs.require("filter", self.filter, 0 < self.filter < 1, "above 0 and below 1")


STUDY = """Does drawn data help a classifier that has few real digits? Generators are trained on
those few alone; classifiers learn from the real digits, the drawn ones, or both, and are compared
with classifiers that learn from shifted and rotated real digits. Results are kept: the same command
goes on.

examples:
  bin/apply augment --study                    hours on two cores; it first says how many
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
    """Random choices of the real digits, each with new generators and classifiers."""
    out: Path = Path("augment-study")
    """Folder of the report and of everything it is made from."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers train, such as tcp://HOST:8786."""


def main(args: list[str]) -> None:
    if "--study" in args:
        return study(args)
    wanted, run = common.start(Augment, "apply augment", __doc__, args)
    if wanted.out is None:
        raise UserError("where to? --out digits-synth/, a new folder")
    files.check(wanted.out / "any")
    trained.require_conditional(families.build(run.config), "--model with these settings")
    order = augment.Order(
        wanted.count,
        wanted.format,
        wanted.mix,
        wanted.filter,
        wanted.real,
        wanted.seed,
        wanted.ink,
    )
    console, hand = consoles.Console(), None
    if wanted.style:
        hand = inputs.read_hand(wanted.style, run)
        named = f"{wanted.style} (SHA-256 {hand.digest[:12]})"
        order = order._replace(style=named, variety=wanted.variety)
    model, digits = run.model, run.model.digits
    data_set = augment.DataSet(order, wanted.out, model, run.config, digits, hand)
    data_set.resume()
    before, total = data_set.state["done"], data_set.state["total"]
    with data_set.lock():
        if 0 < before < total:
            console.say(f"going on after {before:,} digits")
        with console.status() as progress:
            data_set.make(progress)
    judged = data_set.state["judged"]
    if caution := judged.get("caution"):
        errors.warn(caution)
    else:
        one, _ = nouns(model.names)
        value, low, high = judged["recognised"]
        console.say(
            f"recognised as the {one} asked for: {value:.1%} of the first {judged['n']:,} drawn "
            f"(95 % interval {low:.1%} to {high:.1%})"
        )
    already = ", all made before" if before == total else ""
    console.say(
        f"{run.drawn(total)} after {common.steps(run.model.step)}{already}: {wanted.out}, "
        f"described in {wanted.out / 'README.md'}"
    )


def study(args: list[str]) -> None:
    """Study whether drawn data help."""
    wanted = flags.parse(Study(), "apply augment", STUDY, args)
    models = tuple(wanted.models.split(","))
    for model in models:
        configs.recipe(model)  # raises UserError where there is no such recipe
    files.check_report(wanted.out, "report.json", "report.html", "report.md")
    devices.start()
    console = consoles.Console()
    experiment = augmentation.Augmentation(models, wanted.sizes, wanted.seeds)
    results = experiment.carry_out(wanted.out, console, wanted.scheduler)
    figures = results.to_dict()
    files.write(wanted.out / "report.json", json.dumps(figures, indent=1) + "\n")
    provenance = (
        ("command", f"`{shlex.join(['bin/apply', 'augment', *args])}`"),
        ("jaxgen", f"{jaxgen.__version__}, commit {folders.commit()}"),
        ("devices", devices.describe()),
    )
    page, *_ = reports.write(augmentation.document(results, provenance), wanted.out, "report")
    console.say("\n".join(figures["verdicts"]))
    console.say(f"report in {page}")
