"""Several processes that train as one: the same numbers, and what happens where one is missing."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from jaxgen import distributed
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.training import manifest
from tests import runs
from tests.conftest import THOROUGH, small
from tests.faults import training
from tests.runs import metrics, same

ENDLESS = 10**6  # steps


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def recipe(steps: int = 12):
    return small("vae", steps=steps, save_every=4, sample_every=6, log_every=3)


def launched(run: Path, steps: int) -> subprocess.Popen:
    return training.begin("launch", "--processes=2", "--", *training.command(recipe(steps), run))


def by_hand(run: Path, *others: list[str]) -> list[subprocess.Popen]:
    """Two processes that nothing watches, each with flags of its own."""
    group = [f"--coordinator=127.0.0.1:{free_port()}", "--processes=2"]
    command = [*training.command(recipe(ENDLESS), run), *group]
    return [
        training.begin(*command, f"--process={number}", *more) for number, more in enumerate(others)
    ]


def wait_for_saves(process: subprocess.Popen, run: Path, count: int) -> None:
    while process.poll() is None and len(manifest.steps(run / "checkpoints")) < count:
        time.sleep(0.05)


def require_alike(run: Path, other: Path, rtol: float) -> None:
    for ours, theirs in zip(metrics(run), metrics(other), strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=rtol)


def test_two_processes_are_as_one_with_two_devices(often, tmp_path):
    config, one, two = recipe(), tmp_path / "one", tmp_path / "two"
    assert runs.run(config, one) == 0  # on the two devices of this process
    told, wrong = (process := launched(two, config.steps)).communicate()
    assert process.returncode == 0, wrong
    assert "2 cpu devices" in told and "next: bin/sample" in told
    require_alike(two, one, rtol=1e-4)
    training.require_sound(two)
    assert manifest.steps(two / "checkpoints") == [12, 8]
    assert {p.name for p in (two / "samples").iterdir()} == {"6.png", "12.png"}

    # What two have saved, one goes on with, and the other way round.
    assert runs.run(recipe(16), two) == 0
    assert [line["step"] for line in metrics(two)] == list(range(1, 17))
    if often(False, True):
        _, wrong = (process := launched(one, 16)).communicate()
        assert process.returncode == 0, wrong
        require_alike(two, one, rtol=1e-3)


def test_where_one_dies_all_stop_and_it_is_named(often, tmp_path):
    for victim in often([1], [0, 1]):
        run = tmp_path / str(victim)
        process = launched(run, ENDLESS)
        wait_for_saves(process, run, 2)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[victim]), signal.SIGKILL)
        began = time.monotonic()
        _, wrong = process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        assert process.returncode == 2, wrong
        assert f"process {victim} was ended by SIGKILL" in wrong
        assert all(line.startswith("jaxgen: ") for line in wrong.splitlines()), wrong
        training.require_sound(run)
        last = manifest.steps(run / "checkpoints")[0]
        assert runs.run(recipe(last + 4), run) == 0  # alone
        assert [line["step"] for line in metrics(run)] == list(range(1, last + 5))


@pytest.mark.thorough
def test_all_save_where_the_group_is_told_to_stop(tmp_path):
    run = tmp_path / "run"
    process = launched(run, ENDLESS)
    wait_for_saves(process, run, 1)
    process.send_signal(signal.SIGTERM)
    told, wrong = process.communicate(timeout=60)
    assert process.returncode == 143, wrong
    assert "saved; the same command goes on from there" in told
    assert manifest.steps(run / "checkpoints")[0] == len(metrics(run))


def test_processes_that_differ_are_refused(tmp_path):
    for process in by_hand(tmp_path / "run", ["--net.beta=1"], ["--net.beta=2"]):
        _, wrong = process.communicate(timeout=120)
        assert process.returncode == 2, wrong
        assert "process 1 has --net.beta 2.0, and process 0 1.0" in wrong
    assert not (tmp_path / "run").exists()


@THOROUGH
@pytest.mark.parametrize("victim", [0, 1])
def test_who_is_left_says_how_to_go_on_where_nothing_watches_the_group(tmp_path, victim):
    """The first has the service of JAX, without which the runtime of the others aborts."""
    run = tmp_path / "run"
    both = by_hand(run, [], [])
    wait_for_saves(both[0], run, 1)
    both[victim].kill()
    both[victim].communicate()
    began = time.monotonic()
    _, wrong = both[1 - victim].communicate(timeout=60)
    assert time.monotonic() - began < 15
    training.require_last_words(1 - victim, both[1 - victim].returncode, wrong)
    training.require_sound(run)


def joins(coordinator: str, processes: int, process: int) -> list[str]:
    group = [f"--coordinator={coordinator}", f"--processes={processes}", f"--process={process}"]
    return ["train", "--model=vae", *group]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["train", "--model=vae", "--processes", "2"], "belong together"),
        (joins("h:1", 0, 0), "--processes 0 cannot"),
        (joins("h:1", 2, 2), "from 0 to 1"),
        (joins("h", 2, 1), "must be HOST:PORT"),
        (joins("h:99999", 2, 1), "must be HOST:PORT"),
        (joins("::1:42", 2, 1), r"as in \[::1\]:42"),
        (["train", "--model=vae", "--coordinator", "auto"], "finds no others .*this by SLURM"),
        (["launch"], "which command"),
        (["launch", "--", "evaluate"], "which command"),
        (["launch", "evaluate"], "there is no argument evaluate"),
        (["launch", "--processes", "0", "--", "train"], "must be 1 or more"),
    ],
)
def test_groups_that_cannot_be_are_one_sentence(args, says, here):
    with pytest.raises(UserError, match=says):
        main.run(args)


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        group = distributed.Group(f"127.0.0.1:{taken.getsockname()[1]}", processes=2, process=0)
        says = r"port \d+ cannot be used .*give --coordinator another"
        with pytest.raises(UserError, match=says), distributed.joined(group):
            pass


def joining(patience: int, *group: object, **told: str) -> subprocess.CompletedProcess:
    """A process that joins a group, and says how many they are."""
    program = (
        f"from jaxgen import devices, distributed; distributed.PATIENCE = {patience}; "
        f"devices.start(joins=True)\n"
        f"with distributed.joined(distributed.Group{group}): print(distributed.count())"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=training.environment(**told),
        check=False,
    )


def test_who_waits_in_vain_says_what_to_do():
    done = joining(2, f"127.0.0.1:{free_port()}", 2, 1)
    training.require_last_words(1, done.returncode, done.stderr)
    assert re.search("process 1 ends early, because another process is lost or did", done.stderr)


@pytest.mark.parametrize(
    "told",
    [
        {
            "SLURM_JOB_ID": "4321",
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_NTASKS": "1",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
        },
        {
            "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://127.0.0.1:34911",
            "OMPI_COMM_WORLD_SIZE": "1",
            "OMPI_COMM_WORLD_RANK": "0",
            "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        },
    ],
    ids=["slurm", "ompi"],
)
def test_the_others_are_found_as_schedulers_tell(told):
    done = joining(60, distributed.AUTO, None, None, **told, JAX_COORDINATOR_PORT=f"{free_port()}")
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


def test_what_one_process_says_alone_is_what_all_say():
    assert distributed.gather("é") == ["é"]
    assert distributed.agree(15, 3, True) == (15, 3, True)
    assert distributed.on_first(lambda: [1]) == [1]

    def refuse():
        raise UserError("mine")

    with pytest.raises(UserError, match="mine"):
        distributed.on_first(refuse)
    distributed.require_alike({"a": "b"})
    assert same(distributed.fetch({"a": np.arange(3)}), {"a": np.arange(3)})


def test_what_started_the_processes_says_how_many_there_are(monkeypatch):
    for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert distributed.announced() == 1
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    assert distributed.announced() == 4
    monkeypatch.setenv("SLURM_NTASKS", "16")
    assert distributed.announced() == 16
