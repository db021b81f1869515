"""The images of a data set at 28 x 28: handwriting in MNIST's form, other images scaled."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxgen.data import formats, pictures, strokes
from jaxgen.data import source_images as sizes
from jaxgen.data.formats import ParquetImages, Table
from jaxgen.data.large import PIECE
from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

_LOOKED_AT = 200  # images, to say what they are
_DECIDED = 2000  # images of many, which say how all are brought to 28 x 28
_LARGE = 64  # pixels along an edge: larger pictures of characters are photographs and scans


def _named(table: Table, start: int = 0) -> Iterator[tuple[str, bytes]]:
    """The contents of image files, each with what errors call it."""
    for index, content in enumerate(table.images, start):
        yield f"image {index} of {table.name}", content


def _sample(table: Table) -> Any:
    """Some of the images of a table, from all over it."""
    images = table.images
    if not isinstance(images, ParquetImages):
        return images[:: max(1, len(images) // _DECIDED)]
    with formats.errors(table.name):
        return images.sample(_DECIDED)[1]


def _pieces(table: Table) -> Iterator[Any]:
    """The images of a table, piece by piece."""
    images = table.images
    if not isinstance(images, ParquetImages):
        yield from (images[start : start + PIECE] for start in range(0, len(images), PIECE))
        return
    with formats.errors(table.name):
        yield from images.pieces(PIECE)


class Bringer:
    """Brings the images of all tables of a data set to 28 x 28, in the same way. ``names`` are
    those of its classes: photographs and scans are of handwriting if these are characters."""

    def __init__(self, path: str, names: tuple[str, ...], say: Callable[[str], None]):
        self._path, self._say = path, say
        self._of_characters = all(len(name) == 1 for name in names)
        self._range: tuple[float, float] | None = None  # of the first table
        self._said: set[str] = set()

    def of(self, table: Table) -> np.ndarray:
        """The images uint8 [n, 28, 28]."""
        table = formats.in_memory(table)
        if self._are_photographs(table):
            return self._decoded(table)
        greys = self._greys(table)
        return self._form_of(table.name, greys)(greys)

    def pieces(self, table: Table) -> Iterator[np.ndarray]:
        """The images piece by piece, all in the way that a sample of them asks for."""
        some = table._replace(images=_sample(table))
        are_photographs = self._are_photographs(some)
        form = None if are_photographs else self._form_of(table.name, self._greys(some))
        start = 0
        for images in _pieces(table):
            piece = table._replace(images=images)
            if form is None:
                yield self._decoded(piece, start)
            else:
                yield form(self._greys(piece, start, self._range))
            start += len(images)

    def _are_photographs(self, table: Table) -> bool:
        """Whether the images are photographs and scans of characters."""
        if not (isinstance(table.images, list) and self._of_characters):
            return False
        return any(pictures.longer_edge(content, name) > _LARGE for name, content in _named(table))

    def _decoded(self, table: Table, start: int = 0) -> np.ndarray:
        """Photographs and scans as characters of MNIST's form: uint8 [n, 28, 28]."""
        changes: Counter[str] = Counter()
        found = np.empty((len(table.images), SIDE, SIDE), np.uint8)
        for row, (name, content) in zip(found, _named(table, start), strict=True):
            image, words = pictures.decode(content, name)
            row[:] = image[..., 0]
            changes.update(words)
        told = [f"{n} {word}" for word, n in changes.items() if not word.endswith("unchanged")]
        if told:
            self._say(f"images of files:{self._path}: {', '.join(told)}")
        return found

    def _greys(
        self, table: Table, start: int = 0, ends: tuple[float, float] | None = None
    ) -> list[np.ndarray]:
        """The images uint8 [h, w] of one size or of several, which begin with row ``start`` of a
        table; ``ends`` are the darkest and the lightest value of pixels, if these are known."""
        if isinstance(table.images, list):
            return [pictures.grey_of(content, name) for name, content in _named(table, start)]
        images = colours_last(table.name, table.images)
        sizes.require(table.name, images.shape[1:3])
        name = f"{table.name}, from row {start + 1} on," if start else table.name
        ends = self._ends_of(name, images) if ends is None else ends
        return list(_grey(_in_range(name, images, ends)))

    def _form_of(self, name: str, greys: list[np.ndarray]) -> "_Form":
        """How such images are brought to 28 x 28."""
        images = _stacked(greys)
        dark = bool(sizes.has_dark_ink(images).mean() > 0.5)
        if dark:
            self._tell("dark ink: inverted")
            images = 255 - images
        height, width = images.shape[1:]
        shapes = {grey.shape for grey in greys}
        size = f"{width} x {height}" if len(shapes) == 1 else f"of {len(shapes)} sizes"
        is_small = shapes == {(SIDE, SIDE)}
        if not is_handwriting(images):
            if not is_small:
                self._tell(f"{size} scaled to {SIDE} x {SIDE}")
            return _Form(name, dark, centres=False)
        if is_small and is_in_form(images):
            return _Form(name, dark, centres=False)
        self._tell(f"{size} brought to MNIST's form")
        return _Form(name, dark, centres=True)

    def _tell(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(f"images of {self._path}: {words}")

    def _ends_of(self, name: str, images: np.ndarray) -> tuple[float, float]:
        """The darkest and the lightest value that pixels can have: as in the first table."""
        low, high = float(images.min()), float(images.max())
        if images.dtype.kind == "f" and high > 1 and low >= 0:
            most = images.reshape(len(images), -1).max(1)
            small = np.flatnonzero((most > 0) & (most <= 1))
            if len(small) and np.median(most) > 16:
                raise UserError(
                    f"{name} has pixels from 0 to 1 in row {small[0] + 1} and up to {high:g} in "
                    "others: give all of them in one range"
                )
        ends = range_of(name, low, high, images.dtype.kind in "biu")
        if self._range is None:
            self._range = ends
        elif self._range != ends and high > 0:
            raise UserError(
                f"{name} has pixels from {ends[0]:g} to {ends[1]:g}, where the first file has "
                f"{self._range[0]:g} to {self._range[1]:g}: give all of them in one range"
            )
        return ends


def _in_range(name: str, images: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """Images with pixels between two ends as uint8 of the full range."""
    start, end = ends
    if images.min() < start or images.max() > end:
        raise UserError(
            f"{name} has pixels from {images.min():g} to {images.max():g}, where others are from "
            f"{start:g} to {end:g}: give all of them in one range"
        )
    if ends == (0, 255) and images.dtype == np.uint8:
        return images
    scaled = np.empty(images.shape, np.uint8)
    for block in range(0, len(images), 10_000):
        part = images[block : block + 10_000].astype(np.float32)
        scaled[block : block + 10_000] = np.rint(255 * (part - start) / (end - start))
    return scaled


def colours_last(name: str, images: np.ndarray) -> np.ndarray:
    """Images [n, h, w] or with an axis of colours as [n, h, w, colours]; [n, pixels] are squares.
    Raises UserError for arrays of other shapes."""
    shape = images.shape
    if images.dtype.kind not in "biuf":
        raise UserError(f"{name} has images of the type {images.dtype}: give numbers")
    if images.ndim == 2 and (side := round(images.shape[1] ** 0.5)) ** 2 == images.shape[1]:
        images = images.reshape(-1, side, side)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4) and images.shape[1] in (1, 3, 4):
        images = images.transpose(0, 2, 3, 1)
    if images.ndim != 4 or images.shape[3] not in (1, 3, 4) or not images.size:
        raise UserError(f"{name} has images of the shape {shape}: it must be (n, h, w)")
    return images


def range_of(name: str, low: float, high: float, whole: bool) -> tuple[float, float]:
    """The darkest and the lightest value that pixels from ``low`` to ``high`` can have."""
    if low >= 0 and high <= 1 and not (whole and high == 0):
        return 0, 1
    if low >= 0 and high <= 16:  # optdigits and scikit-learn's digits
        return 0, 16
    if low >= 0 and high <= 255:
        return 0, 255
    if low >= -1 and high <= 1 and not whole:
        return -1, 1
    if low >= 0 and high <= 65535 and whole:
        return 0, 65535
    raise UserError(
        f"{name} has pixels from {low:g} to {high:g}: they must be from 0 to 1, from -1 to 1 or "
        "from 0 to 255"
    )


def _grey(images: np.ndarray) -> np.ndarray:
    """Images uint8 [n, h, w, colours] without colours."""
    if images.shape[3] == 1:
        return np.ascontiguousarray(images[..., 0])
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    blocks = [images[i : i + 10_000, ..., :3] @ weights for i in range(0, len(images), 10_000)]
    return np.rint(np.concatenate(blocks)).astype(np.uint8)


def _stacked(greys: list[np.ndarray]) -> np.ndarray:
    """Images uint8 [h, w] as [n, h, w]; of several sizes, each on paper of its own grey."""
    if len({grey.shape for grey in greys}) == 1:
        return np.stack(greys)
    height, width = np.max([grey.shape for grey in greys], axis=0).tolist()
    found = np.empty((len(greys), height, width), np.uint8)
    for row, grey in zip(found, greys, strict=True):
        row[:] = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
        row[: grey.shape[0], : grey.shape[1]] = grey
    return found


class _Form(NamedTuple):
    """How images are brought to 28 x 28."""

    name: str  # what errors call them
    dark: bool  # their ink
    centres: bool  # into MNIST's form, and not only to its size

    def __call__(self, greys: list[np.ndarray]) -> np.ndarray:
        """Images uint8 [h, w] as uint8 [n, 28, 28]."""
        if self.dark:
            greys = [255 - grey for grey in greys]
        return in_form(_stacked(greys)) if self.centres else sizes.fit(self.name, greys)[..., 0]


def is_handwriting(images: np.ndarray) -> bool:
    """Whether most of some images uint8 [n, h, w] are thin strokes on black, as handwriting is, and
    clothes and photographs are not."""
    from scipy import ndimage

    edge = round(max(images.shape[1:]) / 4) + 1  # wider than strokes
    window, shares = np.ones((edge, edge)), []
    for image in images[:: max(1, len(images) // _LOOKED_AT)]:
        ink = image > 0.2 * max(int(image.max()), 1)
        wide = ndimage.binary_opening(np.pad(ink, edge), window)
        black = (image < 40).mean()
        shares.append(black > 0.35 and wide.sum() < 0.25 * ink.sum())
    return bool(np.mean(shares) > 0.5)


def is_in_form(images: np.ndarray) -> bool:
    """Whether images uint8 [n, 28, 28] are as large and as much in the middle as those of MNIST and
    of its kin, taken together."""
    some = images[:: max(1, len(images) // _LOOKED_AT)].astype(float)
    some = some[some.max((1, 2)) > 40]
    if not len(some):
        return True
    longer = [max(np.ptp(axis) + 1 for axis in np.nonzero(image > 40)) for image in some]
    places = np.arange(SIDE) + 0.5
    mass = some.sum((1, 2))
    middles = [(some.sum(axis) @ places / mass).mean() for axis in (1, 2)]
    return bool(np.mean(longer) >= 16 and np.abs(np.array(middles) - SIDE / 2).max() <= 2)


def in_form(images: np.ndarray) -> np.ndarray:
    """Bring images uint8 [n, h, w] of light ink to MNIST's form: uint8 [n, 28, 28]. Small images
    become larger by cubic splines."""
    from skimage import transform

    found = np.zeros((len(images), SIDE, SIDE), np.uint8)
    for row, image in zip(found, images, strict=True):
        down, across = np.nonzero(image > 0.1 * image.max())
        if not len(down) or not image.max():
            continue
        ink = image[down.min() : down.max() + 1, across.min() : across.max() + 1] / np.float32(255)
        if max(ink.shape) < strokes.LONGER:
            scale = strokes.LONGER / max(ink.shape)
            shape = [max(1, round(edge * scale)) for edge in ink.shape]
            ink = np.asarray(transform.resize(ink, shape, order=3, mode="constant")).clip(0, 1)
        row[:] = strokes.centred(ink)[..., 0]
    return found
