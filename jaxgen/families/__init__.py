"""The families of generative models, one file each; ``base`` is what they have in common,
and ``capabilities`` what some can do.

The folder is the registry: a family is a module here that has ``build(config) -> Family``, and a
recipe of the same name in ``configs/``, which defines its settings; other recipes may use them.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxgen.config import Config
    from jaxgen.families.base import Family


def names() -> list[str]:
    """Every family there is, in alphabetical order."""
    shared = ("base", "capabilities")
    return [module.name for module in pkgutil.iter_modules(__path__) if module.name not in shared]


def build(config: "Config") -> "Family":
    """Build the family that ``config`` describes."""
    return importlib.import_module(f"{__name__}.{config.family}").build(config)


def names_with(can: "Callable[[Family], bool]") -> list[str]:
    """The families that can do something, with the settings of their recipes."""
    from jaxgen import config

    return [name for name in names() if can(build(config.recipe(name)))]
