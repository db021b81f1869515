"""The arrays of a model as a flat dictionary, by the names of their places in ``Variables``, such
as ``params/generator/params/Dense_0/kernel`` and ``stats/density/means``."""

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from jaxgen import densities, devices
from jaxgen.errors import UserError

if TYPE_CHECKING:
    from jaxgen.families.base import Family, Variables

Arrays = dict[str, np.ndarray]

LARGE = 2048  # numbers: smaller arrays take little room


def named(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by the names of their places, keys joined with a slash."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def flatten(variables: "Variables", half: bool = False) -> Arrays:
    """The arrays of a model on the host; with ``half``, float16 for those float32 that have
    ``LARGE`` numbers or more."""
    arrays = jax.device_get(named(_tree(variables)))
    for name, array in arrays.items():
        if half and array.size >= LARGE and array.dtype == np.float32:
            arrays[name] = array.astype(np.float16)
    return arrays


def unflatten(family: "Family", arrays: Arrays, where: str) -> "Variables":
    """The variables of a family from ``flatten``, in its own types, whole on every device. Raises
    ``UserError``, which names ``where`` they come from, if they are other arrays."""
    like = abstract(family)
    tree = _tree(like)
    wanted = named(tree)
    if _shapes(wanted) != _shapes(arrays):
        differing = sorted(_shapes(wanted).items() ^ _shapes(arrays).items())
        raise UserError(
            f"{where} does not hold the arrays of its recipe (the first that differs is "
            f"{differing[0][0]}): use the version of jaxgen that wrote it"
        )
    leaves = [arrays[name].astype(leaf.dtype) for name, leaf in wanted.items()]
    tree = jax.tree.unflatten(jax.tree.structure(tree), jax.device_put(leaves, devices.whole()))
    stats = densities.from_saved(tree["stats"], like.stats)
    return like.replace(params=tree["params"], stats=stats)


def abstract(family: "Family") -> "Variables":
    """Shapes and types of the variables of a family, each whole on every device, without computing
    them."""
    return jax.tree.map(
        lambda leaf: leaf.update(sharding=devices.whole()),
        jax.eval_shape(family.init, jax.random.key(0)),
    )


def _tree(variables: Any) -> dict[str, Any]:
    return {"params": variables.params, "stats": densities.to_saved(variables.stats)}


def _shapes(arrays: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(array.shape) for name, array in arrays.items()}
