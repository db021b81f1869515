"""What a comparison has found so far, a file a part, so that it can go on after a stop."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgen import sources
from jaxgen.errors import UserError
from jaxgen.training.folder import write


class Job(NamedTuple):
    """One finding that is to be made."""

    name: str
    what: str
    of: Any  # what it depends on, as JSON can hold it
    seconds: Callable[[], float]  # that it may take
    make: Callable[[], tuple[Any, dict[str, np.ndarray]]]  # finding and arrays


class Parts:
    """Findings by name, each kept with what it is of and by which sources of jaxgen it was made:
    where one of these has changed, it is not found.

    The sources are those of a ``module`` (``jaxgen.sources``); that some of its findings were made
    by others is said once, to ``say``.
    """

    def __init__(self, folder: Path, module: str, say: Callable[[str], None]):
        self._folder, self._say, self._is_told = folder, say, False
        self._sources = sources.digest(module)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made ({error.strerror}): give --out another folder"
            ) from None

    def get(self, name: str, of: Any) -> Any | None:
        """What was found under a name, if it was of the same."""
        try:
            kept = json.loads((self._folder / f"{name}.json").read_text())
            found, same = kept["found"], kept["of"] == json.loads(json.dumps(of))
            whole = not kept["arrays"] or (self._folder / f"{name}.npz").exists()
            is_old = kept.get("sources") != self._sources
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if is_old and not self._is_told:
            self._is_told = True
            self._say(
                f"{self._folder} has findings by another version of jaxgen: they are made anew"
            )
        return found if same and whole and not is_old else None

    def put(self, name: str, of: Any, found: Any, arrays: dict[str, np.ndarray] | None = None):
        """Keep what was found; arrays first, so that a finding is never without them."""
        if arrays:
            draft = self._folder / f"{name}.draft.npz"
            np.savez_compressed(draft, **arrays)  # pyright: ignore[reportArgumentType]
            draft.replace(self._folder / f"{name}.npz")
        kept = {"of": of, "sources": self._sources, "arrays": bool(arrays), "found": found}
        write(self._folder / f"{name}.json", json.dumps(kept) + "\n")

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays kept with a finding."""
        with np.load(self._folder / f"{name}.npz", allow_pickle=False) as kept:
            return {key: kept[key] for key in kept.files}
