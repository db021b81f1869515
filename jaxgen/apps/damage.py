"""Damaged handwriting: six kinds of damage, and the likelihood of a damaged image under each.

Damage turns a clean image x into a damaged one, s, at random; the same key damages an image in the
same way. To correct an image, each kind of damage also has

    nats(s, x) = - log p(s | x) + constant                                                      (1)

with a Gaussian error of every pixel, of standard deviation ROUGH, for what neither damage nor model
explains. It has a gradient with respect to x.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.stats import norm

from jaxgen.arrays import SIDE, Images, Key, Keys
from jaxgen.errors import UserError

ROUGH = 0.2  # standard deviation of an undamaged pixel, where white is 1
GAPS, GAP = 4, 2.0  # holes in broken strokes, and the radius of each in pixels
SWELLING = 2  # pixels that strokes grow on every side
BLUR = 2.0  # pixels, standard deviation
BLOT, BLOT_OFF = 5.0, 4.0  # pixels: radius, and largest distance of the centre from a stroke
COARSE = 4  # pixels of each edge that become one
REPLACED = 0.1  # probability that a hole or a blot has replaced a pixel


class Damage(NamedTuple):
    """A kind of damage, and the likelihood of the damaged image."""

    apply_one: Callable[[jax.Array, Key], jax.Array]  # damages an image [28, 28, 1]
    nats: Callable[[Images, Images], jax.Array]  # (1): damaged and clean images -> [n]
    sigma: float | None = None  # standard deviation, if the damage is Gaussian noise

    def apply(self, images: Images, keys: Keys) -> Images:
        """Damage each image with its own key."""
        return jax.vmap(self.apply_one)(images, keys)


NAMES = ("broken", "swelling", "noise:0.4", "blur", "blot", "low-resolution")


def named(name: str) -> Damage:
    """The damage of a name in NAMES; the number after ``noise:`` is a standard deviation, where
    white is 1. Raises UserError for other names."""
    kind, _, level = name.partition(":")
    if kind == "noise":
        try:
            sigma = float(level or 0.4)
        except ValueError:
            sigma = -1.0
        if not 0 < sigma <= 2:
            raise UserError(f"{name} is not possible: the number must be above 0 and at most 2")
        return noise(sigma)
    if name not in _PLAIN:
        raise UserError(f"there is no damage {name!r}: it must be one of {', '.join(NAMES)}")
    return _PLAIN[name]


def noise(sigma: float) -> Damage:
    """Gaussian noise on every pixel, then clipped to [0, 1]."""

    def apply_one(image, key):
        return (image + sigma * jax.random.normal(key, image.shape)).clip(0, 1)

    def nats(observed, images):
        between = jnp.square(observed - images) / (2 * sigma**2) + jnp.log(sigma)
        black = -norm.logcdf(-images / sigma)
        white = -norm.logcdf((images - 1) / sigma)
        return _total(jnp.where(observed <= 0, black, jnp.where(observed >= 1, white, between)))

    return Damage(apply_one, nats, sigma)


def _total(pixels):
    return pixels.sum((1, 2, 3))


def gaussian(observed, images):
    """- log N(observed; images, ROUGH^2) of each pixel, without the constant."""
    return jnp.square(observed - images) / (2 * ROUGH**2)


def _disc(centre, radius):
    """1 within a disc, 0 outside, with an edge of one pixel: [28, 28, 1]; ``centre`` [2]."""
    axis = jnp.arange(SIDE, dtype=jnp.float32)
    distance = jnp.hypot(axis[:, None] - centre[0], axis[None] - centre[1])
    return (radius + 0.5 - distance).clip(0, 1)[..., None]


def _on_ink(image, key):
    """The row and column [2] of a random pixel, drawn in proportion to its ink."""
    index = jax.random.categorical(key, jnp.log(image.ravel() + 1e-9))
    return jnp.stack([index // SIDE, index % SIDE]).astype(jnp.float32)


def _broken(image, key):
    """GAPS holes on the strokes."""
    for key_gap in jax.random.split(key, GAPS):
        image = image * (1 - _disc(_on_ink(image, key_gap), GAP))
    return image


def _blotted(image, key):
    """A round blot of ink on or beside the strokes."""
    key_centre, key_off = jax.random.split(key)
    off = BLOT_OFF * jax.random.uniform(key_off, (2,), minval=-1)
    return jnp.maximum(image, _disc(_on_ink(image, key_centre) + off, BLOT))


def swollen(images):
    """Strokes wider by SWELLING pixels on every side: the largest value within that radius."""
    framed = jnp.pad(images, [(0, 0), (SWELLING, SWELLING), (SWELLING, SWELLING), (0, 0)])
    reach = range(2 * SWELLING + 1)
    shifted = [
        framed[:, down : down + SIDE, across : across + SIDE]
        for down, across in itertools.product(reach, reach)
        if (down - SWELLING) ** 2 + (across - SWELLING) ** 2 <= SWELLING**2 + 1
    ]
    return jnp.stack(shifted).max(0)


def blurred(images):
    """A Gaussian blur of BLUR pixels, with black around the image."""
    reach = jnp.arange(-3 * BLUR, 3 * BLUR + 1)
    kernel = jnp.exp(-jnp.square(reach) / (2 * BLUR**2))
    kernel = kernel / kernel.sum()
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        images = lax.conv_general_dilated(
            images,
            kernel.reshape(shape),
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            precision="highest",
        )
    return images


def coarse(images):
    """The mean of each square of COARSE by COARSE pixels, enlarged as a viewer does."""
    n, small = len(images), SIDE // COARSE
    means = images.reshape(n, small, COARSE, small, COARSE, 1).mean((2, 4))
    return jax.image.resize(means, images.shape, "linear")


def _replaced_by(value):
    """The function nats where each pixel has become ``value`` with the probability REPLACED."""

    def nats(observed, images):
        undamaged = jnp.log(1 - REPLACED) - gaussian(observed, images)
        replaced = jnp.log(REPLACED) - gaussian(observed, value)
        return _total(-jnp.logaddexp(undamaged, replaced))

    return nats


def _deterministic(transform):
    """The damage ``transform(images)``, without chance."""
    return Damage(
        lambda image, key: transform(image[None])[0],
        lambda observed, images: _total(gaussian(observed, transform(images))),
    )


_PLAIN = {
    "broken": Damage(_broken, _replaced_by(0.0)),
    "swelling": _deterministic(swollen),
    "blur": _deterministic(blurred),
    "blot": Damage(_blotted, _replaced_by(1.0)),
    "low-resolution": _deterministic(coarse),
}
