"""A data set of drawn digits, D_aug = D + {G(z_i)}: of any number, in memory for a piece of them.

The digit asked for at a place follows from the mix, and the image from seed and place alone: so the
same command makes the same data set, stopped or not. What a filter refuses is drawn again, with
another key, until it is kept: so the mix stays as it was asked for.

A filter is a small classifier (``reader``) of the training digits that the generator has learned
from, and of no others. The judge has seen more: it tells how good the digits are, and chooses none.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import jax
import jax.numpy as jnp
import numpy as np

import jaxgen
from jaxgen import config as configs
from jaxgen import images, sampling
from jaxgen.apps import reader
from jaxgen.arrays import DIGITS
from jaxgen.config import Config
from jaxgen.data import Digits, Split, files, writers
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, metrics, reference
from jaxgen.evaluation.evaluate import evaluate
from jaxgen.evaluation.report import share
from jaxgen.training.trained import Trained

MOST = 2**25  # drawn digits in a data set
TRIES = 2**32 // MOST  # keys for each place
JUDGED = 5000  # drawn digits that the figures are of
STATE = "card.json"


class Order(NamedTuple):
    """What data set is wanted."""

    count: int  # drawn digits
    format: str  # a key of writers.FORMATS
    mix: str  # balanced, real, or weights such as 0:1,7:3
    least: float | None  # probability of the digit asked for, by the filter
    real: bool  # whether the training digits come first
    seed: int


def cycle(mix: str, real: np.ndarray) -> np.ndarray:
    """The digits of a mix in turn, spread evenly: int32 [n]. ``real`` are the labels that ``real``
    goes by."""
    if mix == "balanced":
        return sampling.balanced(DIGITS)
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
        self.order, self.folder, self.config, self.digits = order, folder, config, digits
        self._model = model
        self._labels = cycle(order.mix, digits.train.labels)
        self._drawer = sampling.Drawer(model.family)
        self._real = len(digits.train.labels) if order.real else 0
        self._keeps: Callable | None = None
        self.state = _as_read(
            {
                "jaxgen": jaxgen.__version__,
                "order": order._asdict(),
                "recipe": configs.to_dict(config),
                "steps": model.step,
                "weights": fingerprint(model.variables),
                "total": self._real + order.count,
                "done": 0,
                "drawn": 0,
                "digits": [0] * DIGITS,
                "judged": None,
            }
        )

    def lock(self) -> filelock.FileLock:
        """The right to write into the folder, of one process."""
        files.check(self.folder / STATE)
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise UserError(f"another process is writing {self.folder}: wait for it") from None
        return lock

    def go_on(self) -> None:
        """Find out how far the data set is. Raises UserError where the folder holds another."""
        path = self.folder / STATE
        try:
            found = json.loads(path.read_text())
        except FileNotFoundError:
            held = sorted(file.name for file in self.folder.iterdir() if file.name[0] != ".")
            if held:
                raise UserError(
                    f"{self.folder} already holds {held[0]}: name a new folder with --out"
                ) from None
            return
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}): name a new folder") from None
        for name in ("jaxgen", "order", "recipe", "steps", "weights"):
            if found.get(name) != self.state[name]:
                raise UserError(
                    f"{self.folder} holds a data set of {_difference(name, found, self.state)}: "
                    "give that command again, or name a new folder with --out"
                )
        self.state = found

    def make(self, tell: Callable[[str], None]) -> None:
        """Make what is missing."""
        writer = writers.FORMATS[self.order.format](self.folder)
        with writers.told(self.folder):
            if self.state["done"] == 0:
                self._save()  # so that the same command goes on, whatever is written by then
                writer.begin(self.digits.test)
            if self.order.least is not None and self._keeps is None:
                self._keeps = self._filter(tell)
            while (place := self.state["done"]) < self.state["total"]:
                tell(f"{place:,} of {self.state['total']:,} digits")
                piece = self._piece(place, min(place + writers.PIECE, self.state["total"]))
                if self.state["judged"] is None and place + writers.PIECE > self._real:
                    tell("measuring the drawn digits")
                    self.state["judged"] = _as_read(self._judge(piece, max(self._real - place, 0)))
                writer.put(place, piece)
                counts = np.bincount(piece.labels, minlength=DIGITS)
                self.state["digits"] = (counts + self.state["digits"]).tolist()
                self.state["done"] = place + len(piece.labels)
                self._save()

    def _save(self) -> None:
        text = json.dumps(self.state, indent=1) + "\n"
        card = text_of(self.state, self.digits)
        files.write_all(
            {self.folder / "README.md": card.encode(), self.folder / STATE: text.encode()}
        )

    def _piece(self, start: int, stop: int) -> Split:
        """The digits at places start to stop - 1: first real ones, if these are wanted."""
        real = Split(
            *(part[start : max(min(stop, self._real), start)] for part in self.digits.train)
        )
        places = np.arange(max(start, self._real), stop) - self._real
        if not len(places):
            return real
        drawn = self._draw(places)
        return Split(*(np.concatenate(pair) for pair in zip(real, drawn, strict=True)))

    def _draw(self, places: np.ndarray) -> Split:
        labels = self._labels[places % len(self._labels)]
        kept = np.zeros((len(places), *self.digits.test.images.shape[1:]), np.uint8)
        missing = np.arange(len(places))
        for attempt in range(TRIES):
            asked = labels[missing]
            drawn = self._drawer.draw(
                self._model.variables, asked, self.order.seed, places[missing] + attempt * MOST
            )
            self.state["drawn"] += len(missing)
            good = self._keeps(drawn, asked) if self._keeps else np.ones(len(missing), bool)
            kept[missing[good]] = images.to_uint8(drawn[good])
            missing = missing[~good]
            if not len(missing):
                return Split(kept, labels)
        raise UserError(
            f"the filter refuses each of {TRIES} digits {labels[missing[0]]} that were drawn for "
            "one place: lower --filter, or train the model for longer"
        )

    def _filter(self, tell: Callable[[str], None]) -> Callable:
        variables = reader.load(self.digits.train, tell)
        least = np.log(self.order.least or 1e-30)

        def likely(variables, keys, pixels, labels):
            nats = reader.read(variables, pixels, jnp.ones_like(pixels))
            return jnp.take_along_axis(nats, labels[:, None], 1)[:, 0]

        program = sampling.Program(likely)
        return lambda drawn, asked: (
            program(variables, 0, np.arange(len(asked)), drawn, asked) >= least
        )

    def _judge(self, piece: Split, first: int) -> dict[str, Any]:
        """Figures of the first drawn digits, in a piece that has real ones before ``first``."""
        drawn = Split(*(part[first : first + JUDGED] for part in piece))
        eye = judge.load()
        real, floor = self.digits.test, reference.floor(self.digits)
        n = min(len(drawn.labels), len(real.labels), len(floor.labels))
        drawn = Split(drawn.images[:n], drawn.labels[:n])
        hits = metrics.hits(judge.look(eye, drawn.images)[0], drawn.labels)
        found: dict[str, Any] = {"n": n, "judge": eye.hash, "recognised": share(hits, n)}
        if n > eye.network.widths[-1]:
            report = evaluate(drawn.images, drawn.labels, self.config.data, eye, self.order.seed)
            prdc = report.generated.prdc
            found |= {
                "frechet": report.generated.frechet / report.unit,
                "frechet_real": report.real.frechet / report.unit,
                "recall": prdc.recall,
                "coverage": prdc.coverage,
                "copied": report.generated.copied,
                "copied_real": report.real.copied,
            }
        return found


def _as_read(state: dict[str, Any]) -> dict[str, Any]:
    """What a file of it would give."""
    return json.loads(json.dumps(state))


def fingerprint(variables: Any) -> str:
    """The SHA-256 of all weights."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(variables):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()


