"""Files that are written whole or not at all; mishaps become sentences."""

import contextlib
import errno
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jaxgen.errors import UserError

if TYPE_CHECKING:
    import filelock

_MANY = 100  # drafts: for more, one sync of the whole system is faster than one for each


def is_clutter(name: str) -> bool:
    """Whether a file of this name is one that macOS, Windows or KDE keeps in people's folders."""
    known = (".DS_Store", ".localized", "Icon\r", "Thumbs.db", "desktop.ini", ".directory")
    return name.startswith("._") or name.lower() in map(str.lower, known)


def check(path: str | Path) -> None:
    """Raise UserError where no file can be written at ``path``; nothing is made.

    For the start of a command, before the minutes that make the content of the file.
    """
    try:
        reason = _obstacle(Path(path))
    except OSError as error:  # too long a name, a folder that may not be entered
        reason = error.strerror
    if reason:
        raise UserError(f"cannot write {path}: {reason}; name another path")


def check_new(path: str | Path) -> None:
    """As ``check``, for a name that a person has given: UserError also where there is a file, so
    that none is lost."""
    check(path)
    if os.path.lexists(path):
        raise UserError(f"{path} is there already: name another path, or remove it first")


def _obstacle(path: Path) -> str | None:
    if path.exists() and not path.is_file():  # a device or a pipe would be moved away
        return "it is there and no file"
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        return f"{above} is no folder"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"no permission to write in {above}"
    return None


def write(path: str | Path, content: bytes | str) -> None:
    """Put ``content`` (text as UTF-8) at ``path``, making the folders above it, in one move that
    replaces a file.

    Whatever happens, the file is the old one or the new one, never a part. Raises UserError where
    there is no room or no permission.
    """
    write_all({path: content.encode() if isinstance(content, str) else content})


def write_all(contents: Mapping[str | Path, bytes] | Mapping[Path, bytes]) -> None:
    """Write several files as ``write`` does one; none takes its place before all are written."""
    for path in contents:
        check(path)
    try:
        with drafts(contents) as written:
            for draft, content in zip(written, contents.values(), strict=True):
                draft.write_bytes(content)
    except OSError as error:
        path, reason = next(iter(contents)), error.strerror or error
        room = "make room, or " if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""
        raise UserError(f"cannot write {path}: {reason}; {room}name another path") from None


@contextlib.contextmanager
def drafts(paths: Collection[str | Path]) -> Iterator[list[Path]]:
    """Give a name beside each of ``paths``, to write to. When the block ends, these files take the
    places of ``paths``; when it raises, they are removed. Raises OSError."""
    # The file that a link means is replaced, not the link.
    real = [Path(os.path.realpath(path)) for path in paths]
    for folder in {path.parent for path in real}:
        folder.mkdir(parents=True, exist_ok=True)
    written = [path.with_name(f".{path.name[:50]}-{secrets.token_hex(8)}.tmp") for path in real]
    try:
        yield written
        _sync(written)  # or a power cut after the move leaves an empty file
        for draft, path in zip(written, real, strict=True):
            draft.replace(path)
    finally:
        for draft in written:
            with contextlib.suppress(OSError):
                draft.unlink()


def _sync(paths: list[Path]) -> None:
    if len(paths) > _MANY:
        os.sync()
        return
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def remove_drafts(folder: Path, names: str = "*") -> None:
    """Remove the drafts that killed processes have left in a folder and in those within it, of
    files that no other process is writing; ``names`` is a pattern of their names."""
    for draft in folder.rglob(f".{names}-{'?' * 16}.tmp"):
        draft.unlink(missing_ok=True)


def lock(path: Path, busy: str) -> "filelock.FileLock":
    """The right to write what ``path`` stands for, which the system takes back from a process that
    dies; a UserError that says ``busy`` where another process has it."""
    import filelock  # takes a tenth of the time that --help may take

    held = filelock.FileLock(path, timeout=0)
    try:
        held.acquire()
    except filelock.Timeout:
        raise UserError(busy) from None
    return held
