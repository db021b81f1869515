"""What is compared: which recipes, from which seeds, trained for how long, and in which folder."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from jaxgen import config as configs
from jaxgen.config import STRIDED, Config
from jaxgen.errors import UserError
from jaxgen.training import seals
from jaxgen.training.folder import ROOT, RunFolder

FAMILIES = ("ae", "vae", "cvae", "vqvae", "gan", "ddpm")  # as the course lists them
RECIPES = ("ae", "vae", "cvae", "vqvae", "gan", "ddpm_full")  # where each trains as it likes best


@dataclass(frozen=True)
class Entry:
    """A recipe and a seed."""

    model: str
    config: Config

    @property
    def name(self) -> str:
        return f"{self.model}-{self.config.seed}"


@dataclass(frozen=True)
class Plan:
    """A comparison."""

    entries: tuple[Entry, ...]
    seeds: int
    steps: int | None
    budget: float | None  # seconds
    full: bool

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(entry.model for entry in self.entries))

    @property
    def training(self) -> str:
        """How long each model is trained, in words."""
        if self.budget:
            return f"for {self.budget:.0f} s"
        return f"for {self.steps:,} steps" if self.steps else "as its recipe says"


def make(
    models: tuple[str, ...], seeds: int, steps: int | None, budget: str | None, full: bool
) -> Plan:
    """Plan a comparison; without ``models`` that of the six families. Raises UserError for what
    cannot be compared."""
    configs.require("seeds", seeds, seeds >= 1, "1 or more")
    if steps is not None:
        configs.require("steps", steps, steps >= 1, "1 or more")
    if steps and budget:
        raise UserError(f"--steps {steps} and --budget {budget} exclude each other: give one")
    models = models or (FAMILIES if steps or budget else RECIPES)
    families = [configs.recipe(model).family for model in models]
    if len(set(families)) < len(families):
        raise UserError(f"--models {','.join(models)} names a family twice: one recipe of each")
    entries = []
    for model in models:
        recipe = configs.recipe(model)
        if steps:
            recipe = replace(recipe, steps=steps)
        entries += [Entry(model, replace(recipe, seed=seed)) for seed in range(seeds)]
    return Plan(tuple(entries), seeds, steps, seconds(budget) if budget else None, full)


def seconds(text: str) -> float:
    """Read a time such as 120s, 2m or 90."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|)", text.strip())
    value = float(found[1]) * {"m": 60, "min": 60, "h": 3600}.get(found[2], 1) if found else 0
    configs.require("budget", text, value > 0, "a time such as 120s or 5m")
    return value


class Runs(NamedTuple):
    """The runs that there are, and why others cannot be read."""

    recipes: list[tuple[RunFolder, Config]]
    unreadable: list[str]


def runs(folder: Path) -> Runs:
    """All runs in runs/ and in ``folder``."""
    found = Runs([], [])
    for place in sorted([*ROOT.glob("*/config.json"), *folder.glob("*/config.json")]):
        run = RunFolder(place.parent)
        try:
            found.recipes.append((run, run.load()))
        except UserError as error:
            found.unreadable.append(str(error))
    return found


def find(config: Config, folder: Path) -> RunFolder | None:
    """A finished run of the recipe, in runs/ or in ``folder``."""
    for run in _of(config, folder):
        if _newest(run) == config.steps:
            return run
    return None


def strided(recipes: list[Config], folder: Path) -> list[str]:
    """The runs in runs/ or in ``folder`` that are of one of the recipes, but on the digits as
    earlier versions divided them: their names."""
    former = [replace(config, data=STRIDED + config.data) for config in recipes]
    return [
        str(run)
        for run, theirs in runs(folder).recipes
        if any(same(theirs, config) for config in former)
    ]


def require_at_rest(config: Config, folder: Path) -> None:
    """Raise UserError where a run of the recipe is being trained: it would be trained twice."""
    for run in _of(config, folder):
        if run.is_busy():
            raise UserError(
                f"{run} is still being trained, and has {_newest(run)} of {config.steps} steps: "
                "wait for it, and give the same command again"
            )


def _of(config: Config, folder: Path) -> list[RunFolder]:
    return [run for run, theirs in runs(folder).recipes if same(config, theirs)]


def _newest(run: RunFolder) -> int:
    return max(seals.steps(run.checkpoints), default=0)


def same(config: Config, other: Config) -> bool:
    """Whether two recipes train the same weights: not so how they are shown on the way, and drawn
    from."""
    return _essence(config) == _essence(other)


def with_horizon(config: Config) -> Config:
    """The recipe with its horizon told, so that other steps do not move it."""
    horizon = config.optim.horizon or config.steps
    return replace(config, optim=replace(config.optim, horizon=horizon))


def _essence(config: Config) -> Config:
    recipe = configs.recipe(config.model)
    return replace(
        with_horizon(config),
        sampling=recipe.sampling,
        log_every=1,
        sample_every=0,
        save_every=1,
    )
