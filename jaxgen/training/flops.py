"""How much arithmetic a function does, counted from the shapes of its layers."""

import math
from collections.abc import Callable

import jax


def count(function: Callable, *args) -> int:
    """Floating-point operations of the matrix products and convolutions in one call; a multiply and
    an add are two.

    Loops count once for each turn, both branches of a condition count, and all else (norms,
    activations, optimisers) counts as nothing. ``args`` may be shapes (``jax.eval_shape``).
    """
    return _count(jax.make_jaxpr(function)(*args).jaxpr)


def _count(jaxpr) -> int:
    total = 0
    for equation in jaxpr.eqns:
        out = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += 2 * out * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            features = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
            total += 2 * out * math.prod(kernel) // features
        turns = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        total += turns * sum(map(_count, _inner(equation.params)))
    return total


def _inner(params):
    """The programs within an equation: bodies of loops, branches, functions."""
    for value in params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            part = getattr(part, "jaxpr", part)  # a closed one holds it
            if hasattr(part, "eqns"):
                yield part
