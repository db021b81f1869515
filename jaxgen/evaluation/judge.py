"""The judge: a small classifier of digits, whose logits and features all measures use.

Frechet distances between images need a feature space. The usual network, Inception (Heusel et al.
2017), is for photographs in colour and has 90 MB; the judge is for digits, one command trains it in
minutes, and the package contains it. The judge learns from 50,000 real training digits. The other
10,000 give the floor of the Frechet distance (``reference``), so the judge must not learn from
them. Noise is no augmentation: the effect of noise on the features is the unit of that distance.
"""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import safetensors
import safetensors.numpy
from flax import linen as nn
from flax import traverse_util
from scipy import special
from scipy.spatial import distance

from jaxgen import data, environment, kept
from jaxgen.classes import DIGITS
from jaxgen.config import STRIDED
from jaxgen.data import files, partition
from jaxgen.data.split import Contents, Digits, Split, part
from jaxgen.errors import UserError
from jaxgen.evaluation import classifier
from jaxgen.evaluation.distort import distort

WEIGHTS = Path(__file__).with_name("judge.safetensors")
SHA256 = "f4cd2bb142db8eddd78b8d61e0aef9ec6ae2e9c10dac416bd9493b1ac5d19766"  # of WEIGHTS
WIDTHS = (32, 64, 64)

STEPS = 4800  # twelve epochs
# Below this probability a digit is hard to read, or is no digit: 1 % of the test digits of MNIST, 7
# of 12 printed letters, and 11 of 20 scribbles.
SURE = 0.6
USUAL = 0.99  # proportion of real digits whose distance counts as usual
READS = 0.5  # least accuracy on real images of a judge whose figures mean something
FEW = 500  # real digits at most by which ``caution`` decides


@jax.tree_util.register_static
class Network(nn.Module):
    """Images [n, 28, 28, 1] in [0, 1] to logits [n, classes] and features [n, widths[-1]].

    The features are the input of the last, linear layer: 64 numbers, averaged over the image. They
    are few enough for the covariance of 1,000 images, and hold more than the digit: slant, width
    and weight of the strokes.

    There are no norm layers. The background of a digit is exactly black, and a norm that learned
    this amplifies the faintest noise. With batch norm throughout, noise of 0.1 cost 5.5 % of
    accuracy and was a bad unit; here it costs 0.4 %.
    """

    widths: tuple[int, int, int] = WIDTHS
    classes: int = len(DIGITS)

    @nn.compact
    def __call__(self, images):
        # Full precision everywhere: a figure must not depend on the device.
        conv = functools.partial(
            nn.Conv, precision="highest", kernel_init=nn.initializers.he_normal()
        )
        fine, middle, coarse = self.widths
        h = nn.relu(conv(fine, (5, 5), 2)(images - 0.13))  # 0.13 is the mean; [n, 14, 14, fine]
        h = h + nn.relu(conv(fine, (3, 3))(h))
        h = nn.relu(conv(middle, (3, 3), 2)(h))  # [n, 7, 7, middle]
        h = h + nn.relu(conv(middle, (3, 3))(h))
        h = nn.relu(conv(coarse, (3, 3), 2)(h))  # [n, 4, 4, coarse]
        features = h.mean((1, 2))
        return nn.Dense(self.classes, precision="highest")(features), features


@jax.tree_util.register_static
class Layered(nn.Module):
    """Another architecture, to find out whether a figure depends on the architecture of the judge:
    convolutions, each with a pooling, then dense layers (LeCun et al. 1998); or dense layers alone.
    Same arguments and results as ``Network``."""

    convolutions: tuple[int, ...] = (16, 32)
    widths: tuple[int, ...] = (128, 64)  # dense layers; the last layer gives the features

    @nn.compact
    def __call__(self, images):
        start = nn.initializers.he_normal()
        h = images - 0.13
        for width in self.convolutions:
            h = nn.relu(nn.Conv(width, (5, 5), precision="highest", kernel_init=start)(h))
            h = nn.avg_pool(h, (2, 2), (2, 2))
        h = h.reshape((len(h), -1))
        for width in self.widths:
            h = nn.relu(nn.Dense(width, precision="highest", kernel_init=start)(h))
        return nn.Dense(len(DIGITS), precision="highest", kernel_init=start)(h), h


