"""Training in small, for tests: runs, and what they leave."""

import json
import os
import shutil
from pathlib import Path

import jax
import numpy as np
from filelock import FileLock

from jaxgen import config, families
from jaxgen.cli import main
from jaxgen.model import Model
from jaxgen.training import checkpoint, loop
from jaxgen.training.console import Console
from jaxgen.training.folder import RunFolder
from jaxgen.training.trainer import Trainer
from tests.conftest import flags

QUIET = Console(quiet=True)
SOURCE = "synthetic:600"
TINY = [f"--data={SOURCE}", "--steps=2", "--batch=8", "--sample-every=2", "--save-every=1"]


def untrained(name):
    """A model whose variables are never asked for."""
    recipe, folder = config.recipe(name), RunFolder(Path("none"))
    return Model(
        family=families.build(recipe), variables=None, step=0, config=recipe, folder=folder
    )


def at_home(patch, folder):
    """Work in a folder that has a cache of its own."""
    patch.chdir(folder)
    patch.setenv("XDG_CACHE_HOME", f"{folder}/cache")


def tiny(model):
    """Put a run of two steps at runs/MODEL: a copy of the one that all tests have in common."""
    shared = Path(os.environ["JAXGEN_TEST_RUNS"], model)
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            new = shared.with_suffix(".new")
            args = ["train", "--model", model, "--run", f"{new}", *TINY, *flags(model)]
            assert main.run(args) == 0
            new.rename(shared)
    shutil.copytree(shared, Path("runs", model))


class Listener(Console):
    """A console that remembers its lines."""

    def __init__(self):
        super().__init__(quiet=True)
        self.lines = []

    def say(self, line=""):
        self.lines.append(line)


def run(config, path, console=QUIET, fresh=False, shard_params=False) -> int:
    folder = RunFolder(path)
    with folder.lock():
        for line in folder.prepare(config, fresh):
            console.say(line)
        return loop.train(config, folder, console, shard_params)


def final(config, path):
    """The whole state at the newest checkpoint."""
    return checkpoint.restore(path / "checkpoints", Trainer(config), lambda *_: None)


def metrics(path):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def same(a, b) -> bool:
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)
