"""The settings of a study: all combinations of the values of its axes, or one change at a time."""

import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.errors import UserError

Design = Literal["grid", "each"]
Resolve = Callable[[list[str]], Config]  # ``resolve(flags)`` returns the base recipe with flags


class Axis(NamedTuple):
    """A setting to vary, and its values as the user writes them."""

    name: str
    values: tuple[str, ...]


class Setting(NamedTuple):
    """A value of each axis, and the recipe with these values."""

    values: tuple[tuple[str, str], ...]  # name and value of each axis
    config: Config

    def of(self, name: str) -> str:
        """The value of an axis."""
        return dict(self.values)[name]

    @property
    def label(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.values)

    def run_name(self, seed: int) -> str:
        """The name of the training. Settings that differ only in sampling share it."""
        return _name([pair for pair in self.values if not pair[0].startswith("sampling.")], seed)

    def name(self, seed: int) -> str:
        return _name(self.values, seed)


def _name(values, seed: int) -> str:
    parts = [f"{name.rpartition('.')[2]}-{value}" for name, value in values]
    return re.sub(r"[^\w.-]+", "_", "-".join([*parts, "seed", str(seed)]))


def axis(text: str, config: Config) -> Axis:
    """Read ``net.beta=0.1,1``; dashes separate the numbers of one value, as in
    ``net.layers=256,512-256``. Raises UserError for an unknown setting or a single value."""
    name, equals, listed = text.partition("=")
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
    values = tuple(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if len(values) < 2:
        raise UserError(f"--vary {text} has one value: there is nothing to compare, give two")
    return Axis(name, values)


def flags(axis: Axis, value: str, config: Config) -> list[str]:
    """The value of an axis as flags of ``bin/train``; none for a setting without a value. Raises
    UserError for a setting that is on or off and a value that is neither true nor false."""
    usual = dict(configs.flat(config))[axis.name]
    if usual is None and value == written(usual):
        return []
    if isinstance(usual, bool):
        if value not in ("true", "false"):
            raise UserError(f"--vary {axis.name} takes the values true and false, not {value}")
        group, dot, name = axis.name.rpartition(".")
        return [f"--{axis.name}" if value == "true" else f"--{group}{dot}no-{name}"]
    if isinstance(usual, tuple):
        value = value.replace("-", ",")
    return [f"--{axis.name}={value}"]


def written(value: object) -> str:
    """A value of a setting, as the user writes it in an axis."""
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value}".lower() if isinstance(value, bool) else f"{value}"


@dataclass(frozen=True)
class Grid:
    """Settings, each trained from the same seeds."""

    base: Config
    axes: tuple[Axis, ...]
    design: Design
    settings: tuple[Setting, ...]
    seeds: tuple[int, ...]

    def recipe(self, setting: Setting, seed: int) -> Config:
        """The recipe to train and to draw from. It saves and samples at its end alone."""
        config = setting.config
        return replace(config, seed=seed, sample_every=0, save_every=config.steps)

    def trained(self, setting: Setting, seed: int) -> Config:
        """The recipe of the training, which settings that differ only in sampling share: it has the
        base's settings of sampling if one of them does, else those of the first."""
        name = setting.run_name(seed)
        shared = [one.config.sampling for one in self.settings if one.run_name(seed) == name]
        sampling = self.base.sampling if self.base.sampling in shared else shared[0]
        return replace(self.recipe(setting, seed), sampling=sampling)

    def along(self, axis: Axis) -> list[list[Setting]]:
        """The settings that differ in this axis alone, in the order of its values: a list for each
        choice of the other axes."""
        lines: dict[tuple, list[Setting]] = {}
        for value in axis.values:
            for setting in self.settings:
                if setting.of(axis.name) == value:
                    others = tuple(pair for pair in setting.values if pair[0] != axis.name)
                    lines.setdefault(others, []).append(setting)
        return [line for line in lines.values() if len(line) > 1]


def make(
    base: Config, axes: tuple[Axis, ...], design: Design, seeds: int, resolve: Resolve
) -> Grid:
    """The grid of a study, with ``seeds`` seeds from ``base.seed`` on. Raises UserError if two
    settings are the same."""
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
    settings: dict[Config, Setting] = {}
    for choice in choices:
        pairs = list(zip(axes, choice, strict=True))
        config = resolve([flag for axis, value in pairs for flag in flags(axis, value, base)])
        setting = Setting(tuple((axis.name, value) for axis, value in pairs), config)
        if config in settings:
            raise UserError(f"{setting.label} is the same as {settings[config].label}")
        settings[config] = setting
    return Grid(
        base, axes, design, tuple(settings.values()), tuple(range(base.seed, base.seed + seeds))
    )


def count(axes: tuple[Axis, ...], design: Design) -> int:
    """The number of settings of a grid."""
    sizes = [len(axis.values) for axis in axes]
    return math.prod(sizes) if design == "grid" else 1 + sum(size - 1 for size in sizes)


def _one_at_a_time(base: Config, axes: tuple[Axis, ...], resolve: Resolve):
    """The axes, with the base's values added, and the choices: the base, and every change of one
    value."""
    settings = dict(configs.flat(base))
    usual, completed = [], []
    for axis in axes:
        # The base's value may be among the axis's in another form: 1 and 1.0 are one value.
        same = [value for value in axis.values if resolve(flags(axis, value, base)) == base]
        value = written(settings[axis.name])
        usual.append(same[0] if same else value)
        completed.append(axis if same else Axis(axis.name, (value, *axis.values)))
    choices = [tuple(usual)]
    for index, axis in enumerate(completed):
        choices += [
            (*usual[:index], value, *usual[index + 1 :])
            for value in axis.values
            if value != usual[index]
        ]
    return tuple(completed), choices
