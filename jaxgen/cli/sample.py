"""``bin/sample``: draw digits from a trained model."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.errors import UserError

DESCRIPTION = """Draw digits from a trained model. The same seed draws the same digits, however
many.

examples:
  bin/sample --model ddpm --digit 3                 64 threes, as a picture
  bin/sample --model ddpm --digits 2024             a number, written by the model
  bin/sample --model ddpm --count 10000 --out digits.npz
  bin/sample --model ddpm --count 10000 --out more/train.idx.gz
  bin/sample --model gan --count 10000000 --out shards/     files of 10,240 digits, resumable
  bin/launch --processes 2 -- sample --model gan --count 10000000 --out shards/
  bin/sample --model ddpm --trajectory noise.gif    how the noise becomes digits

More than 10,000 digits in a folder are a data set of TensorFlow Datasets, in array_record, that
several processes can make: start the same command for each of N, on any machine that sees the
folder, with --processes N and --process 0, 1 and so on. They need not be there at the same time."""

FEW = 10_000  # digits in a folder, a PNG each; more are shards
MOST = 1_000_000  # digits in a file, which is made in memory: 3 GB


@dataclass(frozen=True)
class Sample(common.Seeded):
    sampling: Annotated[configs.Sampling, tyro.conf.arg(name="")]
    digit: str | None = None
    """The digit to draw, 0 to 9, or any for whatever comes; all ten in turn when not given."""
    digits: str | None = None
    """Digits to draw side by side, such as 2024: a picture joins them as a number is written."""
    cells: bool = False
    """Show the digits of a number in cells instead, as all others."""
    count: int | None = None
    """How many; 64 of one digit, 100 of all."""
    out: str | None = None
    """Where to: .png a picture; .gif or .mp4 one after another; .npz arrays images uint8
    [n, 28, 28] and labels int32 [n]; .csv a line each, label and pixels; .parquet as Hugging Face
    datasets has images; .idx.gz a pair of files as MNIST has them; a folder, if it ends in /, a PNG
    each, or of more than 10,000 digits shards. The label of any digit is 10 (in .parquet and shards
    -1)."""
    by_digit: bool = False
    """Give a folder of PNG files a folder within for each digit, as ImageFolder reads."""
    ink: Literal["light", "dark"] = "light"
    """Light ink on black as MNIST has it, or dark on white."""
    trajectory: Path | None = None
    """Also show the way from the first latent to the digits, as a .gif or .mp4: in 50 steps that
    are even in time, unless steps or spacing are given."""
    processes: int = 1
    """How many processes share the shards; each makes its own."""
    process: int = 0
    """Which one this is, from 0 on."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers make the shards, such as tcp://HOST:8786."""

    def __post_init__(self):
        super().__post_init__()
        if self.digit is not None and self.digit not in [*"0123456789", "any"]:
            raise UserError(f"--digit {self.digit} cannot be drawn: it must be 0 to 9, or any")
        if self.digits is not None and not (self.digits.isascii() and self.digits.isdecimal()):
            raise UserError(
                f"--digits {self.digits!r} cannot be drawn: it must be digits only, such as 2024"
            )
        if self.digits is not None and (self.digit is not None or self.count is not None):
            raise UserError(
                "--digits says what to draw and how many: leave out --digit and --count"
            )
        if self.count is not None:
            configs.require("count", self.count, self.count >= 1, "1 or more")
            if self.count > FEW and (self.out is None or self.out.lower().endswith(".png")):
                raise UserError(
                    f"--count {self.count} is more than a picture shows, {FEW}: give --out "
                    + ("digits.npz, or --out digits/" if self.count <= MOST else "digits/")
                )
        if self.trajectory is not None:
            suffix = self.trajectory.suffix.lower()
            known = suffix in (".gif", ".mp4")
            configs.require(
                "trajectory", self.trajectory, known, "a file that ends in .gif or .mp4"
            )
        configs.require("processes", self.processes, self.processes >= 1, "1 or more")
        configs.require(
            "process",
            self.process,
            0 <= self.process < self.processes,
            f"from 0 to {self.processes - 1}",
        )
        if (self.count or 0) > MOST and not self.shards:
            raise UserError(
                f"--count {self.count} is more than a file takes, {MOST}: --out FOLDER/ makes "
                "shards"
            )
        if self.processes > 1 and not self.shards:
            raise UserError(
                f"--processes {self.processes} is for shards: give --out FOLDER/ and a --count of "
                f"more than {FEW}"
            )
        if self.scheduler and (self.processes > 1 or not self.shards):
            raise UserError(
                f"--scheduler {self.scheduler} is for shards, which its workers share: give --out "
                f"FOLDER/ and a --count of more than {FEW}, without --processes"
            )
        if self.shards and self.trajectory is not None:
            raise UserError("--trajectory is of few digits: leave it out, or --count")
        if self.by_digit and not (self.out or "").endswith("/"):
            raise UserError("--by-digit is for a folder: give --out FOLDER/")
        if self.shards and (self.by_digit or self.ink == "dark"):
            raise UserError(
                f"--by-digit and --ink are for {FEW} digits or fewer: bin/apply augment makes more"
            )

    @property
    def shards(self) -> bool:
        """Whether so many are wanted in a folder that they are written in shards."""
        return (self.count or 0) > FEW and (self.out or "").endswith("/")


