"""What the commands share: reading flags, finding runs."""

import contextlib
import dataclasses
import io
import itertools
import os
import re
import sys
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import tyro
from tyro import constructors

from jaxgen import config
from jaxgen import data as sources
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training import folder
from jaxgen.training.folder import RunFolder

if TYPE_CHECKING:
    from jaxgen.families.base import Family

Settings = TypeVar("Settings")
_REGISTRY = constructors.ConstructorRegistry()


@_REGISTRY.primitive_rule
def _numbers(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Whole numbers, as many as one likes, as one argument such as 1000,500,250."""
    if typing.get_origin(kind.type) is not tuple or typing.get_args(kind.type) != (int, ...):
        return None
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT,INT,...",
        instance_from_str=lambda args: tuple(int(number) for number in args[0].split(",")),
        is_instance=lambda found: isinstance(found, tuple) and all(type(x) is int for x in found),
        str_from_instance=lambda numbers: [",".join(map(str, numbers))],
    )


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """What every command that uses a trained model takes."""

    model: str | None = None
    """The family of models."""
    run: str | None = None
    """Folder of the run: a name in runs/, or a path; runs/MODEL when not given."""
    data: str | None = None
    """Where the digits are that the run has learned from, if they have moved."""


def parse(default: Settings, verb: str, description: str, args: list[str]) -> Settings:
    """Read flags into a copy of ``default``, a dataclass whose field docstrings are the help texts.

    A mistake is a ``UserError`` in one sentence, made of what tyro says in a box.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            found = tyro.cli(
                type(default),
                prog=f"bin/{verb}",
                description=description,
                args=args,
                default=default,
                registry=_REGISTRY,
            )
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(
            f"{_sentence(said.getvalue())}; bin/{verb} --help lists every flag"
        ) from None
    return _anchored(found)


def _anchored(settings: Any) -> Any:
    """Settings whose sources of digits have whole paths, so that they mean the same in every
    folder."""
    changed = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name == "data" and isinstance(value, str):
            changed["data"] = sources.anchored(value)
        elif isinstance(value, Config):
            changed[field.name] = _anchored(value)
    return dataclasses.replace(settings, **changed)


def _sentence(box: str) -> str:
    """The complaint in tyro's box, and the first flag it proposes."""
    lines = [line.strip("│ ") for line in box.splitlines() if line.startswith("│")]
    if not lines:  # where output is not UTF-8: a title, a rule of dashes, and no frame
        lines = [line.strip().replace("-" * 8, "─" * 8) for line in box.splitlines()[2:]]
    complaint, _, rest = "\n".join(lines).partition("─" * 8)
    proposed = re.search(r"Perhaps you meant:.*?(--[\w.-]+)", rest, re.DOTALL)
    text = " ".join(complaint.split()).rstrip(".")
    return f"{text} (perhaps {proposed[1]} is meant)" if proposed else text


def at_home(arg: str) -> str:
    """An argument such as ``--out=~/x.npz`` or ``idx:~/digits`` with the home folder, which shells
    put only where ``~`` begins a word."""
    door = r"((?:--[\w.-]+=)?(?:strided:)?(?:idx:|tfds:)?)"
    found = re.fullmatch(rf"{door}(~.*)", arg, re.DOTALL)
    return found[1] + os.path.expanduser(found[2]) if found else arg


def peek(args: list[str], flag: str) -> str | None:
    """The value of ``--flag VALUE`` or ``--flag=VALUE`` before everything else is read."""
    for place, arg in enumerate(args):
        if arg == f"--{flag}" and place + 1 < len(args):
            return args[place + 1]
        if arg.startswith(f"--{flag}="):
            return arg.partition("=")[2]
    return None


def leading(args: list[str]) -> list[str]:
    """The names before the first flag."""
    for place, arg in enumerate(args):
        if arg.startswith("-"):
            return args[:place]
    return args


def recipe(args: list[str], verb: str) -> Config:
    """The recipe that ``--model`` names; for ``--help`` alone, that of ddpm."""
    model = peek(args, "model")
    if model is None:
        if not {"-h", "--help"} & set(args):
            raise UserError(f"which model? bin/{verb} --model {' | '.join(config.names())}")
        model = "ddpm"
    return config.recipe(model)


def run_and_recipe(args: list[str], verb: str) -> tuple[RunFolder, Config]:
    """The run that ``--run`` or ``--model`` names, and its recipe; for ``--help`` alone, ddpm's
    recipe."""
    model, run = peek(args, "model"), peek(args, "run")
    asks_help = bool({"-h", "--help"} & set(args))
    if not (model or run or asks_help):
        raise UserError(f"which model? bin/{verb} --model {' | '.join(config.names())}")
    found = folder.locate(model or "ddpm", run)
    if asks_help and not found.config.exists():
        return found, config.recipe(model or "ddpm")
    if model:
        config.recipe(
            model
        )  # a name that does not exist is better said than a folder that does not
    theirs = found.load()
    if model and theirs.model != model:
        raise UserError(f"{found} is a run of {theirs.model}, not of {model}: leave out --model")
    return found, theirs


def unused(folder: RunFolder, name: str) -> str:
    """A path in the run's folder of drawn things that no file has yet, so that none is lost: that
    of ``name``, or with a number before its ending."""
    path = folder.path / "drawn" / re.sub(r"[^\w.-]", "-", name)
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    return str(next(p for p in itertools.chain([path], numbered) if not os.path.lexists(p)))


def require_ear(family: "Family", flags: str) -> None:
    """Raise a ``UserError`` where asking for a digit with ``flags`` makes no difference."""
    if not family.hears_labels:
        raise UserError(
            f"{type(family).__name__} draws any digit with these settings: leave out {flags}, "
            "or give others, such as --prior fitted, or guidance above 0"
        )


def digits(count: int) -> str:
    """How many, in words."""
    return "one digit" if count == 1 else f"{count} digits"


def warn(line: str) -> None:
    """Tell something on standard error, where it does not mix with results."""
    print(f"jaxgen: {line}", file=sys.stderr)
