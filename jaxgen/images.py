"""Pictures and files of digits: pixel ranges, grids, and PNG, GIF and NPZ by the ending of a path.

Images come as float [n, 28, 28, 1] in [0, 1], or as uint8; digits are white on black. Equal images give equal files,
to the byte. Imports no JAX.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgen.data import files
from jaxgen.errors import UserError

SCALE = 3  # screen pixels for a pixel: 28 alone are too few to see
GAP = 2  # screen pixels between digits
PAPER = 40  # grey of the gaps, so that the black of a digit has an edge


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Round images in [0, 1] to 0 .. 255, what lies outside cut off; uint8 passes through. ValueError for NaN."""
    if images.dtype == np.uint8:
        return images
    if np.isnan(images).any():
        raise ValueError("images hold NaN")
    return np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Lay n images out in rows, nearly square unless ``columns`` is given: uint8 [h, w]."""
    digits = to_uint8(images)[..., 0]
    columns = columns or _columns(len(digits))
    rows = -(-len(digits) // columns)
    height, width = (SCALE * edge for edge in digits.shape[1:])
    cell_h, cell_w = height + GAP, width + GAP
    sheet = np.full((rows * cell_h + GAP, columns * cell_w + GAP), PAPER, np.uint8)
    for place, digit in enumerate(digits):
        top, left = GAP + place // columns * cell_h, GAP + place % columns * cell_w
        sheet[top : top + height, left : left + width] = digit.repeat(SCALE, 0).repeat(SCALE, 1)
    return sheet


def _columns(count: int) -> int:
    """As many columns as rows, or a single row for a few; ten where that fills up."""
    if count <= 10:
        return count
    return 10 if count % 10 == 0 and count < 400 else int(np.ceil(np.sqrt(count)))


def save(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write images [n, 28, 28, 1] and labels [n] in the way that the ending of ``path`` asks for.

    Raises UserError for an ending that is not in ``ENDINGS``, and where nothing can be written.
    """
    files.write(path, writer(path)(images, labels))


def writer(path: Path) -> Callable[[np.ndarray, np.ndarray], bytes]:
    """What makes the bytes for a path's ending; UserError for one that is not known."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{path} cannot be written: by its ending it is no {' or '.join(ENDINGS)}")
    return ENDINGS[ending]


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write one picture, uint8 [h, w], as PNG."""
    files.write(path, png(picture))


def save_gif(path: Path, frames: np.ndarray, milliseconds: int = 120, hold: int = 1500) -> None:
    """Write pictures uint8 [t, h, w] as an endless GIF that rests on its last one for ``hold`` milliseconds."""
    pictures = [Image.fromarray(frame) for frame in frames]
    durations = [milliseconds] * (len(pictures) - 1) + [hold]
    out = io.BytesIO()
    pictures[0].save(
        out, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0
    )
    files.write(path, out.getvalue())


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 [h, w], as the bytes of a PNG file."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", optimize=True)
    return out.getvalue()


def npz(images: np.ndarray, labels: np.ndarray) -> bytes:
    """``images`` uint8 [n, 28, 28] and ``labels`` int32 [n] as the bytes of an NPZ file, without the time of day."""
    out = io.BytesIO()
    arrays = {"images": to_uint8(images)[..., 0], "labels": labels.astype(np.int32)}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.save(part, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


ENDINGS: dict[str, Callable[[np.ndarray, np.ndarray], bytes]] = {
    ".png": lambda images, labels: png(grid(images)),
    ".npz": npz,
}
