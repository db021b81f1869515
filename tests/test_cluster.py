"""Experiments and bulk drawing on a Dask cluster: a real scheduler, and two real workers."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.experiments import execute, executors
from jaxgen.experiments.store import Store
from jaxgen.experiments.trial import Trial
from tests import runs, trials
from tests.trials import trial

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[1]


class Cluster:
    """Processes of a scheduler and its workers, in a folder."""

    def __init__(self, folder: Path):
        self.file = folder / "scheduler.json"
        self._processes = []
        self.start("scheduler", "--host", "127.0.0.1", "--port", "0")
        deadline = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        self.address = json.loads(self.file.read_text())["address"]

    def start(self, kind: str, *flags: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *flags, "--no-dashboard"]
        command += ["--scheduler-file", f"{self.file}"]
        environment = os.environ | {"PYTHONPATH": f"{ROOT}"}
        with open(self.file.with_name(f"{kind}-{len(self._processes)}.log"), "w") as log:
            self._processes.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            )

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A scheduler, which has no workers before ``cluster`` starts them."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def cluster(empty):
    for _ in range(2):
        empty.start("worker", "--nthreads", "1", "--no-nanny")
    return empty


def test_a_scheduler_that_is_gone_or_alone_is_one_sentence(empty, monkeypatch):
    monkeypatch.setattr(executors, "ANSWER", 1.0)
    with pytest.raises(UserError, match=r"the scheduler tcp://.* has no workers: dask worker tcp"):
        executors.Cluster(empty.address)
    for address in ("tcp://127.0.0.1:1", "nonsense://"):
        with pytest.raises(UserError, match=f"no scheduler answers at {address} "):
            executors.Cluster(address)


def test_workers_draw_the_digits_that_one_process_draws(cluster, here, monkeypatch):
    runs.at_home(monkeypatch, here)
    runs.tiny("ae")
    command = ["sample", "--model", "ae", "--count", "10500"]
    assert main.run([*command, "--out", "one/"]) == 0
    assert main.run([*command, "--out", "many/", "--scheduler", cluster.address]) == 0
    one, many = ({path.name: path for path in here.glob(f"{x}/**/*")} for x in ("one", "many"))
    assert one.keys() == many.keys()
    records = [name for name in one if "array_record" in name]
    assert len(records) == 2
    for name in records:
        assert one[name].read_bytes() == many[name].read_bytes()
    with pytest.raises(UserError, match=r"--scheduler .* is for shards"):
        main.run(["sample", "--model", "ae", "--scheduler", cluster.address])


def test_trials_are_shared_by_workers_one_of_which_dies(cluster, tmp_path, monkeypatch):
    store, ones = Store(tmp_path), [trial(n, trials.process) for n in range(4)]
    last = Trial("sum", "of all", trials.total, after=tuple(ones))
    with executors.Cluster(cluster.address) as executor:
        executor._client.wait_for_workers(2, timeout=60)
        assert executor.slots == 2
        assert not execute.run([*ones, last], store, executor, runs.QUIET)
        found = [store[one].figures for one in ones]
        assert len(set(found)) == 2 and store[last].figures == sum(found)
        assert not execute.run([trial(1, trials.die)], store, executor, runs.QUIET)
        assert executor.slots == 1 and store.has(trial(1, trials.die))
        others = executors._versions() | {"jax": "0.1.2"}
        monkeypatch.setattr(executors, "_versions", lambda: others)
        with pytest.raises(UserError, match=r"a worker on .* has jax 0\.10.*this process jax 0"):
            execute.run([trial(9)], store, executor, runs.QUIET)
