"""Weights for tests."""

import jax


def shaken(tree, size: float = 0.1):
    """Weights with noise upon them, so that no layer says zero because it starts so."""
    leaves, form = jax.tree.flatten(tree)
    keys = jax.random.split(jax.random.key(9), len(leaves))
    noisy = [
        x + size * jax.random.normal(key, x.shape) for x, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(form, noisy)


def begun(family, key, size: float = 0.0):
    """Fresh variables of a family, with so much noise upon the weights."""
    variables = jax.jit(family.init)(key)
    return variables.replace(params=shaken(variables.params, size)) if size else variables
