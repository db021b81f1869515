"""A machine that is odd: no home, no cache, a clock that goes back. Training works all the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import swept
from tests.faults import training

# As a user's own sitecustomize might: time runs backwards, an hour a look.
BACKWARDS = """
import itertools, time
began, hours = time.time(), itertools.count()
time.time = lambda: began - 3600.0 * next(hours)
from jaxgen.cli import main
main.main()
"""
PLAIN = "from jaxgen.cli import main; main.main()"


def surroundings(folder: Path) -> dict[str, dict[str, str | None]]:
    """Variables by what is odd about them; None where there is none."""
    file = folder / "file"
    file.write_text("no folder")
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    long = folder / ("long" * 60)
    return {
        "a home that is a file, and no cache": {"HOME": str(file), "XDG_CACHE_HOME": None},
        "no home at all": {"HOME": None, "XDG_CACHE_HOME": None, "USER": None, "LOGNAME": None},
        "a home that is not there": {"HOME": "/nowhere/at all", "XDG_CACHE_HOME": None},
        "a home with spaces and more": {"HOME": f"{folder}/a b\tü'\"$(x)", "XDG_CACHE_HOME": None},
        "a cache that is a device": {"XDG_CACHE_HOME": "/dev/null"},
        "a cache that all can write to": {"XDG_CACHE_HOME": str(shared)},
        "a cache with too long a name": {"XDG_CACHE_HOME": f"{long}/{long}"},
        "another time zone": {"TZ": "Pacific/Kiritimati"},
        "a time zone that there is not": {"TZ": "Nowhere/Never"},
        "no locale": {"LANG": None, "LC_ALL": "C", "PYTHONUTF8": "0"},
        "a narrow terminal of no kind": {"COLUMNS": "1", "TERM": "none"},
        "no variables but the path": dict.fromkeys(os.environ.keys() - {"PATH"}),
    }


def train(script: str, run: Path, variables: dict[str, str | None]) -> None:
    environment = os.environ | {"PYTHONPATH": str(training.ROOT)}
    for name, value in variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    if "PYTHONPATH" in variables:
        script = f"import sys; sys.path.insert(0, {str(training.ROOT)!r}); {script}"
    args = training.command(training.recipe("ae", 4), run)
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *args],
        env=environment,
        cwd=run.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    training.require_sound(run)
    assert (run / "samples" / "4.png").exists()


def test_odd_surroundings(often, tmp_path):
    cases = list(surroundings(tmp_path).items())
    for number, (odd, variables) in enumerate(cases[: often(1, len(cases))]):
        try:
            train(PLAIN, tmp_path / str(number), variables)
        except AssertionError as error:
            raise AssertionError(odd) from error


@pytest.mark.parametrize("stop", swept([False, True], [False]), ids=["whole", "resumed"])
def test_a_clock_that_goes_back(tmp_path, stop):
    run = tmp_path / "run"
    if stop:
        training.finish(training.recipe("ae", 2), run)
    train(BACKWARDS, run, {})
