"""Fine-tuning: training goes on from the weights of another model, on few digits of a person's own.

A network that sees 80 digits again and again learns them by heart, and forgets the others. So it
sees more than these, EXAMPLES images in all, as many of each digit as possible:

    own         the person's digits, each distorted a little, and differently each time
    written     digits in the person's hand, by the model that it goes on from (``hands``): also of
                digits that the person has not written
    replayed    digits as that model draws them (generative replay, Shin et al. 2017)
"""

import dataclasses
import re
from pathlib import Path

import jax
import numpy as np

from jaxgen import data, families, sampling
from jaxgen.apps import provenance
from jaxgen.apps.hands import Hand
from jaxgen.classes import listed
from jaxgen.config import Config
from jaxgen.data import Split, files
from jaxgen.errors import UserError, warn
from jaxgen.evaluation.distort import distort
from jaxgen.families.capabilities import Transfers
from jaxgen.images import to_float, to_uint8
from jaxgen.kept import to_bytes
from jaxgen.mapping import map_images
from jaxgen.training import trained, weights
from jaxgen.training.folder import ModelFolder, RunFolder
from jaxgen.training.loop import Start
from jaxgen.training.trained import Trained

EXAMPLES = 4000
SHARES = (0.6, 0.3, 0.1)  # of own, written and replayed digits
STEPS = 300
PACE = 0.3  # the learning rate, as a multiple of the recipe's
_WARMUP = 20
_DISTORTED = 0.3  # of the judge's distortions
_VARIETY = 0.5


def recipe(folder: ModelFolder) -> Config:
    """The recipe to go on with from the model in a folder."""
    config = folder.load()
    rate = PACE * config.optim.rate
    optim = dataclasses.replace(config.optim, rate=rate, warmup=_WARMUP, horizon=None)
    every = {name: 100 for name in ("sample_every", "save_every")}
    return dataclasses.replace(config, optim=optim, steps=STEPS, seed=0, **every)


def name(config: Config) -> str:
    """The name of a run of ``recipe`` where none is given: that of the cvae on mine/ is
    cvae-mine."""
    path = Path(config.data.partition(":")[2] or config.data)
    stem = re.sub(r"\W+", "-", path.name.partition(".")[0])
    return f"{config.model}-{stem}"


def require_another(folder: ModelFolder, run: RunFolder) -> None:
    """Raise UserError where the run is the model that it would go on from."""
    if run.path.absolute() == folder.path.absolute():
        raise UserError(f"--from {folder} is the run {run} itself: give --run another name")


def start(folder: ModelFolder | None, config: Config, run: RunFolder) -> Start | None:
    """What the training of ``config`` in ``run`` begins with, when it goes on from the model in
    ``folder``: the examples are kept in ``run``. None where there is no such model.

    Raises UserError where ``run`` goes on from another model, or where the arrays of the model do
    not fit the recipe.
    """
    if folder is None:
        if run.start:
            raise UserError(f"{run} goes on from {run.start['from']}: give --from again")
        return None
    model, digits = trained.load(folder, folder.load(), warn), data.load(config.data)
    if digits.names != model.names:
        raise UserError(
            f"{config.data} has the classes {listed(digits.names)}, and {folder} draws "
            f"{listed(model.names)}: bin/train --model {config.model} learns others anew"
        )
    if differing := weights.differing(families.build(config), model.variables):
        raise UserError(
            f"the network of {folder} has other arrays than these settings ask for (the first that "
            f"differs is {differing}): leave out the flags --net"
        )
    begun = run.start
    now = {"from": f"{folder}", "weights": provenance.fingerprint(model.variables)}
    if begun and begun != now:
        raise UserError(
            f"{run} goes on from {begun['from']}, and not from {folder} as it is now: give --run "
            "another folder, or --fresh to move that one aside"
        )
    if not begun or (seen := run.kept_examples()) is None:
        seen = examples(model, digits.train, config.seed)
        files.write(run.examples, to_bytes(seen._asdict()))
        run.note_start(now)
    return Start(model.variables, seen, model.learned)


def examples(model: Trained, own: Split, seed: int) -> Split:
    """The digits to train on, when training goes on from ``model`` with few ``own`` digits."""
    parts = [round(share * EXAMPLES) for share in SHARES]
    if not isinstance(model.family, Transfers):
        parts = [parts[0], 0, parts[1] + parts[2]]
    labels = [np.resize(np.array(model.learned, np.int32), part) for part in parts]
    labels[0] = np.resize(np.unique(own.labels), parts[0])
    images = [to_uint8(_distorted(own, labels[0], seed))]
    if parts[1]:
        hand = Hand(model, to_float(own.images), own.labels)
        images.append(to_uint8(hand.write(labels[1], _VARIETY, seed)))
    images.append(to_uint8(sampling.draw(model.family, model.variables, labels[2], seed)))
    return Split(np.concatenate(images), np.concatenate(labels))


def _distorted(own: Split, labels: np.ndarray, seed: int) -> np.ndarray:
    """An image of each of ``labels`` int32 [n], the images of a digit in turn, distorted."""
    rows = np.zeros(len(labels), int)
    for digit in np.unique(labels):
        wanted = labels == digit
        rows[wanted] = np.resize(np.flatnonzero(own.labels == digit), np.count_nonzero(wanted))
    return map_images(_distort, None, seed=seed, images=own.images[rows])


def _distort(variables: None, keys: jax.Array, images: jax.Array) -> jax.Array:
    distorted = jax.vmap(lambda image, key: distort(image[None], key, _DISTORTED)[0])
    return distorted(images, keys)
