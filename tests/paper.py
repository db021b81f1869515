"""Pictures of digits on paper, as a camera or a scanner shows them, made from digits of MNIST."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Random = np.random.Generator
Page = np.ndarray  # greys or colours in [0, 1], [h, w, 3]

TABLE = (0.35, 0.25, 0.18)
BLACK, GREY, BLUE, RED = (0.08, 0.08, 0.1), (0.62, 0.62, 0.62), (0.55, 0.68, 0.85), (0.9, 0.6, 0.6)


def ink_of(digit: np.ndarray, side: int) -> np.ndarray:
    """A digit uint8 [28, 28] as ink in [0, 1], [side, side]."""
    image = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / 255


def page(height: int, width: int, paper=(0.97, 0.97, 0.95)) -> Page:
    return np.broadcast_to(np.array(paper, np.float32), (height, width, 3)).copy()


def write(page: Page, ink: np.ndarray, pen=BLACK, top: int = 0, left: int = 0) -> None:
    """Lay ink [h, w] over a part of the page."""
    height, width = ink.shape
    part = page[top : top + height, left : left + width]
    part += ink[: part.shape[0], : part.shape[1], None] * (np.array(pen, np.float32) - part)


def _drawn(page: Page, draw: Callable[[ImageDraw.ImageDraw, int], None], pen) -> None:
    """Lay over the page what ``draw`` draws, four times as fine."""
    height, width = page.shape[:2]
    image = Image.new("L", (4 * width, 4 * height))
    draw(ImageDraw.Draw(image), 4)
    write(page, np.asarray(image.reduce(4), np.float32) / 255, pen)


def ruled(page: Page, pitch: float, pen=GREY, wide=1.5, angle=0.0, start=0.5) -> None:
    """Lines every ``pitch`` pixels, at an angle in degrees."""
    height, width = page.shape[:2]
    turn = np.deg2rad(angle)
    along, across = (
        np.array([np.cos(turn), np.sin(turn)]),
        np.array([-np.sin(turn), np.cos(turn)]),
    )
    reach = height + width

    def draw(pencil, fine):
        for k in range(-int(reach / pitch), int(reach / pitch) + 1):
            middle = (k + start) * pitch * across
            ends = [tuple(fine * (middle + s * reach * along)) for s in (-1, 1)]
            pencil.line(ends, fill=255, width=round(fine * wide))

    _drawn(page, draw, pen)


def squared(page: Page, pitch: float, pen=BLUE, wide=1.2, angle=0.0, start=0.5) -> None:
    for turn in (angle, angle + 90):
        ruled(page, pitch, pen, wide, turn, start)


def dotted(page: Page, pitch: float, pen=GREY, wide=3.0) -> None:
    height, width = page.shape[:2]

    def draw(pencil, fine):
        for y in np.arange(pitch / 2, height, pitch):
            for x in np.arange(pitch / 2, width, pitch):
                box = [fine * (v - wide / 2) for v in (x, y)] + [
                    fine * (v + wide / 2) for v in (x, y)
                ]
                pencil.ellipse(box, fill=255)

    _drawn(page, draw, pen)


def framed(page: Page, inset: float, wide: float, pen=BLACK, sides="tblr", gaps=()) -> None:
    """The sides of a frame, ``inset`` pixels from the edges; ``gaps`` are places along each side
    from 0 to 1 where 6 % of it is missing."""
    height, width = page.shape[:2]
    top, left, bottom, right = inset, inset, height - inset, width - inset
    ends = {
        "t": ((left, top), (right, top)),
        "b": ((left, bottom), (right, bottom)),
        "l": ((left, top), (left, bottom)),
        "r": ((right, top), (right, bottom)),
    }

    def draw(pencil, fine):
        for side in sides:
            (x0, y0), (x1, y1) = ends[side]
            whole = [(fine * x0, fine * y0), (fine * x1, fine * y1)]
            pencil.line(whole, fill=255, width=round(fine * wide))
            for gap in gaps:
                a, b = gap - 0.03, gap + 0.03
                piece = [(fine * (x0 + t * (x1 - x0)), fine * (y0 + t * (y1 - y0))) for t in (a, b)]
                pencil.line(piece, fill=0, width=round(fine * wide) + 2)

    _drawn(page, draw, pen)


def discs(page: Page, places, radius: float, pen=(0.1, 0.1, 0.1)) -> None:
    """Holes that show a dark table, at places (x, y)."""

    def draw(pencil, fine):
        for x, y in places:
            box = [fine * (v - radius) for v in (x, y)] + [fine * (v + radius) for v in (x, y)]
            pencil.ellipse(box, fill=255)

    _drawn(page, draw, pen)


def shaded(page: Page, random: Random, depth: float = 0.45) -> Page:
    """Light from one side, and a soft shadow over a corner."""
    height, width = page.shape[:2]
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    turn = random.uniform(0, 2 * np.pi)
    slope = (down - 0.5) * np.sin(turn) + (across - 0.5) * np.cos(turn)
    light = 1 - depth * (0.5 + slope) * 0.7
    edge = slope + 0.1 * np.sin(3 * across) - random.uniform(0.1, 0.4)
    light *= 1 - 0.4 * depth / (1 + np.exp(-edge * 40))
    return page * light[..., None].astype(np.float32)


def grained(page: Page, random: Random, deviation: float = 0.02) -> Page:
    return page + random.normal(0, deviation, (*page.shape[:2], 1)).astype(np.float32)


def tilted(page: Page, degrees: float, paper=(0.97, 0.97, 0.95), lean=(0.0, 0.0)) -> Page:
    """The page turned by an angle around its middle, and seen from a side: ``lean`` is the share by
    which the picture narrows downwards and to the right."""
    from skimage import transform

    height, width = page.shape[:2]
    middle = np.array([width / 2, height / 2])
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    there = _turned(corners, middle, degrees, lean, page.shape)
    warp = transform.ProjectiveTransform.from_estimate(there, corners)
    return np.stack(
        [
            transform.warp(page[..., c], warp, cval=paper[c], order=1, preserve_range=True)
            for c in range(3)
        ],
        -1,
    ).astype(np.float32)


def _turned(points, middle, degrees, lean, shape) -> np.ndarray:
    """Where points [n, 2] of a page are after ``tilted``."""
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    there = (points - middle) @ rotation.T
    # The view from a side, so that corners and points between them go the same way.
    depth = 1 + lean[0] * there[:, 1:] / shape[0] + lean[1] * there[:, :1] / shape[1]
    return there / depth + middle


def photographed(page: Page, quality: int | None = None, blur: float = 0.0) -> bytes:
    """The page as a PNG file, or as JPEG of a quality."""
    if blur:
        page = ndimage.gaussian_filter(page, (blur, blur, 0))
    image = Image.fromarray(np.rint(255 * page.clip(0, 1)).astype(np.uint8))
    file = io.BytesIO()
    if quality is None:
        image.save(file, "PNG")
    else:
        image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def halftone(page: Page) -> bytes:
    """Black and white by error diffusion, as a PNG file."""
    image = Image.fromarray(np.rint(255 * page.clip(0, 1)).astype(np.uint8))
    file = io.BytesIO()
    image.convert("L").convert("1").save(file, "PNG")
    return file.getvalue()


def _plain(digit: np.ndarray, random: Random, **options) -> Page:
    side = int(random.integers(200, 420))
    made = page(side, side, options.get("paper", (0.97, 0.97, 0.95)))
    write(made, ink_of(digit, side), options.get("pen", BLACK))
    return made


def _over(digit, random, cover, **options) -> Page:
    """A digit on paper that ``cover(page, side)`` prints on first."""
    side = int(random.integers(200, 420))
    made = page(side, side)
    cover(made, side)
    write(made, ink_of(digit, side), options.get("pen", BLACK))
    return made


def _frame(digit, random, tight=False, **options) -> Page:
    def cover(made, side):
        low, high = (0.1, 0.15) if tight else (0.01, 0.09)
        shade = random.uniform(0.05, 0.5)
        framed(
            made,
            random.uniform(low, high) * side,
            random.uniform(0.006, 0.015) * side,
            (shade,) * 3,
            **options,
        )

    return _over(digit, random, cover)


def _lines(digit, random, kind, **options) -> Page:
    def cover(made, side):
        pen = [GREY, BLUE, RED, (0.75, 0.75, 0.75)][random.integers(4)]
        pitch, wide = random.uniform(0.06, 0.3) * side, random.uniform(0.004, 0.009) * side
        kind(made, pitch, pen, wide, start=random.uniform(), **options)

    return _over(digit, random, cover)


def _edges(digit, random) -> Page:
    """The dark edge of a scanner, at one or two sides."""
    made = _plain(digit, random)
    side = len(made)
    wide = int(random.uniform(0.02, 0.06) * side)
    made[:wide] = random.uniform(0, 0.25)
    if random.integers(2):
        made[:, -wide:] = random.uniform(0, 0.25)
    return made


def _holes(digit, random) -> Page:
    made = _plain(digit, random)
    side = len(made)
    discs(made, [(0.05 * side, 0.2 * side), (0.05 * side, 0.8 * side)], 0.035 * side)
    return made


def _cut(digit, random) -> Page:
    """A digit without a margin: its strokes end at the edges of the picture."""
    down, across = np.nonzero(digit > 60)
    digit = digit[down.min() : down.max() + 1, across.min() : across.max() + 1]
    times = int(random.integers(4, 15))
    size = (times * digit.shape[1], times * digit.shape[0])
    ink = np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC)) / 255
    made = page(*ink.shape)
    write(made, ink)
    return made


def _thin(digit: np.ndarray, side: int) -> np.ndarray:
    """The ink of a thin pen: about half the width of MNIST's strokes."""
    ink = ndimage.gaussian_filter(ink_of(digit, side), side / 150)
    inner = ndimage.distance_transform_edt(ink > 0.4)
    from skimage import morphology

    middle = morphology.skeletonize(ink > 0.4)
    near = ndimage.distance_transform_edt(~middle)
    return (side / 60 + 1 - near).clip(0, 1) * (inner > 0)


