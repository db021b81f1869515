"""The folder of a run: all files that a run writes.

config.json        the recipe
data.json          the digits that the run learns from: a digest, the count of each, their sources
sittings.jsonl     one line for each session, each time training begins or goes on: command,
                   versions, commit, devices
metrics.jsonl      one line for each step
watch.jsonl        one line for each look for mode collapse, every sample_every steps of a family
                   that may collapse: how the judge classifies 500 drawn digits, and the fraction
                   of real digits near a drawn one
events.*           the metrics and looks for TensorBoard
samples/           pictures of all classes, eight of each or more, named by their step
checkpoints/       the newest states

And in that of a run that goes on from another model (``apps.finetuning``):

start.json             that model, and the digest of its weights
examples.safetensors   the digits that the run trains on, made from those of data.json
"""

import contextlib
import dataclasses
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable
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
_NEW_PARTS = (  # of streams; earlier versions held any number of images in memory
    "; a run on so many images that an earlier version has begun cannot go on"
)
# Settings that may change when a run goes on: its length, its output, and how it draws.
# And the names of the classes, which come from the data.
FREE = ("steps", "log_every", "sample_every", "save_every", "sampling", "classes")


class ModelFolder:
    """A folder with a trained model: a run, or a published model (``published``)."""

    def __init__(self, path: Path):
        self.path = path
        self.config = path / "config.json"
        self.data = path / "data.json"

    def __str__(self) -> str:
        return str(self.path)

    @property
    def results(self) -> Path:
        """The folder for results without ``--out``."""
        return self.path

    @property
    def remark(self) -> str | None:
        """A sentence about a model that nobody has asked for by its path."""
        return None

    def load(self) -> Config:
        """The recipe; raises ``UserError`` if there is none or it cannot be read."""
        try:
            return configs.from_dict(json.loads(self.config.read_text()))
        except FileNotFoundError:
            raise UserError(self._missing()) from None
        except (OSError, ValueError, RecursionError, UserError) as error:
            raise UserError(
                f"{self.config} cannot be read ({error}): is it a model of jaxgen?"
            ) from None

    def _missing(self) -> str:
        return f"there is no {self.config.name} in {self.path.absolute()}: is it a model of jaxgen?"

    @property
    def learned(self) -> "Learned | None":
        """The digits that the model has learned from; None in a run of a version that did not note
        them. Raises ``UserError`` if the note cannot be read."""
        try:
            note = json.loads(self.data.read_text())
            counts = (tuple(map(int, note[part])) for part in ("train", "test"))
            contents = Contents(str(note["sha256"]), *counts)
            return Learned(contents, tuple(note["sources"]), tuple(map(int, note.get("also", ()))))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self.data} cannot be read ({error}): delete it, and training makes it again"
            ) from None

    def digits(self, config: Config, source: str | None = None) -> data.Digits:
        """Load the digits that the model of a recipe has learned from; ``source`` is their new
        place if they have moved. Raises ``UserError`` if they are other digits."""
        try:
            digits = data.load(source or config.data)
        except UserError as error:
            moved = f"; or say with --data where the digits of {self} are now"
            raise UserError(f"{error}{'' if source else moved}") from None
        learned = self.learned
        if learned and learned.contents.sha256 != Contents.of(digits).sha256:
            raise UserError(
                f"the digits of {digits.source} are not the digits that {self} has learned from: "
                f"say with --data where these are now{_NEW_PARTS if digits.stream else ''}"
            )
        return digits

    def run_flag(self, model: str) -> str:
        """The flag that names the folder in addition to ``--model``, after a space; empty for the
        default folder of the model."""
        if self.path == ROOT / model:
            return ""
        path = str(self.path)
        if self.path.parent == ROOT:
            path = self.path.name
        elif os.sep not in path:  # else it would mean a folder in ROOT
            path = os.path.join(os.curdir, path)
        return f" --run {shlex.quote(path)}"


