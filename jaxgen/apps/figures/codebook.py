"""A codebook: the mean of the test digits where each code is used, and digits in codes."""

import numpy as np
from matplotlib.figure import Figure

from jaxgen import images
from jaxgen.apps import measuring
from jaxgen.apps.figures import drawing
from jaxgen.arrays import SIDE
from jaxgen.data import Split
from jaxgen.families.capabilities import Quantises

SHOWN = 256  # codes at most, the most frequent ones


def draw(lesson: drawing.Lesson) -> Figure:
    family = lesson.family
    assert isinstance(family, Quantises)
    test = lesson.coded()
    codes = lesson.encode(test)  # [n, 7, 7]
    counts, patches = patches_of(images.to_float(test.images[..., 0]), codes, family.quantiser.size)
    used = np.count_nonzero(counts)
    order = np.argsort(-counts, kind="stable")[: min(used, SHOWN)]
    margin = (patches.shape[1] - SIDE // codes.shape[1]) // 2
    inner = np.zeros(patches.shape[1:], bool)
    inner[margin:-margin, margin:-margin] = True
    tiles = np.where(inner, patches, 0.45 * patches)[order]

    labels = np.resize(np.unique(lesson.digits.test.labels), 6)
    shown = measuring.random_images(lesson.digits.test, labels, lesson.seed)
    grids = lesson.encode(Split(images.to_uint8(shown), labels))
    mosaics = patches[:, margin:-margin, margin:-margin][grids]  # [n, 7, 7, 4, 4]
    mosaics = mosaics.swapaxes(2, 3).reshape(shown.shape)
    decoded = lesson.decode(grids, labels.astype(np.int32))

    figure = drawing.figure(3.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    shares = counts[order] / counts.sum()
    drawing.show(
        left,
        images.grid(tiles, int(np.ceil(np.sqrt(2 * len(tiles)))), gap=1, scale=3),
        f"The mean of {len(test.labels)} test {lesson.many} where a code is used:\n"
        f"{used} of {family.quantiser.size} codes are used, {len(order)} are shown,\n"
        f"from {shares[0]:.1%} of positions to {shares[-1]:.2%}",
    )
    drawing.rows(
        right,
        np.stack([shown, mosaics, decoded]),
        [f"test {lesson.many}", "their codes,\neach as at left", "decoded"],
        f"{codes[0].size} codes an image, {family.bits:.0f} bits",
    )
    return figure


def patches_of(pixels: np.ndarray, codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each of ``size`` codes occurs in codes [n, g, g]: int [size]; and the mean of its
    cells in images [n, 28, 28], with their eight neighbours: [size, 3c, 3c], c = 28 / g."""
    cell = SIDE // codes.shape[1]
    padded = np.pad(pixels, ((0, 0), (cell, cell), (cell, cell)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3 * cell, 3 * cell), (1, 2))
    flat = windows[:, ::cell, ::cell].reshape(codes.size, -1)
    counts = np.bincount(codes.ravel(), minlength=size)
    order, used = np.argsort(codes, axis=None, kind="stable"), np.flatnonzero(counts)
    sums = np.add.reduceat(flat[order], (np.cumsum(counts) - counts)[used])
    means = np.zeros((size, flat.shape[1]), np.float32)
    means[used] = sums / counts[used, None]
    return counts, means.reshape(size, 3 * cell, 3 * cell)
