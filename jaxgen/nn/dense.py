"""Dense layers whose gradients are fast on CPUs.

The gradient to a kernel is a product that sums over all positions of all images. XLA's CPU backend
transposes one of its two factors first, and computes the factor's activations again on the way. JAX
has it transpose the gradient of the output, even if the input is much narrower. ``product`` has it
transpose the narrower one; the sums are the same.
"""

import functools

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


def product(inputs, kernel, dimension_numbers, precision=None, **options):
    """Stand in for ``lax.dot_general`` in ``nn.Dense``; inputs [..., in], kernel [in, out]."""
    assert dimension_numbers == (((inputs.ndim - 1,), (0,)), ((), ()))
    assert precision is None and not options, "nn.Dense with its own settings"
    return _product(inputs, kernel)


Dense = functools.partial(nn.Dense, dot_general=product)


@jax.custom_vjp
def _product(inputs, kernel):
    return jnp.matmul(inputs, kernel)


def _forward(inputs, kernel):
    return _product(inputs, kernel), (inputs, kernel)


def _backward(saved, cotangent):
    inputs, kernel = saved
    positions = tuple(range(inputs.ndim - 1))
    both = ((positions, positions), ((), ()))
    narrow, wide = kernel.shape
    if narrow <= wide:
        to_kernel = lax.dot_general(inputs, cotangent, both)
    else:
        to_kernel = lax.dot_general(cotangent, inputs, both).T
    return jnp.matmul(cotangent, kernel.T), to_kernel


_product.defvjp(_forward, _backward)