def _difference(name: str, found: dict, wanted: dict) -> str:
    """How what is in the folder differs, in words."""
    if name == "order":
        for key, value in wanted["order"].items():
            if (theirs := found.get("order", {}).get(key)) != value:
                return f"--{'filter' if key == 'least' else key} {theirs}, not {value}"
    if name in ("jaxgen", "steps"):
        return f"{name} {found.get(name)}, not {wanted[name]}"
    return {"recipe": "another recipe", "weights": "other weights"}.get(name, "another kind")


def text_of(state: dict[str, Any], digits: Digits) -> str:
    """The data card, in Markdown with the head that dataset hubs read."""
    order, recipe, total = state["order"], state["recipe"], state["total"]
    mnist = digits.source.partition(":")[0] == "mnist"
    real = total - order["count"]
    begins = "All are drawn; none is real."
    if real:
        begins = (
            f"Places 0 to {real - 1:,} are the training digits of {digits.source}; the others are "
            "drawn."
        )
    filtered = "none: every digit that was drawn is here"
    if order["least"] is not None:
        filtered = (
            "a digit was drawn again where a classifier gave the digit asked for less than "
            f"{order['least']:g}. The classifier learned from the {len(digits.train.labels):,} "
            "training digits that the generator learned from, and from no others. "
            f"{state['drawn']:,} were drawn."
        )
    licence = (
        "MNIST is licensed under CC BY-SA 3.0 (Yann LeCun and Corinna Cortes), and the test digits "
        "here are its own. Whether digits drawn by a model of it are an adaptation is not settled; "
        "as long as it is not, use them under the same licence and name MNIST."
        if mnist
        else f"The digits of {digits.source} have a licence of their own, which this file does not "
        "know: ask who gave them."
    )
    rows = [f"| {digit} | {count:,} |" for digit, count in enumerate(state["digits"])]
    lines = [
        "---",
        f"license: {'cc-by-sa-3.0' if mnist else 'other'}",
        "task_categories: [image-classification]",
        "tags: [handwritten-digits, synthetic]",
        "pretty_name: Drawn handwritten digits",
        "---",
        "# Handwritten digits, drawn by a model",
        "",
        f"{state['done']:,} of {total:,} training digits, 28 x 28 grey, with labels. {begins}",
        f"The {len(digits.test.labels):,} test digits are the real ones of {digits.source}.",
        "",
        "## How it was made",
        "",
        f"- by jaxgen {state['jaxgen']}, with the model `{recipe['model']}`, trained for "
        f"{state['steps']:,} steps on {recipe['data']} with seed {recipe['seed']}; all settings "
        f"are in {STATE}; SHA-256 of the weights {state['weights'][:16]}",
        f"- drawn with seed {order['seed']}",
        f"- mix: {order['mix']}",
        f"- filter: {filtered}",
        "",
        "| digit | training digits |",
        "|---|---|",
        *rows,
        "",
        "## What a judge says",
        "",
        _judged(state["judged"]),
        "",
        "## How to read it",
        "",
        f"    {READ[order['format']]}",
        "",
        "## Licence",
        "",
        licence,
        "",
    ]
    return "\n".join(lines)


