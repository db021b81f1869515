"""Charts as SVG, drawn by Matplotlib in the light colours of theme.css.

In a page the variables of the theme replace the colours and the font, so that a chart is light or
dark with the page. The name of a class of points stands in the legend and also amid the points.
"""

import io
import re
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgen.reports.document import COLOURS, Chart, Dots, Lines, Scatter, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

WIDE, NARROW = 744, 374  # pixels: for a screen and for a phone
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): ([^;]+);", part))
    for part in (Path(__file__).parent / "theme.css").read_text().split("@media", maxsplit=1)
)
# The variables of the theme that charts use.
COLOURED = ("ink", "muted", "rule", "panel", *(f"series-{colour}" for colour in range(COLOURS)))
INK, MUTED, RULE, PANEL, *SERIES = (LIGHT[name] for name in COLOURED)
_FONT = "DejaVu Sans"  # in Matplotlib, which measures text with it
_MARKS = "os^DvP"
_FEW = 30  # points: a curve with more has no markers
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))  # one for each round of the colours
_MARGIN = 12  # pixels around a chart
_SIZE = 12.5  # pixels: font size
_LETTER = 7.25  # pixels: mean width of a letter
_LINE = 17  # pixels from one line of text to the next


def inline(chart: Chart, width: int, name: str, caption: str) -> str:
    """Return the chart as an element of a page, ``width`` pixels wide.

    ``name`` makes the identifiers in the chart unique within the page; ``caption`` is the
    identifier of the element with the caption.
    """
    svg = _svg(chart, width, name).replace("xlink:href", "href")
    for variable in (*COLOURED, "sans"):
        svg = svg.replace(LIGHT[variable], f"var(--{variable})")
    opening = rf'<svg class="chart" role="img" aria-labelledby="{caption}" viewBox="\1">'
    return re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', opening, svg, count=1)


def file(chart: Chart) -> bytes:
    """Return the chart as an SVG file, light, but dark in a browser in dark mode."""
    rules = " ".join(
        f'[style*="{key}: {LIGHT[name]}"] {{ {key}: {DARK[name]} !important }}'
        for name in COLOURED
        for key in ("fill", "stroke")
    )
    dark = f"@media (prefers-color-scheme: dark) {{ {rules} }}</style>"
    return _svg(chart, WIDE, "chart").replace("</style>", dark, 1).encode()


def _svg(chart: Chart, width: int, salt: str) -> str:
    """The chart in the light colours and the font of the theme; ``salt`` makes identifiers."""
    from matplotlib import style  # takes half a second, too long for --help
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.family": _FONT,
        "font.size": _SIZE,
        "text.parse_math": False,  # a dollar sign is a dollar sign
        "text.color": INK,
        "lines.linewidth": 2,
        "path.simplify": False,
        "figure.facecolor": PANEL,
        "figure.constrained_layout.w_pad": _MARGIN / 72,
        "figure.constrained_layout.h_pad": _MARGIN / 72,
    }
    # On top of Matplotlib's defaults, not of the user's settings.
    with style.context(["default", settings]), warnings.catch_warnings():
        # The page has its own font, so letters missing from Matplotlib's do not matter. A chart may
        # be empty, for instance if all values are NaN.
        warnings.filterwarnings("ignore", "Glyph .* missing from font|Data has no positive values")
        figure = Figure(dpi=72, layout="constrained")  # so that a point is a pixel
        draw = {Lines: _lines, Dots: _dots, Scatter: _scatter}[type(chart)]
        draw(chart, figure, width)
        file = io.StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", metadata=no_metadata)
    _, opening, rest = file.getvalue().partition("<svg")
    svg = opening + rest.replace('pt"', '"', 2)  # width and height: pixels
    # Identifiers of groups, which other charts of the page have too; those of paths use the salt.
    svg = re.sub(r' id="[\w.]+_\d{1,4}"', "", svg)
    return svg.replace(f"'{_FONT}'", LIGHT["sans"])


def _lines(chart: Lines, figure: "Figure", width: int) -> None:
    axes = _axes(figure, width, 340 if width == WIDE else 290)
    for number, curve in enumerate(chart.curves):
        repeat, colour = divmod(number if curve.colour is None else curve.colour, COLOURS)
        order = np.argsort(curve.x, kind="stable")
        x, y = np.array(curve.x)[order], np.array(curve.y)[order]
        if len(curve.low):
            low, high = np.array(curve.low)[order], np.array(curve.high)[order]
            axes.fill_between(x, low, high, color=SERIES[colour], alpha=0.16, linewidth=0)
        axes.plot(
            x,
            y,
            color=SERIES[colour],
            marker=_MARKS[colour] if len(x) <= _FEW else "",
            markersize=5.5,
            linestyle=_DASHES[repeat % len(_DASHES)],
        )
    axes.margins(x=0.02)
    axes.grid(axis="y", color=RULE, linewidth=1)
    axes.spines["bottom"].set_visible(True)
    _scale(axes.xaxis, chart.log_x, 4 if width == NARROW else 8)
    _scale(axes.yaxis, chart.log_y, 5)
    _label(axes, chart.x, chart.y, width)
    _legend(figure, axes.lines, [curve.name for curve in chart.curves], width)


