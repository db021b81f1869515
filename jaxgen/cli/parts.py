"""Verbs whose first argument names one of several parts, each with a file and flags of its own."""

import importlib
from collections.abc import Mapping, Sequence

from jaxgen import config
from jaxgen.errors import UserError


def run(
    verb: str, kind: str, parts: Mapping[str, str], examples: Sequence[str], args: list[str]
) -> int:
    """Run the part of ``verb`` that ``args`` names, or print them all; ``kind`` is what a part is
    called."""
    if not args or args[0] in ("-h", "--help"):
        wide = max(map(len, parts)) + 5
        print(f"usage: bin/{verb} {kind.upper()} ...\n")
        print("\n".join(f"  {name:<{wide}}{what}" for name, what in parts.items()))
        print("\nexamples:", *(f"  {example}" for example in examples), sep="\n")
        print(f"\nEach {kind} has --help.")
        return 0 if args else 2
    name, *rest = args
    if name not in parts:
        raise UserError(f"there is no {kind} {name!r}: {config.suggest(name, parts)}")
    return importlib.import_module(f"jaxgen.cli.{verb}.{name}").main(rest)
