"""Crude digits of a few strokes, fast to make and always the same: for tests.

Each class is one or two polylines in a square from -1 to 1, x to the right and y down. A digit is
its polylines with every corner moved a little, slanted, scaled and shifted, drawn with a pen of
random width. They look like digits to a person, and a linear classifier tells them apart; results
on them say nothing about MNIST.
"""

import numpy as np

from jaxgen.classes import DIGITS
from jaxgen.data.partition import HELD_OUT
from jaxgen.data.split import SIDE, Split
from jaxgen.errors import UserError

COUNT = 2000  # training digits by default
MAX_DIGITS = 100_000  # some 8 s of drawing
_SEED = 28  # --seed does not change these digits
_FINE = 4  # times the width of an image: the canvas, averaged down for soft edges


def raw(count: int = COUNT) -> tuple[Split, Split]:
    """Return ``count`` training digits and a quarter as many test digits, of all ten equally."""
    if not HELD_OUT <= count <= MAX_DIGITS:
        raise UserError(
            f"synthetic:{count} cannot be made: ask for {HELD_OUT} to {MAX_DIGITS} digits"
        )
    return _draw(count, stream=0), _draw(-(-count // 4), stream=1)


def _draw(count: int, stream: int) -> Split:
    rng = np.random.default_rng([_SEED, stream])
    labels = rng.permutation(np.arange(count, dtype=np.int32) % len(DIGITS))
    shapes = _shapes()
    images = np.empty((count, SIDE, SIDE, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        slant, wide, high = rng.normal(0.1, 0.12), *rng.uniform(0.85, 1.1, 2)
        to_pixels = np.array([[7.0 * wide, 0.0], [-9.0 * high * slant, 9.0 * high]])
        centre = SIDE / 2 + rng.normal(0, 0.7, 2)
        lines = [
            (line + rng.normal(0, 0.05, line.shape)) @ to_pixels + centre for line in shapes[label]
        ]
        image[..., 0] = _strokes(lines, rng.uniform(2.0, 3.6))
    return Split(images, labels)


def _strokes(lines: list[np.ndarray], width: float) -> np.ndarray:
    from PIL import Image, ImageDraw  # here, so that MNIST itself needs no Pillow

    canvas = Image.new("L", (SIDE * _FINE, SIDE * _FINE))
    draw = ImageDraw.Draw(canvas)
    radius = width * _FINE / 2
    for line in lines:
        corners = line * _FINE
        draw.line(corners.ravel().tolist(), fill=255, width=round(2 * radius))
        for box in np.concatenate([corners - radius, corners + radius], axis=1).tolist():
            draw.ellipse(box, fill=255)  # round corners and ends
    return np.asarray(canvas.reduce(_FINE))


def _shapes() -> list[list[np.ndarray]]:
    """The polylines of 0 to 9, each [points, (x, y)]."""

    def arc(x: float, y: float, wide: float, high: float, start: float, stop: float) -> np.ndarray:
        angles = np.radians(np.linspace(start, stop, 9))  # 0 to the right, 90 down
        return np.stack([x + wide * np.cos(angles), y + high * np.sin(angles)], axis=1)

    def line(*points: tuple[float, float]) -> np.ndarray:
        return np.array(points)

    return [
        [arc(0, 0, 0.8, 1, -90, 270)],
        [line((-0.4, -0.6), (0.1, -1), (0.1, 1))],
        [np.concatenate([arc(0, -0.5, 0.7, 0.5, -170, 40), line((-0.8, 1), (0.8, 1))])],
        [arc(0, -0.5, 0.7, 0.5, -150, 90), arc(0, 0.5, 0.8, 0.5, -90, 150)],
        [line((0.4, 1), (0.4, -1), (-0.8, 0.4), (0.9, 0.4))],
        [
            np.concatenate(
                [line((0.7, -1), (-0.6, -1), (-0.6, -0.1)), arc(0, 0.4, 0.7, 0.6, -90, 150)]
            )
        ],
        [np.concatenate([line((0.5, -1), (-0.4, -0.3)), arc(0, 0.45, 0.65, 0.55, -180, 180)])],
        [line((-0.8, -1), (0.8, -1), (-0.2, 1))],
        [arc(0, -0.5, 0.6, 0.5, 90, 450), arc(0, 0.5, 0.75, 0.5, -90, 270)],
        [arc(0, -0.45, 0.65, 0.55, 0, -360), line((0.65, -0.45), (0.4, 1))],
    ]
