"""The runs of a study: every setting that is asked about, from the same seeds."""

import itertools
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.data import files
from jaxgen.errors import UserError

Design = Literal["grid", "each"]


class Axis(NamedTuple):
    """A setting, and the values that it is given, as they are written."""

    name: str
    values: tuple[str, ...]


class Setting(NamedTuple):
    """One choice of all that is varied, and the recipe that it makes."""

    values: tuple[tuple[str, str], ...]  # name and value of each axis
    config: Config

    def of(self, name: str) -> str:
        """The value of an axis."""
        return dict(self.values)[name]

    @property
    def label(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.values)


def axis(text: str, config: Config) -> Axis:
    """Read ``net.beta=0.1,1``; numbers that belong together have dashes, as in
    ``net.layers=256,512-256``. Raises UserError for a setting that does not exist or one value."""
    name, equals, given = text.partition("=")
    name = name.strip().lstrip("-").replace("_", "-")
    settings = dict(configs.flat(config))
    if not equals:
        raise UserError(f"--vary {text} gives no values: write it as net.beta=0.1,1,10")
    if name not in settings or name == "model":
        raise UserError(
            f"{config.model} has no setting {name!r}: {configs.suggest(name, settings)}"
        )
    if name == "seed":
        raise UserError("--vary seed is what --seeds does: every setting is trained from each seed")
    values = tuple(dict.fromkeys(value.strip() for value in given.split(",") if value.strip()))
    if len(values) < 2:
        raise UserError(f"--vary {text} has one value: there is nothing to compare, give two")
    return Axis(name, values)


def flags(axis: Axis, value: str, config: Config) -> list[str]:
    """The value of an axis as a flag of ``bin/train``."""
    if isinstance(dict(configs.flat(config))[axis.name], tuple):
        value = value.replace("-", ",")
    return [f"--{axis.name}={value}"]


def written(value: Any) -> str:
    """A value as ``--vary`` has it."""
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Plan:
    """A study: its settings, each trained from the same seeds."""

    base: Config
    axes: tuple[Axis, ...]
    design: Design
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]

    def recipe(self, setting: Setting, seed: int) -> Config:
        """What is trained: saved and shown when it is done, or stopped."""
        config = setting.config
        return replace(config, seed=seed, sample_every=0, save_every=config.steps)

    def trainings(self, seed: int) -> dict[Config, list[Setting]]:
        """What is trained from a seed, and the settings that are measured of it: they differ in how
        it is drawn from."""
        found: dict[Config, list[Setting]] = {}
        for setting in self.settings:
            found.setdefault(trained(self.recipe(setting, seed)), []).append(setting)
        return found

    def along(self, axis: Axis) -> list[list[Setting]]:
        """The settings that differ in nothing but this axis, in the order of its values: for each
        choice of the others a list."""
        lines: dict[tuple, dict[str, Setting]] = {}
        for setting in self.settings:
            rest = tuple(pair for pair in setting.values if pair[0] != axis.name)
            lines.setdefault(rest, {})[setting.of(axis.name)] = setting
        ordered = [[line[v] for v in axis.values if v in line] for line in lines.values()]
        return [line for line in ordered if len(line) > 1]


def trained(config: Config) -> Config:
    """What a training depends on: not so how it is drawn from."""
    return replace(config, sampling=configs.recipe(config.model).sampling)