def main(args: list[str]) -> int:
    folder, config = common.run_and_recipe(args, "sample")
    sample = flags.parse(Sample(config.sampling), "sample", DESCRIPTION, args)
    import numpy as np

    from jaxgen import devices, families, images, sampling
    from jaxgen.families import names_with
    from jaxgen.families.capabilities import HasTrajectory, able
    from jaxgen.training import trained

    for path in (sample.out, sample.trajectory):
        if path and not sample.shards:
            images.check(path)  # before the minutes that drawing may take
    devices.start()
    config = replace(config, sampling=sample.sampling)
    model = trained.load(folder, config, common.warn)
    if sample.trajectory and not isinstance(model.family, HasTrajectory):
        others = names_with(lambda family: isinstance(family, HasTrajectory))
        raise UserError(
            f"{type(model.family).__name__} draws in one step, so there is no trajectory to show: "
            f"leave out --trajectory, or take --model {others[0]}"
        )
    cycle, count = asked(sample, model)
    if sample.shards:
        return bulk(sample, cycle, count, model, config, folder.path)
    labels = cycle[np.arange(count) % len(cycle)]
    with common.counting("drawing", count) as progress:
        drawer = sampling.Drawer(model.family)
        drawn = drawer.draw(model.variables, labels, sample.seed, progress=progress)
    out = sample.out or common.unused(folder, f"{name_of(sample)}.png")
    joined = sample.digits is not None and not sample.cells
    picture = (lambda: images.number(drawn)) if joined else None
    dark = sample.ink == "dark"
    where = images.save(out, drawn, labels, picture, dark, sample.by_digit)
    print(f"{common.digits(count)} after {common.steps(model.step)}: {common.kept(where)}")
    if sample.trajectory:
        family = families.build(config_of_film(config, args))
        drawer = sampling.Drawer(family, able(family, HasTrajectory).trajectory)
        paths = drawer.draw(model.variables, labels[:100], sample.seed)  # [n, frames, h, w, c]
        images.save_film(sample.trajectory, images.film(paths.swapaxes(0, 1)))
        print(f"how they came about: {sample.trajectory}")
    return 0


def config_of_film(config: configs.Config, args: list[str]) -> configs.Config:
    """The recipe of a film. Where no steps were asked for, they are spaced evenly in time: the
    usual spacing takes most steps where images are still noise."""
    given = {arg.partition("=")[0] for arg in args}
    return config if given & {"--steps", "--spacing"} else common.even(config)


def bulk(sample: Sample, cycle, count: int, model, config, run: Path) -> int:
    """Make the shards that fall to this process, or all by the workers of a cluster."""
    from jaxgen.apps import bulk
    from jaxgen.data import files
    from jaxgen.training.console import Console

    out = Path(sample.out or "")
    files.check(out / bulk.STATE)
    making = bulk.Bulk(count, cycle, sample.seed, out, model, config)
    console = Console()
    making.begin()
    with console.status() as tell:
        if sample.scheduler:
            from jaxgen.experiments import execute, executors

            order = (count, tuple(cycle.tolist()), sample.seed, out, run.absolute(), config)
            calls = [(number, *order) for number in making.missing()]
            with executors.Cluster(sample.scheduler) as executor:
                for done, _ in enumerate(execute.each(bulk.make_shard, calls, executor), 1):
                    tell(f"{done} of {len(calls)} shards")
        else:
            making.make_part(sample.process, sample.processes, tell)
        missing = making.end()
    if missing:
        console.say(f"{missing} shards are left to the other processes, in {out}")
    else:
        console.say(f"{common.digits(count)} after {common.steps(model.step)}: {out}")
    return 0


def asked(sample: Sample, model):
    """The digits to ask for, in turn, int32 [n], and how many in all."""
    import numpy as np

    from jaxgen.arrays import NO_DIGIT

    named = sample.digits if sample.digit in (None, "any") else sample.digit
    if named is not None:
        flag = "--digits" if sample.digits else "--digit"
        common.require_ear(model.family, flag)
        model.require(map(int, named), f"{flag} {named}")
    if sample.digits is not None:
        return np.array([int(digit) for digit in sample.digits], np.int32), len(sample.digits)
    if sample.digit is None:
        cycle = model.digits if model.family.is_conditional else [NO_DIGIT]
        return np.array(cycle, np.int32), sample.count or 100
    label = NO_DIGIT if sample.digit == "any" else int(sample.digit)
    return np.full(1, label, np.int32), sample.count or 64


def name_of(sample: Sample) -> str:
    what = sample.digits or (f"digit-{sample.digit}" if sample.digit else "digits")
    return f"{what}-seed-{sample.seed}"
