"""The images of a data set at 28 x 28: handwriting in MNIST's form, other images scaled."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from jaxgen.data import pictures, strokes
from jaxgen.data import source_images as sizes
from jaxgen.data.formats import Table
from jaxgen.data.split import SIDE
from jaxgen.errors import UserError

_LOOKED_AT = 200  # images, to say what they are
_LARGE = 64  # pixels along an edge: larger pictures of characters are photographs and scans


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
        if isinstance(table.images, list):
            return self._of_files(table)
        images = colours_last(table.name, table.images)
        sizes.require(table.name, images.shape[1:3])
        return self._of_greys(table.name, list(_grey(self._in_range(table.name, images))))

    def _of_files(self, table: Table) -> np.ndarray:
        contents = {f"image {i} of {table.name}": c for i, c in enumerate(table.images)}
        edges = (pictures.longer_edge(content, name) for name, content in contents.items())
        if not (self._of_characters and any(edge > _LARGE for edge in edges)):
            greys = [pictures.grey_of(content, name) for name, content in contents.items()]
            return self._of_greys(table.name, greys)
        changes: Counter[str] = Counter()
        found = np.empty((len(contents), SIDE, SIDE), np.uint8)
        for row, (name, content) in zip(found, contents.items(), strict=True):
            image, words = pictures.decode(content, name)
            row[:] = image[..., 0]
            changes.update(words)
        told = [f"{n} {word}" for word, n in changes.items() if not word.endswith("unchanged")]
        if told:
            self._say(f"images of files:{self._path}: {', '.join(told)}")
        return found

    def _of_greys(self, name: str, greys: list[np.ndarray]) -> np.ndarray:
        """Images uint8 [h, w] of one size or of several."""
        shapes = {grey.shape for grey in greys}
        height, width = np.max([*shapes], axis=0).tolist()
        images = np.stack(greys) if len(shapes) == 1 else _padded(greys, height, width)
        images, dark = _light_ink(images)
        if dark:
            self._tell("dark ink: inverted")
            greys = [255 - grey for grey in greys]
        size = f"{width} x {height}" if len(shapes) == 1 else f"of {len(shapes)} sizes"
        is_small = shapes == {(SIDE, SIDE)}
        if not is_handwriting(images):
            if not is_small:
                self._tell(f"{size} scaled to {SIDE} x {SIDE}")
            return sizes.fit(name, images if len(shapes) == 1 else greys)[..., 0]
        if is_small and is_in_form(images):
            return images
        self._tell(f"{size} brought to MNIST's form")
        return in_form(images)

    def _tell(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._say(f"images of {self._path}: {words}")

    def _in_range(self, name: str, images: np.ndarray) -> np.ndarray:
        """Images as uint8 of the full range."""
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
        if ends == (0, 255) and images.dtype == np.uint8:
            return images
        start, end = ends
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


def _padded(greys: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """Images uint8 [h, w] of several sizes, each on paper of its own grey: [n, height, width]."""
    found = np.empty((len(greys), height, width), np.uint8)
    for row, grey in zip(found, greys, strict=True):
        row[:] = np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]))
        row[: grey.shape[0], : grey.shape[1]] = grey
    return found


def _light_ink(images: np.ndarray) -> tuple[np.ndarray, bool]:
    """Images uint8 [n, h, w] with light ink, and whether they are inverted."""
    dark = sizes.has_dark_ink(images).mean() > 0.5
    return (255 - images if dark else images), bool(dark)


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