class RunFolder(ModelFolder):
    """The paths of a run, and its notes about itself."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.metrics = path / "metrics.jsonl"
        self.looks = path / "watch.jsonl"
        self._sessions = path / "sittings.jsonl"
        self.samples = path / "samples"
        self._start = path / "start.json"
        self.examples = path / "examples.safetensors"
        self.checkpoints = path / "checkpoints"

    def _missing(self) -> str:
        folders = (path.parent for path in ROOT.glob("*/config.json"))
        runs = sorted(f"{path}" for path in folders if RunFolder(path).metrics.exists())
        others = f"there is {', '.join(runs)}, and " if runs else ""
        return f"there is no run in {self.path.absolute()}: {others}bin/train makes one"

    def prepare(self, config: Config, fresh: bool) -> list[str]:
        """Prepare the folder for the training of ``config``, and return messages for the user.

        A run in the folder goes on if its recipe is the same; with ``fresh`` it is moved to another
        folder. Raises ``UserError`` if the recipes differ, or if the folder holds a published model
        or a person's own files where a run has its notes.
        """
        messages = []
        if fresh and self.config.exists():
            free = _free(self.path)
            self.path.rename(free)
            self.path.mkdir()
            messages.append(f"the run that was in {self} is now in {free}")
        self._require_a_place()
        # A run without a checkpoint has nothing to lose.
        if self.config.exists() and (steps := manifest.steps(self.checkpoints)):
            messages += self._require_same(config, previous := self.load(), steps[0])
            config = dataclasses.replace(config, classes=previous.classes)
        else:
            self._start.unlink(missing_ok=True)
        self.note_recipe(config)
        return messages

    def _require_a_place(self) -> None:
        """Raise ``UserError`` where a run would replace what is no run's."""
        if (self.path / "card.json").exists():
            raise UserError(
                f"{self} holds a published model: give --run another folder, or --fresh to move "
                "that model aside"
            )
        notes = self.data, self._start, self.metrics, self.looks, self._sessions, self.examples
        try:
            strange = [] if self.config.exists() and self.load() else notes
        except UserError:
            strange = [self.config]
        for path in strange:
            if path.exists():
                raise UserError(
                    f"{self} has a {path.name} that is of no run: give --run another folder"
                )

    def note_recipe(self, config: Config) -> None:
        """Write the recipe of the run."""
        files.write(self.config, json.dumps(configs.to_dict(config), indent=2) + "\n")

    def _require_same(self, config: Config, previous: Config, step: int) -> list[str]:
        """Raise ``UserError`` if the run of ``previous``, now at ``step``, cannot go on with
        ``config``; else return messages for the user."""
        messages = []
        if previous.data == STRIDED + config.data:
            raise UserError(
                f"{self} holds a run on digits that an earlier version divided differently: go on "
                f"with --data {previous.data}, or --fresh to move that run aside"
            )
        if config.data != previous.data and self._has_learned(config.data, previous):
            messages.append(f"{config.data} has the same digits as {previous.data}")
            previous = dataclasses.replace(previous, data=config.data)
        if different := differing_settings(config, previous):
            raise UserError(
                f"{self} holds a run of another recipe: {', '.join(different)}; "
                "give --run another folder, or --fresh to move that one aside"
            )
        if config.steps < step:
            raise UserError(
                f"{self} has {step} steps already, which is more than --steps {config.steps}: "
                f"--steps {2 * step} trains on, and --fresh starts over"
            )
        if config.steps != previous.steps and config.optim.horizon is None:
            messages.append(
                f"the run goes on to {config.steps} steps instead of {previous.steps}: "
                "the schedule of the learning rate changes"
            )
        return messages

    def _has_learned(self, source: str, previous: Config) -> bool:
        """Whether ``source`` is another name of the digits that the run of ``previous`` learns
        from; if so, note the name."""
        try:
            learned = self.learned or Learned(
                Contents.of(data.load(previous.data)), (previous.data,)
            )
            same = Contents.of(data.load(source)).sha256 == learned.contents.sha256
        except UserError:  # training on the source raises the same error later
            return False
        if same:
            self._keep(learned.contents, (*learned.sources, source), learned.also)
        return same

    def note_digits(self, digits: data.Digits, also: Iterable[int] = ()) -> None:
        """Note the digits that the run learns from, and ``also`` those of the model that it goes on
        from. Raises ``UserError`` if it has begun with other digits."""
        contents = Contents.of(digits)
        if (learned := self.learned) is None or not manifest.steps(self.checkpoints):
            self._keep(contents, (digits.source,), tuple(also))
        elif learned.contents.sha256 != contents.sha256:
            raise UserError(
                f"the digits of {digits.source} are not the digits that {self} has learned from: "
                "put the old digits back, or give --run another folder, or --fresh"
                f"{_NEW_PARTS if digits.stream else ''}"
            )

    def _keep(self, contents: Contents, sources: tuple[str, ...], also: tuple[int, ...]) -> None:
        note = Learned(contents, sources, also).to_dict()
        files.write(self.data, json.dumps(note, indent=2) + "\n")

    @property
    def start(self) -> dict[str, str] | None:
        """The model that the run goes on ``from``, and the digest of its ``weights``; None if there
        is none. Raises ``UserError`` if the note cannot be read."""
        try:
            note = json.loads(self._start.read_text())
            return {name: str(note[name]) for name in ("from", "weights")}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self._start} cannot be read ({error}): give --run another folder, or --fresh to "
                "move this one aside"
            ) from None

    def note_start(self, note: dict[str, str]) -> None:
        """Note what the run goes on from."""
        files.write(self._start, json.dumps(note, indent=2) + "\n")

    def kept_examples(self) -> data.Split | None:
        """The examples that a run has kept which goes on from another model; None where the file is
        missing or damaged."""
        import safetensors.numpy  # here, since most that read a run do without it

        with contextlib.suppress(OSError, safetensors.SafetensorError, TypeError):
            return data.Split(**safetensors.numpy.load(self.examples.read_bytes()))
        return None

    def examples_of(self, config: Config, source: str | None = None) -> data.Split:
        """The digits that the train steps of a recipe see; for ``source`` and errors see
        ``digits``."""
        seen = self.kept_examples() if self.start else None
        return self.digits(config, source).train if seen is None else seen

    def prepare_or_replace(self, config: Config) -> list[str]:
        """Prepare a folder that belongs to an experiment: as ``prepare``, but a run of another
        recipe is moved to another folder."""
        try:
            self.prepare(config, fresh=False)
        except UserError:
            return self.prepare(config, fresh=True)
        return []

    def lock(self) -> "filelock.FileLock":
        """Lock the folder for writing; the system releases the lock of a process that dies."""
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
            return False  # without permission to write, nobody trains here

    @property
    def _lock_file(self) -> Path:
        # Beside the folder, since --fresh moves the folder while it is locked.
        return self.path.with_name(f".{self.path.name}.lock")

    def begin_session(self, step: int, devices: str) -> list[str]:
        """Write a session that begins at ``step`` to the log; return messages about differences
        from the session before."""
        from importlib import metadata  # which takes long, and drawing does without it

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
        lines = [json.dumps(record) + "\n" for record in (*before, session)]
        files.write(self._sessions, "".join(lines))
        return [
            f"the run was on {name} {before[-1][name]} and goes on with {session[name]}: "
            "the last decimal places may differ"
            for name in ("devices", "jaxlib")
            if before and step and before[-1][name] != session[name]
        ]

    def sessions(self) -> list[dict]:
        """The sessions of the run, oldest first."""
        return read_log(self._sessions)

    def cpu_devices(self) -> int | None:
        """The number of virtual CPU devices of the first session, for later sessions; None if it
        was not on a CPU."""
        match self.sessions()[:1]:
            case [{"devices": str(devices)}] if " cpu " in devices:
                return int(devices.split()[0])
        return None


