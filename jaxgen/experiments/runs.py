"""Models of a recipe from earlier trainings, so that no recipe is trained twice."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jaxgen import config as configs
from jaxgen.config import STRIDED, Config
from jaxgen.errors import UserError
from jaxgen.training import manifest, published
from jaxgen.training.folder import ROOT, ModelFolder, RunFolder


class Runs(NamedTuple):
    """The runs in runs/ and in a folder, and why other runs cannot be read."""

    known: list[tuple[RunFolder, Config]]
    unreadable: list[str]  # reasons

    def of(self, config: Config) -> Iterator[RunFolder]:
        """The runs of a recipe, finished or not."""
        return (run for run, other in self.known if same(config, other))

    def finished(self, config: Config) -> ModelFolder | None:
        """A finished run of a recipe; where there is no run of it, the model that ships."""
        mine = list(self.of(config))
        if not mine:
            return next((x for x in published.shipped() if same(config, x.load())), None)
        return next((run for run in mine if newest(run) == config.steps), None)

    def strided(self, recipes: Sequence[Config]) -> list[str]:
        """The runs of the recipes on the split of earlier versions."""
        former = [replace(config, data=STRIDED + config.data) for config in recipes]
        return [str(run) for run, other in self.known if any(same(other, x) for x in former)]

    def require_at_rest(self, config: Config) -> None:
        """Raise UserError if another process trains a run of the recipe."""
        for run in self.of(config):
            if run.is_busy():
                raise UserError(
                    f"{run} is still being trained, and has {newest(run)} of {config.steps} "
                    "steps: wait for it, and give the same command again"
                )


def find(folder: Path) -> Runs:
    """All runs in runs/ and in ``folder``, but for those of recipes that this process does not
    know, such as another file of ``--recipe``."""
    runs = Runs([], [])
    for path in sorted([*ROOT.glob("*/config.json"), *folder.glob("*/config.json")]):
        run = RunFolder(path.parent)
        try:
            runs.known.append((run, run.load()))
        except UserError as error:
            if not _is_of_unknown(run):
                runs.unreadable.append(str(error))
    return runs


def _is_of_unknown(run: RunFolder) -> bool:
    """Whether a run names a recipe that this process does not know."""
    try:
        model = json.loads(run.config.read_text())["model"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return model not in (*configs.names(), *configs.papers())


def same(config: Config, other: Config) -> bool:
    """Whether two recipes train the same weights; they may log and sample differently."""
    return _essence(config) == _essence(other)


def with_horizon(config: Config) -> Config:
    """The recipe with an explicit horizon, so that other steps do not change it."""
    horizon = config.optim.horizon or config.steps
    return replace(config, optim=replace(config.optim, horizon=horizon))


def newest(run: RunFolder) -> int:
    """The newest saved step of a run; 0 if there is none."""
    return max(manifest.steps(run.checkpoints), default=0)


def _essence(config: Config) -> Config:
    sampling = configs.recipe(config.model).sampling
    return replace(
        with_horizon(config), sampling=sampling, log_every=1, sample_every=0, save_every=1
    )
