"""Charts as SVG, drawn by Matplotlib in the colours of the page.

The names of curves and classes stand beside the plot, where they cover nothing; a class has its
name in the middle of its points as well, which says more than a colour.
"""

import io
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from jaxgen.pages import svg
from jaxgen.pages.document import COLOURS, Chart, Dots, Lines, Scatter, plain
from jaxgen.pages.svg import INK, MUTED, RULE, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 720, 350  # pixels: for a screen and for a phone
THEME = (Path(__file__).parent / "theme.css").read_text()

_MARGIN = 12  # pixels about a chart that is a file
_MARKS = "os^DvP"
_FEW = 30  # points that have a mark each
_DASHED = {"linewidth": 1.4, "linestyle": (0, (5, 3))}
_SIZE = 12.5  # pixels of the letters
_LINE = 17  # pixels from one line of text to the next


def inline(chart: Chart, width: int, name: str, caption: str) -> str:
    """Return the chart as an element of a page, ``width`` pixels wide.

    ``name`` makes its identifiers differ from those of the page's other charts; ``caption`` is the
    identifier of the element that says what the chart shows.
    """
    root = _root(chart, width, name)
    root.set("role", "img")
    root.set("aria-labelledby", caption)
    return ElementTree.tostring(root, encoding="unicode")


def file(chart: Chart) -> bytes:
    """Return the chart as the contents of an SVG file, which any program that shows SVG can draw:
    its colours are attributes, those by light, and a browser takes those by dark where it is."""
    root = _root(chart, WIDE, "chart")
    width, height = (float(side) + 2 * _MARGIN for side in root.attrib["viewBox"].split()[2:])
    sides = {"width": f"{width:g}", "height": f"{height:g}"}
    corner = {"x": f"-{_MARGIN}", "y": f"-{_MARGIN}"}
    root.attrib |= {"xmlns": svg.NAMESPACE, **sides}
    root.set("viewBox", " ".join([*corner.values(), *sides.values()]))
    root[:0] = [ElementTree.Element("rect", {**corner, **sides, "style": "fill: var(--panel)"})]
    svg.stand_alone(root, THEME)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _root(chart: Chart, width: int, name: str) -> ElementTree.Element:
    from matplotlib import style  # half a second, which --help need not take
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.size": _SIZE,
        "text.parse_math": False,  # a dollar sign is a dollar sign
        "text.color": INK,
        "lines.linewidth": 2,
        "path.simplify": False,
    }
    # From Matplotlib's own defaults, whatever a user has set.
    with style.context(["default", settings]), warnings.catch_warnings():
        # The letters are the reader's, so it does not matter that Matplotlib's font lacks one.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(dpi=72, layout="constrained")  # so that a point is a pixel
        figure.patch.set_visible(False)
        draw = {Lines: _lines, Dots: _dots, Scatter: _scatter}[type(chart)]
        draw(chart, figure, width)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return svg.cleaned(drawn.getvalue(), name)


def _lines(chart: Lines, figure: "Figure", width: int) -> None:
    axes = _axes(figure, width, 340 if width == WIDE else 290)
    ends = []
    for number, curve in enumerate(chart.curves):
        place = number if curve.place is None else curve.place
        again, place = divmod(place, COLOURS)  # once more in the same colours, dashed
        x, y, low, high = (np.array(v) for v in (curve.x, curve.y, curve.low, curve.high))
        order = np.argsort(x, kind="stable")
        mark = _MARKS[place] if len(x) <= _FEW else ""
        if len(low):
            axes.fill_between(
                x[order], low[order], high[order], color=SERIES[place], alpha=0.16, linewidth=0
            )
        axes.plot(
            x[order],
            y[order],
            color=SERIES[place],
            marker=mark,
            markersize=5.5,
            linestyle=(0, (5, 2)) if again else "-",
        )
        ends.append((x[order[-1]], y[order[-1]], curve.name, SERIES[place]))
    for level in chart.levels:
        axes.axhline(level.value, color=MUTED, **_DASHED)
        ends.append((None, level.value, level.name, MUTED))
    axes.margins(x=0.02)
    axes.grid(axis="y", color=RULE, linewidth=1)
    axes.spines["bottom"].set_visible(True)
    _scale(axes.xaxis, chart.log_x, 4 if width == NARROW else 8)
    _scale(axes.yaxis, chart.log_y, 5)
    _label(axes, chart.x, chart.y, width)
    _name_ends(figure, axes, ends, width)


def _name_ends(figure, axes, ends, width):
    """Write each name to the right of the plot at the height of its line's end, or as near as the
    other names allow, and lead the eye there."""
    names = [
        axes.annotate(
            _wrapped(name, width * 0.26),
            (1, 0.5),
            xycoords="axes fraction",
            xytext=(16, 0),
            textcoords="offset points",
            verticalalignment="center",
            color=MUTED if colour == MUTED else INK,
            annotation_clip=False,
        )
        for _, _, name, colour in ends
    ]
    figure.draw_without_rendering()  # the layout, now that the widths of the names are known
    box = axes.get_window_extent()
    heights = [name.get_window_extent().height + 3 for name in names]
    left = axes.get_xlim()[1]
    points = [
        axes.transAxes.inverted().transform(axes.transData.transform((left if x is None else x, y)))
        for x, y, *_ in ends
    ]
    middles = _spread([point[1] * box.height for point in points], heights, box.height)
    for name, middle, (x, y), (*_, colour) in zip(names, middles, points, ends, strict=True):
        height = middle / box.height
        name.xy = (1, height)
        axes.plot(
            [x, 1 + 4 / box.width, 1 + 13 / box.width],
            [y, y if x > 0.9 else height, height],
            transform=axes.transAxes,
            color=colour,
            linewidth=1,
            alpha=0.8,
            clip_on=False,
            in_layout=False,
        )


