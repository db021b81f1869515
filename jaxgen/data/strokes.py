"""The strokes of a digit in a picture: told from the paper, measured, and laid as MNIST's are.

Pictures are float32 [h, w]; where they are called ink, paper is 0 and the clearest stroke 1.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

from jaxgen.data.split import SIDE

LONGER = 20  # pixels along the longer edge of a digit of MNIST
FAINT = 0.1  # of the contrast of ink: what is less is paper

RESAMPLE = Image.Resampling.BOX
_SPECK = 0.03  # of the largest piece of ink: what is less is dirt


def is_digit(grey: np.ndarray) -> bool:
    """Whether a picture [h, w] has MNIST's form, with some room for what models draw."""
    if grey.shape != (SIDE, SIDE) or np.median(border(grey)) > FAINT or grey.max() < 0.5:
        return False
    longer = max(np.ptp(axis) + 1 for axis in np.nonzero(grey > FAINT))
    off = max(abs(place - SIDE / 2) for place in middle(grey))
    return bool(16 <= longer <= 24 and off <= 2)


def paper(grey: np.ndarray) -> np.ndarray:
    """The grey that paper has where the ink is: a plane through that of the border, since light
    falls from a side."""
    height, width = grey.shape
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    rim = border(grey)
    plane = np.array([np.median(rim), 0, 0])
    places = np.stack([np.ones_like(rim), border(down), border(across)], 1)
    for _ in range(5):
        off = abs(rim - places @ plane)
        near = off <= 3 * np.median(off)  # what is further off is ink that touches the border
        plane = np.linalg.lstsq(places[near], rim[near], rcond=None)[0]
    return (plane[0] + plane[1] * down + plane[2] * across).astype(np.float32)


def without_paper(ink: np.ndarray) -> np.ndarray:
    """Ink [h, w], of contrast 1, with 0 where it is no clearer than the grain of the border."""
    return np.where(ink > _faint(ink), ink, 0)


def mask(rough: np.ndarray, times: int, shape: tuple[int, ...]) -> np.ndarray:
    """Where there is ink, bool of ``shape``, judged by a picture that many times smaller: all of it
    but specks, if the paper has grain."""
    from scipy import ndimage

    there = rough > _faint(rough)
    if np.ptp(border(rough)) > 0:
        pieces = np.zeros(there.shape, np.int32)
        ndimage.label(there, np.ones((3, 3)), output=pieces)
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        there &= (sizes >= _SPECK * sizes.max())[pieces]
    there = ndimage.binary_dilation(there, np.ones((3, 3)))
    return there.repeat(times, 0).repeat(times, 1)[: shape[0], : shape[1]]


def count(ink: np.ndarray) -> int:
    """How many digits lie side by side in ink [h, w]: pieces, most of them nearly as tall as the
    tallest, with middles at least half its height apart, where all is wider than high.

    Of 5,000 digits of MNIST none counts as two, of pairs of them 1 to 8 pixels apart 93 % do.
    """
    from scipy import ndimage

    height, width = ink.shape
    if width < 1.1 * height:
        return 1
    size = round(width * LONGER / height), LONGER
    small = np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, RESAMPLE))
    there = ndimage.binary_closing(np.pad(small > 0.3 * small.max(), 2), np.ones((3, 3)))
    pieces = np.zeros(there.shape, np.int32)
    ndimage.label(there, np.ones((3, 3)), output=pieces)
    boxes = [(rows.stop - rows.start, columns) for rows, columns in ndimage.find_objects(pieces)]
    tallest = max(tall for tall, _ in boxes)
    middles = sorted((c.start + c.stop) / 2 for tall, c in boxes if tall >= 0.6 * tallest)
    return 1 + int(np.count_nonzero(np.diff(middles) >= 0.5 * tallest))


def width(ink: np.ndarray) -> float:
    """How wide strokes are, in pixels: twice the area over the length of the outline."""
    there = np.pad(ink > 0.5, 1)
    outline = sum(np.count_nonzero(np.diff(there, axis=axis)) for axis in (0, 1))
    # An outline counted in steps along both axes is 4 / pi times too long.
    return 2 * np.count_nonzero(there) / max(outline * np.pi / 4, 1)


def thickened(ink: np.ndarray, more: float) -> np.ndarray:
    """Ink [h, w] with strokes that are wider, by so many pixels of a digit of 20."""
    fine = 8  # times that size
    small = Image.fromarray(ink.astype(np.float32))
    longer = max(ink.shape)
    height, width = (max(1, round(edge * LONGER * fine / longer)) for edge in ink.shape)
    small = np.asarray(small.resize((width, height), Image.Resampling.BILINEAR))
    steps = max(1, round(more * fine / 2))
    padded = Image.fromarray(np.rint(255 * np.pad(small / small.max(), steps)).astype(np.uint8))
    return np.asarray(padded.filter(ImageFilter.MaxFilter(2 * steps + 1)), np.float32) / 255


def cropped(ink: np.ndarray) -> np.ndarray:
    down, across = np.nonzero(ink)
    return ink[down.min() : down.max() + 1, across.min() : across.max() + 1]


def fitted(ink: np.ndarray) -> np.ndarray:
    """Bring ink [h, w] to 20 pixels along its longer edge, at one scale along both."""
    edges = np.array(ink.shape)
    scale = LONGER / edges.max()
    # A quarter of a pixel over a whole number is let go; for more there is one pixel more, which is
    # paper in part.
    height, width = (max(1, math.ceil(edge * scale - 0.25)) for edge in edges)
    box = np.array([height, width]) / scale
    margin = np.ceil(np.maximum(box - edges, 0) / 2).astype(int)
    top, left = margin + (edges - box) / 2
    picture = Image.fromarray(np.pad(ink, [(m, m) for m in margin]).astype(np.float32))
    region = (left, top, left + box[1], top + box[0])
    return np.asarray(picture.resize((width, height), RESAMPLE, box=region)).clip(0)


def placed(small: np.ndarray) -> np.ndarray:
    """Put ink [h, w] into an image uint8 [28, 28, 1], its centre of mass in the middle."""
    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    top, left = (
        min(max(round(SIDE / 2 - place), 0), SIDE - edge)
        for place, edge in zip(middle(small), small.shape, strict=True)
    )
    height, width = small.shape
    image[top : top + height, left : left + width, 0] = np.rint(255 * small / small.max())
    return image


def middle(image: np.ndarray) -> tuple[float, float]:
    """The centre of mass, down and across, in pixels from the middle of the first."""
    mass, (height, width) = image.sum(), image.shape
    down, across = image.sum(1) @ np.arange(height), image.sum(0) @ np.arange(width)
    return float(down / mass), float(across / mass)


def border(picture: np.ndarray) -> np.ndarray:
    edge = max(1, min(picture.shape) // 50)
    parts = picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]
    return np.concatenate([part.ravel() for part in parts])


def _faint(ink: np.ndarray) -> float:
    grain = 1.5 * np.median(abs(border(ink)))  # its standard deviation, were it normal
    return min(max(FAINT, 4 * float(grain)), 0.5)
