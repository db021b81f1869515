"""Digits of MNIST as the way of a pen: along the skeleton of the ink, all of it."""

from collections import deque

import numpy as np
from skimage import morphology

POINTS = 8  # of a digit of pendigits


def eight_points(image: np.ndarray) -> np.ndarray:
    """An image uint8 [28, 28] as pendigits has it: eight points at equal distances along the way, x
    and y from 0 to 100, y upwards: int [16]."""
    way = walk(image)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))])
    at = np.linspace(0, length[-1], POINTS)
    points = np.stack([np.interp(at, length, way[:, axis]) for axis in (0, 1)], 1)
    points -= points.min(0)
    points *= 100 / max(points.max(), 1)
    points[:, 1] = points[:, 1].max() - points[:, 1]
    return np.rint(points).astype(int).ravel()


def walk(image: np.ndarray) -> np.ndarray:
    """The way [n, (x, y)]: from an upper end of the skeleton straight on wherever it branches, and
    back along itself to what is left out."""
    pixels = np.argwhere(morphology.skeletonize(image > 100))
    place = {tuple(pixel): index for index, pixel in enumerate(pixels.tolist())}
    around = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    near = [
        [place[r + a, c + b] for a, b in around if (r + a, c + b) in place]
        for r, c in pixels.tolist()
    ]
    ends = [index for index, others in enumerate(near) if len(others) == 1]
    start = min(ends or range(len(pixels)), key=lambda index: pixels[index] @ (1.0, 0.3))
    seen, way, heading = {start}, [start], np.array([1.0, 0.0])
    while True:
        fresh = [index for index in near[way[-1]] if index not in seen]
        if not fresh:
            back = _way_back(way[-1], near, seen)
            if not back or len(pixels) - len(seen) < 3:
                return pixels[way][:, ::-1].astype(float)
            way += back
            continue
        steps = [pixels[index] - pixels[way[-1]] for index in fresh]
        steps = [step / np.linalg.norm(step) for step in steps]
        best = int(np.argmax([step @ heading for step in steps]))
        heading = 0.6 * heading + 0.4 * steps[best]
        seen.add(fresh[best])
        way.append(fresh[best])


def _way_back(here: int, near: list[list[int]], seen: set[int]) -> list[int]:
    """The shortest way to a pixel beside one that the pen has not seen."""
    before, queue = {here: -1}, deque([here])
    while queue:
        index = queue.popleft()
        if any(other not in seen for other in near[index]):
            way = []
            while index != here:
                way.append(index)
                index = before[index]
            return way[::-1]
        for other in near[index]:
            if other not in before:
                before[other] = index
                queue.append(other)
    return []
