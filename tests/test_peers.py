"""The bench's peers: programs, environments, curves and their table, without PyTorch or network."""

import importlib.util
import json
import math
import subprocess
import sys
import time

import numpy as np
import pytest

from jaxgen.benchmark import peers, recipe
from jaxgen.benchmark import results as tables
from jaxgen.benchmark.peers import Peer
from jaxgen.benchmark.programs import clock
from jaxgen.benchmark.results import Point, Result
from jaxgen.errors import UserError

SOURCE, COUNT = "synthetic", 100

# Draws training digits of the labels asked for, under noise that falls from mark to mark. Prints
# other things too, as libraries do, on both outputs.
PROGRAM = """
import sys, time
import numpy as np
sys.path.insert(0, {folder!r})
import clock

job = clock.arguments()
assert job.settings == "falling", job.settings
with np.load(job.digits) as file:
    images, labels = file["images"], file["labels"]
assert images.shape[1:] == (28, 28) and images.dtype == np.uint8, images.shape
timer = clock.Clock(job, batch=8, parameters=1234)
noises = iter([90.0, 60.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])

def draw():
    time.sleep(0.3)  # must not count
    rows = [np.flatnonzero(labels == i % 10)[i // 10] for i in range(job.count)]
    noise = np.random.default_rng(0).normal(0, next(noises), (job.count, 28, 28))
    return np.clip(images[rows] + noise, 0, 255).astype(np.uint8)

print("a library says hello")
print("{{}}")
print("loading", file=sys.stderr)
while not timer.is_over:
    time.sleep(0.02)
    timer.add(0.02)
    timer.report(draw)
"""

BROKEN = """
import sys
print("halfway")
sys.exit("RuntimeError: the weights are NaN")
"""

SILENT = "print('nothing to report')"

WRONG = """
import json, sys
import numpy as np
folder = sys.argv[sys.argv.index("--folder") + 1]
path = folder + "/1.npz"
np.savez(path, images=np.zeros((3, 28, 28), np.uint8), labels=np.zeros(3, int))
line = dict(step=1, seconds=1.0, images=8, step_seconds=0.5, parameters=7, digits=path)
print(json.dumps(line | {"draw_seconds": 1.0}))
"""


@pytest.fixture
def program(tmp_path):
    """A function (name, text, **options) -> a peer that runs this text."""

    def make(name: str, text: str, **options) -> Peer:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return Peer(name, (f"{path}",), "falling", **options)

    return make


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'cache'}")


@pytest.fixture
def measured(program, monkeypatch):
    """What ``measure`` makes of good and bad peers, and the lines that it says."""
    monkeypatch.setattr(peers, "FIRST_MARK", 0.5)
    fake = PROGRAM.format(folder=f"{peers.PROGRAMS}")
    registry = {
        "absent": program("absent", fake, requirements=("./no-such-peer-1.0.whl",)),
        "broken": program("broken", BROKEN),
        "silent": program("silent", SILENT),
        "wrong": program("wrong", WRONG),
        "falling": program("falling", fake),
        "nameless": program("nameless", fake, labelled=False, at_most=80),
    }
    said = []
    results = peers.measure(list(registry), 1.5, COUNT, said.append, source=SOURCE, peers=registry)
    assert [result.name for result in results] == list(registry)
    return {result.name: result for result in results}, said


def test_peers_are_measured_and_the_bad_ones_named(measured):
    pytest.importorskip("ensurepip")
    results, said = measured
    falling = results["falling"]
    assert falling.failed is None
    assert falling.count == COUNT
    assert falling.parameters == 1234
    assert falling.step == pytest.approx(0.02)
    # Drawing waits 0.3 s at each mark, which the clock leaves out.
    assert falling.drawing == pytest.approx(0.3 * 1000 / COUNT, rel=0.5)
    assert len(falling.curve) >= 3
    seconds = [point.seconds for point in falling.curve]
    assert seconds == sorted(seconds)
    assert 1.5 <= seconds[-1] < 1.5 + 0.3
    assert [point.images for point in falling.curve] == sorted(p.images for p in falling.curve)
    first, last = falling.curve[0], falling.curve[-1]
    assert last.frechet < first.frechet / 2  # less noise, nearer to real digits
    assert last.coverage > first.coverage
    assert last.recognised > 0.3  # the judge has learned from other digits than these

    nameless = results["nameless"]
    assert nameless.failed is None and nameless.count == 80
    assert all(point.recognised is None for point in nameless.curve)

    bad = {name: results[name].failed for name in ("absent", "broken", "silent", "wrong")}
    assert "no-such-peer" in bad["absent"] and bad["absent"].startswith("cannot be installed: pip")
    assert bad["broken"] == "ended with status 1: 'RuntimeError: the weights are NaN'"
    assert bad["silent"] == "ended without a line about its training"
    assert "3 images" in bad["wrong"]
    for name, why in bad.items():
        assert f"{name}: {why}" in said
        assert "\n" not in why
        assert not results[name].curve
    assert results["wrong"].step == 0.5  # what was measured stays
    assert any(line.startswith("nameless: 1.5 s of training of 80 digits") for line in said)

    lines = tables.table(list(results.values())).splitlines()
    assert lines[0].split("  ")[-1] == "coverage"
    row = next(line for line in lines if line.startswith("falling"))
    assert " 1,234 " in row and " 20 " in row and f"{last.frechet:.3f}" in row
    assert f"{last.recognised:.1%}" in row
    assert "80 digits at each mark: nameless" in lines
    assert f"broken: {bad['broken']}" in lines


