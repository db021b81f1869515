"""Drawing images from a trained family, any number of them with one compiled program.

Image i of a seed has the key ``fold_in(key(seed), i)`` and a place in a chunk of fixed shape, the
last chunk padded: so it is the same image, to the bit, however many are drawn. Over another chunk
shape or other devices its noise is still bit-equal, and its pixels agree to about 1e-4 (sums are
taken in another order).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import devices, hosts
from jaxgen.arrays import DIGITS, Latents
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Encodes, able

CHUNK = 128  # images drawn at once
FEW = 32  # the same where few are asked for, and each costs much


def few(count: int) -> int:
    """The chunk for ``count`` images each of which costs much: one that is alone does not wait for
    a full chunk of copies."""
    return FEW if count > 2 else 1


class Program:
    """A function that works image by image, compiled once for any number of them.

    ``function(variables, keys, *arrays)`` takes and returns arrays, or trees of them, with the
    images along their first axis; ``variables``, a tree too, are for all images.
    """

    def __init__(self, function: Callable, chunk: int = CHUNK):
        self.chunk = devices.even(chunk)

        def run(variables, seed, indices, arrays):
            keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), indices)
            return function(variables, keys, *arrays)

        self._run = jax.jit(run)

    def __call__(
        self,
        variables: Any,
        seed: int,
        indices: np.ndarray,
        *arrays: Any,
        progress: Callable[[int], None] = lambda count: None,
    ) -> Any:
        """What the function returns for the images whose keys have these indices [n] in the seed,
        as NumPy's arrays. ``progress`` takes how many are done."""
        done = []
        for start in range(0, len(indices), self.chunk):
            count = min(self.chunk, len(indices) - start)
            rows = start + np.arange(self.chunk).clip(max=count - 1)  # the last fills the chunk
            part = jax.tree.map(
                lambda leaf, rows=rows: np.asarray(leaf)[rows], (indices.astype(np.uint32), arrays)
            )
            placed = jax.device_put(part, devices.split())
            found = hosts.fetch(self._run(variables, np.uint32(seed), *placed))
            done.append(jax.tree.map(lambda leaf, count=count: leaf[:count], found))
            progress(start + count)
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *done)


@functools.lru_cache(32)
def _kept(function: Callable, chunk: int) -> Program:
    """The program of a function, compiled once in a process: also where equal families ask for it
    one after the other."""
    return Program(function, chunk)


class Drawer:
    """A family's drawing program, compiled once.

    ``function(variables, keys, labels)`` is the family's ``sample`` unless another is given; what
    it returns has the images along its first axis.
    """

    def __init__(self, family: Family, function: Callable | None = None, chunk: int = CHUNK):
        self._program = _kept(function or family.sample, chunk)

    def draw(
        self,
        variables: Variables,
        labels: np.ndarray,
        seed: int,
        places: np.ndarray | None = None,
        progress: Callable[[int], None] = lambda count: None,
    ) -> np.ndarray:
        """Draw an image for each of ``labels`` [n] (NO_DIGIT: any digit): float32 [n, 28, 28, 1] in
        [0, 1]. They are those of ``places`` [n] in the seed, the first ones when not given.
        ``progress`` takes how many are drawn."""
        places = np.arange(len(labels)) if places is None else places
        return self._program(variables, seed, places, labels, progress=progress)


def balanced(count: int, digits: Sequence[int] = range(DIGITS)) -> np.ndarray:
    """Labels that go round the digits, all ten when not given: int32 [count]."""
    return np.array(digits, np.int32)[np.arange(count) % len(digits)]


def reconstruct(
    family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray, seed: int
) -> np.ndarray:
    """Take images float32 [n, 28, 28, 1] to their latents and back."""

    def there_and_back(variables, keys, images, labels):
        return family.reconstruct(variables, images, labels, keys)

    return Program(there_and_back, FEW)(variables, seed, np.arange(len(labels)), images, labels)


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
    """Draw a latent for each of ``labels`` [ways, stops]: those of the images of ``seed`` at these
    ``places`` [ways, stops], the first ones when not given."""

    def prior(variables, keys, labels):
        return family.prior(variables, split(keys)[0], labels)

    places = in_turn(labels) if places is None else places
    latents = Program(prior, FEW)(variables, seed, places.ravel(), labels.ravel())
    return Ways(latents, labels, places)


def encoded(family: Family, variables: Variables, images: np.ndarray, labels: np.ndarray) -> Ways:
    """One way through the latents of images float32 [n, 28, 28, 1]."""

    def encode(variables, keys, images, labels):
        return able(family, Encodes).encode(variables, images, labels)

    found = Program(encode, FEW)(variables, 0, np.arange(len(labels)), images, labels)
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
    share = (places - legs * (frames - 1)) / (frames - 1)
    starts = (stops * np.arange(count)[:, None] + legs).ravel()  # [ways * t], rows of the latents

    def walk(variables, keys, starts, ends, labels, share):
        keys = split(keys)[1]
        return family.interpolate(variables, starts, ends, labels, share, keys)

    images = Program(walk, FEW)(
        variables,
        seed,
        np.repeat(ways.places[:, 0], len(places)),
        jax.tree.map(lambda leaf: leaf[starts], ways.latents),
        jax.tree.map(lambda leaf: leaf[starts + 1], ways.latents),
        (ways.labels.ravel()[starts], ways.labels.ravel()[starts + 1]),
        np.tile(share, count).astype(np.float32),
    )
    nearest = ways.labels[:, legs + (share >= 0.5)]
    return images.reshape(count, len(places), *images.shape[1:]), nearest
