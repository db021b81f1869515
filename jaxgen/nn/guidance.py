"""Classifier-free guidance (Ho and Salimans 2022): a network knows what a digit asks for, c, and
what any digit does, u, and what it says is drawn from u towards c, or beyond."""

import jax

Weight = float | jax.Array  # 0 is u, 1 is c, more exaggerates the digit


def is_guided(weight: Weight) -> bool:
    """Whether u is needed, which takes as long as c does. The weight of a compiled program, which
    is an argument of it, is not 1 (``families.base.Guided``)."""
    return isinstance(weight, jax.Array) or weight != 1


def guided(conditional: jax.Array, unconditional: jax.Array, weight: Weight) -> jax.Array:
    """u + weight (c - u)"""
    return unconditional + weight * (conditional - unconditional)
