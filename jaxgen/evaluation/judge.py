"""The judge: a small classifier of digits, whose eye all measures share.

Frechet distances between images need a feature space. The usual one, Inception's (Heusel et al. 2017), was made
for photographs in colour and its weights are 90 MB; this one was made for digits, is trained by one command in
minutes, and ships with the package. It reads real digits only: 50,000 of the training images. The other 10,000
give the floor of the Frechet distance (``reference``), so they must be as new to the judge as the test digits are.
Noise is no augmentation here: the unit of the distance is what noise does to the judge's features.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import safetensors
import safetensors.numpy
from flax import linen as nn, traverse_util

from jaxgen.arrays import DIGITS, IMAGE, SIDE
from jaxgen.errors import UserError

WEIGHTS = Path(__file__).with_name("judge.safetensors")
SHA256 = "787f9dbcf334eea996b8d04e556424f690d34f3085001f7c94d877cef09e438a"

BATCH = 125  # divides the 50,000 digits: an epoch is 400 steps
STEPS = 4000  # ten epochs
RATE = 4e-3


class Network(nn.Module):
    """Images [n, 28, 28, 1] in [0, 1] to logits [n, 10] and features [n, widths[-1]].

    The features are what the last, linear layer reads, averaged over the places of the image.
    """

    widths: tuple[int, int, int] = (32, 64, 64)

    @nn.compact
    def __call__(self, images, train: bool = False):
        # Full precision everywhere: a figure must not depend on the device that took it.
        conv = functools.partial(nn.Conv, use_bias=False, precision="highest")
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.98)
        fine, middle, coarse = self.widths
        h = nn.relu(norm()(conv(fine, (5, 5), 2)(images - 0.5)))  # [n, 14, 14, fine]
        h = h + nn.relu(norm()(conv(fine, (3, 3))(h)))
        h = nn.relu(norm()(conv(middle, (3, 3), 2)(h)))  # [n, 7, 7, middle]
        h = h + nn.relu(norm()(conv(middle, (3, 3))(h)))
        h = nn.relu(norm()(conv(coarse, (3, 3), 2)(h)))  # [n, 4, 4, coarse]
        features = h.mean((1, 2))
        return nn.Dense(DIGITS, precision="highest")(features), features


class Judge(NamedTuple):
    """A trained network, and the SHA-256 of the weights' file, which stands beside every figure."""

    network: Network
    variables: dict
    hash: str

    def apply(self, images):
        """Images float [n, 28, 28, 1] in [0, 1] to logits [n, 10] and features [n, d], purely."""
        return self.network.apply(self.variables, images)


def load(path: Path = WEIGHTS, sha256: str | None = SHA256) -> Judge:
    """Read the judge that ships with the package, or another from ``train`` (``sha256=None``).

    Raises UserError where the file is missing, altered or no judge at all.
    """
    try:
        blob = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"the judge's weights {path} cannot be read ({error.strerror})") from None
    found = hashlib.sha256(blob).hexdigest()
    if sha256 is not None and found != sha256:
        raise UserError(
            f"the judge's weights {path} are damaged (SHA-256 {found[:12]}, not {sha256[:12]}): "
            "install jaxgen again"
        )
    try:
        flat = safetensors.numpy.load(blob)
        variables = traverse_util.unflatten_dict(
            {name: array.astype(np.float32) for name, array in flat.items()}, sep="/"
        )
        kernels = variables["params"]
        widths = tuple(kernels[f"Conv_{i}"]["kernel"].shape[-1] for i in (0, 2, 4))
    except (safetensors.SafetensorError, KeyError):
        raise UserError(f"{path} does not hold a judge: train one with --train-judge") from None
    return Judge(Network(widths), variables, found)


def look(judge: Judge, images, chunk: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Show the judge n images; float32 logits [n, 10] and features [n, d] on the host.

    Images are uint8, or float in [0, 1]. They pass in chunks padded to one shape: one compilation for any n, and
    what the judge says of an image does not depend on how many others there are.
    """
    images = np.asarray(images)
    seen = [
        _look(judge.network, judge.variables, _padded(images[start : start + chunk], chunk))
        for start in range(0, len(images), chunk)
    ]
    logits, features = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    return logits[: len(images)], features[: len(images)]


def _padded(images, count):
    return np.pad(images, ((0, count - len(images)), (0, 0), (0, 0), (0, 0)))


@functools.partial(jax.jit, static_argnums=0)
def _look(network, variables, images):
    return network.apply(variables, unit(images))


def unit(images):
    """Images in [0, 1] as float32, from uint8 or float."""
    scale = 255 if images.dtype == np.uint8 else 1
    return images.astype(jnp.float32) / scale
