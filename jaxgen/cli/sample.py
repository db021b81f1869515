"""Draw digits from a trained model. The same seed draws the same digits, however many.

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
folder, with --processes N and --process 0, 1 and so on. They need not run at the same time."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from etils import epy

from jaxgen import config as configs
from jaxgen import images
from jaxgen.cli import common
from jaxgen.cli.common import Run
from jaxgen.errors import UserError

with epy.lazy_imports():
    from jaxgen import families, mapping, sampling
    from jaxgen.apps import bulk
    from jaxgen.data import files
    from jaxgen.experiments import execute, executors
    from jaxgen.families import capabilities
    from jaxgen.training import console as consoles

FEW = 10_000  # digits in a folder, a PNG each; more are shards
MAX_IN_FILE = 1_000_000  # digits in a file, which is made in memory: 3 GB
FOR_SHARDS = f"give --out FOLDER/ and a --count of more than {FEW}"


@dataclass(frozen=True)
class Sample(common.DrawingFlags):
    digit: str | None = None
    """The digit to draw, 0 to 9, or any for random digits; all in turn when not given. A model of
    other data knows its classes by their names, such as --label sneaker, which is the same flag."""
    digits: str | None = None
    """Digits to draw side by side, such as 2024: a picture joins them as a number is written. Other
    classes have commas between them."""
    cells: bool = False
    """Show the digits of a number in the cells of a grid, as other digits are shown."""
    count: int | None = None
    """How many digits; when not given, 64 of one digit or 100 of all."""
    out: str | None = None
    """Where to: .png a picture; .gif or .mp4 one after another; .npz arrays images uint8
    [n, 28, 28] and labels int32 [n]; .csv a line each, label and pixels; .parquet as Hugging Face
    datasets has images; .idx.gz a pair of files as MNIST has them; a folder, if it ends in /, a PNG
    each, or of more than 10,000 digits shards. The label of any digit is -1 (in .idx.gz 255)."""
    by_digit: bool = False
    """Put PNG files into a subfolder for each digit, as ImageFolder reads them."""
    ink: Literal["light", "dark"] = "light"
    """Light ink on black as MNIST has it, or dark on white."""
    trajectory: Path | None = None
    """Also show the way from the first latent to the digits, as a .gif or .mp4: in 50 steps that
    are spread evenly over time, unless --steps or --spacing is given."""
    processes: int = 1
    """How many processes divide the shards among them."""
    process: int = 0
    """The number of this process, from 0 on."""
    scheduler: str | None = None
    """Address of a Dask scheduler whose workers make the shards, such as tcp://HOST:8786."""

    def __post_init__(self):
        super().__post_init__()
        digit, count, out, film = self.digit, self.count, self.out or "", self.trajectory
        configs.require("count", count, count is None or count >= 1, "1 or more")
        valid = film is None or film.suffix.lower() in (".gif", ".mp4")
        configs.require("trajectory", film, valid, "a file that ends in .gif or .mp4")
        configs.require("processes", self.processes, self.processes >= 1, "1 or more")
        valid = 0 <= self.process < self.processes
        configs.require("process", self.process, valid, f"from 0 to {self.processes - 1}")
        count = count or 0
        picture, folder = out == "" or out.lower().endswith(".png"), out.endswith("/")
        other = "digits.npz, or --out digits/" if count <= MAX_IN_FILE else "digits/"
        common.refuse(
            (
                self.digits is not None and (digit is not None or self.count is not None),
                "--digits says what to draw and how many: leave out --digit and --count",
            ),
            (
                count > FEW and picture,
                f"--count {count} is more than a picture shows, {FEW}: give --out {other}",
            ),
            (
                count > MAX_IN_FILE and not self.shards,
                f"--count {count} is more than a file takes, {MAX_IN_FILE}: "
                "--out FOLDER/ makes shards",
            ),
            (
                self.processes > 1 and not self.shards,
                f"--processes {self.processes} is for shards: {FOR_SHARDS}",
            ),
            (
                self.scheduler and (self.processes > 1 or not self.shards),
                f"--scheduler {self.scheduler} is for shards, which its workers make: "
                f"{FOR_SHARDS}, without --processes",
            ),
            (self.shards and film, "--trajectory is for few digits: leave it out, or --count"),
            (self.by_digit and not folder, "--by-digit is for a folder: give --out FOLDER/"),
            (
                self.shards and (self.by_digit or self.ink == "dark"),
                f"--by-digit and --ink are for {FEW} digits or fewer: bin/apply augment makes more",
            ),
        )

    @property
    def shards(self) -> bool:
        """Whether the digits are so many that they go to a folder in shards."""
        return (self.count or 0) > FEW and (self.out or "").endswith("/")


