"""Convolutions whose gradients are fast on every backend, also inside ``lax.scan``.

XLA's CPU backend brings a convolution into the layout of its fast kernels only in the entry
computation of a program. Training here runs many steps in one ``lax.scan``, and there the gradients
that JAX derives fall to a loop 30 times slower. ``convolve`` states both gradients as convolutions
that are in that layout already, with explicit transposes; they are the same sums. This file is the
one place that knows about it: elsewhere, and on any other backend, a convolution is
``lax.conv_general_dilated``.
"""

import functools

import jax
from flax import linen as nn
from jax import lax

LAYOUT = ("NHWC", "HWIO", "NHWC")


def convolve(
    images, kernel, window_strides, padding, *, lhs_dilation=None, rhs_dilation=None, **options
):
    """Stand in for ``lax.conv_general_dilated`` in ``nn.Conv``; images [n, h, w, c], kernel [h, w,
    c, c_out]."""
    plain = (
        jax.default_backend() == "cpu"
        and images.ndim == 4
        and options.get("feature_group_count", 1) == 1
        and set((*(lhs_dilation or ()), *(rhs_dilation or ()))) <= {1}
    )
    if not plain:
        return lax.conv_general_dilated(
            images,
            kernel,
            window_strides,
            padding,
            lhs_dilation=lhs_dilation,
            rhs_dilation=rhs_dilation,
            **options,
        )
    if isinstance(padding, str):
        shapes = images.shape[1:3], kernel.shape[:2]
        padding = lax.padtype_to_pads(*shapes, window_strides, padding)
    return _convolve(images, kernel, tuple(window_strides), tuple(map(tuple, padding)))


Conv = functools.partial(nn.Conv, conv_general_dilated=convolve)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _convolve(images, kernel, strides, pads):
    return lax.conv_general_dilated(images, kernel, strides, pads, dimension_numbers=LAYOUT)


def _forward(images, kernel, strides, pads):
    return _convolve(images, kernel, strides, pads), (images, kernel)


def _backward(strides, pads, saved, cotangent):
    images, kernel = saved
    axes = range(2)
    size, window, out = images.shape[1:3], kernel.shape[:2], cotangent.shape[1:3]
    spread = [(out[i] - 1) * strides[i] + 1 for i in axes]  # extent of the dilated cotangent

    # To the images: correlate the dilated cotangent with the turned kernel. Without strides that is
    # a convolution like any other, and said so: a gradient of this gradient (of a penalty on it)
    # is then fast too.
    turned = kernel[::-1, ::-1].swapaxes(2, 3)
    before = [window[i] - 1 - pads[i][0] for i in axes]
    after = [size[i] + window[i] - 1 - spread[i] - before[i] for i in axes]
    around = tuple(zip(before, after, strict=True))
    if strides == (1, 1):
        to_images = _convolve(cotangent, turned, strides, around)
    else:
        to_images = lax.conv_general_dilated(
            cotangent, turned, (1, 1), around, lhs_dilation=strides, dimension_numbers=LAYOUT
        )
    # To the kernel: channels play the batch, the batch is summed over, the cotangent is the kernel.
    to_kernel = lax.conv_general_dilated(
        images.transpose(3, 1, 2, 0),  # [c, h, w, n]
        cotangent.transpose(1, 2, 0, 3),  # [h, w, n, c_out]
        (1, 1),
        [(pads[i][0], spread[i] + window[i] - 1 - size[i] - pads[i][0]) for i in axes],
        rhs_dilation=strides,
        dimension_numbers=LAYOUT,
    )
    return to_images, to_kernel.transpose(1, 2, 0, 3)  # [c, h, w, c_out] -> [h, w, c, c_out]


_convolve.defvjp(_forward, _backward)
