"""Training: the same digits at several steps, beside the losses."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from jaxgen import images, sampling
from jaxgen.apps.figures import drawing
from jaxgen.errors import UserError
from jaxgen.evaluation import judge
from jaxgen.training.folder import RunFolder, read_log

STAGES = 8


def draw(lesson: drawing.Lesson) -> Figure:
    if lesson.run is None:
        raise UserError(
            "a published model comes without the pictures and losses of its training: bin/train "
            "makes a run with them"
        )
    pictures = {int(path.stem): path for path in lesson.run.samples.glob("[0-9]*.png")}
    if not pictures:
        raise UserError(f"{lesson.run} holds no pictures in samples/: bin/train makes them")
    steps = sorted(pictures)
    # More stages at the beginning, where more changes.
    stages = np.geomspace(steps[0], steps[-1], STAGES) if len(steps) > STAGES else steps
    chosen = sorted({min(steps, key=lambda step: abs(step - stage)) for stage in stages})
    learned = lesson.run.learned
    columns = sampling.columns(len(learned.digits if learned else lesson.digits.learned))
    rows = np.stack([first_row(pictures[step], columns) for step in chosen])

    figure = drawing.figure(0.62 * len(chosen) + 0.6 if len(chosen) > 5 else 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    names = [f"step {step}" for step in chosen]
    drawing.rows(left, rows, names, f"The same {lesson.many} during training")
    can_read = judge.caution(judge.of(lesson.digits), lesson.digits) is None
    _curves(figure, right, lesson.run, lesson.run.looks if can_read else None)
    return figure


def first_row(path: Path, columns: int) -> np.ndarray:
    """The first ten images at the top of a picture of samples: uint8 [10, 28, 28, 1]."""
    try:
        with Image.open(path) as opened:
            picture = np.asarray(opened)
    except (OSError, SyntaxError) as error:  # SyntaxError for a damaged PNG
        raise UserError(f"{path} cannot be read ({error}): remove it") from None
    return images.cells(picture, columns)[:10]


def _curves(figure: Figure, axes: Axes, run: RunFolder, watch: Path | None) -> None:
    """Losses, each point the mean over a fiftieth of the steps; and the coverage in the file
    ``watch``, if it exists."""
    losses = read_log(run.metrics)
    names = [name for name in losses[0] if name.rpartition("/")[2] == "loss"]
    size = max(len(losses) // 50, 1)
    for name in names:
        values = np.array([line[name] for line in losses])
        means = values[: len(values) // size * size].reshape(-1, size).mean(1)
        axes.plot(size * (np.arange(len(means)) + 0.5), means, label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.set_title("Losses")
    lines = list(axes.get_lines())
    if watch and watch.exists():
        looks = read_log(watch)
        other = axes.twinx()
        other.set(ylim=(0, 1), ylabel="coverage: share of real images with a drawn one near")
        steps, coverage = zip(*((look["step"], look["coverage"]) for look in looks), strict=True)
        lines += other.plot(steps, coverage, color="0.3", linestyle="--", label="coverage")
    if len(lines) > 1:
        figure.legend(handles=lines, loc="outside lower right", ncols=len(lines))
