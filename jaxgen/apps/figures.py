"""Figures to teach with, drawn from what a run has learned.

plane            where the codes of test digits lie in a latent plane, and what it decodes to
                 (Kingma and Welling 2014, figure 4)
codebook         what test digits show where each code is taken, and digits in codes
process          an image drowned in noise; and noise becoming images, with the network's guess of
                 x_0 at each step
training         the same digits at several steps, beside the losses
interpolation    ways between test digits through the latents, beside a cross-fade of their pixels
"""

import io
import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from PIL import Image
from scipy import stats

from jaxgen import images, sampling
from jaxgen.apps import measuring
from jaxgen.arrays import NO_DIGIT, SIDE
from jaxgen.data import Digits, Split
from jaxgen.diffusion import process, samplers
from jaxgen.errors import UserError
from jaxgen.families.base import Family, Fitted, Variables, Variational, over, split
from jaxgen.families.ddpm import DDPM, to_images
from jaxgen.families.vqvae import VQVAE
from jaxgen.training.folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CODED = 2000  # test digits whose codes are looked at
TILES = 20  # along an edge of the plane
SHARE = 0.95  # of the codes on each axis within the plane
MOST_CODES = 256  # in a figure of the codebook, the most used ones
STAGES = 8  # of training
FRAMES = 11  # of a way

ENDINGS = (".png", ".svg", ".pdf")
_DPI = 200


@dataclass(frozen=True)
class Lesson:
    """What a figure is made of."""

    family: Family
    variables: Variables
    digits: Digits
    run: RunFolder
    digit: int  # that is shown where there is room for one
    seed: int  # of which test digits are shown, and of what is drawn


class Kind(NamedTuple):
    """A kind of figure."""

    draw: Any  # a function of a Lesson that returns a figure of Matplotlib
    families: tuple[str, ...]  # that can


def usual(name: str, family: Family) -> str:
    """The kind of figure that says most about a family of this name."""
    if name in KINDS["plane"].families and _dimensions(family) != 2:
        return "interpolation"
    return {"vqvae": "codebook", "gan": "training", "ddpm": "process"}.get(name, "plane")


def require(what: str, name: str, family: Family, run: str) -> None:
    """Raise a UserError where there is no such figure of a family of this name."""
    able = KINDS[what].families
    if name not in able:
        others = [kind for kind, (_, families) in KINDS.items() if name in families]
        raise UserError(
            f"{name} has no {what}: take {' or '.join(able)}, or --what {' or '.join(others)}"
        )
    if what == "plane" and (found := _dimensions(family)) != 2:
        raise UserError(
            f"a plane has 2 dimensions and the latent of {run} has {found}: "
            f"bin/train --model {name} --net.latents 2 --run {name}-2d makes one that fits"
        )


def _dimensions(family: Any) -> int:
    return family.config.latents


def render(what: str, lesson: Lesson, ending: str) -> bytes:
    """The figure as the contents of a file with one of ENDINGS; the same figure, the same bytes."""
    from matplotlib import style

    settings: dict[Any, Any] = {
        "font.size": 9,
        "svg.hashsalt": "jaxgen",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,  # letters that can be copied out
    }
    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    # From Matplotlib's own defaults, whatever a user has set.
    with style.context(["default", settings]), warnings.catch_warnings():
        # Matplotlib asks PIL for what it will remove.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        figure = KINDS[what].draw(lesson)
        file = io.BytesIO()
        figure.savefig(file, format=ending[1:], dpi=_DPI, metadata=undated[ending])
    return file.getvalue()


def _figure(wide: float, high: float) -> "Figure":
    """An empty figure of so many inches."""
    from matplotlib.figure import Figure

    return Figure((wide, high), layout="constrained")


def _show(axes: "Axes", picture: np.ndarray, title: str = "") -> None:
    """A picture, bytes or in [0, 1], without axes."""
    most = 255 if picture.dtype == np.uint8 else 1
    axes.imshow(picture, cmap="gray", vmin=0, vmax=most)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(title, fontsize=10)


def _rows(axes: "Axes", rows: np.ndarray, names: list[str], title: str = "") -> None:
    """Images [rows, columns, 28, 28, 1], with a name beside each row."""
    count, columns = rows.shape[:2]
    gap = 2
    _show(axes, images.grid(rows.reshape(-1, *rows.shape[2:]), columns, gap, scale=2), title)
    pitch = 2 * SIDE + gap
    axes.set_yticks([gap + pitch * row + SIDE for row in range(count)], names)
    axes.tick_params(length=0)


