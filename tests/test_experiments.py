"""The engine of the experiments: what is kept, what is carried out, and what an end leaves."""

import concurrent.futures
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.experiments import execute, executors
from jaxgen.experiments.execute import PRIOR, Clock
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Context, Result, Trial
from jaxgen.training.console import Console
from tests.runs import QUIET, Listener


def number(context: Context, value: float) -> Result:
    return Result(value, {"squares": np.arange(3) ** 2})


def total(context: Context, *results: Result | None) -> Result:
    return Result(sum(one.figures for one in results if one))


def refuse(context: Context, value: float) -> Result:
    raise UserError(f"{value} is refused")


def trial(value: float, function=number, **more) -> Trial:
    return Trial(f"number {value}", f"finding {value}", function, (value,), key=value, **more)


def run(trials, folder, executor=None, console: Console = QUIET):
    store = Store(folder / "parts")
    with executor or executors.Here() as slots:
        failed = execute.run(trials, folder, store, slots, console)
    return [store.get(one) for one in trials], failed


# What is kept.


def test_a_result_is_valid_while_what_it_was_computed_from_is_unchanged(tmp_path, monkeypatch):
    store, one = Store(tmp_path), trial(1)
    assert store.get(one) is None
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(3)}))
    found = store.get(one)
    assert (
        found and found.figures == {"seconds": 1.5} and found.arrays["images"].tolist() == [0, 1, 2]
    )
    assert store.get(Trial(one.name, "", number, key=2)) is None
    more = Trial("sum", "", total, after=(one,))
    store.put(more, Result(1.5))
    assert store.get(more)
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(3)}))
    assert store.get(more)  # computed again, with the same result
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(4)}))
    assert store.get(more) is None
    kept = (tmp_path / "number 1.json").read_text()
    for harm in ("{", "{}", "[]", kept.replace("1.5", "2.5").replace('"key"', '"kye"')):
        (tmp_path / "number 1.json").write_text(harm)
        assert store.get(one) is None
    (tmp_path / "number 1.json").write_text(kept)
    assert store.get(one)
    (tmp_path / "number 1.npz").write_bytes(b"other arrays")
    assert store.get(one) is None


def test_results_of_other_sources_are_made_anew_and_that_is_said_once(tmp_path, monkeypatch):
    lines = []
    Store(tmp_path).put(trial(1), Result(1))
    Store(tmp_path).put(trial(2), Result(2))
    monkeypatch.setattr("jaxgen.sources.digest", lambda module: "another")
    store = Store(tmp_path, lines.append)
    assert store.get(trial(1)) is None and store.get(trial(2)) is None
    assert lines == [f"{tmp_path} has results of another version of jaxgen: they are made anew"]
    former = {"of": 1, "sources": "x", "arrays": False, "found": 1}  # as earlier versions had it
    (tmp_path / "number 3.json").write_text(json.dumps(former))
    assert store.get(trial(3)) is None


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/parts cannot be made"):
        Store(tmp_path / "file" / "parts")


# What is carried out.


@pytest.mark.parametrize("slots", [1, 2])
def test_trials_wait_for_the_results_that_they_need(tmp_path, slots):
    def executor():
        return executors.Processes(2) if slots == 2 else executors.Here()

    ones = [trial(value) for value in (1, 2, 3)]
    sums = Trial("sum", "summing", total, after=tuple(ones))
    found, failed = run([sums, *ones], tmp_path, executor())
    assert [one.figures for one in found] == [6, 1, 2, 3] and not failed
    assert found[1].arrays["squares"].tolist() == [0, 1, 4]
    console = Listener()
    again, _ = run([sums, *ones], tmp_path, executor(), console)
    assert [one.figures for one in again] == [6, 1, 2, 3]
    assert not console.lines  # nothing is found twice
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("slots", [1, 2])
def test_a_trial_that_fails_ends_what_needs_it_and_no_other(tmp_path, slots):
    wrong, right = trial(7, refuse), trial(1)
    needs = Trial("needs", "", total, after=(wrong, right))
    bears = Trial("bears", "", total, after=(wrong, right), tolerant=True)
    executor = executors.Processes(2) if slots == 2 else executors.Here()
    found, failed = run([wrong, right, needs, bears], tmp_path, executor)
    assert [one and one.figures for one in found] == [None, 1, None, 1]
    assert [(one.trial, one.reason) for one in failed] == [(wrong, "7 is refused")]
    with pytest.raises(UserError, match="7 is refused"):
        execute.require(failed)


