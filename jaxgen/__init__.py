"""jaxgen: a laboratory of generative models for handwritten digits, in JAX and Flax.

    load        a trained model: a run, a published model, or one that ships
    train       train a model of a recipe
    recipe      the settings of a recipe, and recipes() their names
    register    a recipe in a file of your own, also with a family of its own
    show        images as an array that a notebook shows as a picture
    Model       a trained model: sample, encode, decode, complete, evaluate ...
    UserError   the exception for mistakes

The commands are in ``jaxgen.cli``. Importing this module imports nothing else: each name brings its
module when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Model", "UserError", "load", "recipe", "recipes", "register", "show", "train"]

if TYPE_CHECKING:
    from jaxgen.arguments import show
    from jaxgen.config import names as recipes
    from jaxgen.config import recipe
    from jaxgen.errors import UserError
    from jaxgen.model import Model, load, train
    from jaxgen.own import register

_PLACES = {
    "Model": ("model", "Model"),
    "UserError": ("errors", "UserError"),
    "load": ("model", "load"),
    "recipe": ("config", "recipe"),
    "recipes": ("config", "names"),
    "register": ("own", "register"),
    "show": ("arguments", "show"),
    "train": ("model", "train"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
