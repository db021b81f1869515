"""Data sets of more images than memory should hold.

A source of more than MOST training images is read once, piece by piece. ``~/.cache/jaxgen/streams``
(``XDG_CACHE_HOME``) then keeps its images as they are in memory, 784 bytes each in file order, and
beside them what is small: the labels, and which images are held out. That takes 7.8 GB for ten
million images. They are read anew after a file of the data set has changed.

The steps of training read their own images from there (``stream``). All else sees as many images as
MNIST has, fair samples (``partition``): 55,000 training images in place of all, of which a judge
learns from 50,000; 5,000 held out, and not one of twelve; 10,000 to test with.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy

from jaxgen import environment
from jaxgen.classes import are_digits, told
from jaxgen.config import STRIDED
from jaxgen.data import files, partition, populations, source_images
from jaxgen.data.split import SIDE, Contents, Digits, Split
from jaxgen.data.stream import PIXELS, OnDisk, Stream
from jaxgen.errors import UserError, warn

MOST = 1_000_000  # training images that are held in memory, where they take 0.8 GB
SAMPLE, HELD_OUT, TEST = 55_000, 5_000, 10_000  # images, at most
PIECE = 10_000  # images that are in memory at once
_FILES = {"train": "images", "test": "tests"}  # of both parts, while they are read
_RULES = 1  # counted up when other images come from the same data set
_TOLD = 30  # seconds between lines about the progress


class Large(NamedTuple):
    """A data set of many images, and how to read it."""

    name: str  # what errors call it
    fingerprint: str  # changes when its files do
    counts: dict[str, int]  # images of ``train``, and of ``test`` if there are some
    # Called with ``say``: each part, images uint8 [k, 28, 28] of it, and their labels [k], any.
    pieces: Callable[[Callable[[str], None]], Iterator[tuple[str, Split]]]
    names: tuple[str, ...] = ()  # of the classes, by the numbers of the labels
    may_be_dark: bool = False  # whether images with dark ink are still to be inverted


def digits(source: str, large: Large, say: Callable[[str], None]) -> Digits:
    """The parts of a data set of many images, and a stream of its training images; the first call
    takes minutes. Raises UserError as the readers of ``large``, and where the disk has no room."""
    if source.startswith(STRIDED):
        raise UserError(
            f"{source} has {large.counts['train']:,} training images, too many for memory: "
            f"leave out {STRIDED}, which is for runs of earlier versions"
        )
    home = environment.cache() / "streams"
    name, version = (
        hashlib.sha256(text.encode()).hexdigest()[:16]
        for text in (source, json.dumps([_RULES, partition.RULE, large.fingerprint]))
    )
    folder = home / f"{name}-{version}"
    if (found := _kept(source, folder, say)) is not None:
        return found
    with _errors(large, home), files.locked(home / f".{name}.lock", large.name) as alone:
        if (found := _kept(source, folder, say)) is None:
            if alone:  # what processes that were killed have left, and other versions
                for other in home.glob(f"{name}-*"):
                    shutil.rmtree(other, ignore_errors=True)
            _require_room(large, home)
            _keep(large, folder)
            found = _kept(source, folder, say)
    assert found is not None
    return found


def _kept(source: str, folder: Path, say: Callable[[str], None]) -> Digits | None:
    """What ``_keep`` has kept; None if it is missing or damaged."""
    try:
        with safetensors.safe_open(f"{folder / 'parts'}", "np") as file:
            note = json.loads(file.metadata()["note"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        size = (folder / "images").stat().st_size
    except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError):
        return None
    if size != note["images"] * PIXELS:
        return None
    for line in note["said"]:
        say(line)
    contents = Contents(note["sha256"], tuple(note["train"]), tuple(note["test"]))
    stream = Stream(folder / "images", arrays["rows"], arrays["labels"], contents)
    train, valid, test = (
        Split(arrays[f"{part}_images"], arrays[f"{part}_labels"].astype(np.int32))
        for part in ("train", "valid", "test")
    )
    return Digits(source, train, valid, test, tuple(note["names"]), stream)


@contextlib.contextmanager
def _errors(large: Large, home: Path) -> Iterator[None]:
    """Turn an OSError about the cache into a UserError; those about the data set are UserErrors."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UserError(
            f"the images of {large.name} cannot be kept in {home} ({error.strerror or error}): "
            "make room, or set XDG_CACHE_HOME to another folder"
        ) from None


