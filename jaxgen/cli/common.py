"""What the commands share: finding runs and recipes, and words and places for what they make."""

import contextlib
import dataclasses
import difflib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgen import config
from jaxgen.cli import flags
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training import folder
from jaxgen.training.folder import RunFolder

if TYPE_CHECKING:
    from jaxgen.families.base import Family

DRAWN = "drawn"  # within a run's folder: what has been drawn without a name


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """What every command that uses a trained model takes."""

    model: str | None = None
    """The family of models."""
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    data: str | None = None
    """Where the digits are that the run has learned from, if they have moved."""


@dataclass(frozen=True, kw_only=True)
class Seeded(OfRun):
    """What a command takes that chooses or draws digits by chance."""

    seed: int = 0
    """Another seed takes other test digits, or draws others."""

    def __post_init__(self):
        config.require("seed", self.seed, 0 <= self.seed < 2**32, "from 0 to 4294967295")


@dataclass(frozen=True, kw_only=True)
class OfImages(Seeded):
    """What a command takes that makes something of a person's images, or of test digits."""

    images: tuple[str, ...] = ()
    """Image files of one digit each, folders of them, .npz or IDX files of many, or digits of the
    data set such as test:7; test digits when not given."""
    count: int | None = None
    """How many of them, spread over the ten; when not given, all images, or 40 test digits."""


def recipe(args: list[str], verb: str) -> Config:
    """The recipe that ``--model`` names; for ``--help`` alone, the default recipe."""
    model = flags.peek(args, "model")[0]
    if model is None:
        if not {"-h", "--help"} & set(args):
            raise _which(verb, args)
        model = config.DEFAULT
    return config.recipe(model)


def _which(verb: str, args: list[str]) -> UserError:
    """What is said where no model is named: if one seems to be meant, how that is written."""
    for arg in args:
        if arg.lower() in config.names():
            return UserError(f"which model? bin/{verb} --model {arg.lower()} is meant?")
        name = arg.partition("=")[0].lstrip("-")
        if arg.startswith("-") and (close := difflib.get_close_matches(name, ["model", "run"])):
            return UserError(f"there is no flag {arg.partition('=')[0]}: --{close[0]} is meant?")
    return UserError(f"which model? bin/{verb} --model {' | '.join(config.names())}")


def run_and_recipe(args: list[str], verb: str) -> tuple[RunFolder, Config]:
    """The run that ``--run`` or ``--model`` names, and its recipe; for ``--help`` alone, ddpm's
    recipe."""
    model, run = flags.peek(args, "model", "run")
    asks_help = bool({"-h", "--help"} & set(args))
    if not (model or run or asks_help):
        raise _which(verb, args)
    found = folder.locate(model or config.DEFAULT, run)
    if asks_help and not found.config.exists():
        return found, config.recipe(model or config.DEFAULT)
    if model:
        config.recipe(
            model
        )  # a name that does not exist is better said than a folder that does not
    theirs = found.load()
    if model and theirs.model != model:
        raise UserError(f"{found} is a run of {theirs.model}, not of {model}: leave out --model")
    return found, theirs


def even(config: Config) -> Config:
    """The recipe with steps of diffusion that are even in time, to be looked at one after another;
    other families have none."""
    if not hasattr(config.sampling, "spacing"):
        return config
    net: Any = config.net
    changes: dict[str, Any] = {"spacing": "time", "steps": min(50, net.times)}
    return dataclasses.replace(config, sampling=dataclasses.replace(config.sampling, **changes))


def unused(folder: RunFolder, name: str) -> str:
    """A path in the run's folder of drawn things that no file has yet, so that none is lost: that
    of ``name``, or with a number before its ending."""
    path = folder.path / DRAWN / re.sub(r"[^\w.-]", "-", name)
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return str(next(p for p in itertools.chain([path], numbered) if not os.path.lexists(p)))


def kept(out: str | Path) -> str:
    """Where a file is, in words, that has been written to a path of ``unused`` or any other: of
    equal files that ``unused`` has numbered the first alone stays."""
    path = Path(out)
    numbered = re.fullmatch(r"(.+)-(\d+)", path.stem)
    if path.parent.name == DRAWN and numbered:
        stems = [numbered[1], *(f"{numbered[1]}-{n}" for n in range(2, int(numbered[2])))]
        for before in map(path.with_stem, stems):
            if before.is_file() and before.read_bytes() == path.read_bytes():
                path.unlink()
                return f"{before}, as before"
    return f"{out}"


def require_ear(family: "Family", asked: str) -> None:
    """Raise a ``UserError`` where asking for a digit with ``asked`` flags makes no difference."""
    if not family.is_conditional:
        raise UserError(
            f"{type(family).__name__} draws any digit with these settings: leave out {asked}, "
            "or give others, such as --prior fitted, or guidance above 0"
        )


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that shows on a terminal how many are done."""
    if not sys.stdout.isatty():  # what draws bars takes a tenth of a second
        yield lambda done: None
        return
    from jaxgen.training.console import Console

    with Console().counting(what, total) as progress:
        yield progress


def digits(count: int) -> str:
    """How many, in words."""
    return "one digit" if count == 1 else f"{count} digits"


def steps(count: int) -> str:
    """How long a model was trained, in words."""
    return f"{count:,} step{'s' * (count != 1)} of training"


def warn(line: str) -> None:
    """Tell something on standard error, where it does not mix with results."""
    print(f"jaxgen: {line}", file=sys.stderr)
