"""Reading flags into settings: numbers as people write them, the names that other programs give
to flags, help as a person would write it, and every mistake in one sentence."""

import ast
import contextlib
import dataclasses
import functools
import inspect
import io
import itertools
import os
import re
import textwrap
import typing
from pathlib import Path
from typing import Any, TypeVar

import tyro
from tyro import constructors

from jaxgen import config
from jaxgen import data as sources
from jaxgen.config import Config
from jaxgen.errors import UserError

Settings = TypeVar("Settings")
PLAIN: dict[str, Any] = {"metavar": "TEXT", "help_behavior_hint": ""}  # of a flag with more notes
_REGISTRY = constructors.ConstructorRegistry()


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
    text = " ".join(complaint.split()).rstrip(". ")  # the last point may have a line to itself
    text = re.sub(r"^Error parsing (--[\w.-]+): ", r"\1: ", text)
    # Of a setting that may also be none, the complaint of what else it may be.
    text = re.sub(r"no type matching .* - <class '\w+'>: (?=.* is no)", "", text)
    if choice := re.fullmatch(r"invalid choice '(.*)' for argument '(\S+)'. .* of \((.*)\)", text):
        known = sorted(set(re.findall(r"[\w-]+", choice[3])) - {"None"})
        text = f"{choice[2]} {choice[1]} cannot be: it must be one of {', '.join(known)}"
    if unknown := re.match(r"Unrecognized options: ([^\s,]+)", text):
        what = "flag" if unknown[1].startswith("-") else "argument"
        text = f"there is no {what} {unknown[1]}"
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
        text = functools.partial(_docstring, kind.type, field.name)
        fields.append(constructors.StructFieldSpec(field.name, hint, default, text))
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


def _docstring(kind: type, name: str) -> str:
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
def _scalar(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Numbers, and whole numbers as people write them: 10000, 10,000, 10_000 and 1e4."""
    if kind.type is not int and kind.type is not float:
        return None
    metavar, read = ("N", _whole_number) if kind.type is int else ("NUMBER", _number)
    kinds = (int,) if kind.type is int else (int, float)
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda args: read(args[0]),
        is_instance=lambda found: type(found) in kinds,
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
        raise ValueError(f"{text or 'nothing'} is no number") from None


@_REGISTRY.primitive_rule
def _numbers(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Whole numbers, as many as one likes, as one argument such as 1000,500,250."""
    if typing.get_origin(kind.type) is not tuple or typing.get_args(kind.type) != (int, ...):
        return None
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT,INT,...",
        instance_from_str=lambda args: tuple(map(_whole_number, args[0].split(","))),
        is_instance=lambda found: isinstance(found, tuple) and all(type(x) is int for x in found),
        str_from_instance=lambda numbers: [",".join(map(str, numbers))],
    )
