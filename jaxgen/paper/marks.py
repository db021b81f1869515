"""Marks at the corners of a printed sheet, by which a photograph of it is straightened.

The marks are ArUco's (Garrido-Jurado et al. 2014), read by OpenCV. The number of each holds its
corner and a value, so that four marks also say what sheet it is.
"""

from typing import NamedTuple

import numpy as np
from reportlab.pdfgen.canvas import Canvas

from jaxgen import extras

SIDE = 9  # millimetres, of a mark
INSET = 7  # millimetres from the edges of the paper
FINE = 10  # pixels of a straightened sheet in a millimetre
MOST_FORMS = 100  # versions of forms; the first mark of an exercise sheet has a larger number
_MM = 72 / 25.4  # points
_CELLS = 7  # along an edge of a mark
PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}  # millimetres, wide and high


class Straightened(NamedTuple):
    """A sheet as it was printed."""

    values: tuple[int, int, int, int]  # of the marks: upper left, upper right, lower right and left
    grey: np.ndarray  # uint8 [h, w], FINE pixels in a millimetre


def draw(canvas: Canvas, paper: str, values: tuple[int, int, int, int]) -> None:
    """Draw the four marks on a page."""
    cv2 = _opencv()
    high = PAPERS[paper][1]
    cell = SIDE / _CELLS
    canvas.setFillGray(0)
    for corner, (value, (x, y)) in enumerate(zip(values, _places(paper), strict=True)):
        mark = cv2.aruco.generateImageMarker(_dictionary(cv2), 4 * value + corner, _CELLS)
        for row, column in zip(*np.nonzero(mark == 0), strict=True):
            left, top = x + column * cell, y + row * cell
            # A little larger than a cell, so that no gap shows between two.
            canvas.rect(
                left * _MM, (high - top - cell) * _MM, 1.01 * cell * _MM, 1.01 * cell * _MM, 0, 1
            )


def straighten(grey: np.ndarray, paper_of: int, fine: int = FINE) -> Straightened:
    """Find the marks in a photograph uint8 [h, w], and straighten the sheet to ``fine`` pixels in a
    millimetre. The mark ``paper_of`` tells the paper. Raises ValueError, which says why, where the
    marks do not show."""
    cv2 = _opencv()
    found: dict[int, tuple[int, np.ndarray]] = {}
    for times in (1, 2, 3):  # marks that are blurred or grainy show in a smaller picture
        if len(found) < 4:
            found = _found(cv2, grey, times) | found
    if len(found) < 4:
        raise ValueError(f"shows {len(found)} of the four marks at the corners of the sheet")
    values = (found[0][0], found[1][0], found[2][0], found[3][0])
    names = list(PAPERS)
    if values[paper_of] >= len(names):
        raise ValueError("has marks of another kind of sheet")
    paper = names[values[paper_of]]
    there = np.concatenate(
        [[(x, y), (x + SIDE, y), (x + SIDE, y + SIDE), (x, y + SIDE)] for x, y in _places(paper)]
    )
    here = np.concatenate([found[corner][1] for corner in range(4)])
    matrix, _ = cv2.findHomography(here, fine * there)
    size = tuple(round(fine * edge) for edge in PAPERS[paper])
    straight = cv2.warpPerspective(grey, matrix, size, flags=cv2.INTER_AREA, borderValue=255)
    return Straightened(values, straight)


def _found(cv2, grey: np.ndarray, times: int) -> dict[int, tuple[int, np.ndarray]]:
    """The marks in a picture that is reduced ``times``: by corner, the value and the places of the
    mark's corners float32 [4, 2], in pixels of the whole picture."""
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    detector = cv2.aruco.ArucoDetector(_dictionary(cv2), settings)
    size = (grey.shape[1] // times, grey.shape[0] // times)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if times > 1 else grey
    corners, numbers, _ = detector.detectMarkers(small)
    scale = np.array([grey.shape[1] / size[0], grey.shape[0] / size[1]], np.float32)
    return {
        int(number) % 4: (int(number) // 4, (points[0] + 0.5) * scale - 0.5)
        for points, number in zip(corners, [] if numbers is None else numbers.ravel(), strict=True)
    }


def _places(paper: str) -> list[tuple[float, float]]:
    """The upper left corner of each mark, in millimetres from that of the paper."""
    wide, high = PAPERS[paper]
    left, top, right, bottom = INSET, INSET, wide - INSET - SIDE, high - INSET - SIDE
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _dictionary(cv2):
    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)


def require() -> None:
    """Raise UserError where OpenCV is missing, which draws and reads the marks."""
    extras.require("a sheet with marks", "cv2", "opencv-python-headless")


def _opencv():
    require()
    import cv2

    return cv2
