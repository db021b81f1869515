"""Classifier-free guidance (Ho and Salimans 2022). A network that learned with the digit and
without it gives two outputs: c for the digit, and u for any digit. Sampling goes from u towards c,
and beyond."""

import jax

Weight = float | jax.Array  # 0 is u, 1 is c, more exaggerates the digit


def is_guided(weight: Weight) -> bool:
    """Whether u is needed, which takes as long as c. Where the weight is an argument of a compiled
    program, the weight is not 1 (``families.base.Guided``)."""
    return isinstance(weight, jax.Array) or weight != 1


def guided(outputs: jax.Array, weight: Weight) -> jax.Array:
    """u + weight (c - u) [n, ...], of ``outputs`` [2n, ...], first all c and then all u."""
    conditional, unconditional = outputs.reshape(2, -1, *outputs.shape[1:])
    return unconditional + weight * (conditional - unconditional)