def _dots(chart: Dots, figure: "Figure", width: int) -> None:
    count = len(chart.dots)
    names = [_wrapped(dot.name, width * 0.36) for dot in chart.dots]
    row = max(34, 10 + _LINE * max(name.count("\n") + 1 for name in names))
    axes = _axes(figure, width, row * count + 80)
    colours = SERIES[:count] if count <= COLOURS else SERIES[0]
    heights = np.arange(count)[::-1]
    low, high, values = (
        np.array([getattr(dot, end) for dot in chart.dots], float)
        for end in ("low", "high", "value")
    )
    axes.hlines(heights, low, high, colors=colours, linewidth=6, alpha=0.35, clip_on=False)
    axes.scatter(values, heights, 64, colours, clip_on=False)
    axes.set_ylim(-0.6, count - 0.4)
    axes.set_yticks(heights, names, color=INK)
    axes.grid(axis="x", color=RULE, linewidth=1)
    if chart.level:
        axes.axvline(chart.level.value, color=MUTED, linewidth=1.4, linestyle="--")
    _scale(axes.xaxis, chart.log, 5 if width == NARROW else 8)
    _label(axes, chart.x, "", width)
    if chart.level:
        axes.get_xlim()  # makes Matplotlib compute the limits
        x, _ = axes.transData.transform((chart.level.value, 0))
        middle, _ = axes.transAxes.transform((0.5, 0))
        axes.text(
            chart.level.value,
            1.01,
            _wrapped(chart.level.name, width * 0.5),
            transform=axes.get_xaxis_transform(),
            ha="left" if x < middle else "right",  # on the side with more room
            va="bottom",
            color=MUTED,
        )


def _scatter(chart: Scatter, figure: "Figure", width: int) -> None:
    axes = _axes(figure, width, 520 if width == WIDE else 330)
    for number, points in enumerate(chart.points.values()):
        repeat, colour = divmod(number, COLOURS)
        axes.plot(
            *points.T,
            linestyle="",
            marker=_MARKS[repeat // 2 % len(_MARKS)],
            color=SERIES[colour],
            markersize=4,
            fillstyle="none" if repeat % 2 else "full",
            markeredgewidth=repeat % 2,
            alpha=0.8,
        )
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color=RULE, linewidth=1)
    _scale(axes.xaxis, False, 5)
    _scale(axes.yaxis, False, 5)
    _label(axes, chart.x, chart.y, width)
    _legend(figure, axes.lines, [*chart.points], width)
    figure.draw_without_rendering()
    boxes = []  # of the names amid their points
    behind = {"boxstyle": "round,pad=0.15", "facecolor": PANEL, "edgecolor": "none", "alpha": 0.75}
    letters = {"size": 15, "weight": "bold", "ha": "center", "va": "center", "bbox": behind}
    for name, points in chart.points.items():
        if not len(points):
            continue
        x, y = np.median(points, axis=0)
        label = axes.text(x, y, plain(name), **letters)
        box = label.get_window_extent()
        if any(box.overlaps(other) for other in boxes):
            label.remove()
        else:
            boxes.append(box)


def _axes(figure: "Figure", width: int, height: int) -> "Axes":
    figure.set_size_inches(width / 72, height / 72)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.spines["bottom"].set_color(MUTED)
    axes.tick_params(length=0, pad=6, labelcolor=MUTED, which="both")
    return axes


def _scale(axis, log: bool, ticks: int) -> None:
    from matplotlib import ticker

    if not log:
        axis.set_major_locator(ticker.MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
        return
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = axis.get_view_interval()
    steps = (1, 2, 5) if 3 * np.log10(high / low) < ticks + 2 else (1,)  # if there is room
    axis.set_major_locator(ticker.LogLocator(subs=steps, numticks=ticks + 2))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def _label(axes: "Axes", x: str, y: str, width: int) -> None:
    axes.set_xlabel(_wrapped(x, width * 0.9), color=MUTED, loc="right")
    if y:
        axes.set_title(_wrapped(y, width * 0.9), color=MUTED, loc="left", fontsize=_SIZE, pad=8)


def _legend(figure: "Figure", lines: Sequence["Line2D"], names: list[str], width: int) -> None:
    """Name the lines below the plot, in as many columns as fit."""
    names = [_wrapped(name, width * 0.8) for name in names]
    longest = max(len(line) for name in names for line in name.split("\n"))
    legend = figure.legend(
        lines,
        names,
        loc="outside lower left",
        ncols=max(1, int((width - 2 * _MARGIN) / (longest * _LETTER + 48))),
        frameon=False,
        markerscale=1.4,
        handlelength=1.6,
        columnspacing=1.4,
        borderaxespad=_MARGIN / _SIZE,
        borderpad=0,
    )
    height = legend.get_window_extent().height + _MARGIN
    figure.set_figheight(figure.get_figheight() + height / 72)


def _wrapped(text: str, pixels: float) -> str:
    """The text, without backticks, in lines of about ``pixels``."""
    text = plain(text)
    return "\n".join(textwrap.wrap(text, max(10, int(pixels / _LETTER))))
