"""The results of an experiment, a file each, so that it goes on after a stop.

A result is valid only while everything that it was computed from is unchanged: the trial's key, the
results that it used, and the source code of jaxgen that its function rests on.
"""

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import sources
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.experiments.trial import Result, Trial


class Store:
    """The results of the experiment in a folder. ``say`` takes the line that some are of another
    version."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda line: None):
        self.folder, self._say, self._has_said = folder, say, False
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made ({error.strerror}): give --out another folder"
            ) from None

    def path(self, name: str) -> Path:
        """Where a file of results lies."""
        return self.folder / "parts" / name

    def has(self, trial: Trial) -> bool:
        """Whether there is a valid result of a trial."""
        return self._valid(trial) is not None

    def get(self, trial: Trial) -> Result | None:
        """The result of a trial, if there is a valid one."""
        if (kept := self._valid(trial)) is None:
            return None
        if not kept["arrays"]:
            return Result(kept["figures"])
        with np.load(self.path(f"{trial.title}.npz"), allow_pickle=False) as arrays:
            return Result(kept["figures"], dict(arrays))

    def __getitem__(self, trial: Trial) -> Result:
        """The result of a trial that has been carried out."""
        if (found := self.get(trial)) is None:
            raise KeyError(trial.title)
        return found

    def put(self, trial: Trial, result: Result) -> None:
        """Keep the result of a trial: all of it, or nothing where it is interrupted."""
        contents: dict[str | Path, bytes] = {}
        kept = self._basis(trial) | {"arrays": None, "figures": result.figures}
        if result.arrays:
            packed = io.BytesIO()
            np.savez_compressed(packed, **result.arrays)  # pyright: ignore[reportArgumentType]
            contents[self.path(f"{trial.title}.npz")] = packed.getvalue()
            kept["arrays"] = hashlib.sha256(packed.getvalue()).hexdigest()
        contents[self.path(f"{trial.title}.json")] = (json.dumps(kept) + "\n").encode()
        files.write_all(contents)

    def _valid(self, trial: Trial) -> dict[str, Any] | None:
        """What is kept of a trial, if it is whole, and of what the trial rests on today."""
        try:
            kept = json.loads(self.path(f"{trial.title}.json").read_bytes())
            basis = self._basis(trial)
            if kept.get("sources") != basis["sources"] and not self._has_said:
                self._has_said = True
                self._say(
                    f"{self.folder} has results of another version of jaxgen: they are made anew"
                )
            is_whole = not kept["arrays"] or kept["arrays"] == self._digest(f"{trial.title}.npz")
            is_same = all(kept[name] == value for name, value in basis.items())
            return kept if is_whole and is_same and "figures" in kept else None
        except (OSError, ValueError, KeyError, AttributeError):  # it is not there, or damaged
            return None

    def _basis(self, trial: Trial) -> dict[str, Any]:
        """What a result is computed from, as JSON gives it back."""
        used = {
            one.title: self.has(one) and self._digest(f"{one.title}.json") for one in trial.after
        }
        digest = sources.digest(trial.function.__module__)
        return json.loads(json.dumps({"key": trial.key, "after": used, "sources": digest}))

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self.path(name).read_bytes()).hexdigest()
