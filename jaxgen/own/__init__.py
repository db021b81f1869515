"""Recipes and families of a user's own, one file each: NAME.py is the module ``jaxgen.own.NAME``.

Such a file has what a file of ``configs/`` has, and ``build(config) -> Family`` if its settings are
those of a family of its own. The variable JAXGEN_RECIPES holds the paths of the files, so that the
processes that this one starts know them.
"""

import importlib
import os
from pathlib import Path
from types import ModuleType

from jaxgen.errors import UserError

VARIABLE = "JAXGEN_RECIPES"


def _files() -> list[Path]:
    return [Path(path) for path in os.environ.get(VARIABLE, "").split(os.pathsep) if path]


__path__ = [f"{path.parent}" for path in _files()]


def names() -> list[str]:
    """The recipes that are known."""
    return [path.stem for path in _files()]


def register(file: str | Path) -> str:
    """Make the recipe in a Python file known to this process and those that it starts; returns its
    name, the file's without ``.py``. Raises UserError if it cannot be used."""
    path = Path(file).expanduser().absolute()
    if path.suffix != ".py" or not path.stem.isidentifier() or not path.is_file():
        raise UserError(
            f"--recipe {file} is no file of Python: give a path such as examples/flow.py"
        )
    others = [other for other in _files() if other.stem == path.stem]
    if any(other != path for other in others):
        raise UserError(f"--recipe {file} has the name of {others[0]}: give it another name")
    if not others:
        os.environ[VARIABLE] = os.pathsep.join([*map(str, _files()), f"{path}"])
        __path__[:] = [f"{known.parent}" for known in _files()]
    found = module(path.stem)
    if not callable(getattr(found, "get_config", None)):
        raise UserError(
            f"{path} has no get_config(): a recipe defines it, as the files of configs/ do"
        )
    return path.stem


def module(name: str) -> ModuleType:
    """The module of a recipe. Raises UserError if it cannot be imported."""
    importlib.invalidate_caches()
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except Exception as error:
        raise UserError(
            f"the recipe {name} cannot be imported ({type(error).__name__}: {error}): correct "
            f"{next(path for path in _files() if path.stem == name)}"
        ) from error
