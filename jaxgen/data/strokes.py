"""The ink of a digit in a picture: separated from the paper, measured, and placed as in MNIST.

Pictures are float32 [h, w]; in a picture called ink, paper is 0 and the clearest stroke 1.
"""

import math

import numpy as np

from jaxgen.data.split import SIDE

LONGER = 20  # pixels along the longer edge of a digit of MNIST
_LEAST_CONTRAST = 16 / 255  # of ink
_FAINT = 0.1  # of the contrast of ink; less is paper
_SPECK = 0.03  # of the size of the largest piece of ink; smaller pieces are dirt
_ROUGH = 224  # pixels along an edge of the reduced picture that tells ink from grain


def is_digit(grey: np.ndarray) -> bool:
    """Whether a picture [h, w] has MNIST's form, within what models draw."""
    if grey.shape != (SIDE, SIDE) or np.median(_border(grey)) > _FAINT or grey.max() < 0.5:
        return False
    longer = max(np.ptp(axis) + 1 for axis in np.nonzero(grey > _FAINT))
    off = np.abs(_middle(grey) - SIDE / 2).max()
    return bool(16 <= longer <= 24 and off <= 2)


def extract(grey: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the ink of a picture [h, w], cropped, and whether it is dark in the picture. Raises
    ValueError, which says why, where there is no ink."""
    from skimage import measure, morphology, transform

    light = grey - _paper(grey)
    times = math.ceil(max(grey.shape) / _ROUGH)
    rough = transform.downscale_local_mean(light, times)  # with less noise
    is_dark = bool(-rough.min() > rough.max())
    light, rough = (-light, -rough) if is_dark else (light, rough)
    high = float(rough.max())
    if high < _LEAST_CONTRAST:
        raise ValueError("nothing: all of it is one grey, but a digit needs ink")
    ink, rough = (light / high).clip(max=1), rough / high
    mask = rough > _grain(rough)
    if np.ptp(_border(rough)) > 0:  # the paper has grain, and may have specks
        pieces = np.asarray(measure.label(mask))
        sizes = np.bincount(pieces.ravel())
        sizes[0] = 0
        mask &= (sizes >= _SPECK * sizes.max())[pieces]
    mask = morphology.dilation(mask, np.ones((3, 3)))
    height, width = grey.shape
    mask = mask.repeat(times, 0).repeat(times, 1)[:height, :width]
    ink = np.where(mask & (ink > _grain(ink)), ink, 0)
    if not ink.any():
        raise ValueError("nothing that is clearer than its grain: a digit needs ink")
    return _cropped(ink), is_dark


def _paper(grey: np.ndarray) -> np.ndarray:
    """The grey of the paper, also below the ink: [h, w], a plane through the grey of the border,
    because light may come from one side."""
    height, width = grey.shape
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(down), down, across], 2)  # [h, w, 3]
    rim, rim_basis = _border(grey), _border(basis)
    plane = np.array([np.median(rim), 0, 0], np.float32)
    for _ in range(5):
        errors = abs(rim - rim_basis @ plane)
        near = errors <= 3 * np.median(errors)  # the others are ink that touches the border
        plane = np.linalg.lstsq(rim_basis[near], rim[near], rcond=None)[0]
    return basis @ plane


def _grain(ink: np.ndarray) -> float:
    """The threshold in ink [h, w] of contrast 1 below which a pixel may be grain of the paper."""
    deviation = 1.5 * float(np.median(abs(_border(ink))))  # standard deviation of normal grain
    return min(max(_FAINT, 4 * deviation), 0.5)


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
