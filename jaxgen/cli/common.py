"""What the commands share: reading flags, finding runs."""

import ast
import contextlib
import dataclasses
import functools
import inspect
import io
import itertools
import os
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
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
PLAIN: dict[str, Any] = {"metavar": "TEXT", "help_behavior_hint": ""}  # of a flag with more notes
DRAWN = "drawn"  # within a run's folder: what has been drawn without a name
_REGISTRY = constructors.ConstructorRegistry()


@_REGISTRY.struct_rule
def _settings(kind: constructors.StructTypeInfo) -> constructors.StructConstructorSpec | None:
    """Dataclasses whose help is as a person would write it: paragraphs that are filled, names of
    values that tell one thing, and a default only where there is one."""
    if not dataclasses.is_dataclass(kind.type):
        return None
    hints = typing.get_type_hints(kind.type, include_extras=True)
    fields: list[constructors.StructFieldSpec] = []
    for field in dataclasses.fields(kind.type):
        hint: Any = hints[field.name]
        default = getattr(kind.default, field.name)
        notes = getattr(hint, "__metadata__", ())
        if dataclasses.is_dataclass(default):  # its own class, which may have more settings
            hint = typing.Annotated[(type(default), *notes)] if notes else type(default)
        elif not any(hasattr(note, "metavar") for note in notes):
            named = _named(typing.get_args(hint)[0] if notes else hint)
            said = tyro.conf.arg(metavar=named, help_behavior_hint=_usual(default))
            hint = typing.Annotated[hint, said]
        told = functools.partial(_told, kind.type, field.name)
        fields.append(constructors.StructFieldSpec(field.name, hint, default, told))
    return constructors.StructConstructorSpec(kind.type, tuple(fields))


def _named(hint: Any) -> str | None:
    """What stands for the value of a flag in its help; None for what tyro says."""
    options = [kind for kind in typing.get_args(hint) if kind is not type(None)] or [hint]
    if typing.get_origin(hint) in (tuple, typing.Literal):
        options = [hint]
    if typing.get_origin(options[0]) is typing.Literal:
        return "|".join(map(str, typing.get_args(options[0])))
    names = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH", tuple[int, ...]: "N,N,..."}
    if typing.get_origin(hint) is tuple and typing.get_args(hint)[0] is str:
        return "TEXT"
    return names.get(options[0])


def _usual(default: Any) -> str:
    """What follows a help text: the value that a setting has where it is not given."""
    if default is None or default is False or default in ("", ()):
        return ""
    if default is True:
        return "(default: yes)"
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else f"{default}"
    return f"(default: {shown})"


