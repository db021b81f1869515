"""What figures are made of, and the parts that they share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jaxgen import images
from jaxgen.arrays import SIDE
from jaxgen.data import Digits, Split, partition
from jaxgen.families.base import Family, Variables
from jaxgen.families.capabilities import Encodes, able
from jaxgen.mapping import map_images
from jaxgen.training.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CODED = 2000  # test digits whose codes are looked at
FRAMES = 11  # in a row


@dataclass(frozen=True)
class Lesson:
    """What a figure is made of."""

    family: Family
    variables: Variables
    digits: Digits
    run: RunFolder
    name: str  # which model it is, as the figure says it
    digit: int  # that is shown where there is room for one
    seed: int  # of which test digits are shown, and of what is drawn

    def coded(self) -> Split:
        """The test digits whose codes are looked at."""
        test = self.digits.test
        return partition.subset(test, min(CODED, len(test.labels)))


def figure(wide: float, high: float) -> "Figure":
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure((wide, high), layout="constrained")


def show(axes: "Axes", picture: np.ndarray, title: str = "") -> None:
    """A picture, bytes or in [0, 1], without axes."""
    most = 255 if picture.dtype == np.uint8 else 1
    axes.imshow(picture, cmap="gray", vmin=0, vmax=most)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, fontsize=10)


def rows(axes: "Axes", rows: np.ndarray, names: list[str], title: str = "") -> None:
    """Images [rows, columns, 28, 28, 1], with a name beside each row."""
    count, columns = rows.shape[:2]
    gap = 2
    show(axes, images.grid(rows.reshape(-1, *rows.shape[2:]), columns, gap, scale=2), title)
    pitch = 2 * SIDE + gap
    axes.set_yticks([gap + pitch * row + SIDE for row in range(count)], names)
    axes.tick_params(length=0)


def decoded(lesson: Lesson, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What latents of digits [n] decode to: float32 [n, 28, 28, 1]."""
    decode = lesson.family.decode
    return map_images(decode, lesson.variables, seed=lesson.seed, latents=codes, labels=labels)


def encoded(lesson: Lesson, digits: Split) -> np.ndarray:
    """The latents of digits."""
    encode = able(lesson.family, Encodes).encode
    return map_images(
        encode, lesson.variables, images=digits.images, labels=digits.labels, chunk=1024
    )