def _thin_over(digit, random, cover) -> Page:
    side = int(random.integers(200, 420))
    made = page(side, side)
    cover(made, side)
    write(made, _thin(digit, side), (0.1, 0.1, 0.35))
    return made


def _thin_squared(digit, random) -> Page:
    def cover(made, side):
        squared(made, random.uniform(0.12, 0.3) * side, BLUE, 0.006 * side, start=random.uniform())

    return _thin_over(digit, random, cover)


def _thin_framed(digit, random) -> Page:
    def cover(made, side):
        framed(made, random.uniform(0.01, 0.08) * side, 0.01 * side, (0.2,) * 3)

    return _thin_over(digit, random, cover)


def _bleeding(digit, random) -> Page:
    """The other side of the sheet shows through, mirrored."""
    made = _plain(digit[:, ::-1], random, pen=(0.97 - random.uniform(0.1, 0.25),) * 3)
    made = ndimage.gaussian_filter(made, (2, 2, 0))
    write(made, ink_of(digit, len(made)))
    return made


def _several(digit, random) -> Page:
    """Squares, a frame, light from a side, a slight turn and perspective."""

    def cover(made, side):
        squared(made, random.uniform(0.08, 0.2) * side, BLUE, 0.005 * side, start=random.uniform())
        framed(made, random.uniform(0.02, 0.06) * side, 0.01 * side, (0.3,) * 3)

    made = _over(digit, random, cover, pen=(0.1, 0.1, 0.4))
    made = tilted(made, random.uniform(-4, 4), lean=tuple(random.uniform(-0.05, 0.05, 2)))
    return shaded(made, random)


