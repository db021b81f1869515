"""Parts that the commands share: flags, the recipe or the run that they name, paths of results.

A command is a file whose docstring is its help text, with a dataclass of its flags, and ``main``.
Modules that need JAX are imported lazily, so that help and mistakes in flags do not load it.
"""

import dataclasses
import difflib
import functools
import itertools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro
from etils import epy

from jaxgen import classes, config, images
from jaxgen.cli import flags
from jaxgen.config import Config, Sampling
from jaxgen.errors import UserError, warn
from jaxgen.training import published
from jaxgen.training.folder import ModelFolder

with epy.lazy_imports():
    import numpy as np

    from jaxgen import devices
    from jaxgen import model as models
    from jaxgen.apps import hands, measuring

Flags = TypeVar("Flags", bound="RunFlags")
DRAWN = "drawn"  # the folder within a run's folder for results without --out


@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """The flags of every command that uses a trained model."""

    model: str | None = None
    """The family of models."""
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    data: str | None = None
    """The new path of the digits that the run has learned from, if they have moved."""
    seed: int = 0
    """Another seed chooses other test digits, or draws other digits."""

    def __post_init__(self):
        config.require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")


@dataclass(frozen=True, kw_only=True)
class DrawingFlags(RunFlags):
    """The flags of a command that draws digits: also the sampling settings of the run."""

    sampling: Annotated[Sampling, tyro.conf.arg(name="")]


@dataclass(frozen=True, kw_only=True)
class HandFlags(RunFlags):
    """The flags of a command that writes in the hand of --style."""

    variety: float | None = None
    """Where --style has many images: how unlike each other the digits are, from 0, where all of one
    digit are alike, to 2; 0.3 when not given. About 1 is as unlike as those of --style, and more of
    them cannot be read."""

    def __post_init__(self):
        super().__post_init__()
        if self.variety is not None:
            hands.require_variety(self.variety)


@dataclass(frozen=True, kw_only=True)
class ImageFlags(RunFlags):
    """The flags of a command that changes a person's images, or test digits."""

    images: tuple[str, ...] = ()
    """Image files of one digit each, folders of them, .npz or IDX files of many, or digits of the
    data set such as test:7; test digits when not given."""
    count: int | None = None
    """How many of them, equally of all classes; when not given, all images, or 40 test digits."""


def recipe(args: list[str], verb: str) -> Config:
    """The recipe that ``--model`` names; for ``--help`` alone, the default recipe."""
    (model,) = flags.peek(args, "model")
    if model is None and not asks_help(args):
        raise _which(args, verb)
    return config.recipe(config.DEFAULT if model is None else model)


def start(
    kind: type[Flags],
    verb: str,
    description: str | None,
    args: list[str],
    adapted: Callable[[Config], Config] = lambda config: config,
) -> tuple[Flags, "Run"]:
    """Read the flags of a command that uses a trained model, find the run that they name, and set
    JAX up. ``adapted(config)`` returns the recipe of the run with the command's default sampling
    settings."""
    found, recipe = _find(args, verb)
    if not issubclass(kind, DrawingFlags):
        wanted = flags.parse(kind(), verb, description, args)
    else:
        wanted = flags.parse(kind(sampling=adapted(recipe).sampling), verb, description, args)
        recipe = dataclasses.replace(recipe, sampling=wanted.sampling)
    devices.start()
    return wanted, Run(found, recipe, wanted.data)


def _find(args: list[str], verb: str) -> tuple[ModelFolder, Config]:
    """The model that ``--run`` or ``--model`` names, and its recipe; for ``--help`` alone, the
    default recipe."""
    model, run = flags.peek(args, "model", "run")
    helps = asks_help(args)
    if not (model or run or helps):
        raise _which(args, verb)
    found = published.find(model or config.DEFAULT, run)
    if helps and not found.config.exists():
        return found, config.recipe(model or config.DEFAULT)
    if model:
        config.recipe(model)  # a wrong name is reported before a missing folder
    recipe = found.load()
    if model and recipe.model != model:
        raise UserError(f"{found} is a run of {recipe.model}, not of {model}: leave out --model")
    return found, recipe


def asks_help(args: list[str]) -> bool:
    """Whether the arguments ask for the help text."""
    return bool({"-h", "--help"} & set(args))


def _which(args: list[str], verb: str) -> UserError:
    """The error where no model is named. It suggests a flag if an argument looks like one."""
    for arg in args:
        flag = arg.partition("=")[0]
        if arg.lower() in config.names():
            return UserError(f"which model? did you mean bin/{verb} --model {arg.lower()}?")
        close = difflib.get_close_matches(flag.lstrip("-"), ["model", "run"])
        if flag.startswith("-") and close and flag != f"--{close[0]}":
            return UserError(f"there is no flag {flag}: did you mean --{close[0]}?")
    return UserError(f"which model? bin/{verb} --model {' | '.join(config.names())}")


