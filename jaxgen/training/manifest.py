"""The manifest of a checkpoint: which files a saved step has, and their SHA-256.

A rename is atomic, but it does not protect against bits that flip later, and a power cut can leave
a name without its content. So the files of a step are forced onto the disk, then the manifest is
written, then the folder gets its name. Later changes of the files are detected. The manifest is
``seal.json``:

    format   2
    jaxgen   the version that wrote it
    recipe   the settings of the run, as in config.json
    fitted   false if ``Family.fit`` must still be called for these weights, as in saves between
             two regular saves
    files    by name, the ``bytes`` and ``sha256`` of each
    sha256   the digest of the fields above
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import jaxgen
from jaxgen.data import files
from jaxgen.errors import UserError

NAME = "seal.json"
FORMAT = 2


class Damage(Exception):
    """The damage of a step, in words."""


class Unfinished(Damage):
    """There is no manifest: the step is being written, or its writer has died."""


class Manifest(NamedTuple):
    """The content of the manifest of a step."""

    recipe: dict[str, Any]
    fitted: bool
    files: dict[str, Any]  # by name, see ``_described``


def steps(folder: Path) -> list[int]:
    """The saved steps in ``folder``, newest first, sound or damaged."""
    if not folder.is_dir():
        return []
    return sorted((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), reverse=True)


def describe_saved(steps: list[int]) -> str:
    """A clause that names the newest of the saved ``steps``, from which training can go on."""
    newest = max(steps, default=0)
    return f"the checkpoint of step {newest} is kept" if newest else "nothing was saved before"


def write(step: Path, recipe: dict[str, Any], fitted: bool = True) -> None:
    """Force the files of a finished step onto the disk, and then its manifest. Raises OSError if
    the disk fails. The caller renames the folder ``step`` afterwards."""
    names = _files(step)
    for path in (*map(step.joinpath, names), *sorted(p for p in step.rglob("*") if p.is_dir())):
        force(path)
    content = {
        "format": FORMAT,
        "jaxgen": jaxgen.__version__,
        "recipe": recipe,
        "fitted": fitted,
        "files": {name: _described(step / name) for name in names},
    }
    (step / NAME).write_text(_text(content))
    force(step / NAME)
    force(step)


def read(step: Path) -> Manifest:
    """The manifest of a step. Raises ``Damage`` if it is missing or has changed, and ``UserError``
    if it has the format of another version of jaxgen."""
    try:
        text = (step / NAME).read_text()
        content = json.loads(text)
    except FileNotFoundError:
        raise Unfinished("it was not finished") from None
    except (OSError, ValueError) as error:
        raise Damage(f"its manifest {NAME} cannot be read: {error}") from None
    digests = content.values() if isinstance(content, dict) else []
    if digests and all(isinstance(x, str) and len(x) == 64 for x in digests):  # format 1
        raise UserError(
            f"{step} was written by an early version of jaxgen, which this version, "
            f"{jaxgen.__version__}, cannot read: use that one, or train again, with another --run "
            "or --fresh"
        )
    try:
        if text == _text({name: content[name] for name in content if name != "sha256"}):
            if content["format"] > FORMAT:
                raise UserError(
                    f"{step} was written by jaxgen {content['jaxgen']}, which this version, "
                    f"{jaxgen.__version__}, cannot read: use that one"
                )
            return Manifest(content["recipe"], content.get("fitted", True), content["files"])
    except (KeyError, TypeError):
        pass
    raise Damage(f"{NAME} is not as it was written")


def check(step: Path) -> Manifest:
    """Compare the files of a step with its manifest, and return the manifest. Raises ``Damage`` if
    they differ, and the errors of ``read``."""
    manifest, present = read(step), _files(step)
    for name in sorted({*manifest.files, *present}):
        if name not in present:
            raise Damage(f"{name} is missing")
        if name not in manifest.files:
            raise Damage(f"{name} does not belong to it")
        try:
            same = _described(step / name) == manifest.files[name]
        except OSError as error:
            raise Damage(f"{name} cannot be read ({error.strerror})") from None
        if not same:
            raise Damage(f"{name} is not as it was written")
    return manifest


def _files(step: Path) -> list[str]:
    """The names of the files of a step, without its manifest and clutter."""
    paths = [p for p in step.rglob("*") if p.is_symlink() or not p.is_dir()]
    names = {str(p.relative_to(step)) for p in paths if not files.is_clutter(p.name)}
    return sorted(names - {NAME})


def _described(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _text(content: dict[str, Any]) -> str:
    """The text of the manifest: its content and the SHA-256 of the content."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps(content | {"sha256": digest}, indent=1, sort_keys=True) + "\n"


def force(path: Path) -> None:
    """Force a file or folder onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