def _spread(wanted: list[float], heights: list[float], room: float) -> list[float]:
    """Middles of things with these heights, near to where they want to be, none over another."""
    found = [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    floor = -heights[order[0]] / 2
    for place in order:
        found[place] = max(wanted[place], floor + heights[place] / 2)
        floor = found[place] + heights[place] / 2
    ceiling = room + heights[order[-1]] / 2
    for place in reversed(order):
        found[place] = min(found[place], ceiling - heights[place] / 2)
        ceiling = found[place] - heights[place] / 2
    return found


def _dots(chart: Dots, figure: "Figure", width: int) -> None:
    count = len(chart.dots)
    names = [_wrapped(dot.name, width * 0.36) for dot in chart.dots]
    levels = [_wrapped(level.name, width * 0.5) for level in chart.levels]
    row = max(34, 10 + _LINE * max(name.count("\n") + 1 for name in names))
    above = _LINE * sum(level.count("\n") + 1 for level in levels)
    axes = _axes(figure, width, row * count + 56 + above)
    many = count > COLOURS
    for place, dot in enumerate(chart.dots):
        colour, height = SERIES[0 if many else place], count - 1 - place
        if ends := dot.values()[1:]:
            axes.plot(
                ends,
                [height] * 2,
                color=colour,
                linewidth=6,
                alpha=0.35,
                solid_capstyle="butt",  # the bar ends where the interval does
                clip_on=False,
            )
        mark = _MARKS[0 if many else place]
        axes.plot([dot.value], [height], color=colour, marker=mark, markersize=8, clip_on=False)
    axes.set_ylim(-0.6, count - 0.4)
    axes.set_yticks(range(count - 1, -1, -1), names, color=INK)
    axes.grid(axis="x", color=RULE, linewidth=1)
    values = [level.value for level in chart.levels]
    axes.update_datalim([(value, 0) for value in values], updatey=False)
    axes.autoscale_view(scaley=False)
    _scale(axes.xaxis, chart.log, 5 if width == NARROW else 8)
    _label(axes, chart.x, "", width)
    _name_levels(figure, axes, values, levels)


def _name_levels(figure, axes, values, names):
    """Draw each level from the bottom to its name, which has a line above the plot to itself."""
    middle = sum(axes.transData.transform([(end, 0) for end in axes.get_xlim()])[:, 0]) / 2
    places = [axes.transData.transform((value, 0))[0] for value in values]
    heights, height = {}, 4
    # A name stands on the side where there is more room, and the innermost is the lowest, so that
    # no dash runs through a name.
    for level in sorted(range(len(values)), key=lambda level: abs(places[level] - middle)):
        is_left = places[level] < middle
        axes.annotate(
            names[level],
            (values[level], 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(6 if is_left else -6, height),
            textcoords="offset points",
            horizontalalignment="left" if is_left else "right",
            color=MUTED,
            annotation_clip=False,
        )
        height += _LINE * (names[level].count("\n") + 1)
        heights[level] = height - 6
    figure.draw_without_rendering()  # the layout, now that the names have their room
    for level, height in heights.items():
        axes.plot(
            [values[level]] * 2,
            [0, 1 + height / axes.get_window_extent().height],
            transform=axes.get_xaxis_transform(),
            color=MUTED,
            clip_on=False,
            in_layout=False,
            **_DASHED,
        )


def _scatter(chart: Scatter, figure: "Figure", width: int) -> None:
    axes = _axes(figure, width, 520 if width == WIDE else 330)
    middles = []
    for place, cloud in enumerate(chart.clouds):
        colour = SERIES[place % COLOURS]
        is_open = place >= COLOURS
        axes.plot(
            cloud.x,
            cloud.y,
            linestyle="",
            marker="o",
            color=colour,
            markersize=4.2 if is_open else 4,
            markerfacecolor="none" if is_open else colour,
            markeredgewidth=1 if is_open else 0,
            alpha=0.8,
            label=_wrapped(cloud.name, width * 0.26),
        )
        middles.append((np.median(cloud.x), np.median(cloud.y), plain(cloud.name)))
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(color=RULE, linewidth=1)
    _scale(axes.xaxis, False, 5)
    _scale(axes.yaxis, False, 5)
    _label(axes, chart.x, chart.y, width)
    axes.legend(
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        frameon=False,
        handletextpad=0,
        borderaxespad=0.2,
        markerscale=1.6,
    )
    figure.draw_without_rendering()
    _name_middles(axes, middles)


def _name_middles(axes, middles):
    """Write the name of a cloud in its middle, unless another's name is there."""
    taken = []
    for x, y, name in middles:
        label = axes.annotate(name, (x, y), ha="center", va="center", fontsize=15, gid="halo")
        box = label.get_window_extent()
        if any(box.overlaps(other) for other in taken):
            label.remove()
        else:
            taken.append(box)


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
    steps = (1, 2, 5) if high < 500 * low else (1,)
    axis.set_major_locator(ticker.LogLocator(subs=steps, numticks=ticks + 2))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(ticker.NullLocator())


def _label(axes: "Axes", x: str, y: str, width: int) -> None:
    axes.set_xlabel(_wrapped(x, width * 0.9), color=MUTED, loc="right")
    if y:
        axes.set_title(_wrapped(y, width * 0.9), color=MUTED, loc="left", fontsize=_SIZE, pad=8)


def _wrapped(text: str, pixels: float) -> str:
    """The text, without its marks of code, in lines of about that width."""
    text = plain(text)
    return "\n".join(textwrap.wrap(text, max(10, int(pixels / (_SIZE * 0.58)))))