def die(context: Context, value: float) -> Result:
    """Die twice, and be found then."""
    tries = len(list(context.folder.glob("tried-*")))
    (context.folder / f"tried-{tries}").touch()
    if tries < value:
        os.kill(os.getpid(), signal.SIGKILL)
    return Result(tries)


def test_a_process_that_dies_loses_its_own_trial_which_is_tried_again(tmp_path):
    console = Listener()
    found, _ = run([trial(2, die), trial(1)], tmp_path, executors.Processes(2), console)
    assert [one.figures for one in found] == [2, 1]
    again = [line for line in console.lines if "its process died; it is begun again" in line]
    assert len(again) == 2


def test_a_trial_whose_process_always_dies_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="finding 9: its process died 3 times"):
        run([trial(9, die)], tmp_path, executors.Processes(2))
    assert not multiprocessing.active_children()


def interrupt(context: Context, value: float) -> Result:
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(1)
    return Result(value)


def test_a_signal_ends_it_and_the_same_call_goes_on(tmp_path):
    trials = [trial(1, interrupt), trial(2), trial(3), trial(4)]
    console = Listener()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run(trials, tmp_path, executors.Processes(1), console)
    assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == before
    assert console.lines[-1] == "stopped: the same command goes on from there"
    store = Store(tmp_path / "parts")
    assert store.get(trials[0]) and store.get(trials[-1]) is None
    assert all(run(trials, tmp_path)[0])


def test_processes_that_are_left_at_once_leave_no_warning():
    leave = (
        "import os\nfrom jaxgen.experiments import executors\n"
        "kept = executors.Processes(2)\nfuture = kept.submit(abs, -1)\nos._exit(7)"
    )
    done = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (7, "")


def slow(context: Context, value: float) -> Result:
    context.progress("at rest", 0.5)
    time.sleep(value)
    context.progress("half done", 0.5)
    time.sleep(value)
    return Result(value)


def test_what_goes_on_in_another_process_is_shown(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(execute, "_now", lambda running, store: shown.append(_notes(store)) or "")
    run([trial(2.5, slow)], tmp_path, executors.Processes(1))
    assert {"half done"} in shown
    assert not list(tmp_path.rglob("*.progress"))


def _notes(store: Store) -> set[str]:
    return {path.read_text() for path in Path(store.folder).glob(".*.progress")}


# What is left.


def test_the_time_that_is_left_follows_what_trials_have_taken():
    seconds = [0.0]
    first, second = (trial(n, seconds=lambda: PRIOR) for n in (1, 2))
    last = trial(3, seconds=lambda: 2 * PRIOR)
    clock = Clock([first, second, last], 1, lambda: seconds[0])
    clock.begin(first)
    assert clock.left() == "8:00"
    seconds[0] += 3 * PRIOR  # in place of one
    clock.end(first)
    clock.begin(second)
    assert clock.left() == "12:00"
    seconds[0] += PRIOR / 2
    assert clock.left() == "11:00"
    assert clock.left(0.5) == "10:00"  # a minute more by its own pace, three by the estimate
    seconds[0] += 10 * PRIOR
    assert clock.left() == "8:00"


def test_side_by_side_less_is_left():
    trials = [trial(n, seconds=lambda: 10 * PRIOR) for n in range(4)]
    seconds = [0.0]
    clock = Clock(list(trials), 2, lambda: seconds[0])
    assert clock.left() == "40:00"
    for one in trials[:2]:
        clock.begin(one)
    seconds[0] += 10 * PRIOR
    for one in trials[:2]:
        clock.end(one)
    assert clock.left() == "20:00"


def test_a_long_experiment_is_refused_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(executors.devices, "workers", lambda: 1)
    console, store = Listener(), Store(tmp_path)
    given = [trial(1, seconds=lambda: 7200.0)], [], tmp_path, store, console
    with pytest.raises(UserError, match="would take about 2:00:00: give --yes too"):
        execute.carry_out(*given, lambda rest: f"{len(rest)} trials", 3600)
    assert console.lines == [
        "1 trials, about 2:00:00 on this machine; stopped, the same command goes on"
    ]
    execute.carry_out(*given, lambda rest: f"{len(rest)} trials", math.inf)
    assert store.get(given[0][0])


def test_this_process_is_an_executor():
    assert isinstance(executors.Here().submit(abs, -1), concurrent.futures.Future)
    assert executors.Here().submit(abs, -1).result() == 1
