"""What may be said of the figures of a study: differences over paired seeds, and their intervals.

All settings are trained from the same seeds, so two of them are compared seed by seed, and the mean
of the differences has an interval by Student's t. Where several differences are looked at, their
intervals are wider, so that all of them together hold the true values with 95 % (Bonferroni 1936):
along an axis, where the best is known only from the figures themselves, any two values could have
been compared, and each such pair counts. So where no setting makes a difference, a sentence that
claims one is written for 5 % of figures of two values, and for 2 to 5 % of more.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from jaxgen.evaluation.statistics import Estimate, mean
from jaxgen.experiments.grid import Axis
from jaxgen.experiments.measures import FIGURES
from jaxgen.experiments.questions import Claim

FEW = 3  # seeds: their intervals are three to seven times as wide as those of ten
BySeed = Mapping[int, float]
# Of a claim, by its worst and its best difference: 1 where it is as claimed, -1 where it is not, 0
# where none is shown.
VERDICTS = {
    (1, 1): "holds",
    (0, 0): "is left open",
    (-1, 0): "does not hold",
    (-1, -1): "does not hold",
}


def difference(one: BySeed, other: BySeed, comparisons: int = 1) -> Estimate | None:
    """How much more the one is than the other, over the seeds that both have, as one of so many
    ``comparisons``; None where there is no such seed."""
    both = sorted(set(one) & set(other))
    return mean([one[seed] - other[seed] for seed in both], comparisons) if both else None


def along(name: str, axis: Axis, found: Mapping[str, BySeed], over: str = "") -> str:
    """What a figure does along an axis, in a sentence or two: which value is best, which cannot be
    told from it, and how much worse the worst is. ``found`` is by value of the axis; the means are
    ``over`` what else varies, if something does."""
    figure, known = FIGURES[name], {value: own for value, own in found.items() if own}
    if len(known) < 2:
        return ""
    means = {value: float(np.mean(list(own.values()))) for value, own in known.items()}
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
        reason = f", and {seeds} seeds show large ones only" if seeds <= FEW else ""
        reason = ": one seed shows none" if seeds == 1 else reason
        return (
            f"{title}: no difference is shown between the values of {axis.name} "
            f"({say(means[best])} at {best} to {say(means[worst])} at {worst}){reason}."
        )
    alike = [value for value in axis.values if value in losses and value not in shown]
    text = f"{title}{over and ','} is best at {axis.name} {best} ({say(means[best])})"
    if alike:
        text += f", from which {listed(alike)} cannot be told"
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
    claim: Claim, found: Mapping[str, BySeed], lines: Mapping[str, Mapping[str, BySeed]]
) -> str:
    """Whether a claim holds, in a sentence with the differences; nothing where its values are not
    among those studied. ``found`` is by value of the claim's setting, ``lines`` the same for each
    value of what else varies, by its name: where verdicts differ, each is said, since a mean of
    opposites would hide them."""
    verdict, parts = _verdict(claim, found)
    if not verdict:
        return ""
    what, means = FIGURES[claim.figure].name, "; ".join(parts)
    verdicts: dict[str, list[str]] = {}
    for name, own in lines.items():
        verdicts.setdefault(_verdict(claim, own)[0], []).append(name)
    verdicts.pop("", None)
    if len(verdicts) < 2:
        return f"“{claim.text}” {verdict} ({what}; {means})."
    text = "; ".join(f"{verdict} at {listed(names)}" for verdict, names in verdicts.items())
    return f"“{claim.text}”: {text} ({what}; over all of these, {means})."


def _verdict(claim: Claim, found: Mapping[str, BySeed]) -> tuple[str, list[str]]:
    """The verb for a claim, and each difference in words; empty where there is none."""
    other = found.get(claim.right)
    better, parts, signs = FIGURES[claim.figure].better, [], []
    left = [value for value in claim.left if found.get(value)]
    for value in left if other else ():
        change = difference(found[value], other or {}, len(left))
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


def listed(names: Sequence[str]) -> str:
    """Names with commas, and an "and"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
