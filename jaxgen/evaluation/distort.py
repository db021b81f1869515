"""Random distortions of digits. They add no noise and do not change contrast.

``distort`` augments the training digits of the judge: it turns, scales, shears, shifts and bends by
a smooth random field (Simard et al. 2003), in one bilinear interpolation. ``shift_and_rotate`` is
the plain augmentation that drawn digits are compared with.
"""

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates

from jaxgen.arrays import SIDE

# The largest values in either direction, except for the last two.
TURN = 0.3  # radians
SCALE = 0.18  # logarithm of the factor, for each axis
SHEAR = 0.3
SHIFT = 2.0  # pixels
BEND = 0.8  # pixels, standard deviation at the knots of the field
KNOTS = 6  # along an edge


def distort(images, key, max_strength: float = 1.0):
    """Distort images [n, 28, 28, 1], each with its own random strength from 0 to
    ``max_strength``."""
    keys = jax.random.split(key, len(images))
    return jax.vmap(_distort, (0, 0, None))(images, keys, max_strength)


def shift_and_rotate(images, key):
    """Shift images [n, 28, 28, 1] by up to SHIFT pixels each way and turn them by up to TURN."""
    key_turn, key_shift = jax.random.split(key)
    turns = jax.random.uniform(key_turn, (len(images),), minval=-TURN, maxval=TURN)
    shifts = jax.random.uniform(key_shift, (len(images), 2), minval=-SHIFT, maxval=SHIFT)
    return jax.vmap(_shift_and_rotate)(images, turns, shifts)


def _shift_and_rotate(image, turn, shift):
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    turned = jnp.array([[cos, -sin], [sin, cos]])
    places = jnp.einsum("ij,jhw->ihw", turned, _coordinates(), precision="highest")
    return _interpolated(image, places + shift[:, None, None])


def _coordinates():
    """The row and the column of each pixel, 0 at the centre: [2, h, w]."""
    axis = jnp.arange(SIDE) - (SIDE - 1) / 2
    return jnp.stack(jnp.meshgrid(axis, axis, indexing="ij"))


def _interpolated(image, places):
    rows, columns = places + (SIDE - 1) / 2
    return map_coordinates(image[..., 0], [rows, columns], order=1, mode="constant")[..., None]


def _distort(image, key, max_strength):
    key_affine, key_bend, key_strength = jax.random.split(key, 3)
    turn, tall, wide, shear, down, right = jax.random.uniform(key_affine, (6,), minval=-1)
    cos, sin = jnp.cos(TURN * turn), jnp.sin(TURN * turn)
    affine = jnp.array([[cos, -sin], [sin, cos]]) @ jnp.array([[1, 0], [SHEAR * shear, 1]])
    affine *= jnp.exp(SCALE * jnp.array([tall, wide]))

    places = _coordinates()
    bend = BEND * jax.random.normal(key_bend, (2, KNOTS, KNOTS))
    moved = jnp.einsum("ij,jhw->ihw", affine, places, precision="highest")
    moved += SHIFT * jnp.array([down, right])[:, None, None]
    moved += jax.image.resize(bend, places.shape, "cubic")

    strength = max_strength * jax.random.uniform(key_strength)
    return _interpolated(image, places + strength * (moved - places))
