"""The digits of photographed or scanned pages, brought to MNIST's form, with what is doubtful."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from jaxgen.arrays import NO_DIGIT, SIDE
from jaxgen.data import pictures
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_float
from jaxgen.paper import page as pages

_LEAST = 20  # pixels: the height of a digit that can be read well
_DARK = 0.15  # the range of greys of a photograph that is too dark or too pale
_BLURRED = 0.12  # of the range of greys: the steepest step of a blurred photograph
_OVERVIEW = 1600  # pixels along the longer edge, at most
_SURE, _DOUBTFUL = (32, 84, 168), (200, 60, 20)  # colours of frames


class Found(NamedTuple):
    """The digits of pages, in reading order."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    labels: np.ndarray  # int32 [n]: what the judge reads; NO_DIGIT where that is doubtful
    doubts: list[str]  # in words; empty where there is none
    overviews: list[np.ndarray]  # of each page, uint8 [h, w, 3], every digit framed and numbered


def read(greys: Iterable[np.ndarray], name: str) -> Found:
    """Find and read the digits of pages, uint8 [h, w]. Raises UserError, which calls the file
    ``name``, for a page without digits."""
    read_pages = []
    for number, grey in enumerate(greys, 1):
        page = pages.read(grey)
        if not page.cuts:
            raise UserError(f"page {number} of {name} {_why_nothing(page.grey)}")
        read_pages.append(page)
    cuts = [cut for page in read_pages for cut in page.cuts]
    images = np.stack([pictures.from_ink(cut.ink)[0] for cut in cuts])
    probabilities = judge.probabilities(judge.load(), to_float(images))
    labels, sure = probabilities.argmax(1), probabilities.max(1)
    doubts = []
    for cut, label, share in zip(cuts, labels, sure, strict=True):
        reasons = [cut.doubt] if cut.doubt else []
        if share < judge.SURE:
            reasons.append(f"the judge is only {share:.0%} sure that it is {label}")
        if (height := max(cut.box[2] - cut.box[0], cut.box[3] - cut.box[1])) < _LEAST:
            reasons.append(f"it is only {height} pixels high")
        doubts.append(", ".join(reasons))
    labels = np.where([bool(doubt) for doubt in doubts], NO_DIGIT, labels).astype(np.int32)
    overviews, start = [], 0
    for page in read_pages:
        overviews.append(_overview(page, doubts, start))
        start += len(page.cuts)
    return Found(images, labels, doubts, overviews)


def _why_nothing(grey: np.ndarray) -> str:
    """Why a page has no digits, and what helps, in words."""
    low, high = np.percentile(grey, [2, 98]) / 255
    if high - low < _DARK:
        return "is one grey, too dark or too pale: photograph it with more light, from one side"
    step = np.abs(np.diff(ndimage.uniform_filter(grey.astype(np.float32) / 255, 3), axis=1))
    if np.percentile(step, 99.9) < _BLURRED * (high - low):
        return "is blurred: hold the camera still, and let it focus on the paper"
    return "shows no digits: let dark digits on light paper fill the picture"


def _overview(page: pages.Page, doubts: list[str], start: int) -> np.ndarray:
    """A page with each digit framed and numbered, from ``start``; doubtful ones in another colour
    and with a thicker frame."""
    image = Image.fromarray(page.grey).convert("RGB")
    scale = min(1, _OVERVIEW / max(image.size))
    image = image.resize([round(scale * edge) for edge in image.size])
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(11, SIDE // 2))
    for number, cut in enumerate(page.cuts, start):
        top, left, bottom, right = (scale * edge for edge in cut.box)
        colour, wide = (_DOUBTFUL, 3) if doubts[number] else (_SURE, 1)
        pen.rectangle([left - 4, top - 4, right + 4, bottom + 4], outline=colour, width=wide)
        pen.text((left - 4, top - 6), f"{number}", fill=colour, font=font, anchor="lb")
    return np.asarray(image)