# How a digit uint8 [28, 28] can be shown: name -> (digit, random) -> the contents of a file.
KINDS: dict[str, Callable[[np.ndarray, Random], bytes]] = {
    "plain": lambda d, r: photographed(_plain(d, r)),
    "shadow": lambda d, r: photographed(grained(shaded(_plain(d, r), r), r)),
    "faint pencil": lambda d, r: photographed(grained(_plain(d, r, pen=(0.75,) * 3), r, 0.01)),
    "blue pen": lambda d, r: photographed(_plain(d, r, pen=(0.15, 0.2, 0.6))),
    "yellow paper": lambda d, r: photographed(_plain(d, r, paper=(0.95, 0.85, 0.5))),
    "chalk": lambda d, r: photographed(
        grained(_plain(d, r, paper=(0.15, 0.3, 0.2), pen=(0.9,) * 3), r)
    ),
    "frame": lambda d, r: photographed(_frame(d, r)),
    "frame, broken": lambda d, r: photographed(_frame(d, r, gaps=(0.15, 0.4, 0.8))),
    "frame, touching": lambda d, r: photographed(_frame(d, r, tight=True)),
    "frame, turned": lambda d, r: photographed(tilted(_frame(d, r), r.uniform(-5, 5))),
    "cell, one side": lambda d, r: photographed(_frame(d, r, sides="tblr"[r.integers(4)])),
    "cell, two sides": lambda d, r: photographed(
        _frame(d, r, sides=("tl", "bl", "lr")[r.integers(3)])
    ),
    "cell, three sides": lambda d, r: photographed(
        _frame(d, r, sides=("tlr", "tbl")[r.integers(2)])
    ),
    "scanner edge": lambda d, r: photographed(_edges(d, r)),
    "holes": lambda d, r: photographed(_holes(d, r)),
    "ruled": lambda d, r: photographed(_lines(d, r, ruled)),
    "ruled, turned": lambda d, r: photographed(_lines(d, r, ruled, angle=r.uniform(-12, 12))),
    "ruled, slanting": lambda d, r: photographed(_lines(d, r, ruled, angle=r.uniform(0, 180))),
    "squared": lambda d, r: photographed(_lines(d, r, squared)),
    "squared, turned": lambda d, r: photographed(_lines(d, r, squared, angle=r.uniform(-12, 12))),
    "dots": lambda d, r: photographed(
        _over(d, r, lambda p, s: dotted(p, 0.1 * s, GREY, 0.012 * s))
    ),
    "halftone": lambda d, r: halftone(_plain(d, r)),
    "halftone, shadow": lambda d, r: halftone(shaded(_plain(d, r, pen=(0.3,) * 3), r, 0.3)),
    "JPEG": lambda d, r: photographed(grained(_plain(d, r), r), quality=15),
    "without margin": lambda d, r: photographed(_cut(d, r)),
    "thin pen": lambda d, r: photographed(_thin_over(d, r, lambda made, side: None)),
    "thin pen, squared": lambda d, r: photographed(_thin_squared(d, r)),
    "thin pen, frame": lambda d, r: photographed(_thin_framed(d, r)),
    "bleeding": lambda d, r: photographed(_bleeding(d, r)),
    "several": lambda d, r: photographed(grained(_several(d, r), r), quality=50),
}


