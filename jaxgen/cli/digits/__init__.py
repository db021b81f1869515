"""``bin/digits``: digits on paper. The first argument says what to do with them."""

import importlib

from jaxgen import config
from jaxgen.errors import UserError

ACTIONS = {
    "form": "print a form on which a person writes digits",
    "read": "find the digits of photographed or scanned pages, and cut them out",
}


def main(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print("usage: bin/digits ACTION ...\n")
        print("\n".join(f"  {name:<8}{what}" for name, what in ACTIONS.items()))
        print("\nexamples:\n  bin/digits read page.jpg --out mine/")
        print("  bin/digits form --out form.pdf")
        print("\nEach action has --help.")
        return 0 if args else 2
    name, *rest = args
    if name not in ACTIONS:
        raise UserError(f"there is no action {name!r}: {config.suggest(name, ACTIONS)}")
    return importlib.import_module(f"jaxgen.cli.digits.{name}").main(rest)
