"""Files that are written whole or not at all; an error of the system becomes a UserError."""

import contextlib
import errno
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from jaxgen.errors import UserError, warn

if TYPE_CHECKING:
    import filelock

_SYNCED_SINGLY = 100  # drafts at most; for more, one sync of the whole system is faster


def is_clutter(name: str) -> bool:
    """Whether a file of this name is one that macOS, Windows or KDE keeps in people's folders."""
    clutter = (".DS_Store", ".localized", "Icon\r", "Thumbs.db", "desktop.ini", ".directory")
    return name.startswith("._") or name.lower() in map(str.lower, clutter)


def check(path: str | Path) -> None:
    """Raise UserError where no file can be written at ``path``; nothing is created.

    For the start of a command, before it works for minutes.
    """
    try:
        reason = _obstacle(Path(path))
    except OSError as error:  # the name is too long, or a folder may not be entered
        reason = error.strerror
    if reason:
        raise UserError(f"cannot write {path}: {reason}; name another path")


def check_new(path: str | Path) -> None:
    """As ``check``, for a path that a person names: raises UserError also where a file exists, so
    that no file is lost."""
    check(path)
    if os.path.lexists(path):
        raise UserError(f"{path} exists already: name another path, or remove it first")


def check_report(folder: Path, *names: str, mark: str = "parts") -> None:
    """As ``check`` for the files of a report, which replace those of an earlier one. Raises
    UserError also where one of them exists and not ``mark``, which is beside each report: then the
    file is a person's own."""
    for name in names:
        (check if (folder / mark).exists() else check_new)(folder / name)


def _obstacle(path: Path) -> str | None:
    if path.exists() and not path.is_file():  # a device or a pipe would be moved away
        return "it exists and is not a file"
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir():
        return f"{above} is not a folder"
    if not os.access(above, os.W_OK | os.X_OK):
        return f"no permission to write in {above}"
    return None


def write(path: str | Path, content: bytes | str) -> None:
    """Write ``content`` (text as UTF-8) to ``path``, and create the folders above it.

    The new file replaces an old one in one move: whatever happens, the file is the old one or the
    new one, never a part. Raises UserError where there is no room or no permission.
    """
    write_all({path: content.encode() if isinstance(content, str) else content})


def write_all(contents: Mapping[str | Path, bytes] | Mapping[Path, bytes]) -> None:
    """Write several files as ``write`` does; none replaces an old file before all are written."""
    for path in contents:
        check(path)
    try:
        with drafts(contents) as paths:
            for draft, content in zip(paths, contents.values(), strict=True):
                draft.write_bytes(content)
    except OSError as error:
        path, reason = next(iter(contents)), error.strerror or error
        room = "make room, or " if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else ""
        raise UserError(f"cannot write {path}: {reason}; {room}name another path") from None


@contextlib.contextmanager
def drafts(paths: Collection[str | Path]) -> Iterator[list[Path]]:
    """Yield a draft for each of ``paths``: a path beside it, to write to. When the block ends, the
    drafts replace the files at ``paths``; when it raises, they are removed. Raises OSError."""
    # A link stays; the file that it points to is replaced.
    real = [Path(os.path.realpath(path)) for path in paths]
    for folder in {path.parent for path in real}:
        folder.mkdir(parents=True, exist_ok=True)
    beside = [path.with_name(f".{path.name[:50]}-{secrets.token_hex(8)}.tmp") for path in real]
    try:
        yield beside
        _sync(beside)  # or a power cut after the move leaves an empty file
        for draft, path in zip(beside, real, strict=True):
            draft.replace(path)
    finally:
        for draft in beside:
            with contextlib.suppress(OSError):
                draft.unlink()


def _sync(paths: list[Path]) -> None:
    if len(paths) > _SYNCED_SINGLY:
        os.sync()
        return
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def remove_drafts(folder: Path, names: str = "*") -> None:
    """Remove the drafts that killed processes have left in a folder and its subfolders. ``names``
    is a pattern for the names of the files; no other process may be writing such files."""
    for draft in folder.rglob(f".{names}-{'?' * 16}.tmp"):
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, what: str = "") -> Iterator[bool]:
    """Wait for the lock file, and say so with ``what`` it is for; yields False, without a lock,
    where the folder cannot be written or locked."""
    import filelock  # takes a tenth of the time that --help may take

    lock = filelock.FileLock(path)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                what = what or path.name[1:-5]
                warn(f"another process computes what both need ({what}); waiting for it")
                lock.acquire()
            stack.callback(lock.release)
        yield lock.is_locked


def lock(path: Path, busy: str) -> "filelock.FileLock":
    """Acquire the lock file ``path`` and return the lock, which the system releases when the
    process dies. Raises UserError with the sentence ``busy`` where another process holds it."""
    import filelock  # takes a tenth of the time that --help may take

    file_lock = filelock.FileLock(path, timeout=0)
    try:
        file_lock.acquire()
    except filelock.Timeout:
        raise UserError(busy) from None
    return file_lock