class Learned(NamedTuple):
    """The digits that a run learns from."""

    contents: Contents
    sources: tuple[str, ...]  # all names under which they were loaded
    also: tuple[int, ...] = ()  # digits of the model that the run goes on from

    @property
    def digits(self) -> tuple[int, ...]:
        """The classes that the run has learned."""
        return tuple(sorted({*self.contents.learned, *self.also}))

    def to_dict(self) -> dict[str, Any]:
        """What data.json holds."""
        also = {"also": list(self.also)} if self.also else {}
        return {"sources": list(dict.fromkeys(self.sources)), **self.contents._asdict(), **also}


def differing_settings(config: Config, previous: Config) -> list[str]:
    """The settings, with both values, for which a run of ``previous`` cannot go on with
    ``config``."""
    if config.model != previous.model:
        return [f"--model {config.model} (was {previous.model})"]
    same = {name: getattr(previous, name) for name in FREE}
    return configs.differences(dataclasses.replace(config, **same), previous)


def locate(model: str | None, run: str | None) -> RunFolder:
    """The run that ``--run`` names, a path or a name within runs/; else the run of the model."""
    name = run or model
    if not name:
        raise UserError("which run is meant? give --model NAME or --run FOLDER")
    path = Path(name) if os.sep in name else ROOT / name
    if path.name in ("", os.pardir) and not (path := path.resolve()).name:
        raise UserError(f"--run {name} cannot be: name a folder in it")
    return RunFolder(path)


def whole_lines(path: Path) -> list[str]:
    """The complete lines of a log; the last may be incomplete if its writer has died."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [line for line in lines if line.endswith("\n")]


def read_log(path: Path) -> list[dict[str, Any]]:
    """The records of a log; a training may be writing to it."""
    return [json.loads(line) for line in whole_lines(path)]


def _free(path: Path) -> Path:
    number = 1
    while (free := path.with_name(f"{path.name}.{number}")).exists():
        number += 1
    return free


def machine() -> str:
    """The architecture of the processor and its number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} cores"


def commit() -> str | None:
    """The commit of this clone, or None if it is not a clone."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
