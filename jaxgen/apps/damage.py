"""Damaged handwriting: six kinds of damage, and the likelihood of a damaged image under each.

A damage turns a clean image x into a damaged one, s, at random; the same key damages an image in
the same way. To correct an image, each damage also gives

    nats(s, x) = - log p(s | x), but for a constant                                             (1)

with a Gaussian of ROUGH for what neither damage nor model explains. It has a gradient by x.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.stats import norm

from jaxgen.arrays import SIDE, Images, Key, Keys
from jaxgen.errors import UserError

ROUGH = 0.2  # standard deviation of a pixel that is as it was, where white is 1
GAPS, GAP = 4, 2.0  # holes in broken strokes, and the radius of each in pixels
SWELLING = 2  # pixels that strokes grow on every side
BLUR = 2.0  # pixels, standard deviation
BLOT, BLOT_OFF = 5.0, 4.0  # pixels: radius, and how far from the strokes its middle may lie
COARSE = 4  # pixels of each edge that become one
SHARE = 0.1  # of the pixels, may a hole or a blot have taken


class Damage(NamedTuple):
    """A way to damage an image, and what it makes of what is seen."""

    one: Callable[[jax.Array, Key], jax.Array]  # an image [28, 28, 1], damaged
    nats: Callable[[Images, Images], jax.Array]  # (1): what is seen, clean images -> [n]
    sigma: float | None = None  # of Gaussian noise, if that is all the damage

    def apply(self, images: Images, keys: Keys) -> Images:
        """Damage each image in its own way."""
        return jax.vmap(self.one)(images, keys)


NAMES = ("broken", "swelling", "noise:0.4", "blur", "blot", "low-resolution")


def named(name: str) -> Damage:
    """The damage called one of NAMES; after ``noise:`` stands a standard deviation, where white is
    1. A UserError where there is none."""
    kind, _, level = name.partition(":")
    if kind == "noise":
        return noise(_level(name, level or "0.4"))
    if level or kind not in _PLAIN:
        raise UserError(f"there is no damage {name!r}: it must be one of {', '.join(NAMES)}")
    return _PLAIN[kind]


def _level(name: str, level: str) -> float:
    try:
        found = float(level)
    except ValueError:
        found = -1.0
    if not 0 < found <= 2:
        raise UserError(f"{name} is no noise: after noise: stands a number above 0, at most 2")
    return found


def noise(sigma: float) -> Damage:
    """Gaussian noise on every pixel, then cut off at 0 and 1."""

    def one(image, key):
        return (image + sigma * jax.random.normal(key, image.shape)).clip(0, 1)

    def nats(seen, images):
        between = jnp.square(seen - images) / (2 * sigma**2) + jnp.log(sigma)
        black = -norm.logcdf(-images / sigma)
        white = -norm.logcdf((images - 1) / sigma)
        return _total(jnp.where(seen <= 0, black, jnp.where(seen >= 1, white, between)))

    return Damage(one, nats, sigma)


def _total(pixels):
    return pixels.sum((1, 2, 3))


def gaussian(seen, images):
    """- log N(seen; images, ROUGH^2) of each pixel, but for a constant."""
    return jnp.square(seen - images) / (2 * ROUGH**2)


def _disc(centre, radius):
    """1 within a disc, 0 outside, with an edge of one pixel: [28, 28, 1]; ``centre`` [2]."""
    axis = jnp.arange(SIDE, dtype=jnp.float32)
    distance = jnp.hypot(axis[:, None] - centre[0], axis[None] - centre[1])
    return (radius + 0.5 - distance).clip(0, 1)[..., None]


def _on_ink(image, key):
    """A place [2] on the strokes, the more likely the darker they are."""
    place = jax.random.categorical(key, jnp.log(image.ravel() + 1e-9))
    return jnp.stack([place // SIDE, place % SIDE]).astype(jnp.float32)


def _broken(image, key):
    """GAPS holes on the strokes."""
    for key_gap in jax.random.split(key, GAPS):
        image = image * (1 - _disc(_on_ink(image, key_gap), GAP))
    return image


def _blotted(image, key):
    """A round blot of ink on or beside the strokes."""
    key_place, key_off = jax.random.split(key)
    off = BLOT_OFF * jax.random.uniform(key_off, (2,), minval=-1)
    return jnp.maximum(image, _disc(_on_ink(image, key_place) + off, BLOT))


def swollen(images):
    """Strokes wider by SWELLING pixels on every side: the largest value within that radius."""
    framed = jnp.pad(images, [(0, 0), (SWELLING, SWELLING), (SWELLING, SWELLING), (0, 0)])
    reach = range(-SWELLING, SWELLING + 1)
    parts = [
        framed[:, SWELLING + down :, SWELLING + across :][:, :SIDE, :SIDE]
        for down in reach
        for across in reach
        if down**2 + across**2 <= SWELLING**2 + 1
    ]
    return jnp.stack(parts).max(0)


def blurred(images):
    """A Gaussian blur of BLUR pixels; black lies around the image."""
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
    """Squares of COARSE by COARSE pixels, each of their mean, smoothed as a viewer does."""
    n, small = len(images), SIDE // COARSE
    means = images.reshape(n, small, COARSE, small, COARSE, 1).mean((2, 4))
    return jax.image.resize(means, images.shape, "linear")


def _either(other):
    """The nats of pixels that are as they were or, a SHARE of them, ``other``."""

    def nats(seen, images):
        as_it_was = jnp.log(1 - SHARE) - gaussian(seen, images)
        taken = jnp.log(SHARE) - gaussian(seen, other)
        return _total(-jnp.logaddexp(as_it_was, taken))

    return nats


def _through(view):
    """A damage without chance, and the nats of what it leaves."""
    return Damage(
        lambda image, key: view(image[None])[0],
        lambda seen, images: _total(gaussian(seen, view(images))),
    )


_PLAIN = {
    "broken": Damage(_broken, _either(0.0)),
    "swelling": _through(swollen),
    "blur": _through(blurred),
    "blot": Damage(_blotted, _either(1.0)),
    "low-resolution": _through(coarse),
}