def test_names_and_counts_are_checked_before_anything_runs(program):
    registry = {"silent": program("silent", SILENT)}
    options = {"source": SOURCE, "peers": registry}
    with pytest.raises(UserError, match="did you mean silent"):
        peers.measure(["silnet"], 1, COUNT, **options)
    with pytest.raises(UserError, match="too few"):
        peers.measure(["silent"], 1, 10, **options)
    with pytest.raises(UserError, match="above 0"):
        peers.measure(["silent"], 0, COUNT, **options)


def test_a_program_that_draws_without_end_is_stopped(program, monkeypatch):
    monkeypatch.setattr(peers, "GRACE", 0.5)
    endless = program("endless", "import time\ntime.sleep(600)")
    began = time.perf_counter()
    (result,) = peers.measure(
        ["endless"], 0.1, COUNT, lambda line: None, source=SOURCE, peers={"endless": endless}
    )
    assert result.failed.startswith("was stopped after 1 s")
    assert time.perf_counter() - began < 300


def test_an_environment_is_made_once_and_again_for_other_requirements(program, monkeypatch):
    commands = []

    def command(what, line):
        commands.append(what)
        if what == "venv":
            python = peers.Path(line[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(peers, "_command", command)
    peer = program("one", SILENT, requirements=("a==1",))
    quiet = lambda line: None  # noqa: E731
    first = peers.environment(peer, quiet)
    assert commands == ["venv", "pip"]
    assert peers.environment(peer, quiet) == first
    assert commands == ["venv", "pip"]
    assert peers.environment(peer._replace(requirements=("a==2",)), quiet) == first
    assert commands == ["venv", "pip", "pip"]
    other = peers.environment(peer._replace(environment="other"), quiet)
    assert other != first and commands[-2:] == ["venv", "pip"]
    assert peers.environment(peer._replace(requirements=()), quiet) == sys.executable


def test_marks_are_geometric_and_end_with_the_seconds():
    marks = peers.marks(100)
    assert marks[-1] == 100
    assert marks[0] >= peers.FIRST_MARK > marks[0] / peers.RATIO
    ratios = np.divide(marks[1:], marks[:-1])
    np.testing.assert_allclose(ratios, peers.RATIO)
    assert peers.marks(1.0) == [1.0]


def curve(*rows) -> list[Point]:
    return [Point(seconds, 0, recognised, frechet, 0.5) for seconds, recognised, frechet in rows]


def test_the_seconds_to_thresholds_are_interpolated_over_the_logarithm_of_time():
    known = curve((10, 0.5, 9.0), (100, 0.9, 5.0), (1000, 1.0, 0.0))
    # 0.95 is half of the way from 0.9 to 1.0, a distance of 1 four fifths of that from 5 to 0.
    assert tables.seconds_to(known, 0.95, 1.0) == pytest.approx(10 ** (2 + 0.8))
    assert tables.seconds_to(known, 0.95, 4.0) == pytest.approx(10**2.5)
    assert tables.seconds_to(known, 0.9, 5.0) == pytest.approx(100)
    assert tables.seconds_to(known, 0.5, 9.0) == 10  # an upper bound
    assert tables.seconds_to(known, None, 1.0) == pytest.approx(10 ** (2 + 0.8))
    # One threshold long before the other.
    late = curve((10, 0.99, 2.0), (20, 0.99, 0.5))
    assert tables.seconds_to(late) == pytest.approx(20 ** (2 / 3) * 10 ** (1 / 3))


def test_thresholds_that_are_never_reached_together_have_no_seconds():
    assert tables.seconds_to([]) is None
    assert tables.seconds_to(curve((10, 0.94, 0.1), (20, 0.99, 1.1))) is None
    assert tables.seconds_to(curve((10, None, 0.1))) is None
    assert tables.seconds_to(curve((10, None, 0.1)), None) == 10


def test_a_table_of_results_says_what_is_not_known():
    text = tables.table(
        [
            Result("both", 500, tuple(curve((10, 0.9, 2.0), (40, 0.96, 0.5))), 0.012, 3.5, 1000),
            Result("grids", 500, step=0.025, parameters=20),
            Result("gone", 500, failed="cannot be installed: pip says 'no'"),
        ]
    )
    head, both, grids, gone, *rest = text.splitlines()
    assert "s to 95%, 1 N" in head
    assert both.split() == [
        "both",
        "1,000",
        "12",
        "3.5",
        f"{31.7:.3g}",
        "40",
        "96.0%",
        "0.500",
        "0.50",
    ]
    assert grids.split() == ["grids", "20", "25", *"------"]
    assert gone.split() == ["gone", *"--------"]
    assert rest == [
        "500 digits at each mark: both",
        "gone: cannot be installed: pip says 'no'",
    ]


def test_the_clock_counts_fits_once_and_not_what_warms_up(tmp_path, capsys, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(clock.time, "time", lambda: now[0])
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])

    def takes(seconds, value=None):
        def function():
            now[0] += seconds() if callable(seconds) else seconds
            return value

        return function

    job = type("Job", (), {})()
    job.started, job.seconds, job.marks, job.count, job.folder = 90.0, 30.0, [15.0], 20, tmp_path
    timer = clock.Clock(job, batch=4, parameters=9)
    fits = iter([6.0, 1.0])
    images = np.zeros((20, 28, 28), np.uint8)
    parts = takes(3, images), takes(lambda: next(fits)), takes(50)
    timer.report(*parts)
    assert not capsys.readouterr().out  # 10 s: no mark yet
    now[0] += 6
    timer.add(0.5, steps=7)
    timer.report(*parts)
    line = json.loads(capsys.readouterr().out)
    assert line["seconds"] == 16 + 6 and line["draw_seconds"] == 3
    assert line["images"] == 28 and line["step_seconds"] == 0.5
    assert timer.seconds == 16 and not timer.is_over
    now[0] += 14
    timer.report(*parts)
    line = json.loads(capsys.readouterr().out)
    assert line["seconds"] == 30 + 6  # the first fit may have compiled
    assert timer.is_over
    with np.load(line["digits"]) as file:
        assert file["images"].shape == (20, 28, 28)
        assert file["labels"].tolist() == [*range(10)] * 2


def test_every_peer_has_a_program_and_pins():
    assert len(peers.PEERS) > 15
    for name, peer in peers.PEERS.items():
        assert peer.name == name
        assert all("==" in requirement for requirement in peer.requirements)
        if peer.requirements:
            assert peers.Path(peer.program[0]).is_file()
        else:
            assert peer.settings in recipe.SETTINGS
            assert importlib.util.find_spec(peer.program[1])


def test_settings_near_a_peer_are_recipes():
    mlp = recipe.SETTINGS["vae-mlp"]()
    assert mlp.batch == 64 and mlp.optim.rate == 1e-4 and mlp.net.layers == (512,)
    assert recipe.SETTINGS["ddpm-network"]().net.gaussian == 0
    for settings in recipe.SETTINGS.values():
        settings()


@pytest.mark.parametrize("settings", ["ae-mlp", "vqvae-autoencoder"])
def test_a_recipe_prints_what_a_peer_prints(settings, tmp_path):
    command = [sys.executable, "-m", recipe.__name__, "--settings", settings, "--digits", SOURCE]
    command += ["--folder", f"{tmp_path}", "--seconds", "1", "--marks", "1", "--count", "20"]
    done = subprocess.run(
        [*command, "--started", f"{time.time()}"], capture_output=True, text=True, check=True
    )
    line = json.loads(done.stdout)
    assert line["images"] == line["step"] * recipe.SETTINGS[settings]().batch
    assert line["seconds"] > 1 and math.isfinite(line["step_seconds"])
    if settings == "ae-mlp":
        with np.load(line["digits"]) as file:
            assert file["images"].shape == (20, 28, 28) and file["images"].dtype == np.uint8
    else:
        assert line["digits"] is None


def test_a_curve_has_the_time_of_each_threshold_by_itself():
    points = tuple(curve((10, 0.9, 2.0), (40, 0.985, 0.5), (160, 0.985, 0.3)))
    text = tables.curve(Result("jaxgen-x", 500, points))
    head, *rows, times = text.splitlines()
    assert head.split()[:2] == ["jaxgen-x", "s"] and len(rows) == 3
    assert rows[1].split()[::2] == ["40.0", "98.5%", "0.500"]
    # 95 % is 10/17 of the way over log s from 10 to 40; 1 N two thirds of it.
    assert f"95% recognised: {10 * 4 ** (50 / 85):.3g}, " in times
    assert "99% recognised: -" in times
    assert f"1 N: {10 * 4 ** (2 / 3):.3g}, 0.5 N: 40, 0.25 N: -" in times
    assert tables.curve(Result("gone", 500, failed="was stopped")) == "gone: was stopped"
