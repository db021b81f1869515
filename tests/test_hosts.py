"""Several processes that train as one: the same numbers, and what happens where one is missing."""

import os
import re
import signal
import socket
import subprocess
import time
from concurrent import futures
from pathlib import Path

import numpy as np
import pytest

from jaxgen import hosts, peers
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.training import seals
from tests.conftest import small
from tests.faults import training
from tests.runs import final, metrics, same

STEPS = 12


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def recipe(steps: int = STEPS):
    return small("vae", steps=steps, save_every=4, sample_every=6, log_every=3)


def launched(run: Path, steps: int = STEPS) -> subprocess.Popen:
    return training.begin("launch", "--processes=2", "--", *training.command(recipe(steps), run))


def children(process: subprocess.Popen) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in found.split()]


def test_two_processes_are_as_one_with_two_devices(often, tmp_path):
    config, one, two = recipe(), tmp_path / "one", tmp_path / "two"
    training.finish(config, one)
    told, wrong = (process := launched(two)).communicate()
    assert process.returncode == 0, wrong
    assert "2 cpu devices" in told and "next: bin/sample" in told
    for ours, theirs in zip(metrics(two), metrics(one), strict=True):
        assert ours.keys() == theirs.keys()
        np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-4)
    training.require_sound(two)
    assert seals.steps(two / "checkpoints") == [12, 8]
    assert {p.name for p in (two / "samples").iterdir()} == {"6.png", "12.png"}
    assert final(config, two) is not None  # on the devices of this process

    # What two have saved, one goes on with, and the other way round.
    training.finish(recipe(16), two)
    assert [line["step"] for line in metrics(two)] == list(range(1, 17))
    if often(False, True):
        _, wrong = (process := launched(one, 16)).communicate()
        assert process.returncode == 0, wrong
        for ours, theirs in zip(metrics(two), metrics(one), strict=True):
            np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-3)


def test_where_one_dies_all_stop_and_it_is_named(often, tmp_path):
    for victim in often([1], [0, 1]):
        run = tmp_path / str(victim)
        process = launched(run, 10**6)
        while process.poll() is None and len(seals.steps(run / "checkpoints")) < 2:
            time.sleep(0.05)
        os.kill(children(process)[victim], signal.SIGKILL)
        began = time.monotonic()
        _, wrong = process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        assert process.returncode == 2, wrong
        assert f"process {victim} was ended by SIGKILL" in wrong
        assert all(line.startswith("jaxgen: ") for line in wrong.splitlines()), wrong
        training.require_sound(run)
        last = seals.steps(run / "checkpoints")[0]
        training.finish(recipe(last + 4), run)  # alone
        assert [line["step"] for line in metrics(run)] == list(range(1, last + 5))


def test_all_save_where_the_group_is_told_to_stop(tmp_path):
    run = tmp_path / "run"
    process = launched(run, 10**6)
    while process.poll() is None and not seals.steps(run / "checkpoints"):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    told, wrong = process.communicate(timeout=60)
    assert process.returncode == 143, wrong
    assert "saved; the same command goes on from there" in told
    assert seals.steps(run / "checkpoints")[0] == len(metrics(run))


def test_processes_that_differ_are_refused(tmp_path):
    port = free_port()
    both = [
        training.begin(
            *training.command(recipe(), tmp_path / "run"),
            f"--coordinator=127.0.0.1:{port}",
            "--processes=2",
            f"--process={number}",
            f"--net.beta={1 + number}",
        )
        for number in (0, 1)
    ]
    for process in both:
        _, wrong = process.communicate(timeout=120)
        assert process.returncode == 2, wrong
        assert "process 1 has --net.beta 2.0, and process 0 1.0" in wrong
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--processes", "2"], "belong together"),
        (["--coordinator", "h:1", "--processes", "0", "--process", "0"], "--processes 0 cannot"),
        (["--coordinator", "h:1", "--processes", "2", "--process", "2"], "from 0 to 1"),
        (["--coordinator", "h", "--processes", "2", "--process", "1"], "must be HOST:PORT"),
        (["--coordinator", "h:99999", "--processes", "2", "--process", "1"], "must be HOST:PORT"),
        (["--coordinator", "::1:42", "--processes", "2", "--process", "1"], r"as in \[::1\]:42"),
        (["--coordinator", "auto"], "auto finds no others: neither SLURM"),
    ],
)
def test_groups_that_cannot_be_are_one_sentence(args, says, here):
    with pytest.raises(UserError, match=says):
        main.run(["train", "--model", "vae", *args])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "what is to be launched"),
        (["--", "evaluate"], "what is to be launched"),
        (["evaluate"], "there is no argument evaluate"),
        (["--processes", "0", "--", "train"], "must be 1 or more"),
    ],
)
def test_what_cannot_be_launched_is_one_sentence(args, says):
    with pytest.raises(UserError, match=says):
        main.run(["launch", *args])


@pytest.mark.parametrize(
    ("process", "says"),
    [(0, "process 1 and 2 of 3 did not come"), (1, "process 1 of 3 met nobody")],
)
def test_who_waits_in_vain_says_for_whom(monkeypatch, process, says):
    monkeypatch.setattr(peers, "PATIENCE", 0.5)
    with pytest.raises(UserError, match=says):
        peers.meet(f"127.0.0.1:{free_port()}", 3, process, never)


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} cannot be used .*give --coordinator"):
            peers.meet(f"127.0.0.1:{port}", 2, 0, never)


def never(number: int, how: str) -> None:
    raise AssertionError(f"process {number} is lost: {how}")