def _told(kind: type, name: str) -> str:
    """The docstring of a field, in one line."""
    for owner in kind.__mro__:
        if name in vars(owner).get("__annotations__", {}):
            (body,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
            assert isinstance(body, ast.ClassDef)
            for first, second in itertools.pairwise(body.body):
                match first, second:
                    case (
                        ast.AnnAssign(target=ast.Name(id=found)),
                        ast.Expr(value=ast.Constant(value=str(text))),
                    ) if found == name:
                        return " ".join(text.split())
    return ""


@_REGISTRY.primitive_rule
def _whole(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Whole numbers as people write them: 10000, 10,000, 10_000 and 1e4."""
    if kind.type is not int:
        return None
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="N",
        instance_from_str=lambda args: _whole_number(args[0]),
        is_instance=lambda found: type(found) is int,
        str_from_instance=lambda number: [str(number)],
    )


def _whole_number(text: str) -> int:
    plain = re.sub(r"[,_](?=\d{3}(\D|$))", "", text)
    if re.fullmatch(r"[+-]?\d+", plain):
        return int(plain)
    number = _number(plain)
    if number != number // 1:
        raise ValueError(f"{text} is no whole number")
    return int(number)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text} is no number") from None


@_REGISTRY.primitive_rule
def _real(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Numbers, and a word where there is none."""
    if kind.type is not float:
        return None
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="NUMBER",
        instance_from_str=lambda args: _number(args[0]),
        is_instance=lambda found: isinstance(found, float | int) and not isinstance(found, bool),
        str_from_instance=lambda number: [str(number)],
    )


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
    except UserError as error:  # of a setting, which may be given without the name of its group
        raise UserError(_as_given(f"{error}", args)) from None
    except SystemExit as stop:
        if not stop.code:
            raise
        raise UserError(
            f"{_sentence(said.getvalue())}; bin/{verb} --help lists every flag"
        ) from None
    return _anchored(found)


def _as_given(sentence: str, args: list[str]) -> str:
    """A sentence that begins with a flag such as ``--sampling.steps``, with the flag as it was
    given."""
    named = re.match(r"--[\w-]+\.([\w-]+)", sentence)
    if named and f"--{named[1]}" in (arg.partition("=")[0] for arg in args):
        return f"--{named[1]}{sentence[named.end() :]}"
    return sentence


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
    text = re.sub(r"^Error parsing (--[\w.-]+): ", r"\1: ", text)
    text = re.sub(r"^Unrecognized options: (-[\w.-]*)(, .*)?", r"there is no flag \1", text)
    return f"{text} (perhaps {proposed[1]} is meant)" if proposed else text


# What other programs call a flag.
SYNONYMS = {
    "batch-size": "batch",
    "dataset": "data",
    "dataset-dir": "data",
    "iterations": "steps",
    "iters": "steps",
    "max-steps": "steps",
    "latent-dim": "net.latents",
    "latent-size": "net.latents",
    "lr": "optim.rate",
    "learning-rate": "optim.rate",
    "optimizer": "optim.name",
    "weight-decay": "optim.weight-decay",
    "warmup-steps": "optim.warmup",
    "num-samples": "count",
    "num-images": "count",
    "n": "count",
    "output": "out",
    "outfile": "out",
    "output-dir": "out",
    "cfg-scale": "guidance",
    "guidance-scale": "guidance",
    "num-inference-steps": "steps",
    "label": "digit",
    "class": "digit",
}


def as_meant(args: list[str]) -> list[str]:
    """Arguments with ``~`` as the home folder, names of models in small letters, and flags by our
    names where they are given by those of other programs. A ``UserError`` for what has no name here
    since it is said otherwise."""
    meant = []
    for place, arg in enumerate(map(at_home, args)):
        flag, equals, value = arg.partition("=")
        name = flag.lstrip("-").replace("_", "-").lower()
        if flag.startswith("-") and name in ("epochs", "num-epochs", "max-epochs"):
            raise UserError(
                f"{flag} is said in steps here: an epoch of MNIST's 55,000 digits is 430 steps of "
                "128, so give --steps 430 for one"
            )
        if flag.startswith("-") and name in SYNONYMS:
            arg = f"--{SYNONYMS[name]}{equals}{value}"
        elif flag == "--model" and equals:
            arg = f"--model={config.called(value)}"
        elif place and args[place - 1] == "--model":
            arg = config.called(arg)
        meant.append(arg)
    return meant


def at_home(arg: str) -> str:
    """An argument such as ``--out=~/x.npz`` or ``idx:~/digits`` with the home folder, which shells
    put only where ``~`` begins a word."""
    door = r"((?:--[\w.-]+=)?(?:strided:)?(?:idx:|tfds:|files:)?)"
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


def require_ear(family: "Family", flags: str) -> None:
    """Raise a ``UserError`` where asking for a digit with ``flags`` makes no difference."""
    if not family.hears_labels:
        raise UserError(
            f"{type(family).__name__} draws any digit with these settings: leave out {flags}, "
            "or give others, such as --prior fitted, or guidance above 0"
        )


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that shows on a terminal how many are done."""
    if not sys.stdout.isatty():  # what draws bars takes a tenth of a second
        yield lambda done: None
        return
    from jaxgen.training.console import Console

    with Console().counting(what, total) as told:
        yield told


def digits(count: int) -> str:
    """How many, in words."""
    return "one digit" if count == 1 else f"{count} digits"


def steps(count: int) -> str:
    """How long a model was trained, in words."""
    return f"{count:,} step{'s' * (count != 1)} of training"


def warn(line: str) -> None:
    """Tell something on standard error, where it does not mix with results."""
    print(f"jaxgen: {line}", file=sys.stderr)
