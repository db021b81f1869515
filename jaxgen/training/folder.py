"""The folder of a run, which is all that a run leaves behind.

config.json        the recipe as it was run
data.json          the digits that it learns from: a digest, how many of each, their names
sittings.jsonl     one line a session, each time training began or went on: command, versions,
                   commit, devices
metrics.jsonl      one line a step
watch.jsonl        one line a look for mode collapse, every sample_every steps of a family that may
                   collapse: the digits that the judge takes 500 drawn ones for, and the share of
                   real digits with a drawn one near
events.*           the same for TensorBoard
samples/           a picture of 80 digits, named by its step
checkpoints/       the newest states
"""

import dataclasses
import json
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jaxgen
from jaxgen import config as configs
from jaxgen import data
from jaxgen.config import STRIDED, Config
from jaxgen.data import files
from jaxgen.data.split import Contents
from jaxgen.errors import UserError
from jaxgen.training import manifest

if TYPE_CHECKING:
    import filelock

ROOT = Path("runs")
# What may differ when a run goes on: how long, and what is shown on the way.
FREE = ("steps", "log_every", "sample_every", "save_every", "sampling")


class RunFolder:
    """The paths of a run."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.data = path / "data.json"
        self.metrics = path / "metrics.jsonl"
        self.looks = path / "watch.jsonl"
        self._sessions = path / "sittings.jsonl"
        self.samples = path / "samples"
        self.checkpoints = path / "checkpoints"

    def __str__(self) -> str:
        return str(self.path)

    def load(self) -> Config:
        """The recipe of the run; a ``UserError`` if there is no run here or it cannot be read."""
        try:
            return configs.from_dict(json.loads(self.config.read_text()))
        except FileNotFoundError:
            began = (path.parent for path in ROOT.glob("*/config.json"))
            there = sorted(f"{path}" for path in began if RunFolder(path).metrics.exists())
            known = f"there is {', '.join(there)}, and " if there else ""
            raise UserError(
                f"there is no run in {self.path.absolute()}: {known}bin/train makes one"
            ) from None
        except (OSError, ValueError, RecursionError, UserError) as error:
            raise UserError(
                f"{self.config} cannot be read ({error}): is it a run of jaxgen?"
            ) from None

    def prepare(self, config: Config, fresh: bool) -> list[str]:
        """Make the folder ready to train ``config`` in, and return what is worth telling.

        A run that is there goes on if it is of the same recipe; with ``fresh`` it is moved aside.
        Raises ``UserError`` if the recipes differ.
        """
        messages = []
        if fresh and self.config.exists():
            aside = _free(self.path)
            self.path.rename(aside)
            self.path.mkdir()
            messages.append(f"the run that was in {self} is now in {aside}")
        # Without a checkpoint there is nothing to go on from, and nothing to lose.
        if self.config.exists() and (there := manifest.steps(self.checkpoints)):
            messages += self._require_same(config, self.load(), there[0])
        files.write(self.config, json.dumps(configs.to_dict(config), indent=2) + "\n")
        return messages

    def _require_same(self, config: Config, was: Config, step: int) -> list[str]:
        """Raise ``UserError`` where the run of ``was``, which is at ``step``, cannot go on as one
        of ``config``; returns what is worth telling where it can."""
        messages = []
        if was.data == STRIDED + config.data:
            raise UserError(
                f"{self} holds a run on the digits as earlier versions divided them: go on "
                f"with --data {was.data}, or --fresh to move that run aside"
            )
        if config.data != was.data and self._has_learned(config.data, was):
            messages.append(f"the digits of {config.data} are those of {was.data}")
            was = dataclasses.replace(was, data=config.data)
        if different := unlike(config, was):
            raise UserError(
                f"{self} holds a run of another recipe: {', '.join(different)}; "
                "give --run another folder, or --fresh to move that one aside"
            )
        if config.steps < step:
            raise UserError(
                f"{self} has {step} steps already, which is more than --steps {config.steps}: "
                f"--steps {2 * step} trains on, and --fresh starts over"
            )
        if config.steps != was.steps and config.optim.horizon is None:
            messages.append(
                f"the run goes on to {config.steps} steps instead of {was.steps}: "
                "the rate's fall is planned anew"
            )
        return messages

    def _has_learned(self, source: str, was: Config) -> bool:
        """Whether the digits of a source are those that the run of the recipe ``was`` learns from,
        under another name."""
        try:
            known = self.learned or Learned(Contents.of(data.load(was.data)), (was.data,))
            same = Contents.of(data.load(source)).sha256 == known.contents.sha256
        except UserError:  # what is wrong with the source is said where it is trained on
            return False
        if same:
            self._keep(known.contents, (*known.sources, source))
        return same

    @property
    def learned(self) -> "Learned | None":
        """What the run learns from; None where no version noted it that knew how. A ``UserError``
        where it cannot be read."""
        try:
            found = json.loads(self.data.read_text())
            counts = (tuple(map(int, found[part])) for part in ("train", "test"))
            return Learned(Contents(str(found["sha256"]), *counts), tuple(found["sources"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self.data} cannot be read ({error}): take it away, and it is made anew"
            ) from None

    def learns_from(self, digits: data.Digits) -> None:
        """Note the digits that the run learns from; a ``UserError`` where it has begun with
        others."""
        found = Contents.of(digits)
        if (known := self.learned) is None or not manifest.steps(self.checkpoints):
            self._keep(found, (digits.source,))
        elif known.contents.sha256 != found.sha256:
            raise UserError(
                f"the digits of {digits.source} are others than those that {self} has learned "
                "from: put these back, or give --run another folder, or --fresh"
            )

    def digits(self, config: Config, source: str | None = None) -> data.Digits:
        """Load the digits that the run of a recipe has learned from, from ``source`` where they are
        no longer where they were. A ``UserError`` where they are others."""
        try:
            digits = data.load(source or config.data)
        except UserError as error:
            moved = f"; or say with --data where the digits of {self} are now"
            raise UserError(f"{error}{'' if source else moved}") from None
        known = self.learned
        if known and known.contents.sha256 != Contents.of(digits).sha256:
            raise UserError(
                f"the digits of {digits.source} are others than those that {self} has learned "
                "from: say with --data where those are now"
            )
        return digits

    def _keep(self, found: Contents, sources: tuple[str, ...]) -> None:
        kept = {"sources": list(dict.fromkeys(sources)), **found._asdict()}
        files.write(self.data, json.dumps(kept, indent=2) + "\n")

    def run_flag(self, model: str) -> str:
        """What names the run besides ``--model``, with a space before it; empty where it is the
        model's own."""
        if self.path == ROOT / model:
            return ""
        path = str(self.path)
        if self.path.parent == ROOT:
            path = self.path.name
        elif os.sep not in path:  # else it would be one of ROOT
            path = os.path.join(os.curdir, path)
        return f" --run {shlex.quote(path)}"

    def prepare_anew(self, config: Config) -> list[str]:
        """As ``prepare``, where a larger undertaking keeps the folder for itself: a run of another
        recipe there is moved aside."""
        try:
            self.prepare(config, fresh=False)
        except UserError:
            return self.prepare(config, fresh=True)
        return []

    def lock(self) -> "filelock.FileLock":
        """The right to write here, which the system takes back from a process that dies."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            busy = f"another process is training in {self}: wait for it, or give --run"
            return files.lock(self._lock_file, busy)
        except OSError as error:
            raise UserError(
                f"{self} cannot be written ({error.strerror}): give --run another folder"
            ) from None

    def is_busy(self) -> bool:
        """Whether a process is training here."""
        import filelock

        try:
            with filelock.FileLock(self._lock_file, timeout=0):
                return False
        except filelock.Timeout:
            return True
        except OSError:
            return False  # where nobody may write nobody trains

    @property
    def _lock_file(self) -> Path:
        # Beside the folder, not in it: --fresh moves the folder away while the lock is held.
        return self.path.with_name(f".{self.path.name}.lock")

    def began(self, step: int, devices: str) -> list[str]:
        """Note the circumstances of a session that begins at ``step``; returns what differs from
        the one before."""
        session = {
            "step": step,
            "command": shlex.join(sys.argv),
            "jaxgen": jaxgen.__version__,
            "commit": commit(),
            "devices": devices,
            "machine": machine(),
            "python": platform.python_version(),
            **{
                name: metadata.version(name) for name in ("jax", "jaxlib", "flax", "optax", "numpy")
            },
        }
        before = self.sessions()
        lines = [json.dumps(one) + "\n" for one in (*before, session)]
        files.write(self._sessions, "".join(lines))
        return [
            f"the run was on {name} {before[-1][name]} and goes on with {session[name]}: "
            "last digits may differ"
            for name in ("devices", "jaxlib")
            if before and step and before[-1][name] != session[name]
        ]

    def sessions(self) -> list[dict]:
        """What ``began`` noted, oldest first."""
        return read_log(self._sessions)

    def cpu_devices(self) -> int | None:
        """How many virtual CPU devices the run began with, if it began on a CPU, so that it can
        keep them."""
        match self.sessions()[:1]:
            case [{"devices": str(devices)}] if " cpu " in devices:
                return int(devices.split()[0])
        return None


class Learned(NamedTuple):
    """The digits that a run learns from."""

    contents: Contents
    sources: tuple[str, ...]  # all names that they have had


def unlike(config: Config, was: Config) -> list[str]:
    """The settings by which a run of ``was`` cannot go on as one of ``config``, each with both
    values."""
    if config.model != was.model:
        return [f"--model {config.model} (was {was.model})"]
    same = {name: getattr(was, name) for name in FREE}
    return configs.differences(dataclasses.replace(config, **same), was)


def locate(model: str | None, run: str | None) -> RunFolder:
    """The run that is meant: ``--run`` a path, or a name within runs/; else the model's own."""
    name = run or model
    if not name:
        raise UserError("which run is meant? give --model NAME or --run FOLDER")
    return RunFolder(Path(name) if os.sep in name else ROOT / name)


def whole_lines(path: Path) -> list[str]:
    """The lines of a log, if there is one, without what a writer that died has left of its last."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of a log, which a training may be writing to just now."""
    return [json.loads(line) for line in whole_lines(path)]


def _free(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return aside


def machine() -> str:
    """The processor, as far as the system tells."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def commit() -> str | None:
    """The commit of this clone, or None where it is none."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
