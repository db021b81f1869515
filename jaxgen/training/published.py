"""A published model: a folder that holds a trained model, and not its training.

config.json         the recipe
data.json           the digits that it has learned from, as in a run
model.safetensors   the arrays: params/PLAYER/... the averaged weights, stats/... all others; the
                    recipe is in the metadata too
card.json           how it was trained, the digest of the arrays, the judge's figures
README.md           the same for people

``jaxgen/weights`` has such a folder for each family, trained by its recipe: the weights that ship.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from etils import epy

import jaxgen
from jaxgen.errors import UserError
from jaxgen.training import folder as folders
from jaxgen.training.folder import ModelFolder, RunFolder

with epy.lazy_imports():
    from jaxgen.training import hub

SHIPPED = Path(jaxgen.__file__).parent / "weights"
FORMAT = 1


class Published(ModelFolder):
    """The paths of a published model. One that ships is shown as the package has it."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.weights = path / "model.safetensors"
        self.card = path / "card.json"
        self.readme = path / "README.md"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the folder."""
        return self.weights, self.config, self.data, self.readme, self.card

    def __str__(self) -> str:
        return f"{self.path.relative_to(SHIPPED.parents[1]) if self.ships else self.path}"

    @property
    def ships(self) -> bool:
        return self.path.parent == SHIPPED

    @property
    def results(self) -> Path:
        return folders.ROOT / "published" / self.path.absolute().name

    @property
    def remark(self) -> str | None:
        if not self.ships:
            return None
        name = self.path.name
        return (
            f"there is no run in {folders.ROOT / name}, so this is the {name} that comes with "
            f"jaxgen; bin/train --model {name} trains one of your own"
        )

    def run_flag(self, model: str) -> str:
        return "" if self.ships else super().run_flag(model)

    def facts(self) -> dict[str, Any]:
        """The content of the card. Raises UserError if it cannot be read."""
        try:
            facts = json.loads(self.card.read_text())
            if not isinstance(facts, dict):
                raise ValueError("it is no JSON object")
            if facts.get("format") != FORMAT:
                raise ValueError(f"it is of format {facts.get('format')!r}")
            return facts | {"steps": int(facts["steps"]), "sha256": str(facts["sha256"])}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self.card} cannot be read ({error}): publish the model again"
            ) from None

    def content(self) -> bytes:
        """The content of the file of weights. Raises UserError if it is missing, or has another
        SHA-256 than the card says."""
        try:
            content = self.weights.read_bytes()
        except OSError as error:
            raise UserError(
                f"{self}/{self.weights.name} cannot be read ({error.strerror}): publish the model "
                "again"
            ) from None
        found, wanted = hashlib.sha256(content).hexdigest(), self.facts()["sha256"]
        if found != wanted:
            raise UserError(
                f"{self}/{self.weights.name} has changed: its SHA-256 is {found}, and "
                f"{self.card.name} says {wanted}; publish the model again"
            )
        return content


def find(model: str | None, run: str | None) -> ModelFolder:
    """The model that ``--run`` names: a path, a name within runs/ or an address on the hub
    (``hub``); else the run of ``model``; else the model of that name that ships."""
    if run is not None and run.startswith(hub.PREFIX):
        return hub.fetch(run)
    found = at(folders.locate(model, run).path)
    if run is None and not found.config.exists() and model:
        shipped = Published(SHIPPED / model)
        if shipped.config.exists():
            return shipped
    return found


def at(path: Path) -> ModelFolder:
    """The published model or the run in a folder."""
    published = Published(path)
    return published if published.card.exists() else RunFolder(path)


def shipped() -> list[Published]:
    """The models that ship."""
    return [Published(path.parent) for path in sorted(SHIPPED.glob("*/config.json"))]