def _decoded(lesson: Lesson, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    def decode(variables, keys, codes, labels):
        return lesson.family.decode(variables, codes, labels, keys)

    program = sampling.Program(decode)
    return program(lesson.variables, lesson.seed, np.arange(len(labels)), codes, labels)


# A latent plane.


def plane(lesson: Lesson) -> "Figure":
    family, digit = lesson.family, NO_DIGIT
    seen = Split(*(array[:CODED] for array in lesson.digits.test))
    if not isinstance(family, Fitted):  # the CVAE, which has a plane for each digit
        digit = lesson.digit
        own = lesson.digits.test.labels == digit
        seen = Split(*(array[own][:CODED] for array in lesson.digits.test))
    codes = over(_encode(family), lesson.variables, seen)
    across, up = _axes_of_plane(lesson, codes, digit)
    places = np.stack(np.meshgrid(across, up[::-1]), -1).reshape(-1, 2).astype(np.float32)
    decoded = _decoded(lesson, places, np.full(len(places), digit, np.int32))

    figure = _figure(10.4, 5.4)
    left, right = figure.subplots(1, 2)
    _scatter(left, codes, seen.labels)
    # The frame that the other half shows.
    left.plot(across[[0, -1, -1, 0, 0]], up[[0, 0, -1, -1, 0]], color="0.4", linewidth=1)
    left.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    whose = "test digits" if digit == NO_DIGIT else f"test digits {digit}"
    left.set_title(f"The codes of {len(codes)} {whose}", fontsize=10)
    _show(right, images.grid(decoded, TILES, gap=0, scale=1), "What the frame decodes to")
    middles = SIDE * (np.arange(TILES) + 0.5)
    for axis, values, ticks in ((right.xaxis, across, middles), (right.yaxis, up, middles[::-1])):
        chosen = np.arange(1, TILES, 3)
        axis.set_ticks(ticks[chosen], [f"{value:.1f}" for value in values[chosen]])
    right.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


def _encode(family):
    return lambda variables, images, labels, keys: family.encode(variables, images, labels)


def _axes_of_plane(lesson: Lesson, codes: np.ndarray, digit: int) -> np.ndarray:
    """Where the tiles lie along each axis, float [2, TILES]: equally probable under the prior if it
    is a Gaussian, else evenly where the codes are."""
    rest = (1 - SHARE) / 2
    if isinstance(lesson.family, Variational):
        mean, log_var = lesson.family.prior_given(lesson.variables, jnp.array([digit]))
        steps = stats.norm.ppf(np.linspace(rest, 1 - rest, TILES))
        sigma = np.exp(0.5 * np.asarray(log_var[0]))
        return np.asarray(mean[0])[:, None] + sigma[:, None] * steps
    low, high = np.quantile(codes, [rest, 1 - rest], axis=0)
    return np.linspace(low, high, TILES).T


def _scatter(axes: "Axes", codes: np.ndarray, labels: np.ndarray) -> None:
    from matplotlib import patheffects

    around = [patheffects.withStroke(linewidth=3, foreground="white")]
    for digit in np.unique(labels):
        own = codes[labels == digit]
        axes.scatter(own[:, 0], own[:, 1], s=5, color=f"C{digit}", alpha=0.6, linewidths=0)
        x, y = np.median(own, 0)
        axes.text(x, y, f"{digit}", fontsize=13, ha="center", va="center", path_effects=around)


# A codebook.


def codebook(lesson: Lesson) -> "Figure":
    family = lesson.family
    assert isinstance(family, VQVAE)
    seen = Split(*(array[:CODED] for array in lesson.digits.test))
    codes = over(_encode(family), lesson.variables, seen)  # [n, 7, 7]
    counts, patches = patches_of(images.to_float(seen.images[..., 0]), codes, family.quantiser.size)
    taken = np.count_nonzero(counts)
    order = np.argsort(-counts, kind="stable")[: min(taken, MOST_CODES)]
    margin = (patches.shape[1] - SIDE // codes.shape[1]) // 2
    inner = np.zeros(patches.shape[1:], bool)
    inner[margin:-margin, margin:-margin] = True
    tiles = np.where(inner, patches, 0.45 * patches)[order]

    labels = np.arange(6)
    shown = measuring.of_digits(lesson.digits.test, labels, lesson.seed)
    grids = over(_encode(family), lesson.variables, Split(images.to_uint8(shown), labels))
    mosaics = patches[:, margin:-margin, margin:-margin][grids]  # [n, 7, 7, 4, 4]
    mosaics = mosaics.swapaxes(2, 3).reshape(shown.shape)
    back = _decoded(lesson, grids, labels.astype(np.int32))

    figure = _figure(10.4, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    used = counts[order] / counts.sum()
    _show(
        left,
        images.grid(tiles, int(np.ceil(np.sqrt(2 * len(tiles)))), gap=1, scale=3),
        f"What {len(seen.labels)} test digits show on average where a code is taken:\n"
        f"{taken} of {family.quantiser.size} codes are taken, {len(order)} are shown, "
        f"from {used[0]:.1%} of places to {used[-1]:.2%}",
    )
    _rows(
        right,
        np.stack([shown, mosaics, back]),
        ["test digits", "their codes,\neach as at left", "decoded"],
        f"{codes[0].size} codes an image, {family.bits:.0f} bits",
    )
    return figure


def patches_of(seen: np.ndarray, codes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each of ``size`` codes is taken in codes [n, g, g], and what images [n, 28, 28]
    show there on average, with as much around it on all sides: [size, 3c, 3c], c = 28 / g."""
    cell = SIDE // codes.shape[1]
    padded = np.pad(seen, ((0, 0), (cell, cell), (cell, cell)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3 * cell, 3 * cell), (1, 2))
    flat = windows[:, ::cell, ::cell].reshape(codes.size, -1)
    counts = np.bincount(codes.ravel(), minlength=size)
    order = np.argsort(codes, axis=None, kind="stable")
    there = np.flatnonzero(counts)
    sums = np.add.reduceat(flat[order], (np.cumsum(counts) - counts)[there])
    means = np.zeros((size, flat.shape[1]), np.float32)
    means[there] = sums / counts[there, None]
    return counts, means.reshape(size, 3 * cell, 3 * cell)


# Noise, to it and from it.


def noising(lesson: Lesson) -> "Figure":
    family = lesson.family
    assert isinstance(family, DDPM)
    times = np.append(family.steps().time, 0)
    chosen = np.unique(np.linspace(0, len(times) - 1, FRAMES).round().astype(int))
    labels = np.full(2, lesson.digit, np.int32)
    real = 2 * measuring.of_digits(lesson.digits.test, labels[:1], lesson.seed) - 1  # [1, h, w, c]
    eps = np.random.default_rng(lesson.seed).standard_normal(real.shape)
    alpha, sigma = (
        level[times[chosen[::-1]], None, None, None]
        for level in (family.schedule.alpha, family.schedule.sigma)
    )
    noisy = to_images(process.noised(real, eps, alpha, sigma))

    def drawn(variables, keys, labels):
        return denoised(family, variables, keys, labels)

    program = sampling.Program(drawn, chunk=2)
    paths, guesses = program(lesson.variables, lesson.seed, np.arange(2), labels)

    figure = _figure(10.4, 6.4)
    above, below = figure.subplots(2, 1, height_ratios=(1, 4))
    _rows(above, np.asarray(noisy)[None], ["a test digit"], "Noise is added")
    rows = np.stack([paths[0], guesses[0], paths[1], guesses[1]])[:, chosen]
    said = "what the network\ntakes it for"
    _rows(
        below, rows, ["drawn from noise", said, "another noise", said], "The network takes it away"
    )
    pitch = 2 * SIDE + 2
    for axes, shown in ((above, times[chosen[::-1]]), (below, times[chosen])):
        ticks = [2 + pitch * column + SIDE for column in range(len(chosen))]
        axes.set_xticks(ticks, [f"t = {time}" for time in shown])
    return figure


def denoised(family: DDPM, variables: Variables, keys, labels):
    """The way from noise to images, and the x_0 that the network sees at each step of it: both
    [n, steps + 1, 28, 28, 1] in [0, 1], with the image at the end."""
    keys_prior, keys_decode = split(keys)
    noise = family.prior(variables, keys_prior, labels)
    denoise = family.denoiser(variables, labels, family.sampling.guidance)
    steps = family.steps()
    x0, path = samplers.run(denoise, steps, noise, keys_decode)
    states = jnp.concatenate([noise[None], path[:-1]])
    _, guesses = lax.scan(
        lambda carry, row: (carry, denoise(*row)), None, (states, jnp.asarray(steps.time))
    )
    both = [jnp.concatenate([way, x0[None]]).swapaxes(0, 1) for way in (states, guesses)]
    return tuple(map(to_images, both))


# Training.


def training(lesson: Lesson) -> "Figure":
    pictures = {int(path.stem): path for path in lesson.run.samples.glob("[0-9]*.png")}
    if not pictures:
        raise UserError(f"{lesson.run} holds no pictures in samples/: bin/train makes them")
    steps = sorted(pictures)
    # More of the beginning, where more happens.
    wanted = np.geomspace(steps[0], steps[-1], STAGES) if len(steps) > STAGES else steps
    chosen = sorted({min(steps, key=lambda step: abs(step - want)) for want in wanted})
    rows = np.stack([first_row(pictures[step]) for step in chosen])

    figure = _figure(10.4, 0.62 * len(chosen) + 0.6 if len(chosen) > 5 else 3.7)
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    _rows(left, rows, [f"step {step}" for step in chosen], "The same digits during training")
    _curves(figure, right, lesson.run)
    return figure


def first_row(path: Path) -> np.ndarray:
    """The ten images at the top of a picture of samples: uint8 [10, 28, 28, 1]."""
    try:
        with Image.open(path) as opened:
            picture = np.asarray(opened)
    except (OSError, SyntaxError) as error:  # a PNG that is damaged
        raise UserError(f"{path} cannot be read ({error}): remove it") from None
    return images.cells(picture, columns=10)[:10]


def _curves(figure: "Figure", axes: "Axes", run: RunFolder) -> None:
    """Losses, each the mean of a fiftieth of the steps, and how much is covered where that was
    watched."""
    losses = _lines(run.metrics)
    names = [name for name in losses[0] if name.rpartition("/")[2] == "loss"]
    size = max(len(losses) // 50, 1)
    for name in names:
        values = np.array([line[name] for line in losses])
        means = values[: len(values) // size * size].reshape(-1, size).mean(1)
        axes.plot(size * (np.arange(len(means)) + 0.5), means, label=name)
    axes.set(xlabel="step", ylabel="loss")
    axes.set_title("Losses", fontsize=10)
    lines = list(axes.get_lines())
    watch = run.path / "watch.jsonl"
    if watch.exists():
        looks = _lines(watch)
        other = axes.twinx()
        other.set(ylim=(0, 1), ylabel="coverage: share of real digits with a drawn one near")
        steps, coverage = zip(*((look["step"], look["coverage"]) for look in looks), strict=True)
        lines += other.plot(steps, coverage, color="0.3", linestyle="--", label="coverage")
    if len(lines) > 1:
        figure.legend(handles=lines, loc="outside lower right", ncols=len(lines), frameon=False)


def _lines(path: Path) -> list[dict[str, Any]]:
    """The records in a file that a training may be writing to just now."""
    whole, _, _ = path.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


# Ways between digits.


def interpolation(lesson: Lesson) -> "Figure":
    pairs = np.array([[3, 8], [4, 9], [7, 1]], np.int32)
    ends = measuring.of_digits(lesson.digits.test, pairs.ravel(), lesson.seed)
    family = lesson.family.faithful()
    found = sampling.encoded(family, lesson.variables, ends, pairs.ravel())
    ways = sampling.Ways(found.latents, pairs)
    drawn, _ = sampling.interpolate(family, lesson.variables, ways, FRAMES, lesson.seed)
    share = np.linspace(0, 1, FRAMES)[:, None, None, None]
    starts, stops = ends[::2, None], ends[1::2, None]
    faded = (1 - share) * starts + share * stops  # [pairs, frames, h, w, c]
    rows = np.stack([faded, drawn], 1).reshape(-1, *drawn.shape[1:])

    figure = _figure(10.4, 5.5)
    names = ["pixels faded", "through the latents"] * len(pairs)
    _rows(figure.subplots(), rows, names, "From digit to digit")
    return figure


_ALL = ("ae", "vae", "cvae", "vqvae", "gan", "ddpm")
KINDS = {
    "plane": Kind(plane, ("ae", "vae", "cvae")),
    "codebook": Kind(codebook, ("vqvae",)),
    "process": Kind(noising, ("ddpm",)),
    "training": Kind(training, _ALL),
    "interpolation": Kind(interpolation, _ALL),
}
