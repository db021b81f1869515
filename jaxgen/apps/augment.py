"""A data set of drawn digits, D_aug = D + {G(z_i)}: of any number, in memory for a piece of them.

The digit asked for at a place follows from the mix, and the image from seed and place alone: so the
same command makes the same data set, stopped or not. What a filter refuses is drawn again, with
another key, until it is kept: so the mix stays as it was asked for.

A filter is a small classifier (``reader``) of the training digits that the generator has learned
from, and of no others. The judge has seen more: it tells how good the digits are, and chooses none.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen import config as configs
from jaxgen import sampling
from jaxgen.apps import origin, reader, redraw
from jaxgen.apps.card import card
from jaxgen.arrays import DIGITS
from jaxgen.config import Config
from jaxgen.data import Digits, Split, files, writers
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, metrics, reference
from jaxgen.evaluation.evaluate import evaluate
from jaxgen.evaluation.statistics import proportion
from jaxgen.mapping import map_images
from jaxgen.training.trained import Trained

if TYPE_CHECKING:
    import filelock

TOLD = 8 * sampling.CHUNK  # drawn digits between two times that it is told how far all is
JUDGED = 5000  # drawn digits that the figures are of
STATE = "card.json"


class Order(NamedTuple):
    """What data set is wanted."""

    count: int  # drawn digits
    format: str  # a key of writers.FORMATS
    mix: str  # balanced, real, or weights such as 0:1,7:3
    filter: float | None  # probability of the digit asked for, by the filter
    real: bool  # whether the training digits come first
    seed: int
    ink: str = "light"  # or dark


def cycle(mix: str, real: np.ndarray) -> np.ndarray:
    """The digits of a mix in turn, spread evenly: int32 [n]. ``real`` are the labels of the digits
    that the model has learned from."""
    if mix == "balanced":
        return np.unique(real).astype(np.int32)
    if mix == "real":
        return reference.labels_like(real, len(real))
    try:
        parts = [part.split(":") for part in mix.split(",")]
        weights = {int(digit): int(weight) for digit, weight in parts}
    except ValueError:
        weights = {}
    sound = weights and all(0 <= digit < DIGITS for digit in weights)
    if not sound or min(weights.values()) < 0 or not 1 <= sum(weights.values()) <= 10_000:
        raise UserError(
            f"--mix {mix} cannot be: it must be balanced, real, or digits with their weights, "
            "such as 0:1,7:3"
        )
    labels = np.repeat(list(weights), list(weights.values()))
    return reference.labels_like(labels, len(labels))


class Making:
    """A data set in a folder, made piece by piece."""

    def __init__(self, order: Order, folder: Path, model: Trained, config: Config, digits: Digits):
        most = redraw.MOST
        configs.require("count", order.count, order.count <= most, f"{most} or less")
        self.order, self.folder, self.config, self.digits = order, folder, config, digits
        self._model = model
        self._labels = cycle(order.mix, digits.train.labels)
        model.require(self._labels, f"--mix {order.mix}")
        self._real = len(digits.train.labels) if order.real else 0
        self._keeps: Callable | None = None
        self.state: dict[str, Any] = {
            **origin.of(order._asdict(), model, config),
            "total": self._real + order.count,
            "done": 0,
            "drawn": 0,
            "digits": [0] * DIGITS,
            "judged": None,
        }

    def lock(self) -> "filelock.FileLock":
        """The right to write into the folder, of one process."""
        files.check(self.folder / STATE)
        with writers.errors_as_sentences(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            busy = f"another process is writing {self.folder}: wait for it, or give --out"
            return files.lock(self.folder / ".lock", busy)

    def go_on(self) -> None:
        """Find out how far the data set is. Raises UserError where the folder holds another."""
        self.state = origin.read(self.folder / STATE, self.state) or self.state

    def make(self, tell: Callable[[str], None]) -> None:
        """Make what is missing."""
        writer = writers.FORMATS[self.order.format](self.folder)
        with writers.errors_as_sentences(self.folder):
            if self.state["done"] == 0:
                self._save()  # so that the same command goes on, whatever is written by then
                writer.begin(self._inked(self.digits.test))
            if self.order.filter is not None and self.state["done"] < self.state["total"]:
                self._keeps = self._filter(self.order.filter, tell)
            while (place := self.state["done"]) < self.state["total"]:
                piece = self._piece(place, min(place + writers.PIECE, self.state["total"]), tell)
                if self.state["judged"] is None and place + writers.PIECE > self._real:
                    tell("measuring the drawn digits")
                    self.state["judged"] = self._judge(piece, max(self._real - place, 0))
                writer.put(place, self._inked(piece))
                counts = np.bincount(piece.labels, minlength=DIGITS)
                self.state["digits"] = (counts + self.state["digits"]).tolist()
                self.state["done"] = place + len(piece.labels)
                self._save()

    def _inked(self, digits: Split) -> Split:
        """Digits with the ink that is asked for; models draw light ink."""
        if self.order.ink == "light":
            return digits
        return Split(255 - digits.images, digits.labels)

    def _save(self) -> None:
        text = json.dumps(self.state, indent=1) + "\n"
        page = card(self.state, self.digits)
        files.write_all(
            {self.folder / "README.md": page.encode(), self.folder / STATE: text.encode()}
        )

    def _piece(self, start: int, stop: int, tell: Callable[[str], None]) -> Split:
        """The digits at places start to stop - 1: first real ones, if these are wanted."""
        real = Split(
            *(part[start : max(min(stop, self._real), start)] for part in self.digits.train)
        )
        places = np.arange(max(start, self._real), stop) - self._real
        if not len(places):
            return real
        drawn = self._draw(places, tell)
        return Split(*(np.concatenate(pair) for pair in zip(real, drawn, strict=True)))

    def _draw(self, places: np.ndarray, tell: Callable[[str], None] = lambda line: None) -> Split:
        def draw(asked, places):
            parts = []
            for first in range(0, len(places), TOLD):
                done = self._real + places[first] % redraw.MOST
                tell(f"{done:,} of {self.state['total']:,} digits")
                part = slice(first, first + TOLD)
                family, variables, *_ = self._model
                parts.append(
                    sampling.draw(family, variables, asked[part], self.order.seed, places[part])
                )
            return np.concatenate(parts)

        labels = self._labels[places % len(self._labels)]
        kept, drawn = redraw.redrawn(
            draw,
            labels,
            places,
            self._keeps or (lambda drawn, asked: np.ones(len(asked), bool)),
            "is refused by the filter: lower --filter, or train the model for longer",
        )
        self.state["drawn"] += drawn
        return Split(kept, labels)

    def _filter(self, least: float, tell: Callable[[str], None]) -> Callable:
        """A function of drawn images and labels: which of them the reader is sure enough of."""
        variables = reader.load(self.digits.train, tell)

        def likely(variables, pixels, labels):
            nats = reader.read(variables, pixels, jnp.ones_like(pixels))
            return jnp.take_along_axis(nats, labels[:, None], 1)[:, 0]

        def keeps(drawn, asked):
            return map_images(likely, variables, pixels=drawn, labels=asked) >= np.log(least)

        return keeps

    def _judge(self, piece: Split, first: int) -> dict[str, Any]:
        """Figures of the first drawn digits, in a piece that has real ones before ``first``."""
        eye, floor = judge.load(), reference.floor(self.digits)
        n = min(JUDGED, len(self.digits.test.labels), len(floor.labels))
        drawn, asked = (part[first : first + n] for part in piece)
        found: dict[str, Any] = {
            "n": len(asked),
            "judge": eye.hash,
            "caution": judge.caution(eye, self.digits.test),
        }
        if len(asked) <= eye.network.widths[-1]:  # too few for a distance
            hits = metrics.hits(judge.look(eye, drawn)[0], asked)
            return found | {"recognised": proportion(hits, len(asked))[:3]}
        report = evaluate(drawn, asked, self.config.data, eye, self.order.seed)
        return found | {
            "recognised": report.generated.recognised and report.generated.recognised[:3],
            "frechet": report.generated.frechet / report.unit,
            "frechet_real": report.real.frechet / report.unit,
            "recall": report.generated.prdc.recall,
            "coverage": report.generated.prdc.coverage,
            "copied": report.generated.copied,
            "copied_real": report.real.copied,
        }
