"""The engine of the experiments: what is kept, what is carried out, and what an end leaves."""

import dataclasses
import math
import multiprocessing
import signal
import subprocess
import sys

import numpy as np
import pytest

from jaxgen.errors import UserError
from jaxgen.experiments import execute, executors
from jaxgen.experiments.execute import PRIOR, Clock
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Result, Trial
from jaxgen.training import console
from tests import trials
from tests.runs import QUIET, Listener
from tests.trials import trial


def run(some, folder, executor=None, said=QUIET):
    store = Store(folder)
    failed = execute.run(some, store, executor or executors.Here(), said)
    return [found and found.figures for found in map(store.get, some)], failed


# What is kept.


def test_a_result_is_valid_while_what_it_was_computed_from_is_unchanged(tmp_path):
    store, one = Store(tmp_path), trial(1)
    assert store.get(one) is None
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(3)}))
    assert store[one].figures == {"seconds": 1.5}
    assert store[one].arrays["images"].tolist() == [0, 1, 2]
    assert not store.has(Trial("number", "1", trials.number, key=2))
    more = Trial("sum", "1", trials.total, after=(one,))
    store.put(more, Result(1.5))
    assert store.has(more)
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(3)}))
    assert store.has(more)  # computed again, with the same result
    store.put(one, Result({"seconds": 1.5}, {"images": np.arange(4)}))
    assert not store.has(more)
    kept = store.path("number 1.json").read_text()
    for harm in ("{", "{}", "[]", "1", kept.replace('"key"', '"kye"'), kept.replace("fig", "gif")):
        store.path("number 1.json").write_text(harm)
        assert store.get(one) is None
    store.path("number 1.json").write_text(kept)
    assert store.has(one)
    store.path("number 1.npz").write_bytes(b"other arrays")
    assert store.get(one) is None


def test_results_of_other_sources_are_made_anew_and_that_is_said_once(tmp_path, monkeypatch):
    lines = []
    for value in (1, 2):
        Store(tmp_path).put(trial(value), Result(value))
    monkeypatch.setattr("jaxgen.sources.digest", lambda module: "another")
    store = Store(tmp_path, lines.append)
    assert not store.has(trial(1)) and not store.has(trial(2))
    assert lines == [
        f"{tmp_path} has results of another version of jaxgen: they are computed again"
    ]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file cannot be made"):
        Store(tmp_path / "file")


# What is carried out.


@pytest.fixture(scope="module")
def processes():
    """Two processes, which the tests share."""
    with executors.Processes(2) as kept:
        yield kept
    assert not multiprocessing.active_children()


@pytest.fixture(params=["here", "processes"])
def executor(request):
    return executors.Here() if request.param == "here" else request.getfixturevalue("processes")


def test_trials_wait_for_the_results_that_they_need(tmp_path, executor):
    ones = [trial(value) for value in (1, 2, 3)]
    some = [Trial("sum", "6", trials.total, after=tuple(ones)), *ones]
    assert run(some, tmp_path, executor) == ([6, 1, 2, 3], {})
    assert Store(tmp_path)[ones[0]].arrays["squares"].tolist() == [0, 1, 4]
    said = Listener()
    assert run(some, tmp_path, executor, said) == ([6, 1, 2, 3], {})
    assert not said.lines  # nothing is found twice


def test_what_has_gone_since_is_made_again_only_where_it_is_needed(tmp_path, executor):
    there = []
    one = dataclasses.replace(trial(1), is_there=lambda figures: bool(there))
    first = Trial("sum", "first", trials.total, after=(one,))
    assert run([one, first], tmp_path, executor) == ([1, 1], {})
    said = Listener()
    assert run([one, first], tmp_path, executor, said) == ([1, 1], {}) and not said.lines
    second = Trial("sum", "second", trials.total, after=(one,))
    assert run([one, first, second], tmp_path, executor, said) == ([1, 1, 1], {})
    assert said.lines[-1].startswith("3 of 3")  # the first sum too, whose input is new
    there.append(one)
    third = Trial("sum", "third", trials.total, after=(one,))
    assert run([one, first, second, third], tmp_path, executor, said)[0] == [1] * 4
    assert said.lines[-1].startswith("1 of 1")


