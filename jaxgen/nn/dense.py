"""Dense layers whose gradients are fast on CPUs.

The gradient to a kernel is a product that sums over all positions of all images. If they are
several axes, XLA's CPU backend first writes one of the two factors transposed, and computes its
activations again on the way; if they are one axis, it does not. And what JAX derives is the
transpose of the gradient, which leaves the optimiser's arrays in two different orders. ``product``
joins the axes and states the gradient as it is needed; the sums are the same.
"""

import functools

import jax
from flax import linen as nn


def product(inputs, kernel, dimension_numbers, precision=None, **options):
    """Stand in for ``lax.dot_general`` in ``nn.Dense``; inputs [..., in], kernel [in, out]."""
    assert dimension_numbers == (((inputs.ndim - 1,), (0,)), ((), ()))
    assert precision is None and not options, "nn.Dense with its own settings"
    rows = _product(inputs.reshape(-1, inputs.shape[-1]), kernel)
    return rows.reshape(*inputs.shape[:-1], kernel.shape[1])


Dense = functools.partial(nn.Dense, dot_general=product)


@jax.custom_vjp
def _product(rows, kernel):
    return rows @ kernel


def _forward(rows, kernel):
    return _product(rows, kernel), (rows, kernel)


def _backward(saved, cotangent):
    rows, kernel = saved
    return cotangent @ kernel.T, rows.T @ cotangent


_product.defvjp(_forward, _backward)
