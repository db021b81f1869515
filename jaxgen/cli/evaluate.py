"""Measure a trained model: draw digits from it and show them to the judge, a classifier of real
digits; and measure what else applies to its family, such as the likelihood.

examples:
  bin/evaluate --model ddpm                      5,000 digits, a minute or two
  bin/evaluate --model vae --full                10,000, and likelihoods as in papers: an hour
  bin/evaluate --model ddpm --count 10000 --guidance 1
  bin/evaluate --model ddpm --against valid      to choose settings by
  bin/evaluate --train-judge judge.safetensors   trains the judge again, some minutes

The figures also go to report.json in the run's folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from etils import epy

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.data import files

with epy.lazy_imports():
    import rich.console

    from jaxgen import devices
    from jaxgen.evaluation import judge, population


@dataclass(frozen=True)
class Evaluate(common.DrawingFlags):
    full: bool = False
    """Measure as much as papers do: 10,000 digits drawn, and the likelihood of all test digits with
    5,000 codes each. On two cores this takes an hour for vae and cvae, half an hour for ddpm."""
    count: int | None = None
    """How many digits to draw and judge, at the frequencies of the real ones; when not given 5,000,
    or 10,000 with --full."""
    against: Literal["test", "valid"] = "test"
    """The real digits to compare with; choose settings by valid, 5,000 digits held out of the
    training set, and never by test."""
    train_judge: Path | None = None
    """Train the judge from the beginning and write its weights to this file, instead of evaluating.
    """
    train_population: Path | None = None
    """Train the classifier of MNIST's two populations of writers and write its weights to this
    file, instead of evaluating."""


def main(args: list[str]) -> None:
    if any(flags.peek(args, "train-judge", "train-population")):
        return train(args)
    wanted, run = common.start(Evaluate, "evaluate", __doc__, args)
    model = run.model
    console = rich.console.Console(highlight=False, soft_wrap=True)
    with console.status("loading") as status:
        results = model.evaluate(
            wanted.count, wanted.against, wanted.seed, full=wanted.full, progress=status.update
        )
    console.print(f"{run.config.model} after {common.steps(model.step)}, {run.folder}")
    console.print(f"{run.drawn(results.report.n)} drawn in {results.drawing:.1f} s")
    console.print(f"{results}\n")
    figures = results.to_dict() | {"step": model.step, "config": configs.to_dict(run.config)}
    report = run.folder.results / "report.json"
    files.write(report, json.dumps(figures, indent=2) + "\n")
    print(f"also in {report}")


def train(args: list[str]) -> None:
    """Train the judge, or the classifier of populations."""
    wanted = flags.parse(Evaluate(sampling=configs.Sampling()), "evaluate", __doc__, args)
    file = wanted.train_judge or wanted.train_population
    assert file is not None
    files.check_new(file)
    devices.start()
    if wanted.train_judge:
        print(
            f"{judge.train(file):.2%} of the test digits are recognised; the weights are in {file}"
        )
        return
    rates = population.train(file)
    print(
        f"the population of {rates.accuracy:.2%} of the floor digits is recognised "
        f"({1 - rates.of_0:.2%} of population 0, {rates.of_1:.2%} of population 1); "
        f"the weights are in {file}"
    )
