"""``python -m tests.faults.layouts FOLDER``: how far trainings over many devices and processes go
from one on one device, and how far a change of its first weights by one unit in the last place
takes it. The table is that of docs/scale.md."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxgen.config import Config
from tests.conftest import small
from tests.faults import training
from tests.runs import metrics

STEPS = 200
NUDGES = 3
MODELS = ("ae", "vae", "cvae", "vqvae", "gan", "ddpm")


class Layout(NamedTuple):
    processes: int
    devices: int  # of each
    shard: bool = False

    def __str__(self) -> str:
        return f"{self.processes}x{self.devices}" + self.shard * "s"


ONE = Layout(1, 1)
ALL = (
    *(Layout(1, devices) for devices in (2, 4, 8)),
    *(Layout(2, devices) for devices in (1, 2, 4)),
    *(Layout(4, devices) for devices in (1, 2)),
    Layout(1, 8, shard=True),
    Layout(2, 2, shard=True),
)


def recipe(model: str, steps: int = STEPS) -> Config:
    return small(model, steps=steps, save_every=steps, sample_every=steps, log_every=steps)


def run(config: Config, layout: Layout, folder: Path) -> list[dict[str, float]]:
    """The metrics of a training in a layout, step by step."""
    command = training.command(config, folder) + ["--shard-params"] * layout.shard
    if layout.processes > 1:
        groups = [f"--processes={layout.processes}", f"--devices={layout.devices}"]
        command = ["launch", *groups, "--", *command]
    return _finish("jaxgen", *command, devices=layout.devices, folder=folder)


def nudged(config: Config, seed: int, folder: Path) -> list[dict[str, float]]:
    """The same on one device, from first weights that are a little different."""
    command = [f"{seed}", *training.command(config, folder)]
    return _finish("tests.faults.nudged", *command, devices=1, folder=folder)


def _finish(module: str, *args: str, devices: int, folder: Path) -> list[dict[str, float]]:
    """Run a module; the metrics of the run that it leaves in a folder."""
    environment = training.environment(
        JAX_NUM_CPU_DEVICES=f"{devices}",
        JAX_DISABLE_MOST_OPTIMIZATIONS="0",  # programs as they are for users
    )
    command = [sys.executable, "-m", module, *args]
    done = subprocess.run(
        command, env=environment, cwd=training.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return metrics(folder)


def apart(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> np.ndarray:
    """How far each step's losses are apart: the largest relative difference so far, [steps]."""
    assert len(ours) == len(theirs)
    names = [name for name in ours[0] if name.endswith("loss")]
    a, b = (np.array([[step[name] for name in names] for step in run]) for run in (ours, theirs))
    return np.maximum.accumulate((np.abs(a - b) / np.maximum(np.abs(b), 1e-6)).max(axis=1))


def by_chance(config: Config, one: list[dict[str, float]], seeds: int, folder: Path) -> np.ndarray:
    """How far first weights that are a little different take a training from ``one``: the most of
    several seeds, [steps]."""
    runs = [nudged(config, seed, folder / f"{config.model}-nudged-{seed}") for seed in range(seeds)]
    return np.max([apart(run, one) for run in runs], axis=0)


def main(folder: Path) -> None:
    for model in MODELS:
        config = recipe(model)
        one = run(config, ONE, folder / f"{model}-{ONE}")
        _tell(model, "one unit in the last place", by_chance(config, one, NUDGES, folder))
        for layout in ALL:
            found = apart(run(config, layout, folder / f"{model}-{layout}"), one)
            _tell(model, f"{layout}", found)


def _tell(model: str, what: str, found: np.ndarray) -> None:
    marks = "  ".join(f"{step:>3} {found[step - 1]:.1e}" for step in (1, 10, 50, len(found)))
    print(f"{model:<6} {what:<28} {marks}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
