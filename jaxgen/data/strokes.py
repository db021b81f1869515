"""The ink of a digit: measured, and placed as in MNIST.

Pictures are float32 [h, w]; in a picture called ink, paper is 0 and the clearest stroke 1.
"""

import numpy as np

from jaxgen.data.split import SIDE
from jaxgen.paper import ink as paper

LONGER = 20  # pixels along the longer edge of a digit of MNIST
_FAINT = 0.1  # of the contrast of ink; less is paper


def is_digit(grey: np.ndarray) -> bool:
    """Whether a picture [h, w] has MNIST's form, within what models draw."""
    if grey.shape != (SIDE, SIDE) or np.median(_border(grey)) > _FAINT or grey.max() < 0.5:
        return False
    longer = max(np.ptp(axis) + 1 for axis in np.nonzero(grey > _FAINT))
    off = np.abs(_middle(grey) - SIDE / 2).max()
    return bool(16 <= longer <= 24 and off <= 2)


def extract(grey: np.ndarray) -> paper.Separated:
    """The ink of a picture [h, w] of one digit, cropped. Raises ValueError, which says why, where
    there is none."""
    found = paper.separate(grey)
    return found._replace(ink=_cropped(found.ink))


def count_digits(ink: np.ndarray) -> int:
    """How many digits lie side by side in ink [h, w] that is wider than high: pieces nearly as tall
    as the tallest, whose middles are half its height or more apart.

    None of 5,000 digits of MNIST counts as two; 93 % of pairs of them, 1 to 8 pixels apart, do.
    """
    from skimage import measure, morphology, transform

    height, width = ink.shape
    if width < 1.1 * height:
        return 1
    small = transform.resize_local_mean(ink, (LONGER, round(width * LONGER / height)))
    mask = morphology.closing(np.pad(small > 0.3 * small.max(), 2), np.ones((3, 3)))
    pieces = measure.regionprops(measure.label(mask))
    boxes = np.array([piece.bbox for piece in pieces])  # [n, 4]: top, left, bottom, right
    tall = boxes[:, 2] - boxes[:, 0]
    middles = np.sort(boxes[tall >= 0.6 * tall.max()][:, [1, 3]].mean(1))
    return 1 + int(np.count_nonzero(np.diff(middles) >= 0.5 * tall.max()))


def width(ink: np.ndarray) -> float:
    """The width of the strokes in ink [h, w], in pixels of a digit of 20: twice the area over the
    length of the outline."""
    from skimage import measure

    if max(ink.shape) > 4 * LONGER:  # without roughness
        ink = _resized(ink, 4 * LONGER)
    mask = np.pad(ink > 0.5, 1)
    outline = max(measure.perimeter_crofton(mask, directions=2), 1)
    return 2 * np.count_nonzero(mask) / outline * LONGER / max(ink.shape)


def thickened(ink: np.ndarray, more: float) -> np.ndarray:
    """Ink [h, w] with strokes that are wider by ``more`` pixels of a digit of 20."""
    from skimage import morphology

    fine = 8  # times the size of a digit of 20
    steps = max(1, round(more * fine / 2))
    padded = np.pad(_resized(ink, LONGER * fine), steps)
    return _cropped(morphology.dilation(padded, morphology.disk(steps)))


def centred(ink: np.ndarray) -> np.ndarray:
    """Return ink [h, w] as an image uint8 [28, 28, 1]: 20 pixels along its longer edge, its centre
    of mass in the middle, its brightest pixel white."""
    small = _resized(ink, LONGER)
    top, left = (
        min(max(round(SIDE / 2 - middle), 0), SIDE - edge)
        for middle, edge in zip(_middle(small), _cropped(small).shape, strict=True)
    )
    image = np.roll(np.pad(small, (0, SIDE - LONGER)), (top, left), (0, 1))
    return np.rint(255 * image / image.max()).astype(np.uint8)[..., None]


def _resized(ink: np.ndarray, side: int) -> np.ndarray:
    """Ink [h, w] with its longer edge scaled to ``side``, at the upper left of [side, side]."""
    from skimage import transform

    longer, (height, width) = max(ink.shape), ink.shape
    square = np.pad(ink, ((0, longer - height), (0, longer - width)))
    return transform.resize_local_mean(square, (side, side))


def _cropped(ink: np.ndarray) -> np.ndarray:
    down, across = np.nonzero(ink)
    return ink[down.min() : down.max() + 1, across.min() : across.max() + 1]


def _middle(image: np.ndarray) -> np.ndarray:
    """The centre of mass, down and across, in pixels from the centre of the first pixel."""
    return np.array([np.average(np.indices(image.shape)[axis], weights=image) for axis in (0, 1)])


def _border(picture: np.ndarray) -> np.ndarray:
    """The pixels [n, ...] along the edges of a picture [h, w, ...]."""
    edge = max(1, min(picture.shape[:2]) // 50)
    parts = picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]
    return np.concatenate([part.reshape(-1, *picture.shape[2:]) for part in parts])
