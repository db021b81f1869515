"""Drawing images from a trained family, and ways between them.

The image of label i of a seed goes by the seed and i alone (``mapping``).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxgen.arrays import DIGITS, Latents
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import CHUNK, FEW, map_images


def draw(
    family: Family,
    variables: Variables,
    labels: np.ndarray,
    seed: int,
    places: np.ndarray | None = None,
    chunk: int = CHUNK,
    progress: Callable[[int], None] = lambda count: None,
) -> np.ndarray:
    """Draw an image for each of ``labels`` [n] (NO_DIGIT: any digit): float32 [n, 28, 28, 1] in
    [0, 1]. They are the images of ``places`` [n] in the seed, the first ones when not given.
    ``progress`` takes how many are drawn."""
    return map_images(
        family.sample,
        variables,
        seed=seed,
        indices=places,
        chunk=chunk,
        progress=progress,
        labels=labels,
    )


def balanced(count: int, digits: Sequence[int] = range(DIGITS)) -> np.ndarray:
    """Labels that go round the digits, all ten when not given: int32 [count]."""
    return np.array(digits, np.int32)[np.arange(count) % len(digits)]


def reconstruct(
    family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Take images float32 [n, 28, 28, 1] to their latents and back."""
    return map_images(
        family.reconstruct, variables, seed=seed, chunk=FEW, images=images, labels=labels
    )


class Ways(NamedTuple):
    """Latents that ways lead through, and the digits that they are of."""

    latents: Latents  # image by image along the first axis, way by way
    labels: np.ndarray  # int32 [ways, stops]
    places: np.ndarray  # int [ways, stops]: of the images in their seed

    def round_trip(self) -> "Ways":
        """The same ways, but each ends with the latent that it begins with."""
        rows = in_turn(self.labels)
        rows[:, -1] = rows[:, 0]
        return self._replace(
            latents=jax.tree.map(lambda x: x[rows.ravel()], self.latents),
            places=self.places.ravel()[rows],
        )


def in_turn(labels: np.ndarray) -> np.ndarray:
    """Places for ``labels`` [ways, stops], counted way by way: int [ways, stops]."""
    return np.arange(labels.size).reshape(labels.shape)


def drawn(
    family: Family,
    variables: Variables,
    labels: np.ndarray,
    seed: int,
    places: np.ndarray | None = None,
) -> Ways:
    """Draw a latent for each of ``labels`` [ways, stops]: the latents of the images of ``seed`` at
    these ``places`` [ways, stops], the first ones when not given."""
    places = in_turn(labels) if places is None else places
    latents = map_images(
        family.first_latents,
        variables,
        seed=seed,
        indices=places.ravel(),
        chunk=FEW,
        labels=labels.ravel(),
    )
    return Ways(latents, labels, places)


def encoded(family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray) -> Ways:
    """One way through the latents of images float32 [n, 28, 28, 1]."""
    encode = able(family, Encodes).encode
    found = map_images(encode, variables, chunk=FEW, images=images, labels=labels)
    return Ways(found, labels[None], in_turn(labels[None]))


def interpolate(
    family: Family, variables: Variables, ways: Ways, frames: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Walk each way from stop to stop, ``frames`` images from one to the next with both of them.

    Returns float32 [ways, t, 28, 28, 1] and the digits that are nearest, int32 [ways, t]; t is
    (stops - 1) (frames - 1) + 1. All images of a way are decoded with the key of its first stop: so
    nothing but the latent changes on the way, and it begins with the image that ``seed`` draws.
    """
    count, stops = ways.labels.shape
    places = np.arange((stops - 1) * (frames - 1) + 1)
    legs = np.minimum(places // (frames - 1), stops - 2)  # the last place ends the last leg
    t = (places - legs * (frames - 1)) / (frames - 1)
    starts = (stops * np.arange(count)[:, None] + legs).ravel()  # [ways * t], rows of the latents

    images = map_images(
        family.interpolate,
        variables,
        seed=seed,
        indices=np.repeat(ways.places[:, 0], len(places)),
        chunk=FEW,
        starts=jax.tree.map(lambda leaf: leaf[starts], ways.latents),
        ends=jax.tree.map(lambda leaf: leaf[starts + 1], ways.latents),
        labels=(ways.labels.ravel()[starts], ways.labels.ravel()[starts + 1]),
        t=np.tile(t, count).astype(np.float32),
    )
    nearest = ways.labels[:, legs + (t >= 0.5)]
    return images.reshape(count, len(places), *images.shape[1:]), nearest
