"""A Chromium for the tests: one that is installed, or Debian's in a folder of the user's cache.

Debian's is fetched with apt and unpacked, not installed, so nobody needs to be root; it and the
libraries that this machine lacks take some 90 MB, once.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = "chromium-headless-shell"
NAMES = ("chromium", PACKAGE, "google-chrome")
WIDTHS = (390, 1280)  # of a phone and of a screen
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxgen" / "chromium"
ARGS = [
    "--no-sandbox",  # which root may not have; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class MissingError(Exception):
    """There is no Chromium and none can be had: the reason, as a sentence."""


def find() -> tuple[str, dict[str, str]]:
    """Return the browser's file, and the environment that it needs.

    Raises ``MissingError`` where there is none, and apt or the network is missing too.
    """
    if installed := next(filter(None, map(shutil.which, NAMES)), None):
        return installed, {}
    if not CACHE.exists():
        _fetch()
    folders = {str(file.parent) for file in (CACHE / "usr/lib").rglob("*.so*")}
    return str(CACHE / "usr/lib/chromium" / PACKAGE), {"LD_LIBRARY_PATH": ":".join(sorted(folders))}


def _fetch() -> None:
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
        draft = Path(folder) / "root"
        # What an installation would bring: the package, and those of its dependencies that lack.
        plan = _run("apt-get", "--simulate", "--no-install-recommends", "install", PACKAGE)
        _run("apt-get", "download", *re.findall(r"^Inst (\S+)", plan, re.MULTILINE), cwd=folder)
        for file in sorted(Path(folder).glob("*.deb")):
            _run("dpkg", "-x", str(file), str(draft))
        draft.replace(CACHE)


def _run(*command: str, cwd: str | None = None) -> str:
    try:
        return subprocess.run(
            command, cwd=cwd, check=True, capture_output=True, text=True, timeout=300
        ).stdout
    except FileNotFoundError:
        raise MissingError(
            f"no {' or '.join(NAMES)} on PATH, and no {command[0]} to fetch one"
        ) from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingError(f"{' '.join(command[:2])} cannot fetch Chromium: {reason}") from None
    except subprocess.TimeoutExpired:
        raise MissingError(f"{' '.join(command[:2])} took more than 300 s") from None
