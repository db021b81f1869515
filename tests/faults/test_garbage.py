"""Command lines, settings and files that nobody would write: done, or one sentence; nothing is
written that was not named, and memory stays small."""

import contextlib
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jaxgen import config as configs
from jaxgen import data, images
from jaxgen.cli import main
from jaxgen.data import user_images
from jaxgen.errors import UserError
from jaxgen.experiments import execute
from jaxgen.training import costs, loop
from tests.conftest import small
from tests.faults.training import JAXGEN, ROOT

GOLDEN = ROOT / "tests" / "golden" / "format-2"
GIB = 2**20  # in KiB
HYPOTHESIS = f"{os.sep}.hypothesis{os.sep}"  # where it keeps things of its own
APPLY = ("complete", "correct", "restyle", "convert", "augment", "sheet", "figure")
VERBS = tuple((verb,) for verb in main.VERBS if verb not in ("apply", "completion")) + tuple(
    ("apply", name) for name in APPLY
)
VALUES = (
    *("", " ", "-1", "0", "1", "3", "10", "nan", "inf", "1e999", "0x10", "9" * 30, "1_000", "2.5"),
    *("true", "None", "[]", "{}", "()", "1,2", "1,,2", "1-2", ",", "=", "--", "-", "é", "\u202e"),
    *("a" * 300, "a/b", "x.png", "x.exe", "no/such/file.npz", "%s", "{0}", "'", '"', "\n", "*"),
    *("ae", "vae", "gan", "ddpm", "mnist", "mnist:5", "mnist:-5", "synthetic:60", "test", "test:7"),
    *("left", "noise:0.4", "noise:", "random:2", "cpu", "net.beta=1,2", "net.beta=", "all"),
)


class Enough(Exception):
    """A command has come to the work itself."""


def many(examples: int):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # to make a failure small would take minutes
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(scope="module")
def flags_of():
    """The flags of each command, by its --help."""
    found = {}
    for verb in VERBS:
        with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.suppress(SystemExit):
            main.run([*verb, "--help"])
        found[verb] = sorted(set(re.findall(r"--[a-z][a-z.-]*", told.getvalue())) - {"--help"})
        assert found[verb]
    return found


def command_lines(flags_of):
    def of(verb):
        flag = st.sampled_from(flags_of[verb])
        value = st.sampled_from(VALUES) | st.text(max_size=8)
        pair = st.tuples(flag, value)
        words = (
            pair.map(list)
            | pair.map(lambda both: ["=".join(both)])
            | flag.map(lambda one: [one])
            | value.map(lambda one: [one])
        )
        lines = st.lists(words, max_size=5)
        return lines.map(lambda line: [*verb, *(word for part in line for word in part)])

    return st.sampled_from(VERBS).flatmap(of)


_written: list[str] | None = None  # what was opened to be written, while somebody asks


def _hear(event, args):
    if _written is not None and event == "open":
        path, mode, how = args
        if isinstance(path, (str, bytes)) and (
            (isinstance(mode, str) and set(mode) & set("wax+"))
            or (mode is None and how & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        ):
            _written.append(os.path.abspath(os.fsdecode(path)))


sys.addaudithook(_hear)


@contextlib.contextmanager
def only_in(*folders: Path):
    """Raise AssertionError for files that are written anywhere else."""
    global _written
    _written, tempfile.tempdir = [], str(folders[0])
    try:
        yield
        allowed = tuple(f"{folder}{os.sep}" for folder in folders)
        away = [path for path in _written if not path.startswith((*allowed, "/dev/", "/proc/"))]
        assert not [path for path in away if "__pycache__" not in path and HYPOTHESIS not in path]
    finally:
        _written = tempfile.tempdir = None


@contextlib.contextmanager
def within_a_gib():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < GIB


def test_command_lines_that_nobody_would_write(often, here, monkeypatch, flags_of):
    """Up to the work itself, which is left out."""

    def enough(*_, **__):
        raise Enough

    for place, name in (
        (loop, "train"),
        (loop, "train_apart"),
        (costs, "fresh"),
        (execute, "run"),
    ):
        monkeypatch.setattr(place, name, enough)
    monkeypatch.setenv("XDG_CACHE_HOME", str(here / "cache"))

    @many(often(150, 5000))
    @given(command_lines(flags_of))
    def each(args):
        quiet = io.StringIO()
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            try:
                status = main.run(args)
            except SystemExit as done:
                status = done.code or 0
            except (UserError, Enough) as error:
                status = 2
                assert "\n" not in str(error).strip("\n") or "\n" in " ".join(args), args
        assert status in (0, 2), args

    with only_in(here), within_a_gib():
        each()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def test_settings_that_nobody_would_write(often, tmp_path):
    """A run's config.json, with anything in place of anything."""
    (tmp_path / "run").mkdir()

    @many(often(150, 2000))
    @given(st.sampled_from(configs.names()), st.randoms(), json_values, st.booleans())
    def each(name, dice, value, drop):
        content = configs.to_dict(small(name))
        part = content
        key = dice.choice(list(part))
        while isinstance(part[key], dict) and part[key] and dice.random() < 0.7:
            part = part[key]
            key = dice.choice(list(part))
        if drop:
            del part[key]
        else:
            part[key if dice.random() < 0.9 else "another"] = value
        (tmp_path / "run" / "config.json").write_text(json.dumps(content))
        with pytest.raises(UserError):  # there is no checkpoint, whatever the settings are
            main.run(["sample", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "x.png")])

    with only_in(tmp_path), within_a_gib():
        each()


