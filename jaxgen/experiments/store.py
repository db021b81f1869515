"""The results of an experiment, a file each, so that it goes on after a stop.

A result is valid only while its inputs are unchanged: the trial's key, the results of other trials,
and the source code of jaxgen that its function uses.
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
    """The results of the experiment in a folder. ``say(line)`` tells the user of results from
    another version of jaxgen."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda line: None):
        self.folder, self._say, self._has_said = folder, say, False
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made ({error.strerror}): give --out another folder"
            ) from None

    def path(self, name: str) -> Path:
        """The path of a file of results."""
        return self.folder / "parts" / name

    def has(self, trial: Trial) -> bool:
        """Whether there is a valid result of a trial."""
        return self._valid(trial) is not None

    def get(self, trial: Trial) -> Result | None:
        """The valid result of a trial, or None."""
        if (entry := self._valid(trial)) is None:
            return None
        if not entry["arrays"]:
            return Result(entry["figures"])
        with np.load(self.path(f"{trial.title}.npz"), allow_pickle=False) as arrays:
            return Result(entry["figures"], dict(arrays))

    def __getitem__(self, trial: Trial) -> Result:
        """The valid result of a trial; KeyError if there is none."""
        if (result := self.get(trial)) is None:
            raise KeyError(trial.title)
        return result

    def put(self, trial: Trial, result: Result) -> None:
        """Keep the result of a trial: all of it, or nothing if an interrupt comes."""
        contents: dict[str | Path, bytes] = {}
        entry = self._inputs(trial) | {"arrays": None, "figures": result.figures}
        if result.arrays:
            packed = io.BytesIO()
            np.savez_compressed(packed, **result.arrays)  # pyright: ignore[reportArgumentType]
            contents[self.path(f"{trial.title}.npz")] = packed.getvalue()
            entry["arrays"] = hashlib.sha256(packed.getvalue()).hexdigest()
        contents[self.path(f"{trial.title}.json")] = (json.dumps(entry) + "\n").encode()
        files.write_all(contents)

    def _valid(self, trial: Trial) -> dict[str, Any] | None:
        """The entry of a trial, if it is complete and its inputs are unchanged."""
        try:
            entry = json.loads(self.path(f"{trial.title}.json").read_bytes())
            inputs = self._inputs(trial)
            if entry.get("sources") != inputs["sources"] and not self._has_said:
                self._has_said = True
                self._say(
                    f"{self.folder} has results of another version of jaxgen: they are computed "
                    "again"
                )
            is_whole = not entry["arrays"] or entry["arrays"] == self._digest(f"{trial.title}.npz")
            is_same = all(entry[name] == value for name, value in inputs.items())
            return entry if is_whole and is_same and "figures" in entry else None
        except (OSError, ValueError, KeyError, AttributeError):  # the file is missing or damaged
            return None

    def _inputs(self, trial: Trial) -> dict[str, Any]:
        """The inputs of a result, as JSON returns them."""
        after = {
            needed.title: self.has(needed) and self._digest(f"{needed.title}.json")
            for needed in trial.after
        }
        digest = sources.digest(trial.function.__module__)
        return json.loads(json.dumps({"key": trial.key, "after": after, "sources": digest}))

    def _digest(self, name: str) -> str:
        return hashlib.sha256(self.path(name).read_bytes()).hexdigest()
