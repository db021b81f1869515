"""``bin/evaluate``: measure a trained model with the judge."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxgen import config as configs
from jaxgen.cli import common

DESCRIPTION = """Measure a trained model: draw digits from it and show them to the judge, a
classifier of real digits.

examples:
  bin/evaluate --model ddpm                      5,000 digits, under a minute
  bin/evaluate --model ddpm --count 10000 --guidance 1
  bin/evaluate --model ddpm --against valid      to choose settings by
  bin/evaluate --train-judge judge.safetensors   trains the judge anew, some minutes

The figures also go to report.json in the run's folder."""


@dataclass(frozen=True)
class Evaluate:
    sampling: Annotated[configs.Sampling, tyro.conf.arg(name="")]
    model: str | None = None
    """The family of models."""
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    count: int = 5000
    """How many digits to draw and judge, at the frequencies of the real ones."""
    against: Literal["test", "valid"] = "test"
    """The real digits to hold them against; choose settings by valid, 5,000 digits held out of the
    training set, and never by test."""
    seed: int = 0
    """Another seed draws other digits."""
    train_judge: Path | None = None
    """Train the judge from the beginning and write its weights to this file, instead of evaluating.
    """

    def __post_init__(self):
        configs.require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")


def main(args: list[str]) -> int:
    if file := common.peek(args, "train-judge"):
        common.parse(Evaluate(configs.Sampling()), "evaluate", DESCRIPTION, args)
        return train_judge(Path(file))
    folder, config = common.run_and_recipe(args, "evaluate")
    wanted = common.parse(Evaluate(config.sampling), "evaluate", DESCRIPTION, args)
    import numpy as np
    import rich.console

    from jaxgen import data, devices, sampling
    from jaxgen.arrays import NO_DIGIT
    from jaxgen.evaluation import codes, evaluate, judge, reference
    from jaxgen.training import folder as folders
    from jaxgen.training import trained

    devices.start()
    config = replace(config, sampling=wanted.sampling)
    model = trained.load(folder, config, common.warn)
    digits = data.load(config.data)
    like = reference.real_digits(digits, wanted.against).labels
    labels = reference.labels_like(like, wanted.count)
    if not model.family.hears_labels:
        labels = np.full_like(labels, NO_DIGIT)
    eye = judge.load()
    real = reference.measure(eye, digits, wanted.count, wanted.against)
    began = time.perf_counter()
    images = sampling.Drawer(model.family).draw(model.variables, labels, wanted.seed)
    drawing = time.perf_counter() - began
    report = evaluate.evaluate(images, labels, config.data, eye, wanted.seed, reference=real)
    print(f"{config.model} after {model.step} steps of training, {folder}")
    judging = time.perf_counter() - began - drawing
    print(f"{wanted.count} digits drawn in {drawing:.1f} s, judged in {judging:.1f} s")
    rich.console.Console(highlight=False).print(report.table())
    kept = codes.measure(model.family, model.variables, digits, wanted.against)
    print("", *kept.lines(), "", sep="\n")
    told = report.to_dict() | {
        "codes": kept.to_dict(),
        "step": model.step,
        "config": configs.to_dict(config),
    }
    folders.write(folder.path / "report.json", json.dumps(told, indent=2) + "\n")
    print(f"also in {folder.path / 'report.json'}")
    return 0


def train_judge(file: Path) -> int:
    from jaxgen import devices
    from jaxgen.evaluation import judge

    devices.start()
    accuracy = judge.train(file)
    print(f"{accuracy:.2%} of the test digits are recognised; the weights are in {file}")
    return 0
