"""A data set of drawn digits, D_aug = D + {G(z_i)}, of any size: one piece is in memory at a time.

The mix gives the digit of each index, and the image depends on the seed and the index alone: so the
same command makes the same data set, also after a stop. A digit that the filter rejects is drawn
again, with another key, until the filter accepts one: so the mix does not change.

The filter is a small classifier (``reader``), which learns from the training digits of the
generator and from no others. The judge has learned from more digits: it measures the drawn ones,
and chooses none.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxgen import classes, sampling
from jaxgen import config as configs
from jaxgen.apps import provenance, reader, redraw
from jaxgen.apps.card import card
from jaxgen.apps.hands import Hand
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

JUDGED = 5000  # drawn digits that are measured
STATE = "card.json"


class Order(NamedTuple):
    """The settings of a data set."""

    count: int  # drawn digits
    format: str  # a key of writers.FORMATS
    mix: str  # balanced, real, or weights such as 0:1,7:3
    filter: float | None  # least probability that the filter gives the digit
    real: bool  # whether the training digits come first
    seed: int
    ink: str = "light"  # or dark
    style: str | None = None  # the hand that all are written in, with a digest of its images
    variety: float | None = None  # of the digits in that hand


def cycle(mix: str, real: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The classes of a mix in turn, spread evenly: int32 [n]. ``real`` are the labels of the
    training images, and ``names`` those of the classes."""
    if mix == "balanced":
        return np.unique(real).astype(np.int32)
    if mix == "real":
        return reference.labels_like(real, len(real))
    try:
        parts = [part.rsplit(":", 1) for part in mix.split(",")]
        weights = {name: int(weight) for name, weight in parts}
    except ValueError:
        weights = {}
    if not weights or min(weights.values()) < 0 or not 1 <= sum(weights.values()) <= 10_000:
        raise UserError(
            f"--mix {mix} cannot be: it must be balanced, real, or classes with their weights, "
            f"such as {names[0]}:1,{names[-1]}:3"
        )
    found = {classes.number(name, names, f"--mix {mix}"): n for name, n in weights.items()}
    labels = np.repeat(list(found), list(found.values()))
    return reference.labels_like(labels, len(labels))


