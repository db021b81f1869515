"""The results of an experiment, a file each, so that it goes on after a stop.

A result is valid only while everything that it was computed from is unchanged: the trial's key, the
results that it used, and the source code of jaxgen that its function rests on.
"""

import functools
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgen import sources
from jaxgen.data import files
from jaxgen.errors import UserError
from jaxgen.experiments.trial import Result, Trial


class Store:
    """The results in a folder. ``say`` takes the line that some are of another version."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda line: None):
        self.folder, self._say, self._has_said = folder, say, False
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made ({error.strerror}): give --out another folder"
            ) from None

    def get(self, trial: Trial) -> Result | None:
        """The result of a trial, if there is a valid one."""
        try:
            kept = json.loads(self._path(trial, "json").read_bytes())
            if not self._is_valid(trial, kept):
                return None
            arrays = _Arrays(self._path(trial, "npz")) if kept["arrays"] else {}
            if kept["arrays"] and _digest(self._path(trial, "npz")) != kept["arrays"]:
                return None
            return Result(kept["figures"], arrays)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(self, trial: Trial, result: Result) -> None:
        """Keep the result of a trial: all of it, or nothing where it is interrupted."""
        contents: dict[str | Path, bytes] = {}
        digest = None
        if result.arrays:
            packed = io.BytesIO()
            np.savez_compressed(packed, **result.arrays)  # pyright: ignore[reportArgumentType]
            contents[self._path(trial, "npz")] = packed.getvalue()
            digest = hashlib.sha256(packed.getvalue()).hexdigest()
        kept = self._basis(trial) | {"arrays": digest, "figures": result.figures}
        contents[self._path(trial, "json")] = (json.dumps(kept) + "\n").encode()
        files.write_all(contents)

    def _is_valid(self, trial: Trial, kept: dict[str, Any]) -> bool:
        basis = json.loads(json.dumps(self._basis(trial)))
        if kept.get("sources") != basis["sources"] and not self._has_said:
            self._has_said = True
            self._say(f"{self.folder} has results of another version of jaxgen: they are made anew")
        return all(kept.get(name) == value for name, value in basis.items())

    def _basis(self, trial: Trial) -> dict[str, Any]:
        """What a result is computed from."""
        used = {
            other.name: self.get(other) and _digest(self._path(other, "json"))
            for other in trial.after
        }
        return {
            "key": trial.key,
            "after": used,
            "sources": sources.digest(trial.function.__module__),
        }

    def _path(self, trial: Trial, kind: str) -> Path:
        return self.folder / f"{trial.name}.{kind}"


class _Arrays(Mapping[str, np.ndarray]):
    """The arrays of a file, which is read when one is asked for."""

    def __init__(self, path: Path):
        self._path = path

    @functools.cached_property
    def _read(self) -> dict[str, np.ndarray]:
        with np.load(self._path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
