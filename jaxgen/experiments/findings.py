"""Sentences about the figures of a study: differences over paired seeds, and their intervals.

All settings are trained from the same seeds, so two settings are compared seed by seed, and the
mean of the differences has an interval by Student's t. With several comparisons the intervals are
wider, so that all of them together hold with 95 % (Bonferroni 1936). Along an axis the best value
comes from the figures themselves, so every pair of values counts as a comparison. If settings make
no difference, 5 % of the sentences about two values claim one, and 2 to 5 % of the sentences about
more.
"""

import math
from collections.abc import Mapping

import numpy as np

from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.experiments.grid import Axis
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.questions import Claim
from jaxgen.training.trained import listed

FEW = 3  # seeds: the intervals are three to seven times as wide as with ten seeds
BySeed = Mapping[int, float]
# By the signs of the worst and the best difference: 1 as claimed, -1 the opposite, 0 not shown.
VERDICTS = {
    (1, 1): "holds",
    (0, 0): "is left open",
    (-1, 0): "does not hold",
    (-1, -1): "does not hold",
}


def difference(left: BySeed, right: BySeed, comparisons: int = 1) -> Estimate | None:
    """The mean of ``left`` minus ``right`` over their common seeds, as one of several
    ``comparisons`` (see ``mean``); None without a common seed."""
    seeds = sorted(set(left) & set(right))
    return mean([left[seed] - right[seed] for seed in seeds], comparisons) if seeds else None


def along(name: str, axis: Axis, figures: Mapping[str, BySeed], over: str = "") -> str:
    """A sentence about a figure along an axis: the best value, the values that are not separable
    from it, and the worst. ``figures`` are by value of the axis. ``over`` names the other axes, if
    the figures are means over them."""
    figure, known = FIGURES[name], {value: by_seed for value, by_seed in figures.items() if by_seed}
    if len(known) < 2:
        return ""
    means = {value: float(np.mean(list(by_seed.values()))) for value, by_seed in known.items()}
    title = figure.name[0].upper() + figure.name[1:]
    if not figure.better:
        return _trend(title, axis, known, means)
    order = sorted(means, key=lambda value: -figure.better * means[value])
    best, worst = order[0], order[-1]
    pairs = math.comb(len(known), 2)
    losses = {
        value: loss for value in order[1:] if (loss := difference(known[value], known[best], pairs))
    }
    shown = [value for value, loss in losses.items() if loss.sign == -figure.better]
    title += over and f", the mean over {over}"
    if not shown:
        seeds = len(known[best])
        reason = f"; {seeds} seeds show only large differences" if seeds <= FEW else ""
        reason = "; one seed shows none" if seeds == 1 else reason
        return (
            f"{title}: no difference is shown between the values of {axis.name} "
            f"({say(means[best])} at {best} to {say(means[worst])} at {worst}){reason}."
        )
    alike = [value for value in axis.values if value in losses and value not in shown]
    text = f"{title}{over and ','} is best at {axis.name} {best} ({say(means[best])})"
    if alike:
        text += f", not separable from {listed(alike)}"
    last = next(value for value in reversed(order) if value in shown)
    return f"{text}; at {last} it is {say(means[last])} (a difference of {losses[last]})."


def _trend(title: str, axis: Axis, known, means) -> str:
    values = [value for value in axis.values if value in known]
    first, last = values[0], values[-1]
    change = difference(known[last], known[first])
    if change is None or not change.sign:
        return ""
    verb = "rises" if change.sign > 0 else "falls"
    return (
        f"{title} {verb} from {say(means[first])} at {axis.name} {first} to {say(means[last])} "
        f"at {last}."
    )


def decided(
    claim: Claim, figures: Mapping[str, BySeed], lines: Mapping[str, Mapping[str, BySeed]]
) -> str:
    """A sentence that says whether a claim holds, with the differences; empty if the study has not
    the claim's values. ``figures`` are by value of the claim's setting; ``lines`` are the same for
    each choice of the other axes, by its name. If the verdicts of the lines differ, the sentence
    has each of them, because the mean would hide them."""
    verdict, parts = _verdict(claim, figures)
    if not verdict:
        return ""
    name, differences = FIGURES[claim.figure].name, "; ".join(parts)
    verdicts: dict[str, list[str]] = {}
    for line, by_value in lines.items():
        verdicts.setdefault(_verdict(claim, by_value)[0], []).append(line)
    verdicts.pop("", None)
    if len(verdicts) < 2:
        return f"“{claim.text}” {verdict} ({name}; {differences})."
    text = "; ".join(f"{verdict} at {listed(names)}" for verdict, names in verdicts.items())
    return f"“{claim.text}”: {text} ({name}; over all of these, {differences})."


def _verdict(claim: Claim, figures: Mapping[str, BySeed]) -> tuple[str, list[str]]:
    """The verb for a claim, and each difference in words; empty if there is no difference."""
    right = figures.get(claim.right, {})
    better, parts, signs = FIGURES[claim.figure].better, [], []
    left = [value for value in claim.left if figures.get(value)]
    for value in left:
        change = difference(figures[value], right, len(left))
        if change is None:
            continue
        signs.append(change.sign * better)
        words = {1: "better", 0: "no difference shown", -1: "worse"}[signs[-1]]
        parts.append(f"{value} against {claim.right}: {words} ({change})")
    if not signs:
        return "", []
    return VERDICTS.get((min(signs), max(signs)), "holds for some"), parts


def say(value: float) -> str:
    """A figure with four digits at most."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
