"""The model and the data of a figure, and parts that several figures share."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxgen import images
from jaxgen.arrays import SIDE
from jaxgen.classes import nouns
from jaxgen.data import Digits, Split, partition
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import map_images
from jaxgen.training.folder import RunFolder

CODED = 2000  # test digits whose codes are shown
FRAMES = 11  # in a row


@dataclass(frozen=True)
class Lesson:
    """The model and the data of a figure."""

    family: Family
    variables: Variables
    digits: Digits
    run: RunFolder | None  # None for a published model
    name: str  # of the model, as the title of the figure
    digit: int  # for figures of one digit
    seed: int  # of the choice of test digits, and of drawn digits

    @property
    def many(self) -> str:
        """What the images are called: digits, or images of other classes."""
        return nouns(self.digits.names)[1]

    @property
    def one(self) -> str:
        """What an image is called."""
        return self.many.removesuffix("s")

    def coded(self) -> Split:
        """The test digits whose codes are shown."""
        test = self.digits.test
        return partition.subset(test, min(CODED, len(test.labels)))

    def encode(self, digits: Split) -> np.ndarray:
        """The latents of n digits: [n, ...]."""
        encode = able(self.family, Encodes).encode
        return map_images(encode, self.variables, chunk=1024, **digits._asdict())

    def decode(self, latents: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The images of latents of digits [n]: float32 [n, 28, 28, 1]."""
        decode = self.family.decode
        return map_images(decode, self.variables, seed=self.seed, latents=latents, labels=labels)


def figure(high: float) -> Figure:
    """An empty figure of the common width, ``high`` inches high."""
    return Figure((10.4, high), layout="constrained")


def show(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """Show a picture, uint8 [h, w], without axes."""
    axes.imshow(picture, vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title)


def rows(axes: Axes, rows: np.ndarray, names: list[str], title: str = "") -> None:
    """Show images [rows, columns, 28, 28, 1], with a name beside each row."""
    count, columns = rows.shape[:2]
    gap = 2
    show(axes, images.grid(rows.reshape(-1, *rows.shape[2:]), columns, gap, scale=2), title)
    pitch = 2 * SIDE + gap
    axes.set_yticks([gap + pitch * row + SIDE for row in range(count)], names)
    axes.tick_params(length=0)
