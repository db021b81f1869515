"""What a data set was made of and by, so that only the same command goes on with it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxgen
from jaxgen import config as configs
from jaxgen.config import Config
from jaxgen.errors import UserError
from jaxgen.training.trained import Trained

_ONCE = {"ink": "light"}  # what orders of earlier versions were that do not say


def of(order: dict[str, Any], model: Trained, config: Config) -> dict[str, Any]:
    """An order, by the names of its flags, and the model that it is drawn from, for JSON."""
    return {
        "jaxgen": jaxgen.__version__,
        "order": order,
        "recipe": configs.to_dict(config),
        "steps": model.step,
        "weights": fingerprint(model.variables),
    }


def read(path: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What the file ``path`` in the folder of a data set says, if it is ``wanted`` but for what has
    been done so far; None for a folder that has nothing yet. Raises UserError where it holds
    something else."""
    folder = path.parent
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        there = folder.iterdir() if folder.exists() else ()
        if held := sorted(file.name for file in there if file.name[0] != "."):
            raise UserError(
                f"{folder} already holds {held[0]}: name a new folder with --out"
            ) from None
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): name a new folder") from None
    if not isinstance(found, dict) or found.keys() != wanted.keys():
        raise UserError(f"{path} is not of a data set of this version: name a new folder")
    if difference := _difference(found, json.loads(json.dumps(wanted))):
        raise UserError(
            f"{folder} holds a data set of {difference}: give that command again, or name a new "
            "folder with --out"
        )
    return found


def fingerprint(variables: Any) -> str:
    """The SHA-256 of all weights."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """How the data set in a folder differs from the one that is wanted, in words; None if it is
    that."""
    for flag, value in wanted["order"].items():
        theirs = found["order"].get(flag, _ONCE.get(flag))
        if theirs != value:
            return f"--{flag} {theirs}, not {value}"
    for name in ("jaxgen", "steps"):
        if found[name] != wanted[name]:
            return f"{name} {found[name]}, not {wanted[name]}"
    for name in ("recipe", "weights"):
        if found[name] != wanted[name]:
            return f"other {name}"
    return None
