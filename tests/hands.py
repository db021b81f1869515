"""Writers that MNIST does not have, and how well a model writes in their hands.

    python -m tests.hands cvae gan             figures for docs/applications/restyle.md, minutes
    python -m tests.hands --from cvae gan      after bin/train --from on each of four hands

MNIST does not say who wrote a digit. So a writer is a way to deform digits, the same for all of
them: upright, they get one slant, one width, one breadth of strokes, and are bent by one smooth
field. A classifier learns to tell the writers apart from other digits than those that a model is
shown.
"""

import sys
import tempfile
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import linen as nn
from scipy import ndimage
from skimage import transform

import jaxgen
from jaxgen import data, devices
from jaxgen.cli import main as cli
from jaxgen.data import Split, strokes
from jaxgen.evaluation import classifier, judge, morphology
from jaxgen.families.capabilities import Encodes
from jaxgen.images import to_float, to_uint8

WRITERS = 20
SHOWN = 8  # images of each digit that a model is shown
TUNED = 4  # writers whose digits models are trained on
_FINE = 4  # pixels of the picture that is bent, for one of the image
_SIDE = 28 * _FINE


class Writer(NamedTuple):
    """How a person writes."""

    slant: float  # tangent of its angle
    width: float  # of a digit, beside its usual width
    stroke: float  # pixels
    bend: np.ndarray  # [2, _SIDE, _SIDE], down and across, in fine pixels


class Hands(NamedTuple):
    """Digits in all hands; images are uint8, and the first axis is the writer's."""

    shown: Split  # [w, 10 SHOWN, ...], for the models
    learned: Split  # [w, n, ...], for the classifier of writers
    kept: Split  # [w, n, ...], to measure the classifier


def writers(count: int, seed: int = 0) -> list[Writer]:
    random, made = np.random.default_rng(seed), []
    for _ in range(count):
        field = random.standard_normal((2, _SIDE, _SIDE))
        field = ndimage.gaussian_filter(field, (0, 22, 22))
        field *= 1.4 * _FINE / np.sqrt(np.square(field).mean())
        slant, width, stroke = random.uniform([-0.4, 0.7, 2.0], [0.6, 1.4, 4.2])
        made.append(Writer(slant, width, stroke, field))
    return made


def write(images: np.ndarray, writer: Writer) -> np.ndarray:
    """Digits uint8 [n, 28, 28, 1] in the hand of a writer."""
    written = []
    measures = morphology.thickness(images), morphology.slant(images)
    for image, stroke, slant in zip(images, *measures, strict=True):
        large = transform.resize(to_float(image[..., 0]), (_SIDE, _SIDE), order=1) > 0.5
        inside, outside = (ndimage.distance_transform_edt(x) for x in (large, ~large))
        depth = inside - outside + (writer.stroke - stroke) * _FINE / 2
        ink = ndimage.gaussian_filter((depth / 2 + 0.5).clip(0, 1), 1)
        down, across = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
        across = (across + (writer.slant - np.tan(slant)) * down) / writer.width
        places = np.stack([down, across]) + writer.bend + (_SIDE - 1) / 2
        ink = ndimage.map_coordinates(ink, places, order=1)
        rows, columns = np.nonzero(ink > 0.1)
        box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        written.append(strokes.centred(np.where(ink > 0.1, ink, 0)[box].astype(np.float32)))
    return np.stack(written)


def made(count: int = WRITERS, seed: int = 0) -> Hands:
    """Test digits of MNIST in the hands of ``count`` writers."""
    random, test = np.random.default_rng(seed), data.load("mnist").test
    order = random.permutation(len(test.labels))
    images, labels = test.images[order], test.labels[order]

    def of(writer: Writer, rows: np.ndarray) -> Split:
        return Split(write(images[rows], writer), labels[rows])

    parts: list[list[Split]] = []
    for writer in writers(count, seed):
        known = labels[8000:]
        shown = [random.choice(np.flatnonzero(known == d), SHOWN, False) for d in range(10)]
        learned, kept = random.choice(6000, 450, False), 6000 + random.choice(2000, 100, False)
        parts.append([of(writer, x) for x in (8000 + np.concatenate(shown), learned, kept)])
    return Hands(
        *(Split(*map(np.stack, zip(*part, strict=True))) for part in zip(*parts, strict=True))
    )


@jax.tree_util.register_static
class _Network(nn.Module):
    writers: int

    @nn.compact
    def __call__(self, images):
        h = nn.relu(nn.Conv(32, (5, 5), 2)(images))
        h = nn.relu(nn.Conv(64, (3, 3), 2)(h))
        features = nn.relu(nn.Dense(128)(h.reshape((len(h), -1))))
        return nn.Dense(self.writers)(features), features