NETWORK = Network()


class Judge(NamedTuple):
    """A trained network, and the SHA-256 of its file, which every report names."""

    network: Network | Layered
    variables: dict[str, Any]
    hash: str

    def apply(self, images):
        """Float images [n, 28, 28, 1] in [0, 1] to logits of the classes [n, k] and features
        [n, d]; pure."""
        return self.network.apply(self.variables, images)


def load(
    path: str | Path = WEIGHTS,
    sha256: str | None = SHA256,
    network: Network | Layered | None = None,
) -> Judge:
    """Read the judge of the package, or another judge from ``train`` (``sha256=None``), with its
    ``network`` if it is not a ``Network``.

    Raises UserError if the file is missing, altered or no judge.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot read the weights {path}: {reason}; install jaxgen again") from None
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise UserError(
            f"the weights {path} are damaged: their SHA-256 is {digest[:12]}..., "
            f"not {sha256[:12]}...; install jaxgen again"
        )
    try:
        flat = safetensors.numpy.load(content)
        if network is None:
            fine, middle, coarse = (flat[f"params/Conv_{i}/kernel"].shape[-1] for i in (0, 2, 4))
            network = Network((fine, middle, coarse), flat["params/Dense_0/bias"].size)
        with safetensors.safe_open(path, "numpy") as file:
            rule = (file.metadata() or {}).get("split", "an earlier rule")
    except (safetensors.SafetensorError, KeyError):
        raise UserError(f"{path} holds no judge; make one with --train-judge") from None
    if rule != partition.RULE:
        raise UserError(
            f"the weights {path} have learned from digits divided by {rule}, "
            f"not by {partition.RULE}: their figures cannot be compared; train them again"
        )
    wide = {name: array.astype(np.float32) for name, array in flat.items()}
    return Judge(network, traverse_util.unflatten_dict(wide, sep="/"), digest)


def of(digits: Digits) -> Judge:
    """The judge of some digits: their own, if ``train_for`` has made one, else that of MNIST."""
    if data.is_mnist(digits.source):
        return load()
    path = own(digits)
    return load(path, None) if path.exists() else load()


def own(digits: Digits) -> Path:
    """Where the judge of some digits is kept, in the user's cache: by what the digits are."""
    return environment.cache() / f"judge-{Contents.of(digits).sha256[:16]}.safetensors"


def look(judge: Judge, images) -> tuple[np.ndarray, np.ndarray]:
    """The judge's float32 logits [n, k] of the k classes and features [n, d] of n images, on
    the host.

    Images [n, 28, 28, 1] are uint8, or float in [0, 1]. The results for one image do not depend on
    the other images (``mapping``).
    """
    return classifier.look(judge.network, judge.variables, images)


def probabilities(judge: Judge, images) -> np.ndarray:
    """The probability of each class in images (see ``look``): float32 [n, k]."""
    return special.softmax(look(judge, images)[0], axis=1)


def sure_of(judge: Judge, images, labels: np.ndarray) -> np.ndarray:
    """The probability that each image shows its label; ``labels`` int [n]: float32 [n]."""
    return probabilities(judge, images)[np.arange(len(labels)), labels]


def caution(judge: Judge, digits: Digits) -> str | None:
    """A sentence that says that the judge cannot read the images of a source, so that its figures
    of them would mean nothing, and the way out; None if it can read them."""
    if judge.hash == SHA256 and data.is_mnist(digits.source):
        return None
    source = digits.source.removeprefix(STRIDED)
    way_out = f"bin/digits judge {source} trains one for these"
    known = getattr(judge.network, "classes", len(DIGITS))
    if known != len(digits.names):
        return f"the judge knows {known} classes, and {source} has {len(digits.names)}: {way_out}"
    few = partition.subset(digits.test, min(FEW, len(digits.test.labels)))
    accuracy = classifier.accuracy(judge.network, judge.variables, few)
    if accuracy >= READS:
        return None
    return (
        f"the judge reads {accuracy:.0%} of the real images of {source}, since it has learned "
        f"digits as MNIST has them: {way_out}"
    )


