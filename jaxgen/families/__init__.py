"""The families of generative models, one file each; ``base`` defines a family, ``capabilities`` the
abilities that only some families have.

This folder is the registry: a family is a module here with ``build(config) -> Family``. The recipe
of the same name in ``configs/`` defines its settings; other recipes may use them.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

from jaxgen import own
from jaxgen.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxgen.config import Config
    from jaxgen.families.base import Family


def names() -> list[str]:
    """All families of the package, in alphabetical order."""
    shared = ("base", "capabilities")
    return [module.name for module in pkgutil.iter_modules(__path__) if module.name not in shared]


def build(config: "Config") -> "Family":
    """Build the family that ``config`` describes."""
    if config.family not in own.names():
        return importlib.import_module(f"{__name__}.{config.family}").build(config)
    module = own.module(config.family)
    if not callable(getattr(module, "build", None)):
        raise UserError(
            f"{module.__file__} has settings of its own, but no build(config) that makes a Family "
            "of them: define it, or use the Net of a family in jaxgen.configs"
        )
    family, count = module.build(config), len(config.classes)
    if family.classes != count:
        raise UserError(
            f"{module.__file__} builds a family of {family.classes} classes, and the data have "
            f"{count}: let its build give the family classes=len(config.classes)"
        )
    return family


def names_with(can: "Callable[[Family], bool]") -> list[str]:
    """The families for which ``can(family)`` is true, built from the recipes of their names."""
    from jaxgen import config

    return [name for name in names() if can(build(config.recipe(name)))]
