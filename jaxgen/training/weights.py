"""The arrays of a model as a flat dictionary, by the names of their places in ``Variables``, such
as ``params/generator/params/Dense_0/kernel`` and ``stats/density/means``. A dictionary without
arrays is an array of no numbers there."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from flax import traverse_util

from jaxgen import densities, devices
from jaxgen.errors import UserError
from jaxgen.families.base import Variables

if TYPE_CHECKING:
    from jaxgen.families.base import Family

Arrays = dict[str, np.ndarray]

LARGE = 2048  # numbers: smaller arrays take little room


def named(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by the names of their places, keys joined with a slash."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def flatten(variables: Variables, half: bool = False) -> Arrays:
    """The arrays of a model on the host; with ``half``, float16 for those float32 that have
    ``LARGE`` numbers or more."""
    arrays = jax.device_get(_flat(variables))
    for name, array in arrays.items():
        if half and array.size >= LARGE and array.dtype == np.float32:
            arrays[name] = array.astype(np.float16)
    return arrays


def unflatten(arrays: Arrays) -> Variables:
    """The variables from ``flatten``, with float32 for float16, whole on every device."""
    full = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in arrays.items()
    }
    placed = jax.device_put(full, devices.whole())
    nodes = {name: leaf if leaf.size else traverse_util.empty_node for name, leaf in placed.items()}
    tree = traverse_util.unflatten_dict(nodes, sep="/")
    return Variables(tree.get("params", {}), densities.from_saved(tree.get("stats", {})))


def require(family: "Family", arrays: Arrays, where: str) -> None:
    """Raise a ``UserError``, which names ``where`` they come from, if they are not the arrays of a
    family."""
    if differing := _differing(_flat(abstract(family)), arrays):
        raise UserError(
            f"{where} does not hold the arrays of its recipe (the first that differs is "
            f"{differing}): use the version of jaxgen that wrote it"
        )


def differing(family: "Family", variables: Variables) -> str | None:
    """The name of the first array that ``variables`` and those of a family differ in, by its shape
    or type; None if there is none."""
    return _differing(_flat(abstract(family)), _flat(variables))


def _differing(wanted: dict[str, Any], found: dict[str, Any]) -> str | None:
    kinds = [
        {name: (tuple(array.shape), _full(array.dtype)) for name, array in flat.items()}
        for flat in (wanted, found)
    ]
    return min((name for name, _ in kinds[0].items() ^ kinds[1].items()), default=None)


def abstract(family: "Family") -> Variables:
    """Shapes and types of the variables of a family, each whole on every device, without computing
    them."""
    return jax.tree.map(
        lambda leaf: leaf.update(sharding=devices.whole()),
        jax.eval_shape(family.init, jax.random.key(0)),
    )


def _flat(variables: Variables) -> dict[str, Any]:
    parts = {"params": variables.params, "stats": densities.to_saved(variables.stats)}
    return {
        f"{part}/{name}": np.zeros(0, np.float32) if leaf is traverse_util.empty_node else leaf
        for part, tree in parts.items()
        for name, leaf in traverse_util.flatten_dict(tree, keep_empty_nodes=True, sep="/").items()
    }


def _full(dtype: Any) -> np.dtype:
    return np.dtype(np.float32 if dtype == np.float16 else dtype)
