"""Writing in a person's hand, of which many digits are known.

One image says little about a hand: much of its latent belongs to that one drawing. The mean of many
is what they have in common. With the latents z_i of n images, of the digits y_i, and z_i -> t as
``Transfers.transfer`` moves them to the digit t:

    h_t = (sum of z_i where y_i = t  +  w mean of (z_i -> t) where y_i is not t) / (n_t + w)

So a digit is written as the person writes that digit, and what the person has not written is like
the other digits. A person does not write the same digit twice: the latent of an image is

    h_t + s ((z_j -> t) - mean of (z_i -> t)),  j uniform,

where the variety s is 0 for the typical digit, and near 1 for digits that are as unlike each other
as the person's.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen.arguments import Images, labels
from jaxgen.arrays import Keys, Labels, Latents
from jaxgen.config import require
from jaxgen.data import Split, partition
from jaxgen.families.base import Family, Variables, split
from jaxgen.families.capabilities import Transfers, able
from jaxgen.images import to_float, to_uint8
from jaxgen.mapping import few, map_images
from jaxgen.training.trained import Trained

MOST = 500  # images of a hand that are used
VARIETY = 0.3
LARGEST = 2.0  # variety
_OTHERS = 0.5  # w: the other digits count as much as half an image of the digit itself


def require_variety(variety: float) -> None:
    """Raise UserError for a variety that cannot be."""
    require("variety", variety, 0 <= variety <= LARGEST, f"from 0 to {LARGEST:g}")


class _Latents(NamedTuple):
    """Latents of a hand by class, along the first axis."""

    typical: Latents  # [k, ...]
    deviations: Latents  # [k, n, ...]


@jax.tree_util.register_static  # so that all hands of a family share what is compiled
@dataclass(frozen=True)
class _Functions:
    """What a family computes of images and latents [n, ...]."""

    family: Family

    def encode(self, variables: Variables, images: jax.Array, labels: Labels) -> Latents:
        return able(self.family, Transfers).for_transfer()[0].encode(variables, images, labels)

    def move(
        self, variables: Variables, latents: Latents, labels: Labels, targets: Labels
    ) -> Latents:
        return able(self.family, Transfers).transfer(variables, latents, labels, targets)

    def write(self, variables: Any, keys: Keys, labels: Labels) -> jax.Array:
        model, hand, variety = variables
        keys_choice, keys_decoder = split(keys)
        count = jax.tree.leaves(hand.deviations)[0].shape[1]
        rows = jax.vmap(lambda key: jax.random.randint(key, (), 0, count))(keys_choice)
        latents = jax.tree.map(
            lambda typical, deviations: typical[labels] + variety * deviations[labels, rows],
            hand.typical,
            hand.deviations,
        )
        decoder = able(self.family, Transfers).for_transfer()[1]
        return decoder.decode(model, latents, labels, keys_decoder)


class Hand:
    """A hand, and the model that writes in it.

    ``images`` float32 [n, 28, 28, 1] of ``digits`` int32 [n] are what it is learned from, and
    ``digest`` is their SHA-256.
    """

    def __init__(self, model: Trained, images: np.ndarray, digits: np.ndarray):
        """Learn from ``images`` float32 [n, 28, 28, 1] of ``digits`` int32 [n], of which MOST are
        used. Raises UserError for a family that cannot transfer a hand."""
        able(model.family, Transfers)
        self._model, self._functions = model, _Functions(model.family)
        if len(images) > MOST:
            chosen = partition.subset(Split(to_uint8(images), digits), MOST)
            images, digits = to_float(chosen.images), chosen.labels
        self._latents = self._learned(images, digits)
        self.images, self.digits = images, digits
        content = to_uint8(images).tobytes() + digits.astype(np.int32).tobytes()
        self.digest = hashlib.sha256(content).hexdigest()

    def write(
        self,
        digits: Any = None,
        variety: float | None = None,
        seed: int = 0,
        indices: np.ndarray | None = None,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Images:
        """Write ``digits``, such as "2024" or labels [n], by default all that the model has
        learned: float32 [n, 28, 28, 1] in [0, 1].

        ``variety`` is from 0, all alike, to 2, and VARIETY when not given. Image i depends on the
        seed, its digit, and ``indices[i]``, by default i, alone. ``progress(done)`` gets the number
        of images written. Raises UserError for digits that the model has not learned.
        """
        variety = VARIETY if variety is None else variety
        require_variety(variety)
        wanted = labels(
            self._model.learned if digits is None else digits, "--digits", self._model.names
        )
        self._model.require(wanted, "--digits")
        written = map_images(
            self._functions.write,
            (self._model.variables, self._latents, np.float32(variety)),
            seed=seed,
            indices=indices,
            chunk=few(len(wanted)),
            progress=progress,
            labels=wanted,
        )
        return written.view(Images)

    def row(self, digits: np.ndarray) -> np.ndarray:
        """An image of the hand for each of ``digits`` int [n], all black where there is none."""
        chosen = []
        for digit in digits:
            rows = np.flatnonzero(self.digits == digit)
            chosen.append(self.images[rows[0]] if len(rows) else np.zeros_like(self.images[0]))
        return np.stack(chosen)

    def _learned(self, images: np.ndarray, labels: np.ndarray) -> _Latents:
        functions, variables, count = self._functions, self._model.variables, len(labels)
        latents = map_images(
            functions.encode, variables, chunk=few(count), images=images, labels=labels
        )
        typical, deviations = [], []
        for digit in range(len(self._model.names)):
            targets = np.full(count, digit, np.int32)
            moved = map_images(
                functions.move, variables, latents=latents, labels=labels, targets=targets
            )
            own = labels == digit
            weights = np.where(own, 1.0, _OTHERS / max(np.count_nonzero(~own), 1))
            weights = (weights / weights.sum()).astype(np.float32)
            typical.append(jax.tree.map(lambda z, w=weights: np.tensordot(w, z, 1), moved))
            deviations.append(jax.tree.map(lambda z: z - z.mean(0), moved))
        both = (jax.tree.map(lambda *z: np.stack(z), *parts) for parts in (typical, deviations))
        return _Latents(*both)