def _require_room(large: Large, home: Path) -> None:
    """Raise UserError where the disk has no room for the images."""
    need = sum(large.counts.values()) * (PIXELS + 10)
    if (free := shutil.disk_usage(home).free) < need:
        raise UserError(
            f"the images of {large.name} need {need / 1e9:.1f} GB in {home}, which has "
            f"{free / 1e9:.1f}: make room, or set XDG_CACHE_HOME to another folder"
        )


def _keep(large: Large, folder: Path) -> None:
    """Read a data set, and keep it in a new folder."""
    with tempfile.TemporaryDirectory(".tmp", f"{folder.name}-", folder.parent, True) as name:
        draft = Path(name)
        arrays, note = _read(large, draft)
        content = safetensors.numpy.save(arrays, {"note": json.dumps(note)})
        (draft / "parts").write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("images", "parts"):  # the parts last, since these say that all is there
            (draft / file).replace(folder / file)


class _Part(NamedTuple):
    """The images of a part, in the order of the data set."""

    path: Path
    labels: np.ndarray  # uint8 [n]
    prints: np.ndarray  # uint64 [n]: their fingerprints

    def sample(self, rows: np.ndarray, count: int, purpose: str) -> tuple[np.ndarray, np.ndarray]:
        """A fair sample of rows int [k] of the part, and the other rows."""
        chosen = partition.sample_of(self.prints[rows], self.labels[rows], count, purpose)
        return rows[chosen], rows[~chosen]

    def arrays(self, rows: np.ndarray, name: str) -> dict[str, np.ndarray]:
        """The images and the labels of some rows, as a part of this name."""
        images = OnDisk(self.path, len(self.labels))[rows][..., None]
        return {f"{name}_images": images, f"{name}_labels": self.labels[rows]}


