"""The 26 letters as EMNIST publishes them, drawn from fonts: each small or capital, slanted, wide
and thick at random. They are no handwriting, but as varied as the fonts."""

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from jaxgen.data import idx

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_FOLDER = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
_NAMES = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "STIXGeneral", "STIXGeneralItalic")
_NAMES += ("cmtt10", "DejaVuSansMono", "cmss10")
FONTS = tuple(_FOLDER / f"{name}.ttf" for name in _NAMES)
_FINE = 4  # times the width of an image


def draw(count: int, seed: int, fonts: tuple[Path, ...] = FONTS) -> tuple[np.ndarray, np.ndarray]:
    """Upright images uint8 [n, 28, 28] and their labels int [n], 1 to 26, all equally often."""
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % len(LETTERS))
    faces = [ImageFont.truetype(f"{font}", 20 * _FINE) for font in fonts]
    images = [_letter(LETTERS[label], faces, random) for label in labels]
    return np.stack(images), labels + 1


def _letter(letter: str, faces: list, random: np.random.Generator) -> np.ndarray:
    face = faces[random.integers(len(faces))]
    text = letter.upper() if random.random() < 0.5 else letter
    side = 28 * _FINE
    canvas = Image.new("L", (2 * side, 2 * side))
    bold = int(random.integers(0, 3))
    ImageDraw.Draw(canvas).text((side, side), text, 255, face, anchor="mm", stroke_width=bold)
    slant, wide = random.normal(0.05, 0.15), random.uniform(0.8, 1.2)
    turn, high = random.normal(0, 0.1), random.uniform(0.9, 1.1)
    matrix = np.array([[wide, slant], [turn, high]])
    offset = side - matrix @ (side, side)
    rows = np.column_stack([matrix, offset]).ravel()
    canvas = canvas.transform(canvas.size, Image.Transform.AFFINE, tuple(rows), 2)
    box = canvas.getbbox()
    scale = 20 * _FINE / max(box[2] - box[0], box[3] - box[1])
    cut = canvas.crop(box)
    cut = cut.resize([max(round(length * scale), 1) for length in cut.size])
    whole = Image.new("L", (side, side))
    whole.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    small = whole.filter(ImageFilter.GaussianBlur(1.5)).resize((28, 28), Image.Resampling.BOX)
    return np.asarray(small)


def write(folder: Path, train: int, test: int, fonts: tuple[Path, ...] = FONTS) -> None:
    """The files of EMNIST's letters: images that lie on their side, labels 1 to 26."""
    folder.mkdir(parents=True)
    for seed, (part, count) in enumerate((("train", train), ("test", test))):
        images, labels = draw(count, seed, fonts)
        name = f"{folder}/emnist-letters-{part}"
        idx.write(f"{name}-images-idx3-ubyte.gz", images.swapaxes(1, 2))
        idx.write(f"{name}-labels-idx1-ubyte.gz", labels.astype(np.uint8))