class DataSet:
    """A data set in a folder, made piece by piece. ``state`` is the content of its card.json."""

    def __init__(
        self,
        order: Order,
        folder: Path,
        model: Trained,
        config: Config,
        digits: Digits,
        hand: Hand | None = None,
    ):
        most = redraw.INDICES
        configs.require("count", order.count, order.count <= most, f"{most} or less")
        self.order, self.folder, self.config, self.digits = order, folder, config, digits
        self._model, self._hand = model, hand
        self._labels = cycle(order.mix, digits.train.labels, model.names)
        model.require(self._labels, f"--mix {order.mix}")
        self._real = digits.count if order.real else 0
        self._score: Callable | None = None
        self.state: dict[str, Any] = {
            **provenance.of(order._asdict(), model, config),
            "total": self._real + order.count,
            "done": 0,
            "drawn": 0,
            "digits": [0] * len(model.names),
            "judged": None,
        }

    def lock(self) -> "filelock.FileLock":
        """Lock the folder, so that one process alone writes into it."""
        files.check(self.folder / STATE)
        with writers.errors_as_sentences(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            busy = f"another process is writing {self.folder}: wait for it, or give --out"
            return files.lock(self.folder / ".lock", busy)

    def resume(self) -> None:
        """Read how much of the data set exists. Raises UserError where the folder holds another
        data set."""
        self.state = provenance.read(self.folder / STATE, self.state) or self.state

    def make(self, progress: Callable[[str], None]) -> None:
        """Make the missing pieces."""
        writer = writers.FORMATS[self.order.format](self.folder, self._model.names)
        with writers.errors_as_sentences(self.folder):
            if self.state["done"] == 0:
                self._save()  # first, so that the same command can resume
                writer.begin(self._with_ink(self.digits.test))
            if self.order.filter is not None and self.state["done"] < self.state["total"]:
                self._score = self._filter(progress)
            while (start := self.state["done"]) < self.state["total"]:
                progress(f"{start:,} of {self.state['total']:,} digits")
                stop = min(start + writers.PIECE, self.state["total"])
                piece = self._piece(start, stop, progress)
                if self.state["judged"] is None and stop > self._real:
                    progress("measuring the drawn digits")
                    self.state["judged"] = self._judge(piece, max(self._real - start, 0))
                writer.put(start, self._with_ink(piece))
                counts = np.bincount(piece.labels, minlength=len(self._model.names))
                self.state["digits"] = (counts + self.state["digits"]).tolist()
                self.state["done"] = stop
                self._save()

    def _with_ink(self, digits: Split) -> Split:
        """Digits with the ink of the order; models draw light ink."""
        if self.order.ink == "light":
            return digits
        return Split(255 - digits.images, digits.labels)

    def _save(self) -> None:
        text = json.dumps(self.state, indent=1) + "\n"
        page = card(self.state, self.digits)
        files.write_all(
            {self.folder / "README.md": page.encode(), self.folder / STATE: text.encode()}
        )

    def _piece(self, start: int, stop: int, progress: Callable[[str], None]) -> Split:
        """The digits start to stop - 1 of the data set: the real ones come first."""
        real = self.digits.take(np.arange(min(start, self._real), min(stop, self._real)))
        indices = np.arange(max(start, self._real), stop) - self._real
        if not len(indices):
            return real
        drawn = self._draw(indices, progress)
        return Split(*(np.concatenate(pair) for pair in zip(real, drawn, strict=True)))

    def _draw(
        self, indices: np.ndarray, progress: Callable[[str], None] = lambda line: None
    ) -> Split:
        def draw(labels, indices):
            def report(count):
                done = self._real + indices[count - 1] % redraw.INDICES + 1
                progress(f"{done:,} of {self.state['total']:,} digits")

            family, variables, seed = self._model.family, self._model.variables, self.order.seed
            if self._hand:
                return self._hand.write(labels, self.order.variety, seed, indices, report)
            return sampling.draw(family, variables, labels, seed, indices, progress=report)

        labels = self._labels[indices % len(self._labels)]
        refusal = "is rejected by the filter: lower --filter, or train the model for longer"
        score = self._score or (lambda drawn, labels: np.zeros(len(labels)))
        least = np.log(self.order.filter or 1.0)
        redrawn = redraw.redraw(draw, labels, indices, score, least, refusal=refusal)
        self.state["drawn"] += redrawn.drawn
        return Split(redrawn.images, labels)

    def _filter(self, progress: Callable[[str], None]) -> Callable:
        """A function (images, labels) -> log p(label given the image) [n], by the reader."""
        variables = reader.load(self.digits, progress)

        def log_prob(variables, pixels, labels):
            log_probs = reader.read(variables, pixels, jnp.ones_like(pixels))
            return jnp.take_along_axis(log_probs, labels[:, None], 1)[:, 0]

        return lambda drawn, labels: map_images(log_prob, variables, pixels=drawn, labels=labels)

    def _judge(self, piece: Split, first: int) -> dict[str, Any]:
        """Measures of the first drawn digits in a piece, which begin at ``first``."""
        classifier, floor = judge.of(self.digits), reference.floor(self.digits)
        n = min(JUDGED, len(self.digits.test.labels), len(floor.labels))
        drawn, labels = (part[first : first + n] for part in piece)
        if caution := judge.caution(classifier, self.digits):
            return {"caution": caution}
        measures: dict[str, Any] = {"n": len(labels), "judge": classifier.hash}
        if len(labels) <= classifier.network.widths[-1]:  # too few for a distance
            hits = metrics.hits(judge.look(classifier, drawn)[0], labels)
            return measures | {"recognised": proportion(hits, len(labels))[:3]}
        report = evaluate(drawn, labels, self.digits.source, classifier, self.order.seed)
        return measures | {
            "recognised": report.generated.recognised and report.generated.recognised[:3],
            "frechet": report.generated.frechet / report.unit,
            "frechet_real": report.real.frechet / report.unit,
            "recall": report.generated.prdc.recall,
            "coverage": report.generated.prdc.coverage,
            "copied": report.generated.copied,
            "copied_real": report.real.copied,
        }
