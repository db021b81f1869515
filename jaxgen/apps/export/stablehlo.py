"""Functions of a model as StableHLO, which JAX keeps readable for six months, and longer in later
versions."""

import jax
from jax import export as jax_export

from jaxgen.apps.export.functions import Function

PLATFORMS = ("cpu", "cuda", "tpu")


def to_bytes(function: Function) -> bytes:
    """The function for any number n of images, as ``jax.export.deserialize`` reads it."""
    exported = jax_export.export(jax.jit(function.call), platforms=PLATFORMS)
    return bytes(exported(*function.arguments()).serialize())