def make(
    base: Config,
    axes: tuple[Axis, ...],
    design: Design,
    seeds: int,
    resolve: Callable[[list[str]], Config],
) -> Plan:
    """Plan a study. ``resolve`` makes a recipe of flags that are added to those of ``base``."""
    configs.require("seeds", seeds, seeds >= 1, "1 or more")
    if not axes:
        raise UserError("what is varied? give a question, or --vary net.beta=0.1,1,10")
    names = [axis.name for axis in axes]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"--vary names {twice.pop()} twice: give all of its values at once")
    if design == "each":
        axes, choices = _one_at_a_time(base, axes, resolve)
    else:
        choices = itertools.product(*(axis.values for axis in axes))
    found: dict[Config, Setting] = {}
    for choice in choices:
        pairs = list(zip(axes, choice, strict=True))
        config = resolve([flag for axis, value in pairs for flag in flags(axis, value, base)])
        values = tuple((axis.name, value) for axis, value in pairs)
        if config in found:
            raise UserError(f"{Setting(values, config).label} is the same as {found[config].label}")
        found[config] = Setting(values, config)
    return Plan(
        base, axes, design, tuple(found.values()), tuple(range(base.seed, base.seed + seeds))
    )


def count(axes: tuple[Axis, ...], design: Design) -> int:
    """How many settings there are."""
    sizes = [len(axis.values) for axis in axes]
    return math.prod(sizes) if design == "grid" else 1 + sum(size - 1 for size in sizes)


def _one_at_a_time(base, axes, resolve):
    """The axes, each with the value of the base among its own; and as choices the base, and it with
    one other value."""
    settings = dict(configs.flat(base))
    usual, completed = [], []
    for axis in axes:
        # As the axis writes it, if it does: 1 and 1.0 are one value.
        same = [value for value in axis.values if resolve(flags(axis, value, base)) == base]
        usual.append(same[0] if same else written(settings[axis.name]))
        completed.append(axis if same else Axis(axis.name, (usual[-1], *axis.values)))
    choices = [tuple(usual)]
    for place, axis in enumerate(completed):
        choices += [
            (*usual[:place], value, *usual[place + 1 :])
            for value in axis.values
            if value != usual[place]
        ]
    return tuple(completed), choices


def claim_folder(folder: Path, plan: Plan) -> None:
    """Make the folder that of this question. Raises UserError where it is that of another: of other
    values or more seeds of the same it may be."""
    base = configs.to_dict(replace(plan.base, seed=0))
    for axis in plan.axes:
        *outer, last = axis.name.replace("-", "_").split(".")
        (base[outer[0]] if outer else base)[last] = "varied"
    question = {
        "varied": [axis.name for axis in plan.axes],
        "design": plan.design,
        "base": json.loads(json.dumps(base)),
    }
    place = folder / "study.json"
    try:
        theirs = json.loads(place.read_text())
    except FileNotFoundError:
        files.check(place)
        folder.mkdir(parents=True, exist_ok=True)
        files.write_all({place: (json.dumps(question, indent=1) + "\n").encode()})
        return
    except (OSError, ValueError) as error:
        raise UserError(f"{place} cannot be read ({error}): give --out another folder") from None
    if theirs != question and _is_strided(theirs):
        raise UserError(
            f"{folder} holds a study on the digits as earlier versions divided them: "
            "give --out another folder"
        )
    if theirs != question:
        raise UserError(
            f"{folder} holds a study of another question ({_told(theirs)}): "
            "give --out another folder"
        )


def _is_strided(question) -> bool:
    try:
        return "format" not in question["base"]
    except (KeyError, TypeError):
        return False


def _told(question) -> str:
    try:
        model, steps = question["base"]["model"], question["base"]["steps"]
        return f"{', '.join(question['varied'])} of {model}, {steps} steps"
    except (KeyError, TypeError):
        return "one that cannot be read"


def folder_name(setting: Setting, seed: int) -> str:
    """The name of a run's folder: what is varied in its training, and its seed."""
    return _name([pair for pair in setting.values if not pair[0].startswith("sampling.")], seed)


def part_name(setting: Setting, seed: int) -> str:
    """The name of what is found of a run: all that is varied, and its seed."""
    return _name(setting.values, seed)


def _name(values, seed) -> str:
    parts = [f"{name.rpartition('.')[2]}-{value}" for name, value in values]
    return re.sub(r"[^\w.-]+", "_", "-".join([*parts, "seed", str(seed)]))