def main(args: list[str]) -> None:
    wanted, run = common.start(Sample, "sample", __doc__, args)
    for path in (wanted.out, wanted.trajectory):
        if path and not wanted.shards:
            images.check(path)  # before the minutes that drawing may take
    family, film = run.model.family, wanted.trajectory
    if film and not isinstance(family, capabilities.HasTrajectory):
        others = families.names_with(lambda other: isinstance(other, capabilities.HasTrajectory))
        raise UserError(
            f"{type(family).__name__} draws in one step, so there is no trajectory to show: "
            f"leave out --trajectory, or take --model {others[0]}"
        )
    cycle = run.model.cycle(wanted.digit, wanted.digits)
    if wanted.shards:
        return draw_shards(wanted, run, cycle)
    of_all = sampling.of_all(cycle) if wanted.digit is None else 64
    count = wanted.count or (len(cycle) if wanted.digits else of_all)
    labels = cycle[np.arange(count) % len(cycle)]
    with consoles.Console().counting("drawing", count) as progress:
        drawn = run.model.sample(digits=cycle, count=count, seed=wanted.seed, progress=progress)
    name = wanted.digits or (f"digit-{wanted.digit}" if wanted.digit else "digits")
    out = wanted.out or common.unused_path(run.folder, f"{name}-seed-{wanted.seed}.png")
    joined = wanted.digits is not None and not wanted.cells
    picture = (lambda: images.number(drawn)) if joined else None
    if len(cycle) > 10 and not wanted.digits:
        picture = functools.partial(images.grid, drawn, len(cycle))
    style = wanted.ink == "dark", wanted.by_digit, run.config.classes
    path = images.save(out, drawn, labels, picture, *style)
    run.announce(run.drawn(count), path)
    if film:
        names = {arg.partition("=")[0] for arg in args}
        chosen = names & {"--steps", "--spacing"}
        # The usual spacing has most steps where images are still noise.
        family = families.build(run.config if chosen else common.with_even_steps(run.config))
        frames = mapping.map_images(  # [n, frames, h, w, c]
            capabilities.able(family, capabilities.HasTrajectory).trajectory,
            run.model.variables,
            seed=wanted.seed,
            labels=labels[:100],
        )
        images.save_film(film, images.film(frames.swapaxes(0, 1)))
        print(f"how they came about: {film}")


def draw_shards(wanted: Sample, run: Run, cycle: np.ndarray) -> None:
    """Make the shards of this process, or all shards by the workers of a cluster. ``cycle`` int32
    [n] are the labels in turn."""
    out, config, model, count = Path(wanted.out or ""), run.config, run.model, wanted.count or 0
    files.check(out / bulk.STATE)
    data_set = bulk.Bulk(count, cycle, wanted.seed, out, model, config)
    console = consoles.Console()
    data_set.begin()
    with console.status() as progress:
        if wanted.scheduler:
            folder = run.folder.path.absolute()
            order = (count, tuple(cycle.tolist()), wanted.seed, out, folder, config)
            calls = [(number, *order) for number in data_set.missing()]
            with executors.Cluster(wanted.scheduler) as executor:
                for done, _ in enumerate(execute.run_calls(bulk.make_shard, calls, executor), 1):
                    progress(f"{done} of {len(calls)} shards")
        else:
            data_set.make_part(wanted.process, wanted.processes, progress)
        missing = data_set.end()
    if missing:
        console.say(f"{missing} shards are left to the other processes, in {out}")
    else:
        console.say(f"{run.drawn(count)} after {common.steps(model.step)}: {out}")
