"""Reading flags into settings: numbers as people write them, the names that other programs give
to flags, help as a person would write it, and every mistake in one sentence.

tyro makes the parser from the fields of a dataclass. What it finds wrong it hands to
``tyro._errors.on_parse_error``, before it prints a box of its own. That hook may change with tyro's
version, which pyproject.toml limits for this reason; tyro's argparse parser is no other way, since
it is deprecated and does not convert values.
"""

import argparse
import dataclasses
import difflib
import functools
import itertools
import os
import re
import types
import typing
from typing import Any, TypeVar

import docstring_parser
import tyro
from tyro import _errors, constructors

from jaxgen import config
from jaxgen import data as sources
from jaxgen.errors import UserError

Settings = TypeVar("Settings")
_REGISTRY = constructors.ConstructorRegistry()


def parse(default: Settings, verb: str, description: str | None, args: list[str]) -> Settings:
    """Read flags into a copy of ``default``, a dataclass whose field docstrings are the help texts.

    Raises ``UserError``, one sentence, where the flags cannot be read.
    """

    def refuse(event: _errors.ParseErrorEvent) -> None:
        if sentence := _sentence(event, default):
            raise UserError(f"{sentence}; bin/{verb} --help lists every flag")

    try:
        with _errors.on_parse_error(refuse):
            return tyro.cli(
                type(default),
                prog=f"bin/{verb}",
                description=description,
                args=args,
                default=default,
                registry=_REGISTRY,
            )
    except UserError as error:  # of a setting, which may be given without the name of its group
        raise UserError(_as_given(f"{error}", args)) from None


