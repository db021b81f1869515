"""The networks: gradients of the convolution, and the moving of pixels into channels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax import lax

from jaxgen.nn import blocks, conv, dense, transformer, unet
from tests.weights import shaken


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"),
    [
        (14, 3, 1, "SAME"),
        (28, 3, 1, "SAME"),
        (14, 3, 1, "VALID"),
        (15, 4, 1, "SAME"),
        (9, 3, 1, [(4, 0), (1, 2)]),
        (28, 4, 2, "SAME"),
        (15, 3, 2, "SAME"),
        (14, 5, 2, "VALID"),
        (28, 4, 4, "VALID"),
        (13, 3, 3, [(1, 1), (2, 0)]),
    ],
)
def test_gradients_of_the_convolution_are_those_of_jax(size, window, stride, padding):
    images = jax.random.normal(jax.random.key(0), (3, size, size, 5))
    kernel = jax.random.normal(jax.random.key(1), (window, window, 5, 7))

    def loss(convolve):
        return lambda x, k: jnp.sin(
            convolve(x, k, (stride, stride), padding, dimension_numbers=conv.LAYOUT)
        ).sum()

    ours = jax.grad(loss(conv.convolve), (0, 1))(images, kernel)
    theirs = jax.grad(loss(lax.conv_general_dilated), (0, 1))(images, kernel)
    for a, b in zip(ours, theirs, strict=True):
        assert jnp.allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "window", "padding"), [(14, 3, "SAME"), (9, 4, "VALID"), (9, 3, [(4, 0), (1, 2)])]
)
def test_gradients_of_a_penalty_on_the_gradient_are_those_of_jax(size, window, padding):
    """As a GAN's R1 takes them, through two layers."""
    images = jax.random.normal(jax.random.key(0), (3, size, size, 5))
    kernels = [
        0.1 * jax.random.normal(jax.random.key(i), (window, window, *channels))
        for i, channels in enumerate([(5, 7), (7, 4)])
    ]

    def penalty(convolve):
        def score(images, kernels):
            for kernel in kernels:
                images = convolve(images, kernel, (1, 1), padding, dimension_numbers=conv.LAYOUT)
                images = jnp.sin(images)
            return images.sum()

        return lambda x, k: jnp.square(jax.grad(score)(x, k)).sum()

    ours = jax.grad(penalty(conv.convolve), (0, 1))(images, kernels)
    theirs = jax.grad(penalty(lax.conv_general_dilated), (0, 1))(images, kernels)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert jnp.abs(b).max() > 0.01
        assert jnp.allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(5,), (5, 3), (2, 3, 5)])
@pytest.mark.parametrize(("narrow", "wide"), [(4, 9), (9, 4), (6, 6)])
def test_gradients_of_the_product_are_those_of_jax(shape, narrow, wide):
    inputs = jax.random.normal(jax.random.key(0), (*shape, narrow))
    kernel = jax.random.normal(jax.random.key(1), (narrow, wide))

    def slopes(product):
        def loss(inputs, kernel):
            return jnp.sin(product(inputs, kernel)).sum()

        def penalty(inputs, kernel):  # a gradient of a gradient
            return jnp.square(jax.grad(loss)(inputs, kernel)).sum()

        return [jax.grad(f, (0, 1))(inputs, kernel) for f in (loss, penalty)]

    ours = slopes(
        lambda inputs, kernel: dense.product(inputs, kernel, (((inputs.ndim - 1,), (0,)), ((), ())))
    )
    for a, b in zip(*map(jax.tree.leaves, (ours, slopes(jnp.matmul))), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_attention_is_causal_attention():
    query, key, value = jax.random.normal(jax.random.key(0), (3, 2, 7, 4, 5))
    ours = transformer.attention(query, key, value)
    theirs = jax.nn.dot_product_attention(query, key, value, is_causal=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_depth_and_space_are_inverse():
    images = jnp.arange(2 * 8 * 8 * 3.0).reshape(2, 8, 8, 3)
    deep = blocks.to_depth(images)
    assert deep.shape == (2, 4, 4, 12)
    assert jnp.array_equal(deep[0, 1, 1, :3], images[0, 2, 2])
    assert jnp.array_equal(blocks.to_space(deep), images)


@pytest.mark.parametrize(("kernel", "around"), [(2, (0, 0)), (4, (0, 2)), (6, (2, 2))])
def test_halving_is_a_convolution_with_stride_2(kernel, around):
    images = jax.random.normal(jax.random.key(0), (3, 12, 12, 5))
    halved, params = convolved(blocks.halved, images, 7, kernel)
    edge = kernel // 2  # of the kernel, in blocks
    pixels = params["kernel"].reshape(edge, edge, 2, 2, 5, 7).transpose(0, 2, 1, 3, 4, 5)
    pixels = pixels.reshape(kernel, kernel, 5, 7)
    known = lax.conv_general_dilated(
        images, pixels, (2, 2), (around, around), dimension_numbers=conv.LAYOUT
    )
    assert halved.shape == (3, 6, 6, 7)
    np.testing.assert_allclose(halved, known, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "around"), [(2, (1, 1)), (4, (1, 3)), (6, (3, 3))])
def test_doubling_is_a_transposed_convolution_with_stride_2(kernel, around):
    images = jax.random.normal(jax.random.key(0), (3, 6, 6, 5))
    doubled, params = convolved(blocks.doubled, images, 7, kernel)
    edge = kernel // 2
    # Offset b of a block and pixel d in it: place 2b + 1 - d of the kernel.
    pixels = params["kernel"].reshape(edge, edge, 5, 2, 2, 7)[:, :, :, ::-1, ::-1]
    pixels = pixels.transpose(0, 3, 1, 4, 2, 5).reshape(kernel, kernel, 5, 7)
    known = lax.conv_general_dilated(
        images, pixels, (1, 1), (around, around), (2, 2), dimension_numbers=conv.LAYOUT
    )
    assert doubled.shape == (3, 12, 12, 7)
    np.testing.assert_allclose(doubled, known, rtol=1e-4, atol=1e-4)


def convolved(function, *arguments):
    """What a function of ``blocks`` with one convolution makes, and its params."""

    class Module(nn.Module):
        @nn.compact
        def __call__(self):
            return function(*arguments)

    result, variables = Module().init_with_output(jax.random.key(1))
    return result, variables["params"]["Conv_0"]


@pytest.mark.parametrize("attention", [False, True])
def test_an_untrained_unet_says_zero_and_hears_time_and_digit_once_trained(attention):
    """The last layer starts at zero; with other weights every input makes a difference."""
    net = unet.UNet(8, 16, 10, 1, 2, attention)
    images = jax.random.normal(jax.random.key(0), (2, 28, 28, 1))
    times, labels = jnp.array([0.1, 0.1]), jnp.array([3, 3])
    params = net.init(jax.random.key(1), images, times, labels)
    assert ("Attention_0" in params["params"]) == attention
    assert not net.apply(params, images, times, labels).any()
    params = shaken(params)
    said = net.apply(params, images, times, labels)
    assert said.shape == images.shape
    for other in (
        (images, times + 0.3, labels),
        (images, times, labels + 1),
        (images[::-1], times, labels),
    ):
        assert np.abs(net.apply(params, *other) - said).max() > 1e-3
