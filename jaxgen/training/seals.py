"""The seal of a saved step: which files it has, and their SHA-256.

A renamed folder is there whole or not at all, but nothing in it notices a bit that flips later, and
a power cut can leave a name without its content. So the files of a step are forced onto the disk,
then sealed, then the seal is; whatever happens to them afterwards is noticed. ``seal.json`` has

    format   2
    jaxgen   the version that wrote it
    recipe   the settings of the run, as config.json has them
    fitted   false where a family has yet to fit what it fits to the codes of these weights: so it
             is with steps that were saved by the clock
    files    by name, the ``bytes`` and ``sha256`` of each
    sha256   of all of that

Steps of format 1, whose seal is no more than the SHA-256 of each file by name, are read too.
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
DRAFT = f"{NAME}.draft"
FORMAT = 2


class Damage(Exception):
    """What is wrong with a step, in words."""


class Unfinished(Damage):
    """There is no seal: the step is being written, or was when its writer died."""


class Seal(NamedTuple):
    """What is sealed."""

    recipe: dict[str, Any] | None  # not in format 1
    files: dict[str, str]  # SHA-256 by name
    sizes: dict[str, int]  # bytes by name; none in format 1
    fitted: bool = True


def steps(folder: Path) -> list[int]:
    """The steps saved under ``folder``, newest first, sound or not."""
    if not folder.is_dir():
        return []
    return sorted((int(p.name) for p in folder.iterdir() if p.name.isdecimal()), reverse=True)


def kept(steps: list[int]) -> str:
    """Which of the steps that were saved is left to go on from, in words."""
    newest = max(steps, default=0)
    return f"the checkpoint of step {newest} is kept" if newest else "nothing was saved before"


def seal(step: Path, recipe: dict[str, Any], fitted: bool = True) -> None:
    """Force the files of a finished step onto the disk, and seal them; OSError where the disk
    fails."""
    names = _files(step)
    for name in names:
        force(step / name)
    for folder in sorted(p for p in step.rglob("*") if p.is_dir()):
        force(folder)
    content = {
        "format": FORMAT,
        "jaxgen": jaxgen.__version__,
        "recipe": recipe,
        "fitted": fitted,
        "files": {
            name: {"bytes": (step / name).stat().st_size, "sha256": _sha256(step / name)}
            for name in names
        },
    }
    with open(step / DRAFT, "w") as file:
        file.write(_text(content))
        file.flush()
        os.fsync(file.fileno())
    (step / DRAFT).replace(step / NAME)
    force(step)


def read(step: Path) -> Seal:
    """The seal of a step. Raises ``Damage`` where it is missing or not as it was written, and
    ``UserError`` where a newer version of jaxgen wrote it."""
    try:
        text = (step / NAME).read_text()
        content = json.loads(text)
    except FileNotFoundError:
        raise Unfinished("it was not finished") from None
    except (OSError, ValueError) as error:
        raise Damage(f"its seal cannot be read: {error}") from None
    try:
        if "format" not in content:
            return Seal(None, {name: str(digest) for name, digest in content.items()}, {})
        if text == _text({name: content[name] for name in content if name != "sha256"}):
            if content["format"] > FORMAT:
                raise UserError(
                    f"{step} was written by jaxgen {content['jaxgen']}, which this version, "
                    f"{jaxgen.__version__}, cannot read: use that one"
                )
            files: dict[str, dict[str, Any]] = content["files"]
            return Seal(
                content["recipe"],
                {name: one["sha256"] for name, one in files.items()},
                {name: one["bytes"] for name, one in files.items()},
                content.get("fitted", True),
            )
    except (AttributeError, KeyError, TypeError):
        pass
    raise Damage(f"{NAME} is not as it was written")


def check(step: Path) -> Seal:
    """Compare the files of a step with its seal, which is returned. Raises ``Damage`` where they
    are not the same, and as ``read`` does."""
    sealed, found = read(step), _files(step)
    for name in sorted(sealed.files.keys() | set(found)):
        if name not in found:
            raise Damage(f"{name} is missing")
        if name not in sealed.files:
            raise Damage(f"{name} does not belong to it")
        try:
            size = (step / name).stat().st_size
            same = size == sealed.sizes.get(name, size)
            same = same and _sha256(step / name) == sealed.files[name]
        except OSError as error:
            raise Damage(f"{name} cannot be read ({error.strerror})") from None
        if not same:
            raise Damage(f"{name} is not as it was written")
    return sealed


def _files(step: Path) -> list[str]:
    """The files of a step by name, but for its seal and for clutter."""
    there = [p for p in step.rglob("*") if p.is_symlink() or not p.is_dir()]
    own = {str(p.relative_to(step)) for p in there if not files.is_clutter(p.name)}
    return sorted(own - {NAME, DRAFT})


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(content: dict[str, Any]) -> str:
    """The seal's file: its content, and the SHA-256 of that."""
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
