"""Two versions of jaxgen in turn, in one run: this one, and that of a revision of git.

Machines differ, and are shared, so one measure after the other is taken of both versions, which
also take turns in being first. A ratio is the other version's figure over this one's: above 1,
this version is faster, or needs less memory.
"""

import functools
import json
import math
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxgen
from jaxgen import environment
from jaxgen.errors import UserError
from jaxgen.evaluation import statistics
from jaxgen.evaluation.statistics import Estimate
from jaxgen.training.console import plural

WORSE = 0.9  # a smaller ratio fails the check
WIDE = 1.25  # an interval that is wider, as the ratio of its ends, allows no verdict
STEPS = 30  # of a training for the time of a step
FIRST = 2  # steps at its begin that do not count
DRAWN = (1, 10, 100, 1000)  # digits
STARTS = ("train", "sample", "evaluate")  # commands whose --help is timed


class Version(NamedTuple):
    """A clone of jaxgen with its environment."""

    name: str
    root: Path

    def call(self, folder: Path, verb: str, *args: str) -> "Call":
        """Run a command in a folder, which also holds its cache. Raises ``UserError`` if it
        fails."""
        environment = os.environ | {"XDG_CACHE_HOME": f"{folder / 'cache'}"}
        with tempfile.TemporaryFile() as errors:
            began = time.perf_counter()
            process = subprocess.Popen(
                [self.root / "bin" / verb, *args],
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            seconds = time.perf_counter() - began
            if process.returncode:
                errors.seek(0)
                lines = errors.read().decode(errors="replace").split("\n")
                last = next((line for line in reversed(lines) if line.strip()), "no message")
                raise UserError(
                    f"bin/{verb} of {self.name} ended with status {process.returncode}: {last}"
                )
        return Call(seconds, usage.ru_maxrss / 2**20)


class Call(NamedTuple):
    """What a command took."""

    seconds: float
    memory: float  # GiB, at its peak


class Comparison(NamedTuple):
    """A measure of both versions."""

    what: str  # with the unit
    other: tuple[float, ...]
    own: tuple[float, ...]

    @property
    def ratio(self) -> Estimate:
        """The other version's figure over this one's: the geometric mean of the pairs."""
        logs = statistics.mean(np.log(np.divide(self.other, self.own)))
        return Estimate(math.exp(logs.value), math.exp(logs.low), math.exp(logs.high), logs.n)

    @property
    def width(self) -> float:
        """The ratio of the ends of the interval."""
        return self.ratio.high / self.ratio.low

    @property
    def is_worse(self) -> bool | None:
        """Whether this version is too much worse; None if the pairs differ too much to say."""
        ratio = self.ratio
        if ratio.low >= WORSE:
            return False
        if ratio.high < WORSE:
            return True
        return ratio.value < WORSE if self.width < WIDE else None

    def __str__(self) -> str:
        other, own = statistics.mean(self.other), statistics.mean(self.own)
        ratio = self.ratio.within()
        return f"{self.what:<52}{other.value:>9.3g}{own.value:>9.3g}   {ratio}"


HEADER = f"{'':<52}{'before':>9}{'now':>9}   before / now"


def checkout(revision: str, say: Callable[[str], None]) -> Version:
    """The version of a revision of git, in a clone that is kept in the cache. Raises ``UserError``
    if there is no such revision, or its environment cannot be made."""
    root = Path(jaxgen.__file__).parents[1]
    wanted = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    if wanted is None:
        if _git(root, "rev-parse", "HEAD") is None:
            raise UserError(f"--against {revision} needs a clone of jaxgen with its history in git")
        raise UserError(
            f"--against {revision} cannot be: there is no such revision, git log shows which are"
        )
    folder = environment.cache() / "revisions" / wanted[:12]
    version = Version(revision, folder)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as new:
            clone = Path(new, "clone")
            _git(root, "clone", "--quiet", "--no-checkout", f"{root}", f"{clone}")
            if _git(clone, "checkout", "--quiet", wanted) is None:
                raise UserError(f"--against {revision} cannot be built: git makes no clone of it")
            clone.rename(folder)
    say(f"building {revision} ({wanted[:12]})")
    if not (folder / ".venv").exists() and _same_locks(root, folder):
        (folder / ".venv").symlink_to(root / ".venv")
    with tempfile.TemporaryDirectory() as empty:
        try:
            version.call(Path(empty), "train", "--help")
        except (UserError, OSError) as error:
            raise UserError(f"--against {revision} cannot be built: {error}") from None
    return version


def _same_locks(root: Path, other: Path) -> bool:
    """Whether the environment of one clone serves another."""
    locks = root / ".venv" / "locks"
    names = [path.name for path in locks.glob("*.lock")]
    same = [(other / "requirements" / name, locks / name) for name in names]
    return bool(names) and all(a.exists() and a.read_bytes() == b.read_bytes() for a, b in same)


def _git(root: Path, *args: str) -> str | None:
    """The output of git in a folder; None if it fails."""
    try:
        done = subprocess.run(["git", "-C", root, *args], capture_output=True, text=True)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def compare(
    other: Version, models: Sequence[str], pairs: int, say: Callable[[str], None]
) -> Iterator[Comparison]:
    """Measure another version and this one in turn, ``pairs`` times, with the default recipes.
    ``say(line)`` reports what is being measured."""
    own = Version("this version", Path(jaxgen.__file__).parents[1])
    yield from _in_turn("commands", other, own, pairs, say, _starts)
    for model in models:
        yield from _in_turn(model, other, own, pairs, say, functools.partial(_figures, model))


def _in_turn(
    title: str,
    other: Version,
    own: Version,
    pairs: int,
    say: Callable[[str], None],
    measure: Callable[[Version, Path], dict[str, float]],
) -> Iterator[Comparison]:
    """``measure(version, folder)`` of both versions in turn, each time in a new folder."""
    found: dict[Version, list[dict[str, float]]] = {other: [], own: []}
    for number in range(pairs):
        say(f"{title}: pair {number + 1} of {pairs}")
        for version in (own, other) if number % 2 else (other, own):
            with tempfile.TemporaryDirectory() as folder:
                found[version].append(measure(version, Path(folder)))
    for what in found[own][0]:
        before, now = (tuple(figures[what] for figures in found[v]) for v in (other, own))
        yield Comparison(what, before, now)


def _starts(version: Version, folder: Path) -> dict[str, float]:
    return {
        f"bin/{verb} --help, s": version.call(folder, verb, "--help").seconds for verb in STARTS
    }


def _figures(model: str, version: Version, folder: Path) -> dict[str, float]:
    """The figures of a recipe, in a folder without compiled programs."""

    def train(run: str, steps: int) -> Call:
        options = ("--quiet", "--sample-every", "0", "--log-every", "1", "--run", run)
        return version.call(folder, "train", "--model", model, "--steps", f"{steps}", *options)

    def draw(count: int, name: str = "again") -> Call:
        options = ("--count", f"{count}", "--out", f"{name}-{count}.npz")
        return version.call(folder, "sample", "--run", "long", *options)

    first, again, long = train("first", 1), train("again", 1), train("long", STEPS)
    log = (folder / "runs" / "long" / "metrics.jsonl").read_text().splitlines()
    seconds = [json.loads(line)["seconds"] for line in log]
    step = (seconds[-1] - seconds[FIRST - 1]) / (STEPS - FIRST)
    draw(1, "first")  # compiles
    return {
        f"{model}: a train step, ms": 1e3 * step,
        f"{model}: a step from a new start, compiling, s": first.seconds,
        f"{model}: the same, with compiled programs, s": again.seconds,
        f"{model}: memory of a training, GiB": long.memory,
        **{f"{model}: bin/sample of {plural(n, 'digit')}, s": draw(n).seconds for n in DRAWN},
    }
