"""The manifest of a checkpoint: which files a saved step has, and their SHA-256.

A renamed folder is there whole or not at all, but nothing in it notices a bit that flips later, and
a power cut can leave a name without its content. So the files of a step are forced onto the disk,
then the manifest is written, then the step gets its name; whatever happens to the files afterwards
is noticed. The manifest is ``seal.json``:

    format   2
    jaxgen   the version that wrote it
    recipe   the settings of the run, as config.json has them
    fitted   false where a family has yet to fit something to the codes of these weights, as for
             steps that were saved between two regular saves
    files    by name, the ``bytes`` and ``sha256`` of each
    sha256   of all of that
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
    """What is wrong with a step, in words."""


class Unfinished(Damage):
    """There is no manifest: the step is being written, or was when its writer died."""


class Manifest(NamedTuple):
    """What the manifest of a step says."""

    recipe: dict[str, Any]
    fitted: bool
    files: dict[str, Any]  # by name, as ``_described``


def steps(folder: Path) -> list[int]:
    """The steps saved under ``folder``, newest first, sound or not."""
    if not folder.is_dir():
        return []
    return sorted((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), reverse=True)


def kept(steps: list[int]) -> str:
    """Which of the saved ``steps`` training can go on from, in words."""
    newest = max(steps, default=0)
    return f"the checkpoint of step {newest} is kept" if newest else "nothing was saved before"


def write(step: Path, recipe: dict[str, Any], fitted: bool = True) -> None:
    """Force the files of a finished step onto the disk, and then its manifest; OSError where the
    disk fails. The folder ``step`` has yet to get its name."""
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
    """The manifest of a step. Raises ``Damage`` where it is missing or not as it was written, and
    ``UserError`` where a version of jaxgen wrote it whose format this one does not read."""
    try:
        text = (step / NAME).read_text()
        content = json.loads(text)
    except FileNotFoundError:
        raise Unfinished("it was not finished") from None
    except (OSError, ValueError) as error:
        raise Damage(f"its manifest {NAME} cannot be read: {error}") from None
    digests = content.values() if isinstance(content, dict) else []
    if digests and all(isinstance(one, str) and len(one) == 64 for one in digests):  # format 1
        raise UserError(
            f"{step} was written by an early version of jaxgen, which this version, "
            f"{jaxgen.__version__}, cannot read: use that one, or train anew, with another --run "
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
    """Compare the files of a step with its manifest, which is returned. Raises ``Damage`` where
    they are not the same, and as ``read`` does."""
    manifest, found = read(step), _files(step)
    for name in sorted({*manifest.files, *found}):
        if name not in found:
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
    """The files of a step by name, but for its manifest and for clutter."""
    there = [p for p in step.rglob("*") if p.is_symlink() or not p.is_dir()]
    own = {str(p.relative_to(step)) for p in there if not files.is_clutter(p.name)}
    return sorted(own - {NAME})


def _described(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _text(content: dict[str, Any]) -> str:
    """The manifest's file: its content, and the SHA-256 of that."""
    whole = json.dumps(content, sort_keys=True)
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return json.dumps(content | {"sha256": digest}, indent=1, sort_keys=True) + "\n"


def force(path: Path) -> None:
    """Have the disk hold what a file or folder is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
