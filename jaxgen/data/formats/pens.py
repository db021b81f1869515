"""Strokes of a pen, drawn as images in MNIST's form: pendigits, InkML and SVG."""

import io
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from jaxgen import extras
from jaxgen.data import strokes
from jaxgen.data.formats.table import Table, part_of

WIDTH = 2.8  # pixels of a digit of 20
_FINE = 8  # the canvas, times the size of a digit
_CURVE = 16  # straight pieces of a curve
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

Lines = Sequence[np.ndarray]  # of one image: each stroke [points, (x, y)]


def drawn(images: Sequence[Lines], is_up: bool = False) -> np.ndarray:
    """Draw strokes with a pen of MNIST's width, 20 pixels along the longer edge with the pen: uint8
    [n, 28, 28]. With ``is_up`` the y axis points up."""
    return np.concatenate([_drawn(lines, is_up)[None] for lines in images])


def smooth(points: np.ndarray) -> np.ndarray:
    """The way of a pen [n, (x, y)] through few points: a centripetal cubic spline."""
    from scipy import interpolate

    apart = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points = points[np.concatenate([[True], apart > 0])]
    if len(points) < 3:
        return points
    times = np.concatenate([[0], np.cumsum(np.sqrt(apart[apart > 0]))])
    spline = interpolate.CubicSpline(times, points, bc_type="natural")
    return spline(np.linspace(0, times[-1], _CURVE * len(points)))


def _drawn(lines: Lines, is_up: bool) -> np.ndarray:
    from PIL import Image, ImageDraw

    points = np.concatenate(lines).astype(float)
    low, high = points.min(0), points.max(0)
    room = (strokes.LONGER - WIDTH) * _FINE
    scale = room / max(float((high - low).max()), 1e-9)
    radius = WIDTH * _FINE / 2
    size = strokes.LONGER * _FINE
    canvas = Image.new("L", (size, size))
    draw = ImageDraw.Draw(canvas)
    for line in lines:
        placed = (line - low) * scale + radius
        if is_up:
            placed[:, 1] = (high - low)[1] * scale + 2 * radius - placed[:, 1]
        if len(placed) > 1:
            draw.line(placed.ravel().tolist(), fill=255, width=round(2 * radius))
        for box in np.concatenate([placed - radius, placed + radius], 1).tolist():
            draw.ellipse(box, fill=255)  # round corners and ends
    ink = np.asarray(canvas, np.float32) / 255
    across = np.flatnonzero(ink.any(0))
    down = np.flatnonzero(ink.any(1))
    return strokes.centred(ink[down[0] : down[-1] + 1, across[0] : across[-1] + 1])[..., 0]


def inkml(content: bytes, name: str) -> list[Table]:
    """An InkML file of one character (W3C 2011): traces of x y, with commas between points, and a
    truth as annotation."""
    root = _xml(content)
    lines, truth = [], None
    for element in root.iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "trace" and element.text:
            rows = [list(map(float, _NUMBER.findall(p)[:2])) for p in element.text.split(",")]
            lines.append(np.array([row for row in rows if len(row) == 2]).reshape(-1, 2))
        if tag == "annotation" and element.get("type") in ("truth", "label") and element.text:
            truth = element.text.strip()
    lines = [line for line in lines if len(line)]
    if not lines:
        raise ValueError("it has no traces")
    labels = None if truth is None else np.array([truth])
    return [Table(name, drawn([lines]), labels, part_of(name), said=("strokes, drawn",))]


def svg(content: bytes, name: str) -> list[Table]:
    """An SVG file of one character, whose shapes are strokes of a pen."""
    extras.require("SVG", "svgelements", "svgelements")
    import svgelements

    _xml(content)  # checks it
    lines = []
    for shape in svgelements.SVG.parse(io.BytesIO(content)).select(_is_shape):
        for stroke in svgelements.Path(shape).as_subpaths():
            pieces = [part for part in stroke if not isinstance(part, svgelements.Move)]
            points = [part.point(t) for part in pieces for t in _places(part)]
            if points:
                lines.append(np.array([(point.x, point.y) for point in points]))
    if not lines:
        raise ValueError("it has no strokes")
    return [Table(name, drawn([lines]), None, part_of(name), said=("strokes, drawn",))]


def _is_shape(element: Any) -> bool:
    import svgelements

    return isinstance(element, svgelements.Shape)


def _places(piece: Any) -> np.ndarray:
    """Where on a piece of a path points are taken."""
    import svgelements

    is_straight = isinstance(piece, svgelements.Line | svgelements.Close)
    return np.linspace(0, 1, 2 if is_straight else _CURVE + 1)


def _xml(content: bytes) -> ElementTree.Element:
    if b"<!ENTITY" in content:
        raise ValueError("it defines entities, which no drawing needs")
    try:
        return ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise ValueError(f"{error}") from None
