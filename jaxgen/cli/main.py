"""``jaxgen VERB ...``: finds the verb's file, and turns mistakes into one sentence."""

import errno
import importlib
import sys

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
    "reproduce": "set published numbers beside ours",
    "apply": "complete, correct, restyle, convert, augment and teach with digits",
    "launch": "train, or draw, in several processes on this machine",
    "verify": "check that saved models are as they were written",
    "bench": "measure speed on this machine",
}

# What the system may refuse at any time, and what can be done about it.
WAYS_OUT = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EROFS: "write elsewhere",
    errno.EACCES: "get the permission, or write elsewhere,",
    errno.EPERM: "get the permission, or write elsewhere,",
    errno.EIO: "see to the disk",
    errno.EMFILE: "raise the limit of open files",
}


def main(args: list[str] | None = None) -> None:
    """Run the verb in ``args``, or ``sys.argv``; exit with 0, 2 for a user's mistake, or as a
    signal asks."""
    try:
        sys.exit(run(sys.argv[1:] if args is None else args))
    except UserError as error:
        print(f"jaxgen: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader of our output has left, as head does
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        if error.errno not in WAYS_OUT:
            raise
        where = f" ({error.filename})" if error.filename else ""
        way = WAYS_OUT[error.errno]
        print(f"jaxgen: {error.strerror}{where}: {way} and start again", file=sys.stderr)
        sys.exit(2)
    except ValueError as error:
        if (sentence := environment.unreadable(error)) is None:
            raise
        print(f"jaxgen: {sentence}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not errors.is_of_memory(error):
            raise
        print(f"jaxgen: {errors.NO_MEMORY}", file=sys.stderr)
        sys.exit(2)


def run(args: list[str]) -> int:
    if not args or args[0] in ("-h", "--help"):
        print("usage: jaxgen VERB ...   (in a clone: bin/VERB ...)\n")
        print("\n".join(f"  {verb:<13}{what}" for verb, what in VERBS.items()))
        print("\nEach verb has --help.")
        return 0 if args else 2
    verb, *rest = args
    if verb not in VERBS:
        raise UserError(f"there is no verb {verb!r}: {config.suggest(verb, VERBS)}")
    from jaxgen.cli import common

    environment.settle(common.warn)
    rest = [common.at_home(arg) for arg in rest]
    return importlib.import_module(f"jaxgen.cli.{verb}").main(rest)
