"""bin/_run makes .venv once and only when it must; the locks and the wheel are as they should be.

The set-up runs in a small tree with a stub for uv, on a PATH with little else on it, and without a
network; one test uses the real pip on a package made on the spot.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import jaxgen

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {path.stem: path.read_text() for path in (ROOT / "requirements").glob("*.lock")}
BASE = os.path.realpath(getattr(sys, "_base_executable", sys.executable))

TOOLS = "sh cmp dirname readlink sleep ln rm mkdir cp mv cat date grep sed tail"
# Notes which locks it was asked to install, and waits or fails as the test says.
UV = """#!/bin/sh
case $* in */locks/*) ;; *) exit 0 ;; esac
echo "$@" >> "$HOME/uv.log"
[ -z "$UV_SLEEP" ] || exec sleep "$UV_SLEEP"
while [ -n "$UV_WAITS_FOR" ] && [ ! -e "$UV_WAITS_FOR" ]; do sleep 0.02; done
[ -z "$UV_SAYS" ] || { echo "$UV_SAYS" >&2; exit 1; }
"""
MAIN = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.getcwd(), os.environ.get("JAX_PLATFORMS")]))
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # it may be a link to a Python, which is not ours to write to
    path.write_text(text)
    path.chmod(0o755)


class Tree:
    """A clone in small, in a folder whose name has spaces, and a machine with little on it."""

    def __init__(self, tmp: Path):
        self.root, self.home, self.path = tmp / "a small clone", tmp / "home", tmp / "bin"
        self.venv = self.root / ".venv"
        shutil.copytree(
            ROOT / "bin", self.root / "bin", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copy(ROOT / ".gitignore", self.root)
        (self.root / "jaxgen").mkdir()
        (self.root / "jaxgen" / "__init__.py").touch()
        (self.root / "jaxgen" / "__main__.py").write_text(MAIN)
        for name in LOCKS:
            self.lock(name, f"package-of-{name}==1\n")
        self.home.mkdir()
        for tool in TOOLS.split():
            script(self.path / tool, f'#!/bin/sh\nexec {shutil.which(tool)} "$@"\n')
        script(self.path / "python3", f'#!/bin/sh\nexec "{BASE}" "$@"\n')
        script(self.path / "uv", UV)

    def lock(self, name: str, text: str) -> None:
        path = self.root / "requirements" / f"{name}.lock"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def start(self, verb: str | Path = "train", *args: str, cwd: Path | None = None, **environ):
        """Start ``bin/VERB``; ``finish`` waits for its end."""
        return subprocess.Popen(
            [self.root / "bin" / verb, *args],
            cwd=cwd or self.home,
            env={"PATH": f"{self.path}", "HOME": f"{self.home}", "JAXGEN_TARGET": "cpu"} | environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, verb: str = "train", *args: str, **kwargs) -> tuple[int, str, str]:
        return finish(self.start(verb, *args, **kwargs))

    def installed(self) -> list[str]:
        """The locks that uv was asked to install so far."""
        log = self.home / "uv.log"
        return re.findall(r"/locks/(\w+)\.lock", log.read_text()) if log.exists() else []

    def left(self) -> set[str]:
        """What lies in the tree that did not come with it."""
        return {path.name for path in self.root.glob(".venv*")}


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def wait_for(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_makes_the_environment_once_and_says_so_in_a_line(tree):
    code, out, err = tree.run()
    assert code == 0 and '["train"]' in out
    assert re.fullmatch(
        r"jaxgen: setting up \.venv \(cpu\) with uv, once, about a minute \.\.\. ready in \d+ s\n",
        err,
    )
    assert tree.run("sample")[::2] == (0, "")
    assert tree.installed() == ["cpu"]
    assert tree.left() == {".venv"}
    for file in (tree.path / "uv", tree.path / "python3"):
        file.unlink()
    assert tree.run()[::2] == (0, ""), "a start that finds it needs neither uv nor python"
    assert tree.run(JAXGEN_PYTHON=BASE)[::2] == (0, "")


def test_makes_it_anew_when_the_lock_has_changed_or_its_python_is_gone(tree):
    tree.run()
    (tree.venv / "old").touch()
    tree.lock("cpu", "package==2\n")
    code, _, err = tree.run()
    assert code == 0 and "setting up" in err
    assert tree.installed() == ["cpu", "cpu"]
    assert not (tree.venv / "old").exists()
    assert (tree.venv / "locks" / "cpu.lock").read_text() == "package==2\n"
    assert tree.run()[2] == ""
    (tree.venv / "bin" / "python").unlink()
    assert tree.run()[0] == 0
    assert tree.installed() == ["cpu", "cpu", "cpu"]


def test_starts_at_once_make_it_once(tree):
    go_on = tree.home / "go on"
    first = tree.start(UV_WAITS_FOR=str(go_on))
    wait_for(lambda: tree.installed() == ["cpu"])
    others = [tree.start("sample"), tree.start("evaluate")]
    for other in others:
        line = other.stderr.readline()
        assert line == "jaxgen: another start is setting up .venv, waiting for it ...\n"
    go_on.touch()
    code, _, err = finish(first)
    assert code == 0 and "ready in" in err
    assert [finish(other)[::2] for other in others] == [(0, ""), (0, "")]
    assert tree.installed() == ["cpu"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_set_up_is_cleared_away_and_begun_anew(tree, number):
    before = signal.signal(number, signal.SIG_DFL)  # after nohup, say, it would be deaf to it
    start = tree.start(UV_SLEEP="30")
    signal.signal(number, before)
    wait_for(lambda: (tree.home / "uv.log").exists())
    start.send_signal(number)
    code, out, err = finish(start)
    assert (code, out) == (128 + number, "")
    assert err.endswith("jaxgen: stopped while setting up .venv; the next start begins that anew\n")
    assert not tree.venv.exists()
    code, out, err = tree.run()
    assert code == 0 and "ready in" in err and out


def test_a_killed_set_up_is_not_taken_for_a_finished_one(tree):
    tree.run()
    tree.lock("cpu", "package==2\n")
    start = tree.start(UV_SLEEP="30")
    wait_for(lambda: tree.installed() == ["cpu", "cpu"])
    start.kill()
    start.communicate()
    code, _, err = tree.run()
    assert code == 0 and "ready in" in err
    assert tree.installed() == ["cpu", "cpu", "cpu"]
    assert tree.left() == {".venv"}


def test_a_failure_brings_back_what_was_there(tree):
    tree.run()
    before = (tree.root / "requirements" / "cpu.lock").read_text()
    tree.lock("cpu", "package==2\n")
    assert tree.run(UV_SAYS="error: some nonsense")[0] == 2
    tree.lock("cpu", before)
    assert tree.run()[::2] == (0, "")
    assert tree.installed() == ["cpu", "cpu"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("dns error: failed to lookup address", "no package index could be reached"),
        ("[Errno 28] No space left on device", "the disk is full, make room"),
        ("error: Hash mismatch for `jax`", "a file is not the one that the lock names"),
        (
            "Resolved 3\nerror: it is a Tuesday\nhint: wait",
            "uv ended with 'error: it is a Tuesday'",
        ),
    ],
)
def test_a_failure_is_a_sentence_that_names_the_log(tree, said, sentence):
    code, out, err = tree.run(UV_SAYS=said)
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert first.endswith("... not done")
    assert second.startswith(f"jaxgen: setting up .venv failed: {sentence}")
    assert second.endswith(f"(all that uv said is in {tree.root}/.venv.log)")
    assert said in (tree.root / ".venv.log").read_text()
    assert tree.left() == {".venv.log"}
    assert tree.run()[0] == 0
    assert tree.left() == {".venv"}


def test_what_tests_need_is_added_and_stays(tree):
    tree.run()
    (tree.venv / "mine").touch()
    assert tree.run("test", UV_SAYS="no")[0] == 2
    assert tree.run()[::2] == (0, ""), "an addition that failed harms only who needs it"
    assert (tree.venv / "mine").exists()
    (tree.home / "uv.log").unlink()
    tree.run("test")
    assert tree.installed() == ["cpu", "dev"]
    assert tree.run()[2] == "", "a start that needs less finds all that it needs"
    tree.lock("cpu", "package==2\n")
    tree.run()
    assert tree.installed()[2:] == ["cpu", "dev"], "and tests need not add it again"


def test_an_environment_of_someone_else_is_left_alone(tree):
    (tree.venv / "bin").mkdir(parents=True)
    (tree.venv / "mine").touch()
    code, out, err = tree.run()
    assert (code, out) == (2, "")
    assert (
        err == f"jaxgen: {tree.venv} is not one that jaxgen made: move it away, and start again\n"
    )
    assert (tree.venv / "mine").exists()


def test_pythons_that_will_not_do_are_passed_over(tree, tmp_path):
    script(tmp_path / "shims" / "python3", "#!/bin/sh\necho not installed >&2\nexit 127\n")
    script(tmp_path / "old" / "python3", "#!/bin/sh\necho cpython 3.9\nexit 1\n")
    path = f"{tmp_path}/shims:{tmp_path}/none:{tmp_path}/old:{tree.path}"
    code, _, err = tree.run(PATH=path)
    assert code == 0 and "ready in" in err
    (tree.path / "python3").unlink()
    tree.lock("cpu", "package==2\n")
    code, out, err = tree.run(PATH=path)
    assert (code, out) == (2, "")
    assert err == (
        f"jaxgen: found no Python that will do ({tmp_path}/shims/python3: does not start,"
        f" {tmp_path}/old/python3: cpython 3.9): install Python 3.11 to 3.14, on Debian and Ubuntu"
        " with the package python3-venv, or name one in JAXGEN_PYTHON\n"
    )


def test_the_probe_knows_an_old_python_and_one_without_pip(tree):
    fake = "import sys; sys.version_info = (3, 10, 4)\n"
    hook = tree.home / "old.py"
    hook.write_text(fake + "exec(sys.argv.pop(1))\n")
    script(tree.path / "python3", f'#!/bin/sh\nshift 2\nexec "{BASE}" "{hook}" "$@"\n')
    assert "python3: cpython 3.10)" in tree.run()[2]
    hook.write_text("import sys; sys.modules['ensurepip'] = None\nexec(sys.argv.pop(1))\n")
    (tree.path / "uv").unlink()
    assert "python3: no module ensurepip)" in tree.run()[2]


def test_a_python_can_be_asked_for_by_name(tree):
    (tree.path / "python3").rename(tree.path / "mine")
    assert tree.run(JAXGEN_PYTHON="mine")[0] == 0
    assert tree.run(JAXGEN_PYTHON="mine")[::2] == (0, "")
    assert tree.installed() == ["cpu"]
    (tree.venv / "bin" / "python").unlink()
    shutil.copy(BASE, tree.venv / "bin" / "python")
    assert "ready in" in tree.run(JAXGEN_PYTHON="mine")[2], ".venv had another one"
    code, _, err = tree.run(JAXGEN_PYTHON="python9")
    assert code == 2
    assert err == "jaxgen: JAXGEN_PYTHON is python9 (not found), but must be Python 3.11 to 3.14\n"


def test_the_target_chooses_the_lock(tree):
    code, out, err = tree.run(JAXGEN_TARGET="abacus")
    assert (code, out) == (2, "")
    assert err == "jaxgen: JAXGEN_TARGET is abacus, but it must be cpu, cuda or tpu\n"
    assert not tree.venv.exists()
    code, out, err = tree.run(JAXGEN_TARGET="cuda")
    assert code == 0 and out.endswith(", null]\n")
    assert "(cpu cuda) with uv, once, some minutes" in err
    code, out, err = tree.run(JAXGEN_TARGET="cpu")
    assert (code, err) == (0, "") and out.endswith(', "cpu"]\n')
    tree.lock("cpu", "package==2\n")
    tree.run(JAXGEN_TARGET="cpu")
    assert tree.installed()[2:] == ["cpu", "cuda"], "what is there for others is kept"


def test_works_through_a_link_from_anywhere_with_any_arguments(tree, tmp_path):
    away = tmp_path / "elsewhere"
    away.mkdir()
    (away / "json.py").write_text("raise SystemExit('the current folder is not on the path')")
    (away / "train").symlink_to(tree.root / "bin" / "train")
    _, out, _ = tree.run(away / "train", "--out", "a  b", "*", "", cwd=away)
    assert out == f'[["train", "--out", "a  b", "*", ""], "{away}", "cpu"]\n'
    (tree.home / "bin").mkdir()  # which CDPATH leads to
    environ = {"PATH": f"{tree.path}", "CDPATH": f"{tree.home}", "JAXGEN_TARGET": "cpu"}
    done = subprocess.run(["bin/train"], cwd=tree.root, env=environ, capture_output=True, text=True)
    assert done.stdout == f'[["train"], "{tree.root}", "cpu"]\n', done.stderr


def test_the_clone_stays_as_it_was(tree):
    def git(*args):
        command = [shutil.which("git"), "-c", "user.name=x", "-c", "user.email=x", *args]
        return subprocess.run(
            command, cwd=tree.root, check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    tree.run()
    assert tree.venv.exists() and git("status", "--porcelain") == ""


@pytest.mark.parametrize("failing", ["ruff check", "pyright", "pytest", None])
def test_the_checks_end_at_the_first_that_fails(tree, failing):
    tree.run("test")
    log = tree.home / "checks.log"
    script(
        tree.venv / "bin" / "python",
        f'#!/bin/sh\necho "$@" >> "{log}"\ncase $* in "-m {failing}"*) exit 7 ;; esac\n',
    )
    checks = [
        "-m ruff format --check .",
        "-m ruff check .",
        "-m pyright",
        "-m pytest -n auto --dist worksteal --all -x",
    ]
    last = next((i for i, line in enumerate(checks) if f"-m {failing}" in line), None)
    code, _, err = tree.run("test", "--all", "-x")
    assert (code, err) == (0 if failing is None else 7, "")
    assert log.read_text().splitlines() == checks[: None if last is None else last + 1]
    if failing is None:
        assert tree.run("test", "-k", "a b")[0] == 0
        assert log.read_text().splitlines()[4:] == [*checks[:2], "-m pytest -k a b"]


def wheel_of(folder: Path, name: str) -> tuple[Path, str]:
    """The smallest of wheels, and its hash."""
    path = folder / f"{name}-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        info = f"{name}-1.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_help_of_the_checks_is_no_check(tree):
    code, out, _ = tree.run("test", "--help")
    assert code == 0 and out.startswith("usage: bin/test") and "--all" in out


def test_pip_serves_where_there_is_no_uv(tree, tmp_path):
    pytest.importorskip("ensurepip")
    (tree.path / "uv").unlink()
    (tree.root / "jaxgen" / "__main__.py").write_text("import digits_of_pi, digits_of_e\n")
    for lock, name in (("build", "digits_of_e"), ("cpu", "digits_of_pi")):
        tree.lock(lock, f"{name}==1 --hash=sha256:{wheel_of(tmp_path, name)[1]}\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_USER": "1"}
    code, _, err = tree.run(PIP_FIND_LINKS=str(tmp_path), **offline)
    assert code == 0 and "with pip" in err
    wheel_of(tmp_path, "digits_of_tau")
    tree.lock("dev", f"digits_of_tau==1 --hash=sha256:{'0' * 64}\n")
    code, _, err = tree.run("test", PIP_FIND_LINKS=str(tmp_path), **offline)
    assert code == 2 and "a file is not the one that the lock names" in err


# --- the locks


def pins(name: str) -> dict[str, set[str]]:
    """The hashes of each line of a lock, by package, version and marker."""
    found, line = {}, ""
    for text in LOCKS[name].splitlines():
        if text[:1].isalnum():
            line = text.rstrip("\\ ")
            found[line] = set()
        elif text.strip().startswith("--hash"):
            found[line].add(text.strip().rstrip("\\ "))
    return found


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_has_exact_versions_hashes_and_no_address(name):
    for line, hashes in pins(name).items():
        assert re.match(r"[\w.-]+==[\w.]+( ; |$)", line), line
        assert hashes and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", h) for h in hashes), line
    for line in LOCKS[name].splitlines():
        if not line.strip().startswith("#"):
            assert re.match(r"[\w.-]+==|    --hash=sha256:|$", line), line
    assert not re.search(r"://|(^|\s)/|index|find-links|@ ", LOCKS[name])


def test_locks_agree_and_serve_the_last_jax_of_python_3_11_and_a_newer_one():
    assert set(LOCKS) == {"build", "cpu", "cuda", "tpu", "dev"}
    for name in ("cuda", "tpu", "dev"):
        assert pins("cpu").items() < pins(name).items()
    jax = {re.split("==| ; ", line)[1]: line for line in pins("cpu") if line.startswith("jax==")}
    assert jax.keys() >= {"0.10.2"} and len(jax) == 2
    assert "python_full_version < '3.12'" in jax["0.10.2"]


def test_locks_hold_what_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    # These have no lock of their own, for a person installs them.
    more = [
        need
        for name in ("film", "cluster", "formats", "hub", "onnx", "paper")
        for need in extras.pop(name)
    ]
    asked = {
        "cpu": project["project"]["dependencies"],
        "dev": [*project["dependency-groups"]["dev"], *more],
        **extras,
    }
    for name, requirements in asked.items():
        versions = {}
        for line in pins(name):
            package, version = line.split(" ;")[0].split("==")
            versions.setdefault(package, []).append(version.strip())
        for requirement in map(Requirement, requirements):
            package = re.sub(r"[-_.]+", "-", requirement.name).lower()
            assert package in versions, f"run requirements/lock: {name}.lock lacks {package}"
            assert all(requirement.specifier.contains(v) for v in versions[package]), requirement


# --- the wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A wheel and a source archive of what is here."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_holds_recipes_once_and_the_data(built):
    (path,) = built.glob("*.whl")
    names = zipfile.ZipFile(path).namelist()
    assert len(names) == len(set(names))
    folder = ROOT / "configs"
    recipes = {str(path.relative_to(folder)) for path in folder.rglob("*.py")}
    assert recipes and {name for name in names if re.search(r"(^|/)configs/", name)} == {
        f"jaxgen/configs/{name}" for name in recipes
    }
    data = {p.relative_to(ROOT).as_posix() for p in (ROOT / "jaxgen").rglob("*.gz")}
    data |= {p.relative_to(ROOT).as_posix() for p in (ROOT / "jaxgen").rglob("*.safetensors")}
    assert len(data) >= 5 and data <= set(names)
    assert {name.split("/")[0] for name in names} == {
        "jaxgen",
        f"jaxgen-{jaxgen.__version__}.dist-info",
    }
    for licence in ("LICENSE", "jaxgen/data/mnist_files/LICENCE.md"):
        assert any(name.endswith(f"licenses/{licence}") for name in names)
    metadata = next(name for name in names if name.endswith("METADATA"))
    said = zipfile.ZipFile(path).read(metadata).decode()
    assert "License-Expression: Apache-2.0 AND CC-BY-SA-3.0\n" in said
    entry = next(name for name in names if name.endswith("entry_points.txt"))
    assert "jaxgen = jaxgen.cli.main:main" in zipfile.ZipFile(path).read(entry).decode()


def test_the_wheel_works_by_itself(built, tmp_path):
    (path,) = built.glob("*.whl")
    zipfile.ZipFile(path).extractall(tmp_path / "site")

    def run(*command):
        return subprocess.run(
            [sys.executable, "-P", *command],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
            capture_output=True,
            text=True,
        )

    done = run("-c", "from jaxgen import config; print(config.__file__, config.names())")
    assert done.stdout.startswith(str(tmp_path / "site")) and "'ddpm'" in done.stdout, done.stderr
    done = run("-m", "jaxgen", "train", "--help")
    assert done.returncode == 0 and "--steps" in done.stdout, done.stderr


def test_the_source_archive_builds_the_same_wheel(built, tmp_path):
    (archive,) = built.glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    assert not (source / "configs").exists()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    (first,) = built.glob("*.whl")
    assert zipfile.ZipFile(wheel).namelist() == zipfile.ZipFile(first).namelist()
