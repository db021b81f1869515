"""``jaxgen VERB ...``: runs the verb's file, and turns mistakes into one sentence."""

import atexit
import errno
import gc
import importlib
import os
import re
import sys
from typing import TextIO, cast

import jaxgen
from jaxgen import config, environment, errors
from jaxgen.errors import UserError

VERBS = {
    "train": "train a model on digits",
    "sample": "draw digits from a trained model",
    "reconstruct": "take digits to a model's latents and back",
    "interpolate": "walk from digit to digit through the latents",
    "evaluate": "measure a trained model with the judge",
    "compare": "train, measure and compare the six families",
    "study": "study what a setting changes, by many runs",
    "reproduce": "compare published numbers with ours",
    "digits": "read digits from paper",
    "apply": "complete, correct, restyle, convert, augment and teach with digits",
    "publish": "write a trained model to a folder that can be passed on",
    "export": "write a trained model for other programs",
    "page": "write a page that has all models in it, for a browser",
    "launch": "train, or draw, in several processes on this machine",
    "verify": "check that saved models are as they were written",
    "bench": "measure speed on this machine",
    "completion": "let a shell complete the commands",
}

_BIN = re.compile(rf"\bbin/({'|'.join(VERBS)})\b")

# Errors of the system that can occur at any time, and what a person can do.
WAYS_OUT = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "get the permission, or write elsewhere,",
    errno.EPERM: "get the permission, or write elsewhere,",
    errno.EIO: "check the disk",
    errno.EMFILE: "raise the limit of open files",
}


def main(args: list[str] | None = None) -> None:
    """Run the verb in ``args``, or ``sys.argv``; exit with 0, 2 for a user's mistake, or as a
    signal asks."""
    # Imports make half a million objects that all stay. Looking through them for garbage, while
    # they are made and at the end, would be a fifth of the time of a short command.
    gc.set_threshold(1_000_000)
    atexit.register(gc.freeze)
    if "JAXGEN_BIN" not in os.environ:  # which the scripts in bin/ set
        sys.stdout, sys.stderr = map(_renamed, (sys.stdout, sys.stderr))
    try:
        sys.exit(run(sys.argv[1:] if args is None else args))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of the output has ended, as head does
        sys.stderr.close()
        sys.exit(141)
    except Exception as error:
        if (sentence := _sentence(error)) is None:
            raise
        print(f"jaxgen: {sentence}", file=sys.stderr)
        sys.exit(2)


def run(args: list[str]) -> int:
    """Run the verb in ``args`` and return the exit status; mistakes are exceptions."""
    if args[:1] in (["--version"], ["-V"], ["version"]) or args[1:] == ["--version"]:
        print(f"jaxgen {jaxgen.__version__}")
        return 0
    if not args or args[0] in ("-h", "--help"):
        print("usage: jaxgen VERB ...   (in a clone: bin/VERB ...)\n")
        print("\n".join(f"  {verb:<13}{what}" for verb, what in VERBS.items()))
        print(
            "\nEach verb has --help, and takes --recipe FILE.py: a recipe or a family of your own."
        )
        return 0 if args else 2
    verb, *rest = args
    if verb not in VERBS:
        raise UserError(f"there is no verb {verb!r}: {config.suggest(verb, VERBS)}")
    from jaxgen.cli import flags  # here, so that a Python without packages gets a sentence

    environment.settle(errors.warn)
    rest = flags.normalised(flags.without_recipes(verb, rest))
    return importlib.import_module(f"jaxgen.cli.{verb}").main(rest) or 0


def _sentence(error: Exception) -> str | None:
    """What a user can do about an error, in one sentence; None for an error of jaxgen."""
    match error:
        case UserError():
            return f"{error}"
        case OSError() if error.errno in WAYS_OUT:
            where = f" ({error.filename})" if error.filename else ""
            return f"{error.strerror}{where}: {WAYS_OUT[error.errno]} and start again"
        case ModuleNotFoundError(name=str(name)) if not name.startswith("jaxgen"):
            return (
                f"this Python has no package {name.partition('.')[0]}: install jaxgen (pip install "
                ". in a clone), or call bin/VERB in a clone, which makes its own environment"
            )
        case ValueError():
            return environment.unreadable(error)
    return errors.NO_MEMORY if errors.is_of_memory(error) else None


def _renamed(stream: TextIO) -> TextIO:
    """A stream that prints ``jaxgen VERB`` for ``bin/VERB``, where jaxgen is installed."""

    class Renamed:
        def write(self, text: str) -> int:
            stream.write(_BIN.sub(r"jaxgen \1", text))
            return len(text)

        def __getattr__(self, name: str):
            return getattr(stream, name)

    return cast(TextIO, Renamed())
