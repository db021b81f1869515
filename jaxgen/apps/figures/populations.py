"""The two populations of MNIST's writers side by side, and which of them a model resembles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jaxgen import images, sampling
from jaxgen.apps import measuring
from jaxgen.apps.figures import drawing
from jaxgen.classes import DIGITS
from jaxgen.data import populations
from jaxgen.data.split import part
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, morphology, population, reference

ROWS = 4  # images of each digit
DRAWN = 1000  # digits of the model, which are measured


def draw(lesson: drawing.Lesson) -> Figure:
    classifier = population.load()
    rates = population.rates(classifier, reference.floor(lesson.digits))
    train = lesson.digits.train
    writers = populations.of(train.images)
    parts = [part(train, writers == number) for number in range(populations.COUNT)]
    if rates is None or any(len(np.unique(digits.labels)) < len(DIGITS) for digits in parts):
        raise UserError(
            f"the writers of the digits of {lesson.digits.source} are unknown: "
            "--what populations is for models of MNIST"
        )
    test, learned = lesson.digits.test, lesson.digits.learned
    labels = reference.labels_for(lesson.family, test.labels, DRAWN, learned)
    drawn = sampling.draw(lesson.family, lesson.variables, labels, lesson.seed)
    logits = judge.look(classifier, drawn)[0]
    likeness = logits[:, 1] - logits[:, 0]  # to population 1
    judged = judge.look(judge.load(), drawn)[0].argmax(1)
    mixture = population.proportion(classifier, rates, drawn)

    figure = drawing.figure(4.8)
    axes = figure.subplots(2, 3, width_ratios=(1, 1, 0.8))
    for number, digits in enumerate(parts):
        real = measuring.random_images(digits, np.tile(np.arange(len(DIGITS)), ROWS), lesson.seed)
        nearest = drawn[_most_alike(likeness if number else -likeness, judged)]
        file = f"({'odd' if number else 'even'} positions in MNIST's file)"
        shown = {
            f"Training digits of population {number}\n{file}": real,
            f"Digits of the model\nthat most resemble population {number}": nearest,
        }
        for row, (title, pixels) in enumerate(shown.items()):
            drawing.show(axes[row, number], images.grid(pixels, len(DIGITS), gap=1, scale=2), title)
    _slants(axes[0, 2], {f"population {n}": digits.images for n, digits in enumerate(parts)})
    _slants(axes[1, 2], {"the model": drawn})
    axes[0, 2].set_title("Slant of the training digits")
    axes[1, 2].set_title(
        f"Of {DRAWN:,} digits of the model, {mixture.value:.0%}\n"
        f"({mixture.low:.0%} to {mixture.high:.0%}) resemble population 1"
    )
    return figure


def _most_alike(likeness: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The indices of the images [n] with the highest likeness, ROWS for each digit of ``labels``
    [n]: int [ROWS * 10], a column for each digit. A digit with fewer images repeats them; a digit
    without images has images of other digits."""
    columns = []
    for digit in range(len(DIGITS)):
        rows = np.flatnonzero(labels == digit)
        rows = rows if len(rows) else np.arange(len(labels))
        columns.append(np.resize(rows[np.argsort(-likeness[rows], kind="stable")], ROWS))
    return np.stack(columns, 1).ravel()


def _slants(axes: Axes, groups: dict[str, np.ndarray]) -> None:
    edges = np.linspace(-1, 1, 41).tolist()  # radians
    for index, (name, digits) in enumerate(groups.items()):
        slants = morphology.slant(digits)
        mean = float(np.nanmean(slants))
        axes.hist(
            slants,
            edges,
            density=True,
            histtype="step",
            color=f"C{index}" if len(groups) > 1 else "0.3",
            label=f"{name}, mean {abs(mean) if abs(mean) < 0.005 else mean:.2f}",
        )
    axes.set(xlabel="slant to the right, radians", yticks=[])
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])  # room for the legend
    axes.legend(fontsize=8, loc="upper left")