def require(judge: Judge, digits: Digits) -> None:
    """Raise UserError if the judge cannot read the images of a source."""
    if why := caution(judge, digits):
        raise UserError(why)


def distances(judge: Judge, real: Split, images) -> np.ndarray:
    """The squared Mahalanobis distance of each image's features to the nearest of the classes,
    by the covariance within the classes of ``real`` (Lee et al. 2018): float64 [n]."""
    features = look(judge, real.images)[1].astype(np.float64)
    labels, places = np.unique(real.labels, return_inverse=True)
    means = np.stack([features[real.labels == label].mean(0) for label in labels])
    within = features - means[places]
    precision = np.linalg.pinv(within.T @ within / len(within))
    shown = look(judge, images)[1].astype(np.float64)
    return distance.cdist(shown, means, "mahalanobis", VI=precision).min(1) ** 2


def train(
    out_path: str | Path,
    report: Callable[[str], None] = print,
    *,
    seed: int = 0,
    steps: int = STEPS,
    network: Network | Layered = NETWORK,
) -> float:
    """Train a judge on MNIST, write it to ``out_path``, and return its accuracy on the test digits.

    It takes some five minutes on two cores. The same seed on the same machine gives the same file,
    to the bit. ``report(line)`` gets the accuracy on the 10,000 floor digits after each epoch, and
    in the end the accuracy on the test digits; nothing is chosen by either.
    """
    return _train(data.load("mnist"), out_path, report, seed, steps, network)


def train_for(
    digits: Digits, report: Callable[[str], None] = print, *, seed: int = 0, steps: int = STEPS
) -> float:
    """Train the judge of some digits as that of MNIST, keep it, and return its accuracy on their
    test digits. It does not learn from the validation digits and the floor digits. Raises UserError
    if it reads too few test digits after these steps; then the judge of before stays."""
    network = Network(classes=len(digits.names))
    return _train(digits, own(digits), report, seed, steps, network, least=READS)


def _train(
    digits: Digits,
    out_path: str | Path,
    report: Callable[[str], None],
    seed: int,
    steps: int,
    network: Network | Layered,
    least: float = 0,
) -> float:
    files.check(out_path)
    learned, floor, test = parts(digits)
    variables = classifier.fit(
        network, learned, steps, seed=seed, change=distort, floor=floor, report=report
    )
    variables = jax.tree.map(lambda leaf: leaf.astype(np.float16).astype(np.float32), variables)
    accuracy = classifier.accuracy(network, variables, test)
    if accuracy < least:
        raise UserError(
            f"after {steps} steps the judge reads {accuracy:.0%} of the test images, too few for "
            "figures that mean something: nothing is kept, give more --steps"
        )
    save(out_path, variables)
    hashed = load(out_path, None, network).hash
    report(f"{accuracy:.2%} of the {len(test.labels)} test digits; SHA-256 {hashed}")
    return accuracy


def save(path: str | Path, variables: dict[str, Any]) -> None:
    """Write the weights of a classifier, in half precision, with the name of the rule that chose
    its training digits."""
    flat = traverse_util.flatten_dict(variables, sep="/")
    halves = {name: np.asarray(array, np.float16) for name, array in flat.items()}
    files.write(path, kept.to_bytes(halves, {"split": partition.RULE}))


def parts(digits: Digits) -> tuple[Split, Split, Split]:
    """The digits that their judge learns from, the floor digits, and the test digits."""
    return part(digits.train, ~partition.fresh(digits)), partition.floor(digits), digits.test
