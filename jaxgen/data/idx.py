"""IDX files, the format of MNIST, plain or gzip, read within the bounds that their headers state.

    0 0 type rank | size of axis 1 | ... | size of axis rank | data, last axis fastest

Sizes are big-endian uint32; the type of digits is 8, unsigned bytes. A folder of digits has the
four files

    train-images-idx3-ubyte  train-labels-idx1-ubyte  t10k-images-idx3-ubyte  t10k-labels-idx1-ubyte

Each name may end in ``.gz``, and may have ``.idx`` in place of ``-idx``. ``source_images`` brings
images of other small sizes to 28 by 28.
"""

import gzip
import hashlib
import io
import math
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgen.classes import DIGITS
from jaxgen.data import files, source_images, split
from jaxgen.data.split import Split
from jaxgen.errors import UserError

NAMES = ("images-idx3-ubyte", "labels-idx1-ubyte")  # of two files, after train- or t10k-
MOST_BYTES = 2**31  # of one file's data: 2.7 million digits
_UBYTE = 8
_GZIP = b"\x1f\x8b"
_MOST_INFLATION = 1032  # gzip's best ratio; a header that promises more lies


def raw(folder: str | Path, say: Callable[[str], None] = lambda line: None) -> tuple[Split, Split]:
    """Return the training and the test digits of a folder in file order. ``say(line)`` is called
    where images have another size. Raises UserError for missing or damaged files."""
    folder = Path(os.path.expanduser(folder))
    if not os.path.isdir(folder):  # unlike Path.is_dir, it never raises
        raise UserError(f"idx:{folder} is not a folder: name one that holds MNIST's four files")
    return _part(folder, "train", say), _part(folder, "t10k", say)


def read(path: Path, sha256: str | None = None) -> np.ndarray:
    """Return the uint8 array of an IDX file, read-only, in the shape that its header states.

    Reads no more than the header states, and allocates no more than the file can hold. Raises
    UserError for a file that is too short, too long or altered, and for one whose unpacked contents
    have another SHA-256 than ``sha256``, if that is not None.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        room = path.stat().st_size * (_MOST_INFLATION if packed else 1)
        with gzip.open(path) if packed else path.open("rb") as file:
            return _array(file, min(room, MOST_BYTES), sha256)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read {path}: {reason}; put a sound copy in its place") from None


def write(path: str | Path, array: np.ndarray) -> None:
    """Write uint8 of any shape, packed if ``path`` ends in ``.gz``; see ``content``."""
    files.write(path, content(array, packed=str(path).endswith(".gz")))


def content(array: np.ndarray, packed: bool) -> bytes:
    """Return uint8 of any shape as the contents of a file; equal arrays give equal bytes."""
    if array.dtype != np.uint8:
        raise TypeError(f"an IDX file of digits holds uint8, not {array.dtype}")
    header = struct.pack(f">HBB{array.ndim}I", 0, _UBYTE, array.ndim, *array.shape)
    plain = header + array.tobytes()
    return gzip.compress(plain, mtime=0) if packed else plain


def _part(folder: Path, part: str, say: Callable[[str], None]) -> Split:
    path, labels_path = (_find(folder, f"{part}-{name}") for name in NAMES)
    images, labels = read(path), read(labels_path)
    if images.ndim != 3 or labels.ndim != 1:
        raise UserError(
            f"{path} and its labels have {images.ndim} and {labels.ndim} axes: "
            "images have 3 (n, height, width), labels 1"
        )
    if images.shape[1:] != (split.SIDE, split.SIDE):
        height, width = images.shape[1:]
        say(f"{path}: {width} x {height} brought to {split.SIDE} x {split.SIDE}")
    brought = source_images.fit(f"{path}", images)
    return split.checked(f"{path}", brought, labels, len(DIGITS))


def _find(folder: Path, name: str) -> Path:
    names = [name, name.replace("-idx", ".idx")]
    for candidate in [folder / f"{name}{ending}" for name in names for ending in ("", ".gz")]:
        if os.path.isfile(candidate):
            return candidate
    raise UserError(f"{folder} has no {name} (nor {name}.gz): put it there")


def _array(file: io.BufferedIOBase, most: int, sha256: str | None) -> np.ndarray:
    """Read a file with at most ``most`` bytes of data. Raises ValueError, which says why."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise ValueError(f"it begins with {magic.hex(' ') or 'nothing'}, not 00 00 08")
    if magic[2] != _UBYTE:
        raise ValueError(f"its type is 0x{magic[2]:02x}, not 0x08 (unsigned bytes)")
    axes = file.read(4 * magic[3])
    if len(axes) < 4 * magic[3]:
        raise ValueError("it ends within its header")
    shape = struct.unpack(f">{magic[3]}I", axes)
    size = math.prod(shape)
    if size > most:
        raise ValueError(f"its header promises {size} bytes, it can hold {most} at most")
    data = file.read(size)
    if len(data) < size:
        raise ValueError(f"its header promises {size} bytes, it holds {len(data)}")
    if file.read(1):  # and at the end gzip compares its checksum
        raise ValueError(f"it holds more than the {size} bytes its header promises")
    if sha256 is not None:
        digest = hashlib.sha256(magic + axes)
        digest.update(data)
        if digest.hexdigest() != sha256:
            raise ValueError(f"its SHA-256 is {digest.hexdigest()}, not {sha256}")
    return np.frombuffer(data, np.uint8).reshape(shape)