def test_a_trial_that_fails_ends_what_needs_it_and_no_other(tmp_path, executor):
    wrong, right = trial(7, trials.refuse), trial(1)
    needs = Trial("sum", "that needs it", trials.total, after=(wrong, right))
    last = Trial("sum", "that needs the sum", trials.total, after=(needs,))
    bears = Trial("sum", "without it", trials.total, after=(wrong, right, needs), tolerant=True)
    found, failed = run([wrong, right, needs, last, bears], tmp_path, executor)
    assert found == [None, 1, None, None, 1] and failed == {wrong: "7 is refused"}
    with pytest.raises(UserError, match="7 is refused"):
        execute.carry_out([needs], Store(tmp_path), QUIET)


def test_a_process_that_dies_loses_its_own_trial_which_is_tried_again(
    tmp_path, processes, monkeypatch
):
    lines = []
    monkeypatch.setattr(processes, "_say", lines.append)
    assert run([trial(1, trials.die), trial(2)], tmp_path, processes) == ([1, 2], {})
    assert lines == ["a process died: its work is begun again"]
    monkeypatch.setattr(executors, "TRIES", 1)
    with pytest.raises(UserError, match="die 9: its process died 1 times"):
        run([trial(9, trials.die)], tmp_path, processes)


def test_a_signal_ends_it_and_the_same_call_goes_on(tmp_path):
    some, said = [trial(1, trials.interrupt), trial(2), trial(3), trial(4)], Listener()
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, executors.Processes(1) as executor:
        run(some, tmp_path, executor, said)
    assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == before
    assert said.lines[-1] == "stopped: the same command goes on from there"
    store = Store(tmp_path)
    assert store.has(some[0]) and not store.has(some[-1])
    assert run(some[1:], tmp_path) == ([2, 3, 4], {})


def test_processes_that_are_left_at_once_leave_no_warning():
    leave = (
        "import os\nfrom jaxgen.experiments import executors\n"
        "kept = executors.Processes(1)\nkept.submit(abs, -1).result()\nos._exit(7)"
    )
    done = subprocess.run([sys.executable, "-c", leave], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (7, "")


def test_what_goes_on_in_another_process_is_shown(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(console, "EVERY", 0.0)
    said = Listener()
    run([trial(1.5, trials.slow)], tmp_path, processes, said)
    assert any(line.startswith("slow 1.5: half done; ") for line in said.lines)
    assert not list(tmp_path.rglob("*.progress"))


# What is left.


def test_the_time_that_is_left_follows_what_trials_have_taken():
    now = [0.0]
    first, second, last = (trial(n) for n in range(3))
    clock = Clock({first: PRIOR, second: PRIOR, last: 2 * PRIOR}, 1, lambda: now[0])
    clock.begin(first)
    assert clock.left() == "8:00 left in all"
    now[0] += 3 * PRIOR  # in place of one
    clock.end(first)
    clock.begin(second)
    assert clock.left() == "12:00 left in all"
    now[0] += PRIOR / 2
    assert clock.left() == "11:00 left in all"
    # A minute more by its own pace, three by the estimate.
    assert clock.left(0.5) == "10:00 left in all"
    now[0] += 10 * PRIOR
    assert clock.left() == "8:00 left in all"


def test_side_by_side_less_is_left():
    now, some = [0.0], [trial(n) for n in range(4)]
    clock = Clock(dict.fromkeys(some, 10 * PRIOR), 2, lambda: now[0])
    assert clock.left() == "40:00 left in all"
    for one in some[:2]:
        clock.begin(one)
    now[0] += 10 * PRIOR
    for one in some[:2]:
        clock.end(one)
    assert clock.left() == "20:00 left in all"


def test_a_long_experiment_is_refused_before_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(executors.devices, "workers", lambda: 1)
    said, store, timing = Listener(), Store(tmp_path), trial(3600.0)
    long = Trial("sum", "1", trials.total, timing=timing, seconds=lambda hour: 2 * hour)
    with pytest.raises(UserError, match="would take about 2:00:00: give --yes too"):
        execute.carry_out([long], store, said, most_seconds=3600)
    assert said.lines[-1:] == [
        "1 sum, about 2:00:00 on this machine; after a stop, the same command goes on"
    ]
    assert store.has(timing) and not store.has(long)
    execute.carry_out([long], store, said, most_seconds=math.inf)
    assert store.has(long)