def peek(args: list[str], *names: str) -> list[str | None]:
    """The values of flags on which other flags depend, before all flags are read; None for a flag
    that has no value."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}", dest=name, nargs="?")
    found = vars(parser.parse_known_args(args)[0])
    return [found[name] for name in names]


def leading(args: list[str]) -> list[str]:
    """The names before the first flag."""
    return list(itertools.takewhile(lambda arg: not arg.startswith("-"), args))


def _sentence(event: _errors.ParseErrorEvent, default: Any) -> str | None:
    """What is wrong with the flags, in words; None for what tyro says better."""
    match event:
        case _errors.UnrecognizedArgs(tokens=[token, *_]) if not token.startswith("-"):
            return f"there is no argument {token}"
        case _errors.UnrecognizedArgs(tokens=[token, *_]):
            flag, known = token.partition("=")[0], _flags(default)
            ends = [name for name in known if name.endswith(f".{flag.lstrip('-')}")]
            near = ends or difflib.get_close_matches(flag, known, cutoff=0.75)
            return f"there is no flag {flag}" + (f" (perhaps {near[0]} is meant)" if near else "")
        case _errors.BadValue(argument=argument):
            return f"{argument.display_name()} needs a value"
        case _errors.InvalidChoice(argument=argument, value=value, choices=choices):
            known = ", ".join(sorted(choices))
            return f"{argument.display_name()} {value} cannot be: it must be one of {known}"
        case _errors.InstantiationFailure(argument=argument, message=message) if argument:
            return f"{argument.display_name()}: {message}"
    return None


def _flags(settings: Any) -> list[str]:
    """All flags of settings. The first group has no name in its flags."""
    return [
        "--" + re.sub(r"^(config|sampling)\.|-$", "", name) for name, _ in config.flat(settings)
    ]


def _as_given(sentence: str, args: list[str]) -> str:
    """A sentence that begins with a flag such as ``--sampling.steps``, with the flag as it was
    given."""
    named = re.match(r"--[\w-]+\.([\w-]+)", sentence)
    if named and f"--{named[1]}" in (arg.partition("=")[0] for arg in args):
        return f"--{named[1]}{sentence[named.end() :]}"
    return sentence


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


# What the value of a flag becomes, by flag: ``--model VAE`` is ``vae``, and a path is a whole path,
# so that it means the same in every folder.
MEANINGS = {"--model": config.called, "--data": sources.with_absolute_path}


def as_meant(args: list[str]) -> list[str]:
    """Arguments with ``~`` as the home folder, values as MEANINGS has them, and our names of flags
    in place of those of other programs. Raises ``UserError`` for ``--epochs``, which has no
    counterpart here."""
    meant = [""]
    for arg in map(at_home, args):
        flag, equals, value = arg.partition("=")
        name = flag.lstrip("-").replace("_", "-").lower() if flag.startswith("-") else ""
        if name in ("epochs", "num-epochs", "max-epochs"):
            raise UserError(
                f"there is no flag {flag}, since training is counted in steps: an epoch of MNIST's "
                "55,000 digits is 430 steps of 128, so give --steps 430 for one epoch"
            )
        flag = f"--{SYNONYMS[name]}" if name in SYNONYMS else flag
        if meant[-1] in MEANINGS:
            meant.append(MEANINGS[meant[-1]](arg))
        elif equals and flag in MEANINGS:
            meant.append(f"{flag}={MEANINGS[flag](value)}")
        else:
            meant.append(f"{flag}{equals}{value}")
    return meant[1:]


def at_home(arg: str) -> str:
    """An argument such as ``--out=~/x.npz`` or ``idx:~/digits`` with the home folder, which shells
    put only where ``~`` begins a word."""
    door = r"((?:--[\w.-]+=)?(?:strided:)?(?:idx:|tfds:|files:)?)"
    found = re.fullmatch(rf"{door}(~.*)", arg, re.DOTALL)
    return found[1] + os.path.expanduser(found[2]) if found else arg


@_REGISTRY.struct_rule
def _settings(kind: constructors.StructTypeInfo) -> constructors.StructConstructorSpec | None:
    """Dataclasses whose help is as a person would write it: paragraphs that are filled, one name
    for the value of a flag, and a default only where there is one."""
    if not dataclasses.is_dataclass(kind.type):
        return None
    plain = typing.get_type_hints(kind.type)
    hints = typing.get_type_hints(kind.type, include_extras=True)
    fields: list[constructors.StructFieldSpec] = []
    for field in dataclasses.fields(kind.type):
        hint: Any = hints[field.name]
        default = getattr(kind.default, field.name)
        if not dataclasses.is_dataclass(default):
            shown = {"metavar": _metavar(plain[field.name]), "help_behavior_hint": _usual(default)}
            hint = typing.Annotated[hint, tyro.conf.arg(**shown)]
        text = functools.partial(_docstring, kind.type, field.name)
        fields.append(constructors.StructFieldSpec(field.name, hint, default, text))
    return constructors.StructConstructorSpec(kind.type, tuple(fields))


def _metavar(hint: Any) -> str | None:
    """What stands for the value of a flag in its help; None for what the rules below say."""
    hint = _present(hint) or hint
    if typing.get_origin(hint) is typing.Literal:
        return "|".join(map(str, typing.get_args(hint)))
    return "TEXT" if str in (hint, *typing.get_args(hint)) else None


def _usual(default: Any) -> str:
    """What follows a help text: the value that a setting has where it is not given."""
    if default is None or default is False or default in ("", ()):
        return ""
    if default is True:
        return "(default: yes)"
    shown = ",".join(map(str, default)) if isinstance(default, tuple) else f"{default}"
    return f"(default: {shown})"


def _docstring(kind: Any, name: str) -> str:
    """The docstring of a field, in one line."""
    for owner in filter(dataclasses.is_dataclass, kind.__mro__):
        for field in docstring_parser.parse_from_object(owner).params:
            if field.arg_name == name:
                return " ".join((field.description or "").split())
    return ""


def _present(hint: Any) -> Any:
    """``X`` of a type ``X | None``; None for other types."""
    parts = typing.get_args(hint)
    return parts[0] if parts[1:] == (types.NoneType,) else None


@_REGISTRY.primitive_rule
def _optional(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """A value, or None where its flag is not given."""
    if (present := _present(kind.type)) is None:
        return None
    found = constructors.PrimitiveTypeInfo.make(present, set(kind.markers))
    spec = constructors.ConstructorRegistry.get_primitive_spec(found)
    assert isinstance(spec, constructors.PrimitiveConstructorSpec), spec
    return dataclasses.replace(
        spec,
        is_instance=lambda value: value is None or spec.is_instance(value),
        str_from_instance=lambda value: [] if value is None else spec.str_from_instance(value),
    )


def _read_int(text: str) -> int:
    """A whole number as people write it: 10000, 10,000, 10_000 or 1e4."""
    plain = re.sub(r"[,_](?=\d{3}(\D|$))", "", text)
    if re.fullmatch(r"[+-]?\d+", plain):
        return int(plain)
    number = _read_float(plain)
    if number != number // 1:
        raise ValueError(f"{text} is no whole number")
    return int(number)


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text or 'nothing'} is no number") from None


def _read_ints(text: str) -> tuple[int, ...]:
    """Whole numbers, as many as one likes, such as 1000,500,250."""
    return tuple(map(_read_int, text.split(",")))


# By type, or by the types in a tuple: the name of a value in the help, and how text is read.
_READERS = {
    int: ("N", _read_int),
    float: ("NUMBER", _read_float),
    (int, ...): ("N,N,...", _read_ints),
}


@_REGISTRY.primitive_rule
def _numbers(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Numbers, as the functions above read them from one argument."""
    if (reader := _READERS.get(typing.get_args(kind.type) or kind.type)) is None:
        return None
    metavar, read = reader
    return constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda args: read(args[0]),
        is_instance=lambda value: isinstance(value, (int, float, tuple)),
        str_from_instance=lambda value: [str(value)],
    )
