#!/usr/bin/env bash
# jax and jaxlib 0.10.2 for CPU, Python 3.11 to 3.14.
#
# The gradient to the kernel of a dense layer sums over all positions. If the input has one axis of
# positions, XLA's CPU backend computes it as one product. If it has two, as the tokens of several
# texts have, it first writes a factor with its axes exchanged, and computes the activations in it
# again on the way. That is the gradient of the output, the wider factor if the layer widens. The
# values are the same, and two such layers of 96 to 384 and back took 1.35 times as long:
#
#   input [64, 49, 96]      a 384 x 3136 array is written: True
#   input [3136, 96]        a 384 x 3136 array is written: False
#
# So it pays to join the axes before a dense layer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2

JAX_PLATFORMS=cpu JAX_NUM_CPU_DEVICES=1 "$folder/venv/bin/python" -c '
import jax, jax.numpy as jnp

def written(*positions):
    def loss(kernels, inputs):
        widen, narrow = kernels
        return jnp.square(jax.nn.silu(inputs @ widen) @ narrow).mean()

    kernels = jnp.zeros((96, 384)), jnp.zeros((384, 96))
    program = jax.jit(jax.grad(loss)).lower(kernels, jnp.zeros((*positions, 96))).compile().as_text()
    return " = f32[384,3136]" in program

two, one = written(64, 49), written(64 * 49)
print(f"input [64, 49, 96]      a 384 x 3136 array is written: {two}")
print(f"input [3136, 96]        a 384 x 3136 array is written: {one}")
assert two and not one'