class Meeting:
    """Processes, as threads: their wires, and whom each has lost."""

    def __init__(self, host: str = "127.0.0.1"):
        self.address = f"{host}:{free_port()}"
        self.wires: dict[int, peers.Wire] = {}
        self.lost: dict[int, str] = {}

    def come(self, process: int, processes: int = 3) -> None:
        def lost(number, how):
            self.lost[process] = f"{number} {how}"

        self.wires[process] = peers.meet(self.address, processes, process, lost)


@pytest.fixture
def meeting():
    meeting = Meeting()
    yield meeting
    for wire in meeting.wires.values():
        wire.close()


@pytest.fixture
def met(meeting):
    """Three who have met."""
    with futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(meeting.come, range(3)))
    return meeting


@pytest.fixture
def hasty(monkeypatch):
    """What takes seconds takes less."""
    monkeypatch.setattr(peers, "BEAT", 0.1)
    monkeypatch.setattr(peers, "SILENCE", 1.0)
    monkeypatch.setattr(peers, "GRACE", 0.1)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_ipv6_is_one_too():
    meeting = Meeting("[::1]")
    with futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda process: meeting.come(process, 2), range(2)))
    for process in (1, 0):
        meeting.wires[process].close()
    assert meeting.lost == {}


def test_who_takes_leave_is_not_lost(hasty, met):
    time.sleep(1.5)  # longer than a silence may be
    for process in (0, 1, 2):
        met.wires.pop(process).close()
        time.sleep(0.3)
    assert met.lost == {}


@pytest.mark.parametrize("gone", [0, 2])
def test_who_ends_without_a_word_is_named_by_all(hasty, met, gone):
    with pytest.raises(ZeroDivisionError), met.wires.pop(gone):
        1 / 0  # noqa: B018
    for wire in met.wires.values():
        wire.wait()
    others = {0, 1, 2} - {gone}
    assert {met.lost[process] for process in others} == {f"{gone} it has ended"}


def test_who_falls_silent_is_named_by_all(hasty, met):
    met.wires[1]._tell = lambda line: None  # its link is cut, one way
    for wire in met.wires.values():
        wire.wait()
    assert met.lost[0] == met.lost[2] == "1 nothing is heard of it for 1 s"


@pytest.mark.parametrize(
    ("process", "processes", "says"),
    [(1, 3, "there is a process 1 already"), (2, 4, "process 2 was told of 4 processes, and")],
)
def test_who_cannot_be_let_in_is_told_why(meeting, process, processes, says):
    with futures.ThreadPoolExecutor(3) as pool:
        came = [pool.submit(meeting.come, number) for number in (0, 1)]
        time.sleep(0.5)
        with pytest.raises(UserError, match=says):
            meeting.come(process, processes)
        meeting.come(2)
        assert [one.result() for one in came] == [None, None]


@pytest.mark.parametrize(
    "environment",
    [
        {
            "SLURM_JOB_ID": "4321",
            "SLURM_STEP_NODELIST": "node[07-09]",
            "SLURM_NTASKS": "3",
            "SLURM_PROCID": "2",
            "SLURM_LOCALID": "0",
            "JAX_COORDINATOR_PORT": "5000",
        },
        {
            "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://node07:34911",
            "OMPI_COMM_WORLD_SIZE": "3",
            "OMPI_COMM_WORLD_RANK": "2",
            "OMPI_COMM_WORLD_LOCAL_RANK": "0",
            "JAX_COORDINATOR_PORT": "5000",
        },
    ],
    ids=["slurm", "ompi"],
)
def test_the_others_are_found_as_schedulers_tell(monkeypatch, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = hosts.detected(hosts.Group("auto"))
    assert found == hosts.Group("node07:5000", 3, 2, (0,))
    # Who is told all the rest has the devices still to hear of.
    assert hosts.detected(hosts.Group("h:1", 8, 7)) == hosts.Group("h:1", 8, 7, (0,))


def test_a_cluster_that_cannot_be_asked_is_one_sentence_or_no_matter(monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.delenv("KUBERNETES_SERVICE_PORT", raising=False)
    with pytest.raises(UserError, match="no others: Service host/port is not set; give HOST:PORT"):
        hosts.detected(hosts.Group("auto"))
    told = hosts.Group("h:1", 8, 7)
    assert hosts.detected(told) == told


def test_what_one_process_says_alone_is_what_all_say():
    assert hosts.texts("é") == ["é"]
    assert hosts.agree(15, 3, True) == (15, 3, True)
    with pytest.raises(UserError, match="mine"), hosts.told_to_all():
        raise UserError("mine")
    hosts.require_alike({"a": "b"})
    assert same(hosts.fetch({"a": np.arange(3)}), {"a": np.arange(3)})


def test_the_first_is_named_too_where_nothing_watches_the_group(tmp_path):
    """It has the service of JAX, without which the runtime of the others aborts, without a word."""
    run, port = tmp_path / "run", free_port()
    both = [
        training.begin(
            *training.command(recipe(10**6), run),
            f"--coordinator=127.0.0.1:{port}",
            "--processes=2",
            f"--process={number}",
        )
        for number in (0, 1)
    ]
    while both[0].poll() is None and not seals.steps(run / "checkpoints"):
        time.sleep(0.05)
    both[0].kill()
    both[0].communicate()
    _, wrong = both[1].communicate(timeout=60)
    assert both[1].returncode == 3, wrong
    assert re.fullmatch(r"jaxgen: process 0 is lost \(it has ended\): start all again.*\n", wrong)