class Run:
    """The model that a command names, and where its results go. The model is loaded once, when the
    command needs it."""

    def __init__(self, folder: ModelFolder, config: Config, moved: str | None = None):
        self.folder, self.config, self._moved = folder, config, moved

    @functools.cached_property
    def model(self) -> "models.Model":
        """The trained model; prints a remark if it is one that ships."""
        if remark := self.folder.remark:
            warn(remark)
        return models.of(self.folder, self.config, self._moved, warn)

    def warn_of_judge(self) -> None:
        """Print why the judge cannot read the images, if so, where it would make figures."""
        if self.model.caution:
            warn(self.model.caution)

    def label(self, flag: str, name: str) -> int:
        """The class that a flag names. Raises ``UserError`` for a name that the model does not
        know."""
        return classes.number(name, self.config.classes, f"--{flag} {name}")

    def labels(self, flag: str, names: str) -> "np.ndarray":
        """The classes that a flag names, int32 [n], such as 2024."""
        return np.array(classes.numbers(names, self.config.classes, f"--{flag}"), np.int32)

    def drawn(self, count: int) -> str:
        """The number of drawn images, in words."""
        _, many = classes.nouns(self.config.classes)
        return f"one {many[:-1]}" if count == 1 else f"{count} {many}"

    def save(
        self,
        out: str | Path,
        drawn: "np.ndarray",
        labels: "np.ndarray",
        picture: "Callable[[], np.ndarray] | None" = None,
    ) -> str:
        """``images.save``, with the names of the model's classes."""
        return images.save(out, drawn, labels, picture, names=self.config.classes)

    def recognised(self, drawn: "np.ndarray", labels: "np.ndarray") -> str:
        """How many of images [n, 28, 28, 1] the judge recognises as their labels, in words."""
        if self.model.caution:
            return "not known"
        return measuring.recognised(drawn, labels, self.model.judge)

    def as_asked(self, drawn: "np.ndarray", labels: "np.ndarray") -> str:
        """``recognised``, as a sentence about images that were to be of these labels."""
        one, _ = classes.nouns(self.config.classes)
        return f"recognised as the {one} asked for: {self.recognised(drawn, labels)}"

    def out(
        self,
        out: str | Path | None,
        name: str,
        check: Callable[[str | Path], None] = images.check,
    ) -> str:
        """The path that a command writes to: ``out``, or else ``name`` in the run's folder.
        ``check(path)`` raises ``UserError`` for a path that cannot be written, before the command
        works for minutes."""
        path = f"{out}" if out else unused_path(self.folder, name)
        check(path)
        return path

    def announce(self, what: str, path: str | Path) -> None:
        """Print ``what`` was made, the steps of training, and the path."""
        print(f"{what} after {steps(self.model.step)}: {self.without_copy(path)}")

    def without_copy(self, out: str | Path) -> str:
        """The path of a file that was written to ``out``, in words. The new file is removed where
        ``unused_path`` numbered its path and an earlier file of that name has the same content."""
        path = Path(out)
        numbered = re.fullmatch(r"(.+)-(\d+)", path.stem)
        if path.parent == self.folder.results / DRAWN and numbered:
            stems = [numbered[1], *(f"{numbered[1]}-{n}" for n in range(2, int(numbered[2])))]
            for earlier in map(path.with_stem, stems):
                if earlier.is_file() and earlier.read_bytes() == path.read_bytes():
                    path.unlink()
                    return f"{earlier}, as before"
        return f"{out}"


def with_even_steps(config: Config) -> Config:
    """The recipe with diffusion steps that are spread evenly over all times, so that each can be
    shown. Recipes of other families do not change."""
    if not hasattr(config.sampling, "spacing"):
        return config
    net: Any = config.net
    changes: dict[str, Any] = {"spacing": "time", "steps": min(50, net.times)}
    if getattr(config.sampling, "sampler", "") == "fast":  # which begins in the middle
        changes["sampler"] = "dpmpp"
    return dataclasses.replace(config, sampling=dataclasses.replace(config.sampling, **changes))


def unused_path(folder: ModelFolder, name: str) -> str:
    """A path without a file in the folder ``drawn`` of the model's results: its name is ``name``,
    with a number before the ending where a file has that name."""
    path = folder.results / DRAWN / re.sub(r"[^\w.-]", "-", name)
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return str(next(p for p in itertools.chain([path], numbered) if not os.path.lexists(p)))


def refuse(*cases: tuple[object, str]) -> None:
    """Raise a ``UserError`` with the sentence of the first case whose condition is true."""
    for wrong, sentence in cases:
        if wrong:
            raise UserError(sentence)


def digits(count: int) -> str:
    """The number of digits, in words."""
    return "one digit" if count == 1 else f"{count} digits"


def steps(count: int) -> str:
    """The number of steps of training, in words."""
    return f"{count:,} step{'s' * (count != 1)} of training"
