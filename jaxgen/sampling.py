"""Drawing images from a trained family, and interpolating between them.

Image i depends only on the seed, i and its label (``mapping``).
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxgen.arrays import Latents
from jaxgen.classes import DIGITS
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import CHUNK, FEW, map_images


def draw(
    family: Family,
    variables: Variables,
    labels: np.ndarray,
    seed: int,
    indices: np.ndarray | None = None,
    chunk: int = CHUNK,
    progress: Callable[[int], None] = lambda count: None,
) -> np.ndarray:
    """Draw an image for each of ``labels`` [n] (ANY: any digit): float32 [n, 28, 28, 1] in
    [0, 1]. They are the images of number ``indices`` [n] of the seed, 0 to n - 1 by default.
    ``progress(count)`` is called with the number of images drawn."""
    return map_images(
        family.sample,
        variables,
        seed=seed,
        indices=indices,
        chunk=chunk,
        progress=progress,
        labels=labels,
    )


def columns(classes: int) -> int:
    """The columns of a picture of all classes in turn: one for each class, where there are many."""
    return classes if classes > 10 else 10


def of_all(cycle: np.ndarray) -> int:
    """How many images show all of ``cycle`` [n] in turn: 100, or where there are many classes about
    as many, in full rows."""
    return 100 if len(cycle) <= 10 else len(cycle) * math.ceil(100 / len(cycle))


def balanced(count: int, digits: Sequence[int] = range(len(DIGITS))) -> np.ndarray:
    """Labels that repeat the digits in turn, by default all ten: int32 [count]."""
    return np.array(digits, np.int32)[np.arange(count) % len(digits)]


def reconstruct(
    family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Take images float32 [n, 28, 28, 1] to their latents and back."""
    return map_images(
        family.reconstruct, variables, seed=seed, chunk=FEW, images=images, labels=labels
    )


class Ways(NamedTuple):
    """Paths in latent space: each leads through some stops, latents with their digits."""

    latents: Latents  # the stops of all ways along the first axis, one way after another
    labels: np.ndarray  # int32 [ways, stops]
    indices: np.ndarray  # int [ways, stops]: the numbers of the images in their seed

    def round_trip(self) -> "Ways":
        """The same ways, but the last stop of each is its first."""
        rows = in_turn(self.labels)
        rows[:, -1] = rows[:, 0]
        return self._replace(
            latents=jax.tree.map(lambda x: x[rows.ravel()], self.latents),
            indices=self.indices.ravel()[rows],
        )


def in_turn(labels: np.ndarray) -> np.ndarray:
    """The numbers 0, 1, 2 ... in the shape of ``labels``: int [ways, stops]."""
    return np.arange(labels.size).reshape(labels.shape)


def draw_ways(
    family: Family,
    variables: Variables,
    labels: np.ndarray,
    seed: int,
    indices: np.ndarray | None = None,
) -> Ways:
    """Draw a latent for each of ``labels`` [ways, stops]: the latents of the images of number
    ``indices`` [ways, stops] of the seed, ``in_turn`` by default."""
    indices = in_turn(labels) if indices is None else indices
    latents = map_images(
        family.first_latents,
        variables,
        seed=seed,
        indices=indices.ravel(),
        chunk=FEW,
        labels=labels.ravel(),
    )
    return Ways(latents, labels, indices)


def encode_way(
    family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray
) -> Ways:
    """One way through the latents of images float32 [n, 28, 28, 1]."""
    encode = able(family, Encodes).encode
    latents = map_images(encode, variables, chunk=FEW, images=images, labels=labels)
    return Ways(latents, labels[None], in_turn(labels[None]))


def interpolate(
    family: Family, variables: Variables, ways: Ways, frames: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Walk along each way, with ``frames`` images from one stop to the next, both included.

    Returns images float32 [ways, t, 28, 28, 1] and the digit of the nearest stop, int32 [ways, t];
    t is (stops - 1) (frames - 1) + 1. All images of a way are decoded with the key of its first
    stop, so that only the latent changes, and the first image is the one that ``seed`` draws.
    """
    count, stops = ways.labels.shape
    numbers = np.arange((stops - 1) * (frames - 1) + 1)
    legs = np.minimum(numbers // (frames - 1), stops - 2)  # the last image ends the last leg
    t = (numbers - legs * (frames - 1)) / (frames - 1)
    starts = (stops * np.arange(count)[:, None] + legs).ravel()  # [ways * t], rows of the latents

    images = map_images(
        family.interpolate,
        variables,
        seed=seed,
        indices=np.repeat(ways.indices[:, 0], len(numbers)),
        chunk=FEW,
        starts=jax.tree.map(lambda leaf: leaf[starts], ways.latents),
        ends=jax.tree.map(lambda leaf: leaf[starts + 1], ways.latents),
        labels=(ways.labels.ravel()[starts], ways.labels.ravel()[starts + 1]),
        t=np.tile(t, count).astype(np.float32),
    )
    nearest = ways.labels[:, legs + (t >= 0.5)]
    return images.reshape(count, len(numbers), *images.shape[1:]), nearest
