"""The digits of photographed or scanned pages, brought to MNIST's form, with what is doubtful."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxgen.arrays import SIDE
from jaxgen.classes import ANY
from jaxgen.data import pictures
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.images import to_float
from jaxgen.paper import form
from jaxgen.paper import page as pages

_LEAST = 20  # pixels: the height of a digit that can be read well
_DARK = 0.15  # the range of greys of a photograph that is too dark or too pale
_STEP = 5  # digits whose clearest edges take more than a fifth of their height are blurred
_BLURRED = "is blurred: hold the camera still, and let it focus on the paper"
_OVERVIEW = 1600  # pixels along the longer edge, at most
_SURE, _DOUBTFUL = (32, 84, 168), (200, 60, 20)  # colours of frames


class Found(NamedTuple):
    """The digits of pages, in reading order."""

    images: np.ndarray  # uint8 [n, 28, 28, 1]
    labels: np.ndarray  # int32 [n]; ANY where it is not known
    doubts: list[str]  # in words; empty where there is none
    overviews: list[np.ndarray]  # of each page, uint8 [h, w, 3], every digit framed and numbered


def read(greys: Iterable[np.ndarray], name: str) -> Found:
    """Find and read the digits of pages, uint8 [h, w]. Raises UserError, which calls the file
    ``name``, for a page without digits."""
    found = []
    for number, grey in enumerate(greys, 1):
        page = pages.read(grey)
        if not page.cuts:
            raise UserError(f"page {number} of {name} {_why_nothing(page.grey)}")
        if _are_blurred(page.cuts):
            raise UserError(f"page {number} of {name} {_BLURRED}")
        found.append((page.grey, page.cuts))
    images, probabilities = judged([cut for _, cuts in found for cut in cuts])
    labels, sure = probabilities.argmax(1), probabilities.max(1)
    doubts = [
        f"the judge is only {share:.0%} sure that it is {label}" if share < judge.SURE else ""
        for label, share in zip(labels, sure, strict=True)
    ]
    result = _found(found, images, labels, doubts)
    unknown = np.array([bool(doubt) for doubt in result.doubts])
    return result._replace(labels=np.where(unknown, ANY, labels).astype(np.int32))


def read_forms(greys: Iterable[np.ndarray], name: str) -> Found:
    """Read forms that were filled in, uint8 [h, w]: a digit is what its row asks for. Raises
    UserError, which calls the file ``name``, for what is no form, or an empty one."""
    found, asked = [], []
    for number, grey in enumerate(greys, 1):
        try:
            read_form = form.read(grey)
        except ValueError as error:
            raise UserError(
                f"page {number} of {name} {error}: photograph the whole form, flat and sharp, or "
                "leave --form out for another page"
            ) from None
        full = [box for box in read_form.boxes if box.cut is not None]
        if not full:
            raise UserError(f"page {number} of {name} is an empty form: write digits in its boxes")
        found.append((read_form.grey, [box.cut for box in full]))
        asked += [box.label for box in full]
    images, probabilities = judged([cut for _, cuts in found for cut in cuts])
    labels, sure = probabilities.argmax(1), probabilities.max(1)
    doubts = [
        f"the judge reads {label}, where {wanted} was asked for"
        if label != wanted and share >= judge.SURE
        else ""
        for label, share, wanted in zip(labels, sure, asked, strict=True)
    ]
    return _found(found, images, np.array(asked), doubts)


def judged(cuts: Sequence[pages.Cut]) -> tuple[np.ndarray, np.ndarray]:
    """Digits of pages in MNIST's form, and their probabilities by the judge [n, 10]."""
    images = np.stack([pictures.from_ink(cut.ink)[0] for cut in cuts])
    return images, judge.probabilities(judge.load(), to_float(images))


def _found(found, images: np.ndarray, labels: np.ndarray, doubts: list[str]) -> Found:
    """``Found`` with the doubts about the cuts, too."""
    whole, cuts = [], [cut for _, page in found for cut in page]
    for cut, doubt in zip(cuts, doubts, strict=True):
        height = max(cut.ink.shape)
        small = f"it is only {height} pixels high" if height < _LEAST else ""
        whole.append(", ".join(reason for reason in (cut.doubt, doubt, small) if reason))
    overviews, start = [], 0
    for grey, page in found:
        overviews.append(_overview(grey, page, whole[start : start + len(page)], start))
        start += len(page)
    return Found(images, labels.astype(np.int32), whole, overviews)


def _why_nothing(grey: np.ndarray) -> str:
    """Why a page has no digits, and what helps, in words."""
    low, high = np.percentile(grey, [2, 98]) / 255
    if high - low < _DARK:
        return "is one grey, too dark or too pale: photograph it with more light, from one side"
    return "shows no digits: let dark digits on light paper fill the picture, in focus"


def _are_blurred(cuts: list[pages.Cut]) -> bool:
    steps = []
    for cut in cuts:
        both = np.minimum(cut.ink[:, 1:], cut.ink[:, :-1]) > 0  # not where the cut ends
        step = np.where(both, abs(np.diff(cut.ink, axis=1)), 0)
        steps.append(step.max(initial=0) * max(cut.ink.shape))
    return float(np.median(steps)) < _STEP


def _overview(grey: np.ndarray, cuts: list[pages.Cut], doubts: list[str], start: int) -> np.ndarray:
    """A page with each digit framed and numbered, from ``start``; doubtful ones in another colour
    and with a thicker frame."""
    image = Image.fromarray(grey).convert("RGB")
    scale = min(1, _OVERVIEW / max(image.size))
    image = image.resize([round(scale * edge) for edge in image.size])
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(max(11, SIDE // 2))
    for number, (cut, doubt) in enumerate(zip(cuts, doubts, strict=True), start):
        top, left, bottom, right = (scale * edge for edge in cut.box)
        colour, wide = (_DOUBTFUL, 3) if doubt else (_SURE, 1)
        pen.rectangle([left - 4, top - 4, right + 4, bottom + 4], outline=colour, width=wide)
        pen.text((left - 4, top - 6), f"{number}", fill=colour, font=font, anchor="lb")
    return np.asarray(image)
