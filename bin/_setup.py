"""Makes .venv, or adds to it: run by bin/_run with the Python that .venv is to have.

    _setup.py INSTALLER LOCKS RUN ARGS...

INSTALLER is uv or pip, LOCKS the names of files in requirements/; when they are installed, this
process becomes RUN ARGS.

The last act of an installation is to leave a copy of its lock in .venv. So a .venv that was never
finished is not taken for one that was. It is made where it will stay, since its scripts hold its
path; the one that it takes the place of waits in .venv.old, and comes back if anything goes wrong.

All locks agree on what cpu.lock holds (requirements/lock sees to that). So what a start needs
beyond cpu.lock is added in place, and a training that runs in .venv meanwhile does not notice.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
OLD = ROOT / ".venv.old"
BUSY = ROOT / ".venv.busy"  # locked while .venv is worked on
LOG = ROOT / ".venv.log"  # what pip or uv said; kept if it failed
PYTHON = VENV / "bin" / "python"

# What to expect of each lock: 35 s with pip and 15 s with uv on a fast connection, which few have.
MINUTES = {"cpu": 1, "dev": 1, "tpu": 2, "cuda": 5}


class SetupError(Exception):
    """What went wrong, and the way out, in a sentence."""


class Stopped(BaseException):
    """A signal asks for the end; holds its number."""


def main() -> int:
    installer, locks, run, *args = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as it is after nohup
            signal.signal(number, _stop)
    try:
        with alone() as busy:
            recover()
            provide(locks.split(), installer, busy)
    except Stopped as stopped:
        say("jaxgen: stopped while setting up .venv; the next start begins that anew\n")
        return 128 + stopped.args[0]
    except SetupError as error:
        say(f"jaxgen: {error}\n")
        return 2
    except OSError as error:
        say(f"jaxgen: .venv cannot be made: {error}; {_way_out(error)}\n")
        return 2
    os.environ["JAXGEN_READY"] = str(os.getpid())
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and that would be inherited
    os.execv(run, [run, *args])


@contextlib.contextmanager
def alone() -> Iterator[int]:
    """Let one start at a time work on .venv; the system frees the place of one that is killed."""
    while True:
        with BUSY.open("a") as busy:
            try:
                fcntl.flock(busy, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("jaxgen: another start is setting up .venv, waiting for it ...\n")
                fcntl.flock(busy, fcntl.LOCK_EX)
            if not is_at(BUSY, busy.fileno()):  # the one that was waited for has removed it
                continue
            try:
                yield busy.fileno()
            finally:
                BUSY.unlink(missing_ok=True)
            return


def is_at(path: Path, number: int) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(number), path.stat())
    except FileNotFoundError:
        return False


def recover() -> None:
    """Tidy up after a set-up that was killed before it could do so itself."""
    if OLD.exists() and finished():
        shutil.rmtree(OLD)
    elif OLD.exists():
        put_back()


def provide(wanted: list[str], installer: str, busy: int) -> None:
    """See to it that .venv holds what is wanted: let it be, add to it, or make it anew."""
    for name in ["build", "cpu", *wanted]:
        if not lock(name).exists():
            raise SetupError(f"there is no {lock(name)}: restore it with git, and start again")
    missing = [name for name in wanted if not holds(name)]
    usable = holds("cpu") and has_right_python()
    if usable and not missing:
        return
    if usable and not any(part(name).exists() for name in missing):
        with told(missing, installer):
            install(missing, installer, busy)
        return
    if VENV.exists() and not part("cpu").parent.exists():
        raise SetupError(f"{VENV} is not one that jaxgen made: move it away, and start again")
    kept = ["dev"] if stamp("dev").exists() else []  # or train and test would undo each other's
    names = list(dict.fromkeys(["cpu", *wanted, *kept]))
    with told(names, installer):
        renew(names, installer, busy)


def renew(names: list[str], installer: str, busy: int) -> None:
    """Make .venv anew; until the new one is finished, nothing is lost of the old one."""
    if finished():
        VENV.rename(OLD)
    try:
        shutil.rmtree(VENV, ignore_errors=True)
        part("cpu").parent.mkdir(parents=True)  # the sign that it is jaxgen's
        venv.EnvBuilder(symlinks=True).create(VENV)
        if installer == "pip":
            call([PYTHON, "-I", "-m", "ensurepip", "--default-pip"], installer, busy)
        install(names, installer, busy)
    except BaseException:
        put_back()
        raise
    shutil.rmtree(OLD, ignore_errors=True)


def install(names: list[str], installer: str, busy: int) -> None:
    """Install what the locks name and nothing else, each file as its hash says, and only wheels.

    The one package without a wheel is built with what build.lock names, not with today's newest.
    """
    for name in names:
        # Installed from the copy, so that the copy is true even if git changes the lock meanwhile.
        shutil.copyfile(lock(name), part(name))
    command: list[str | Path] = {
        "uv": ["uv", "pip", "install", "--python", PYTHON, "--no-progress"],
        "pip": [PYTHON, "-I", "-m", "pip", "install", "--no-compile", "--progress-bar", "off"],
    }[installer]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    call([*command, "-r", lock("build")], installer, busy)
    files = [word for name in names for word in ("-r", part(name))]
    call([*command, "--no-binary", "promise", "--no-build-isolation", *files], installer, busy)
    for name in names:
        part(name).rename(stamp(name))


def call(command: list[str | Path], tool: str, busy: int) -> None:
    """Run a command of pip or uv to its end; if that is a bad one, say why in a sentence."""
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PIP_USER": "0"},  # set on some clusters, it leads out of .venv
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[busy],  # if only we are killed, the next start waits until it is done, too
        )
        try:
            status = process.wait()
        except Stopped:
            process.terminate()
            process.wait()
            raise
    if status:
        why = reason(LOG.read_text(errors="replace"), tool)
        raise SetupError(f"setting up .venv failed: {why} (all that {tool} said is in {LOG})")


# What pip and uv write when the cause is not theirs, and what to say of it.
CAUSES = {
    "No space left on device|os error 28": "the disk is full, make room and start again",
    "DO NOT MATCH THE HASHES|[Hh]ash mismatch": "a file is not the one that the lock names, see"
    " whether {tool} takes its packages from an index that you trust",
    "Name or service not known|name resolution|getaddrinfo|dns error|[Nn]etwork is unreachable"
    "|NewConnectionError|Connection(Error| refused| reset| broken)|[Tt]imed? ?out|ProxyError"
    "|SSLError|error sending request|Could not connect|[Ff]ailed to fetch": "no package index"
    " could be reached, connect to the network or point {tool} at an index that can be, and start"
    " again",
}


def reason(said: str, tool: str) -> str:
    """Why an installation failed, and the way out, judging by what was said."""
    for pattern, sentence in CAUSES.items():
        if re.search(pattern, said):
            return sentence.format(tool=tool)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return f"{tool} ended with {(errors or lines or ['no word'])[-1]!r}"


@contextlib.contextmanager
def told(names: list[str], installer: str) -> Iterator[None]:
    """Say in one line what is done and how long that may take, and then how long it took."""
    python = ".".join(map(str, sys.version_info[:2]))
    minutes = max(MINUTES[name] for name in names)
    about = "about a minute" if minutes == 1 else f"about {minutes} minutes"
    what = f"setting up .venv for Python {python} ({', '.join(names)}) with {installer}"
    say(f"jaxgen: {what}, once, {about} ... ")
    LOG.unlink(missing_ok=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        say("not done\n")
        raise
    LOG.unlink(missing_ok=True)
    say(f"ready in {time.monotonic() - start:.0f} s\n")


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # whoever listened may be gone
        sys.stderr.write(text)
        sys.stderr.flush()


def lock(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.lock"


def part(name: str) -> Path:
    """The copy of a lock while it is being installed."""
    return VENV / "locks" / f"{name}.part"


def stamp(name: str) -> Path:
    """The copy of a lock when it is installed."""
    return VENV / "locks" / f"{name}.lock"


def holds(name: str) -> bool:
    return stamp(name).exists() and stamp(name).read_bytes() == lock(name).read_bytes()


def finished() -> bool:
    return any(stamp("cpu").parent.glob("*.lock"))


def has_right_python() -> bool:
    """Whether the Python of .venv is still there, and is the one that was asked for, if any."""
    asked = os.environ.get("JAXGEN_PYTHON")
    return PYTHON.exists() and (not asked or PYTHON.resolve() == Path(sys.executable).resolve())


def put_back() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    if OLD.exists():
        OLD.rename(VENV)


def _stop(number: int, frame) -> None:
    signal.signal(number, signal.SIG_IGN)  # what is half-made is about to be cleared away
    raise Stopped(number)


def _way_out(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "make room and start again" if full else "see that you may write there, and start again"


if __name__ == "__main__":
    sys.exit(main())