class Expert:
    """Tells the writers apart."""

    def __init__(self, hands: Hands):
        count, each = hands.learned.labels.shape
        self._network = _Network(count)
        names = np.arange(count, dtype=np.int32).repeat(each)
        known = Split(hands.learned.images.reshape(-1, 28, 28, 1), names)

        def rough(images, key):
            return images + 0.1 * jax.random.normal(key, images.shape) * (images > 0)

        self._variables: Any = classifier.fit(self._network, known, 1400, change=rough)

    def tells(self, images: np.ndarray) -> np.ndarray:
        """The writers of images [n, 28, 28, 1], int [n]."""
        return classifier.look(self._network, self._variables, images)[0].argmax(1)


def main(names: list[str]) -> None:
    hands = made()
    expert = Expert(hands)
    print(f"{'':32} recognised, told as the writer's, of {WRITERS} writers")
    real = [np.mean(expert.tells(x) == w) for w, x in enumerate(hands.kept.images)]
    print(f"{'real digits':32} {'':6} {np.mean(real):6.1%}")
    measure = tuned if "--from" in names else written
    for name in names:
        if name != "--from":
            measure(name, hands, expert)


def figures(what: str, images: list[np.ndarray], labels: np.ndarray, expert: Expert) -> None:
    """Print the figures of uint8 images of the digits ``labels`` in each hand."""
    read = [judge.look(judge.load(), x)[0].argmax(1) == labels for x in images]
    told = [expert.tells(x) == writer for writer, x in enumerate(images)]
    print(f"{what:32} {np.mean(read):6.1%} {np.mean(told):6.1%}", flush=True)


def tuned(name: str, hands: Hands, expert: Expert) -> None:
    """What a model draws after ``bin/train --from`` on the digits of a writer, and how much worse
    it reconstructs others."""
    test, targets = data.load("mnist").test, np.tile(np.arange(10, dtype=np.int32), 20)
    models = [jaxgen.load(name)]
    with tempfile.TemporaryDirectory() as folder:
        for writer in range(TUNED):
            own = f"{folder}/{writer}.npz"
            np.savez(own, images=hands.shown.images[writer], labels=hands.shown.labels[writer])
            run = f"{folder}/run-{writer}"
            args = ["train", "--from", name, "--data", f"files:{own}", "--run", run, "--quiet"]
            assert cli.run(args) == 0
            models.append(jaxgen.load(run))
    drawn = [to_uint8(model.sample(digits=targets)) for model in models]
    figures(f"{name}, before", [drawn[0]] * TUNED, targets, expert)
    figures(f"{name}, after", drawn[1:], targets, expert)
    if not isinstance(models[0].family, Encodes) or models[0].family.encodes_iteratively:
        return
    some = Split(test.images[:500], test.labels[:500])
    errors = [
        np.square(to_float(some.images) - model.reconstruct(some.images, some.labels)).sum() / 500
        for model in models
    ]
    after = np.mean(errors[1:])
    print(f"  squared error of test digits: {errors[0]:.2f} before, {after:.2f} after")


def written(name: str, hands: Hands, expert: Expert) -> None:
    """What a model writes in each hand."""
    targets = np.tile(np.arange(10, dtype=np.int32), 5)
    model = jaxgen.load(name)
    shown = list(zip(to_float(hands.shown.images), hands.shown.labels, strict=True))
    random = np.random.default_rng(1)
    one = []
    for images, labels in shown:  # another digit than the one to write
        rows = [random.choice(np.flatnonzero(labels != t)) for t in targets]
        one.append(to_uint8(model.restyle(images[rows], targets, labels[rows])))
    figures(f"{name}, one other digit", one, targets, expert)
    known = [model.hand(images, labels) for images, labels in shown]
    for variety in (0, 0.3, 1):
        drawn = [to_uint8(hand.write(targets, variety)) for hand in known]
        figures(f"{name}, {10 * SHOWN} digits, variety {variety:g}", drawn, targets, expert)
    if model.family.encodes_iteratively:  # which would take an hour
        return
    without = []
    for images, labels in shown:  # as if the person had never written the digit
        each = [
            model.hand(images[labels != d], labels[labels != d]).write([d], 0) for d in range(10)
        ]
        without.append(to_uint8(np.concatenate(each)))
    figures(f"{name}, without the digit itself", without, np.arange(10), expert)


if __name__ == "__main__":
    devices.start()
    main(sys.argv[1:] or ["cvae"])