def _read(large: Large, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Write the images of a data set into a folder; return the small arrays, and notes."""
    train, test, note = _parts(large, folder)
    rows = np.arange(len(train.labels), dtype=np.int32)
    if test:
        given = np.arange(len(test.labels), dtype=np.int32)
        arrays = test.arrays(test.sample(given, min(TEST, len(given)), "subset")[0], "test")
        test.path.unlink()
    else:
        chosen, rows = train.sample(rows, min(TEST, len(rows) // partition.TEST), "test")
        arrays = train.arrays(chosen, "test")
    count = min(HELD_OUT, len(rows) // partition.HELD_OUT)
    held_out, rows = train.sample(rows, count, "held out")
    few, _ = train.sample(rows, min(SAMPLE, len(rows)), "sample")
    arrays |= train.arrays(held_out, "valid") | train.arrays(few, "train")
    arrays |= {"rows": rows, "labels": train.labels[rows]}
    counts = {
        part: np.bincount(arrays[name], minlength=len(note["names"])).tolist()
        for part, name in (("train", "labels"), ("test", "test_labels"))
    }
    return arrays, note | counts | {"images": len(train.labels)}


def _parts(large: Large, folder: Path) -> tuple[_Part, _Part | None, dict[str, Any]]:
    """Write the images of both parts into a folder; and what is noted of them."""
    from jaxgen.data.formats import Table  # here, so that MNIST itself needs none of it
    from jaxgen.data.sets import classes, uprightness

    said: list[str] = []
    paths = {part: folder / name for part, name in _FILES.items() if part in large.counts}
    given = _copy(large, paths, said)
    tables = [
        Table(large.name, OnDisk(paths[part], len(own)), own, part, large.names)
        for part, own in given.items()
    ]
    names, numbers = classes.numbered(tables, large.name, said.append)
    labels = [own.astype(np.uint8) for own in numbers]
    classes.check_counts(labels[0], names, large.name)
    if not are_digits(names):
        said.append(told(names))
    turn = uprightness.turn(tables[0].images, labels[0], names)
    if turn is not None:
        said.append(f"{large.name}: {turn.words}")
    digest = hashlib.sha256()
    found = [
        _Part(path, own, _finish(path, turn, digest))
        for path, own in zip(paths.values(), labels, strict=True)
    ]
    for part in found:
        digest.update(part.labels.data)
    note = {"names": names, "said": said, "sha256": digest.hexdigest()}
    return found[0], found[1] if len(found) > 1 else None, note


class _Progress:
    """Lines about the progress, on standard error, now and then."""

    def __init__(self, large: Large, home: Path):
        self._done, self._all = 0, sum(large.counts.values())
        size = f"{self._all * PIXELS / 1e9:.1f} GB"
        warn(f"reading the {self._all:,} images of {large.name} once: {size} stay in {home}")
        self._told = self._began = time.monotonic()

    def add(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._told < _TOLD:
            return
        left = (now - self._began) * (self._all / self._done - 1)
        warn(f"{self._done:,} images of {self._all:,} are read; {left / 60:.0f} min left")
        self._told = now


def _copy(large: Large, parts: dict[str, Path], said: list[str]) -> dict[str, np.ndarray]:
    """Write the images of each part to a file, with light ink; return their labels as they are."""
    labels, dark = ({part: [] for part in parts} for _ in range(2))
    progress = _Progress(large, next(iter(parts.values())).parents[1])
    with contextlib.ExitStack() as stack:
        written = {part: stack.enter_context(path.open("wb")) for part, path in parts.items()}
        for part, (images, own) in large.pieces(said.append):
            written[part].write(np.ascontiguousarray(images).data)
            labels[part].append(own)
            dark[part].append(source_images.has_dark_ink(images))
            progress.add(len(own))
    if large.may_be_dark:
        masks = {part: source_images.to_invert(np.concatenate(dark[part])) for part in parts}
        for part, path in parts.items():
            _invert(path, masks[part])
        if count := sum(int(mask.sum()) for mask in masks.values()):
            said.append(f"{count:,} images of {large.name} have dark ink: inverted")
    return {part: np.concatenate(own) for part, own in labels.items()}


def _invert(path: Path, mask: np.ndarray) -> None:
    """Invert the images of a file where a mask, bool [n], is true."""

    def change(images: np.ndarray, start: int) -> np.ndarray:
        rows = mask[start : start + len(images), None, None]
        return np.where(rows, 255 - images, images)

    if mask.any():
        _change(path, change)


def _finish(path: Path, turn: Callable | None, digest: "hashlib._Hash") -> np.ndarray:
    """Turn the images of a file upright, and add them to a digest; returns their fingerprints."""
    prints = []

    def look(images: np.ndarray, start: int) -> np.ndarray | None:
        upright = images if turn is None else turn(images)
        digest.update(upright.data)
        prints.append(populations.fingerprints(upright[..., None]))
        return None if turn is None else upright

    _change(path, look)
    return np.concatenate(prints)


def _change(path: Path, change: Callable[[np.ndarray, int], np.ndarray | None]) -> None:
    """Replace the images uint8 [k, 28, 28] of a file, piece by piece, by what ``change`` makes of
    them and the number of the first; None leaves them."""
    with path.open("r+b") as file:
        start = 0
        while content := file.read(PIECE * PIXELS):
            images = np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE)
            changed = change(images, start)
            if changed is not None:
                file.seek(start * PIXELS)
                file.write(np.ascontiguousarray(changed).data)
            start += len(images)
            file.seek(start * PIXELS)
