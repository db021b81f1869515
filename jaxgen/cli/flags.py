"""Reading flags into settings: numbers as people write them, flags by the names of other programs,
readable help, and every mistake in one sentence.

tyro makes the parser from the fields of a dataclass. It calls ``tyro._errors.on_parse_error`` with
an error before it prints the error in a box. That hook may change with tyro's version, which
pyproject.toml limits for this reason. tyro's argparse parser cannot replace it: it is deprecated
and does not convert values.
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

from jaxgen import config, own
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
    except UserError as error:  # of a setting, whose flag may lack the name of its group
        raise UserError(_with_written_flag(f"{error}", args)) from None


def cli(commands: Any, program: str, args: list[str]) -> Any:
    """tyro's parser of several commands, each an annotated dataclass."""
    return tyro.cli(commands, prog=program, args=args, registry=_REGISTRY)


def peek(args: list[str], *names: str) -> list[str | None]:
    """The values of single flags, which decide how all flags are read; None for a flag without a
    value."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}", dest=name, nargs="?")
    values = vars(parser.parse_known_args(args)[0])
    return [values[name] for name in names]


def leading(args: list[str]) -> list[str]:
    """The arguments before the first flag."""
    return list(itertools.takewhile(lambda arg: not arg.startswith("-"), args))


def _sentence(event: _errors.ParseErrorEvent, default: Any) -> str | None:
    """What is wrong with the flags, in words; None for errors that tyro explains better."""
    match event:
        case _errors.UnrecognizedArgs(tokens=[token, *_]) if not token.startswith("-"):
            return f"there is no argument {token}"
        case _errors.UnrecognizedArgs(tokens=[token, *_]):
            flag, flags = token.partition("=")[0], _flags(default)
            ends = [name for name in flags if name.endswith(f".{flag.lstrip('-')}")]
            close = ends or difflib.get_close_matches(flag, flags, cutoff=0.75)
            return f"there is no flag {flag}" + (f" (did you mean {close[0]}?)" if close else "")
        case _errors.BadValue(argument=argument):
            return f"{argument.display_name()} needs a value"
        case _errors.InvalidChoice(argument=argument, value=value, choices=choices):
            words = ", ".join(sorted(choices))
            return f"{argument.display_name()} {value} cannot be: it must be one of {words}"
        case _errors.InstantiationFailure(argument=argument, message=message) if argument:
            return f"{argument.display_name()}: {message}"
    return None


def _flags(settings: Any) -> list[str]:
    """All flags of settings. The flags of the first group have no group name."""
    return [
        "--" + re.sub(r"^(config|sampling)\.|-$", "", name) for name, _ in config.flat(settings)
    ]


def _with_written_flag(sentence: str, args: list[str]) -> str:
    """A sentence that begins with a flag such as ``--sampling.steps``; with ``--steps`` instead, if
    the person wrote that."""
    named = re.match(r"--[\w-]+\.([\w-]+)", sentence)
    if named and f"--{named[1]}" in (arg.partition("=")[0] for arg in args):
        return f"--{named[1]}{sentence[named.end() :]}"
    return sentence


# Names of other programs for our flags.
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


# Functions of the values of flags: ``--model VAE`` is ``vae``, and paths become absolute.
NORMALISERS = {"--model": config.canonical, "--data": sources.with_absolute_path}


def normalised(args: list[str]) -> list[str]:
    """Arguments with ``~`` expanded, values changed by NORMALISERS, and our names of flags in place
    of SYNONYMS. Raises ``UserError`` for ``--epochs``, which has no counterpart here."""
    result = [""]
    for arg in map(expanded, args):
        flag, equals, value = arg.partition("=")
        name = flag.lstrip("-").replace("_", "-").lower() if flag.startswith("-") else ""
        if name in ("epochs", "num-epochs", "max-epochs"):
            raise UserError(
                f"there is no flag {flag}, since training is counted in steps: an epoch of MNIST's "
                "55,000 digits is 430 steps of 128, so give --steps 430 for one epoch"
            )
        flag = f"--{SYNONYMS[name]}" if name in SYNONYMS else flag
        if result[-1] in NORMALISERS:
            result.append(NORMALISERS[result[-1]](arg))
        elif equals and flag in NORMALISERS:
            result.append(f"{flag}={NORMALISERS[flag](value)}")
        else:
            result.append(f"{flag}{equals}{value}")
    return result[1:]


NO_MODEL = ("compare", "completion", "digits", "page", "reproduce", "verify")  # have no --model


def without_recipes(verb: str, args: list[str]) -> list[str]:
    """Register the file of each ``--recipe``, which every command takes, and return the other
    arguments. Where they name no model and the command has one, the recipe of the last file is
    meant."""
    rest, name, files = [], None, iter(args)
    for arg in files:
        flag, equals, file = arg.partition("=")
        if flag != "--recipe":
            rest.append(arg)
            continue
        file = file if equals else next(files, "")
        if not file:
            raise UserError("--recipe needs a value: give the path of a file such as flow.py")
        name = own.register(expanded(file))
    named = any(arg.partition("=")[0] in ("--model", "--models", "--run") for arg in rest)
    return rest if name is None or named or verb in NO_MODEL else [*rest, "--model", name]


def expanded(arg: str) -> str:
    """An argument such as ``--out=~/x.npz`` or ``idx:~/digits`` with ``~`` expanded; shells expand
    it only at the beginning of a word."""
    prefix = r"((?:--[\w.-]+=)?(?:strided:)?(?:idx:|tfds:|files:)?)"
    match = re.fullmatch(rf"{prefix}(~.*)", arg, re.DOTALL)
    return match[1] + os.path.expanduser(match[2]) if match else arg


@_REGISTRY.struct_rule
def _settings(kind: constructors.StructTypeInfo) -> constructors.StructConstructorSpec | None:
    """Dataclasses with readable help: filled paragraphs, one name for the value of a flag, and a
    default only where there is one."""
    if not dataclasses.is_dataclass(kind.type) or kind.type.__module__.startswith("tyro"):
        return None
    plain = typing.get_type_hints(kind.type)
    hints = typing.get_type_hints(kind.type, include_extras=True)
    fields: list[constructors.StructFieldSpec] = []
    for field in dataclasses.fields(kind.type):
        hint: Any = hints[field.name]
        if isinstance(hint, types.UnionType):  # for X | Y tyro would import typeguard, 50 ms
            hint = typing.Union[typing.get_args(hint)]  # noqa: UP007
        default = getattr(kind.default, field.name)
        if field.metadata == config.NO_FLAG:
            hint = typing.Annotated[hint, tyro.conf.Fixed, tyro.conf.Suppress]
            fields.append(constructors.StructFieldSpec(field.name, hint, default, ""))
            continue
        if not dataclasses.is_dataclass(default):
            metavar, ending = _metavar(plain[field.name]), _default_in_words(default)
            hint = typing.Annotated[hint, tyro.conf.arg(metavar=metavar, help_behavior_hint=ending)]
        text = functools.partial(_docstring, kind.type, field.name)
        fields.append(constructors.StructFieldSpec(field.name, hint, default, text))
    return constructors.StructConstructorSpec(kind.type, tuple(fields))


def _metavar(hint: Any) -> str | None:
    """The name of a flag's value in the help; None for types with a rule below."""
    hint = _without_none(hint) or hint
    if typing.get_origin(hint) is typing.Literal:
        return "|".join(map(str, typing.get_args(hint)))
    return "TEXT" if str in (hint, *typing.get_args(hint)) else None


def _default_in_words(default: Any) -> str:
    """The end of a help text: the default of a setting."""
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


def _without_none(hint: Any) -> Any:
    """``X`` of a type ``X | None``; None for other types."""
    parts = typing.get_args(hint)
    return parts[0] if parts[1:] == (types.NoneType,) else None


@_REGISTRY.primitive_rule
def _optional(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """A value, or None where its flag is not given."""
    if (inner := _without_none(kind.type)) is None:
        return None
    info = constructors.PrimitiveTypeInfo.make(inner, set(kind.markers))
    spec = constructors.ConstructorRegistry.get_primitive_spec(info)
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
        raise ValueError(f"{text} is not a whole number")
    return int(number)


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text or 'nothing'} is not a number") from None


# By type, or by the types in a tuple: the name of a value in the help, and its reader.
_READERS = {
    int: ("N", _read_int),
    float: ("NUMBER", _read_float),
    (int, ...): ("N,N,...", lambda text: tuple(map(_read_int, text.split(",")))),
}


@_REGISTRY.primitive_rule
def _numbers(kind: constructors.PrimitiveTypeInfo) -> constructors.PrimitiveConstructorSpec | None:
    """Numbers, which the functions above read from one argument."""
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
