"""How a data set was made, so that only the same command adds to it."""

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

# Flags that files of earlier versions lack.
_NEW_FLAGS = {"ink": "light", "style": None, "variety": None}


def of(order: dict[str, Any], model: Trained, config: Config) -> dict[str, Any]:
    """The flags of an order by name, and the model that draws its digits, for JSON."""
    return {
        "jaxgen": jaxgen.__version__,
        "order": order,
        "recipe": configs.to_dict(config),
        "steps": model.step,
        "weights": fingerprint(model.variables),
    }


def read(path: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """The content of the file ``path`` in the folder of a data set; None for an empty folder.
    Raises UserError where the folder holds something else, or a data set whose provenance is not
    ``wanted``. Other values in the file may differ."""
    folder = path.parent
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        paths = folder.iterdir() if folder.exists() else ()
        if names := sorted(path.name for path in paths if path.name[0] != "."):
            raise UserError(
                f"{folder} already holds {names[0]}: name a new folder with --out"
            ) from None
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): name a new folder") from None
    if not isinstance(stored, dict) or stored.keys() != wanted.keys():
        raise UserError(f"{path} is not from this version of jaxgen: name a new folder")
    if difference := _difference(stored, json.loads(json.dumps(wanted))):
        raise UserError(
            f"{folder} holds a data set of {difference}: give that command again, or name a new "
            "folder with --out"
        )
    return stored


def fingerprint(variables: Any) -> str:
    """The SHA-256 of all weights."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()


def _difference(stored: dict[str, Any], wanted: dict[str, Any]) -> str | None:
    """The first difference between the data set in a folder and the wanted one, in words."""
    order = _NEW_FLAGS | stored["order"]
    pairs = {f"--{flag}": (order.get(flag), value) for flag, value in wanted["order"].items()}
    pairs |= {name: (stored[name], wanted[name]) for name in ("jaxgen", "steps")}
    for name, (theirs, ours) in pairs.items():
        if theirs != ours:
            return f"{name} {theirs}, not {ours}"
    others = (name for name in ("recipe", "weights") if stored[name] != wanted[name])
    return next((f"other {name}" for name in others), None)
