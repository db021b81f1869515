"""What a data set is like: counts, ink, copies, and what looks wrong."""

import hashlib
from collections.abc import Iterator

import numpy as np

from jaxgen.data import strokes
from jaxgen.data.sets import Found, Part, pixels

EXAMPLES = 12  # of each class in the picture
_LOOKED_AT = 500  # images, to measure strokes
_RARE = 0.1  # of the images that a class would have if all had as many
_ROW = 32  # pixels of a row of the picture


def lines(found: Found) -> Iterator[str]:
    """The report, line by line."""
    yield f"taken for: {', '.join(found.kinds)}"
    parts = {"training": found.train, "test": found.test}
    for name, part in parts.items():
        if part is None:
            yield "test images: none, one training image of seven will be taken"
            continue
        counts = np.bincount(part.labels, minlength=len(found.names))
        each = ", ".join(f"{name} {n:,}" for name, n in zip(found.names, counts, strict=True) if n)
        yield f"{name} images: {len(part.labels):,} ({each})"
        if part.writers is not None:
            yield f"  by {len(np.unique(part.writers)):,} writers"
    yield from _ink(found.train)
    yield from _copies(found)
    wrong = list(_wrong(found))
    yield from wrong or ["nothing looks wrong"]


def _ink(part: Part) -> Iterator[str]:
    images = part.images[:: max(1, len(part.images) // _LOOKED_AT), ..., 0]
    yield f"mean grey {part.images.mean():.1f} of 255 (MNIST's 33.3)"
    if pixels.is_handwriting(images):
        inked = [image / np.float32(255) for image in images if image.max() > 60]
        widths = [strokes.width(image) for image in inked]
        yield f"handwriting, with strokes of {np.median(widths):.1f} pixels (MNIST's 1.8)"
    else:
        yield "not of thin strokes: pictures rather than handwriting"


def _copies(found: Found) -> Iterator[str]:
    digests = [_digests(part) for part in (found.train, found.test) if part is not None]
    inside = [len(own) - len(np.unique(own)) for own in digests]
    yield f"copies of an image: {inside[0]:,} in the training images" + (
        f", {inside[1]:,} in the test images" if len(digests) > 1 else ""
    )
    if len(digests) > 1:
        across = int(np.isin(digests[1], digests[0]).sum())
        yield f"test images that are training images too: {across:,}"


def _digests(part: Part) -> np.ndarray:
    rows = [hashlib.sha256(image.tobytes()).digest()[:8] for image in part.images]
    return np.frombuffer(b"".join(rows), "<u8")


def _wrong(found: Found) -> Iterator[str]:
    images, labels = found.train.images[..., 0], found.train.labels
    blank = np.flatnonzero(images.max((1, 2)) < 60)
    if len(blank):
        yield f"WRONG? {len(blank):,} training images have no ink, image {blank[0]} first"
    counts = np.bincount(labels, minlength=len(found.names))
    for name, count in zip(found.names, counts.tolist(), strict=True):
        if count < _RARE * len(labels) / len(found.names):
            yield f"WRONG? {name} has only {count:,} training images"
    digests = _digests(found.train)
    order = np.argsort(digests, kind="stable")
    same = (digests[order][1:] == digests[order][:-1]) & (labels[order][1:] != labels[order][:-1])
    if same.any():
        first, second = order[:-1][same][0], order[1:][same][0]
        yield (
            f"WRONG? {int(same.sum()):,} copies of an image have another label, such as image "
            f"{first} ({found.names[labels[first]]}) and {second} ({found.names[labels[second]]})"
        )
    if found.test is not None:
        missing = np.setdiff1d(np.unique(labels), np.unique(found.test.labels))
        if len(missing):
            yield f"WRONG? no test images of {', '.join(found.names[n] for n in missing)}"
        if np.isin(_digests(found.test), digests).mean() > 0.01:
            yield "WRONG? more than 1 % of the test images are training images too"


def picture(found: Found) -> np.ndarray:
    """A row of images of each class beside its name: uint8 [H, W]."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", 16)
    wide = 12 + round(max(font.getlength(name) for name in found.names))
    shape = (wide + EXAMPLES * _ROW, len(found.names) * _ROW)
    canvas = Image.new("L", shape, 40)
    draw = ImageDraw.Draw(canvas)
    for row, name in enumerate(found.names):
        draw.text((6, row * _ROW + _ROW // 2), name, 255, font, anchor="lm")
        own = found.train.images[found.train.labels == row, ..., 0]
        for place, image in enumerate(own[:: max(1, len(own) // EXAMPLES)][:EXAMPLES]):
            canvas.paste(Image.fromarray(image), (wide + place * _ROW + 2, row * _ROW + 2))
    return np.asarray(canvas)