def harmed(content: bytes, dice) -> bytes:
    """A file with something wrong: cut, a few bytes others, a stretch moved, doubled or gone."""
    if dice.random() < 0.1:
        return bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
    start, end = sorted(dice.randrange(len(content) + 1) for _ in range(2))
    match dice.randrange(4):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:end] + content[start:]
    other = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        other[min(start, len(other) - 1)] = dice.choice((0, 1, 127, 128, 255, dice.randrange(256)))
        start = dice.randrange(len(other))
    return bytes(other)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A sound file of each kind that images are read from."""
    folder = tmp_path_factory.mktemp("sound")
    few = data.load("synthetic:60").test
    pixels, labels = few.images[:4], few.labels[:4]
    for name in ("x.png", "x.npz", "x.idx.gz"):
        images.save(folder / name, pixels, labels)
    from PIL import Image

    for name in ("one.jpg", "one.png", "one.gif", "one.webp", "one.bmp", "one.tiff"):
        Image.fromarray(pixels[0, :, :, 0]).resize((50, 70)).save(folder / name)
    np.save(folder / "x.npy", pixels)
    return sorted(path for path in folder.iterdir())


def test_files_that_nobody_would_write(often, files, tmp_path):
    """Images, arrays and IDX files: read, or a sentence."""

    @many(often(300, 3000))
    @given(st.sampled_from(files), st.sampled_from(files), st.randoms())
    def each(file, other, dice):
        ending = other.name if dice.random() < 0.1 else file.name
        path = tmp_path / ending
        path.write_bytes(harmed(file.read_bytes(), dice))
        try:
            for found in user_images.find(str(path)):
                for item in found.items:
                    image, _ = item.read()
                    assert image.shape == (28, 28, 1) and image.dtype == np.uint8
        except UserError as error:
            assert "\n" not in str(error)
        finally:
            path.unlink()

    with only_in(tmp_path), within_a_gib():
        each()


@pytest.mark.thorough
@pytest.mark.timeout(7200)
def test_the_same_as_processes(often, here, flags_of, files):
    """200 in full: with a run that is there, and files that are harmed."""
    shutil.copytree(GOLDEN, here / "runs" / "golden")
    cold = dict(os.environ, PYTHONPATH=str(ROOT), XDG_CACHE_HOME=str(here / "cache"))
    begun = {("sample",), ("reconstruct",), ("interpolate",), ("verify",)}

    @many(often(2, 200))
    @given(command_lines({verb: flags_of[verb] for verb in VERBS}), st.randoms())
    def each(args, dice):
        if tuple(args[:1]) not in begun or "\0" in "".join(args):
            args = ["reconstruct"]  # the others may take hours where they are meant
        file = here / dice.choice(files).name
        file.write_bytes(harmed(dice.choice(files).read_bytes(), dice))
        args = [args[0], "--run=golden", *args[1:]] if args[0] != "verify" else args
        args += [f"--images={file}"] if args[0] == "reconstruct" else []
        done = subprocess.run(
            [*JAXGEN, *args],
            cwd=here,
            env=cold,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode in (0, 2), (args, done.stderr)
        assert b"Traceback" not in done.stderr, (args, done.stderr)

    each()