READ = {
    "idx": "bin/train --data idx:FOLDER, or whatever reads MNIST's own files",
    "npz": 'np.load("train-00000.npz") gives images and labels, for each train-*.npz',
    "png": 'torchvision.datasets.ImageFolder("train"), or any reader of a folder a class',
    "tfds": 'tfds.builder_from_directory(FOLDER).as_data_source("train"), or --data tfds:FOLDER',
}


def _judged(found: dict[str, Any] | None) -> str:
    if found is None:
        return "Nothing yet."
    value, low, high = found["recognised"]
    lines = [
        f"Of the first {found['n']:,} drawn digits, against as many real test digits; the judge is "
        f"a classifier of real digits, SHA-256 {found['judge'][:16]}, and has chosen none.",
        "",
        f"- recognised as the digit asked for: {value:.2%} (95 % interval {low:.2%} to {high:.2%})",
    ]
    if "frechet" in found:
        lines += [
            f"- Frechet distance: {found['frechet']:.3f} N (other real digits "
            f"{found['frechet_real']:.3f}); 1 N is noise of a tenth of white",
            f"- recall {found['recall']:.3f}, coverage {found['coverage']:.3f}",
            f"- copies of training digits: {found['copied']:.2%} (real digits "
            f"{found['copied_real']:.2%})",
        ]
    return "\n".join(lines)
