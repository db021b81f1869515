"""``bin/apply``: applications of the models. The first argument names the application."""

import importlib

from jaxgen import config
from jaxgen.errors import UserError

APPS = {
    "complete": "fill in the hidden part of a digit",
    "correct": "mend damaged handwriting",
    "restyle": "write digits in the hand of one image",
    "convert": "turn digits into others, in the same hand",
    "augment": "make a data set of drawn digits, or study whether such data help",
    "sheet": "make a page of handwritten exercises to print",
    "figure": "make a picture to teach with: latent plane, codebook, noise, training",
}


def main(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print("usage: bin/apply APPLICATION ...\n")
        print("\n".join(f"  {name:<13}{what}" for name, what in APPS.items()))
        print("\nexamples:\n  bin/apply complete --model ddpm --hide left")
        print("\nEach application has --help.")
        return 0 if args else 2
    name, *rest = args
    if name not in APPS:
        raise UserError(f"there is no application {name!r}: {config.suggest(name, APPS)}")
    return importlib.import_module(f"jaxgen.cli.apply.{name}").main(rest)
