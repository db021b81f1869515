"""Print what lets a shell complete the commands, their flags and the names of models with the
Tab key.

examples:
  eval "$(bin/completion bash)"          in this shell; in ~/.bashrc for all, with the whole path
  eval "$(bin/completion zsh)"           the same in ~/.zshrc, after compinit
  bin/completion fish | source           in ~/.config/fish/config.fish

Recipes of different families have different settings: the flags of all are completed."""

import contextlib
import dataclasses
import functools
import importlib
import io
import operator
from typing import Annotated, Any, Literal

import tyro

from jaxgen import config as configs
from jaxgen.cli import common, flags
from jaxgen.cli.apply import APPS
from jaxgen.cli.digits import ACTIONS
from jaxgen.config import Config, Net, Sampling
from jaxgen.errors import UserError

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "jaxgen"  # a command bin/VERB of a clone is completed as jaxgen VERB
IN_A_CLONE = {
    "bash": """
_jaxgen_in_a_clone() {
  COMP_WORDS=(jaxgen "${COMP_WORDS[0]##*/}" "${COMP_WORDS[@]:1}")
  COMP_CWORD=$((COMP_CWORD + 1))
  _tyro_jaxgen
}
for _jaxgen_verb in VERBS; do
  complete -o bashdefault -o default -F _jaxgen_in_a_clone "bin/$_jaxgen_verb" "./$_jaxgen_verb"
done
unset _jaxgen_verb
""",
    "zsh": """
_jaxgen_in_a_clone() {
  words=(jaxgen "${words[1]:t}" "${words[@]:1}")
  CURRENT=$((CURRENT + 1))
  _tyro_jaxgen
}
for _jaxgen_verb in VERBS; do compdef _jaxgen_in_a_clone "bin/$_jaxgen_verb"; done
compdef _tyro_jaxgen jaxgen
unset _jaxgen_verb
""",
    "fish": "",
}


def main(args: list[str]) -> None:
    if args == ["--help"] or args == ["-h"]:
        print(f"usage: bin/completion {' | '.join(SHELLS)}\n\n{__doc__}")
        return
    if len(args) != 1 or args[0] not in SHELLS:
        found = " ".join(args) or "nothing"
        raise UserError(f"which shell? bin/completion {' | '.join(SHELLS)}, and not {found}")
    print(script(args[0]))


def script(shell: str) -> str:
    """The script for a shell, by tyro, of the verbs and applications as commands of jaxgen."""
    from jaxgen.cli.main import VERBS

    parts = {"apply": APPS, "digits": ACTIONS}
    verbs = [verb for verb in VERBS if verb not in (*parts, "completion")]
    commands = [_command(f"jaxgen.cli.{verb}", verb) for verb in verbs]
    for verb, names in parts.items():
        inner = _either([_command(f"jaxgen.cli.{verb}.{name}", name) for name in names])
        commands.append(Annotated[inner, tyro.conf.subcommand(verb, description=VERBS[verb])])
    written = io.StringIO()
    with contextlib.redirect_stdout(written), contextlib.suppress(SystemExit):
        flags.cli(_either(commands), PROGRAM, ["--tyro-write-completion", shell, "-"])
    # tyro's script for zsh is a file of $fpath, which completes once when it is read; not so eval.
    text = written.getvalue().rstrip().removesuffix('_tyro_jaxgen "$@"')
    return f"{text}\n" + IN_A_CLONE[shell].replace("VERBS", " ".join(VERBS))


def _either(commands: list[Any]) -> Any:
    return functools.reduce(operator.or_, commands)


def _command(module: str, name: str) -> Any:
    """The flags of a command, as a command of this name."""
    kind = _with_models(getattr(importlib.import_module(module), name.capitalize()))
    default: Any
    if issubclass(kind, common.DrawingFlags):
        default = kind(sampling=_all_settings("sampling", Sampling))
    elif any(field.name == "config" for field in dataclasses.fields(kind)):
        default = kind(_recipe())
    else:
        default = kind()
    return Annotated[kind, tyro.conf.subcommand(name, default=default)]


def _recipe() -> Config:
    first = configs.recipe(configs.DEFAULT)
    net, sampling = _all_settings("net", Net), _all_settings("sampling", Sampling)
    return dataclasses.replace(first, net=net, sampling=sampling)


@functools.cache
def _all_settings(group: str, base: type) -> Any:
    """The settings of a group that any family has."""
    found: dict[str, tuple] = {}
    for name in configs.names():
        settings = getattr(configs.recipe(name), group)
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            found.setdefault(field.name, (field.name, field.type, dataclasses.field(default=value)))
    return dataclasses.make_dataclass("Settings", found.values(), bases=(base,), frozen=True)()


def _with_models(kind: type) -> type:
    """The flags of a command, with the names of the models as choices of ``--model``."""
    if not any(field.name == "model" for field in dataclasses.fields(kind)):
        return kind
    models: Any = Literal[*configs.names()]
    changed = ("model", models | None, dataclasses.field(default=None, kw_only=True))
    return dataclasses.make_dataclass(kind.__name__, [changed], bases=(kind,), frozen=True)