class Sheet(NamedTuple):
    """A photographed page, and where its digits are."""

    content: bytes
    places: np.ndarray  # [n, 2]: the middle of each digit, x and y, as a share of the picture
    height: float  # of a digit, as a share of the picture's height


def sheet(
    digits: np.ndarray,
    random: Random,
    tilt: float = 10.0,
    lean: float = 0.06,
    cover: str = "squared",
    table: bool = True,
    scale: float = 8.0,
    quality: int = 80,
) -> Sheet:
    """Digits uint8 [n, 28, 28] in rows on a page of A4, photographed: turned by up to ``tilt``
    degrees, seen from a side, in a shadow. ``scale`` is in pixels for a millimetre."""
    height, width = round(297 * scale), round(210 * scale)
    made = page(height, width)
    if cover == "squared":
        squared(made, 5 * scale, BLUE, 0.2 * scale)
    elif cover == "ruled":
        ruled(made, 9 * scale, BLUE, 0.25 * scale)
    columns, pen = 6, (0.1, 0.12, 0.35)
    rows = -(-len(digits) // columns)
    side = random.uniform(9, 13) * scale  # of 28 pixels: digits of 6 to 9 mm
    down, across = (240 * scale) / max(rows, 6), (180 * scale) / columns
    places = []
    for index, digit in enumerate(digits):
        x = 15 * scale + (index % columns + 0.5) * across + random.uniform(-2, 2) * scale
        y = 25 * scale + (index // columns + 0.5) * down + random.uniform(-1.5, 1.5) * scale
        edge = round(side * random.uniform(0.9, 1.1))
        write(made, ink_of(digit, edge), pen, round(y - edge / 2), round(x - edge / 2))
        places.append((x, y))
    margin = round((28 if table else 0) * scale)
    framed_page = page(
        height + 2 * margin, width + 2 * margin, TABLE if table else (0.97, 0.97, 0.95)
    )
    if table:
        grain = ndimage.gaussian_filter(random.normal(0, 1, framed_page.shape[:2]), (1, 30))
        framed_page *= (1 + grain * 0.5)[..., None].astype(np.float32)
    framed_page[margin : margin + height, margin : margin + width] = made
    degrees, leans = random.uniform(-tilt, tilt), random.uniform(-lean, lean, 2)
    corners = np.array(places) + margin
    middle = np.array(framed_page.shape[1::-1]) / 2
    turned = _turned(corners, middle, degrees, tuple(leans), framed_page.shape)
    paper = TABLE if table else (0.97, 0.97, 0.95)
    photo = shaded(tilted(framed_page, degrees, paper, tuple(leans)), random)
    content = photographed(grained(photo, random), quality, 0.1 * scale)
    return Sheet(content, turned / (2 * middle), side * 20 / 28 / framed_page.shape[0])
