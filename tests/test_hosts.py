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

from jaxgen import hosts
from jaxgen.cli import main
from jaxgen.errors import UserError
from jaxgen.training import manifest
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
    assert manifest.steps(two / "checkpoints") == [12, 8]
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
        while process.poll() is None and len(manifest.steps(run / "checkpoints")) < 2:
            time.sleep(0.05)
        os.kill(children(process)[victim], signal.SIGKILL)
        began = time.monotonic()
        _, wrong = process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        assert process.returncode == 2, wrong
        assert f"process {victim} was ended by SIGKILL" in wrong
        assert all(line.startswith("jaxgen: ") for line in wrong.splitlines()), wrong
        training.require_sound(run)
        last = manifest.steps(run / "checkpoints")[0]
        training.finish(recipe(last + 4), run)  # alone
        assert [line["step"] for line in metrics(run)] == list(range(1, last + 5))


def test_all_save_where_the_group_is_told_to_stop(tmp_path):
    run = tmp_path / "run"
    process = launched(run, 10**6)
    while process.poll() is None and not manifest.steps(run / "checkpoints"):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    told, wrong = process.communicate(timeout=60)
    assert process.returncode == 143, wrong
    assert "saved; the same command goes on from there" in told
    assert manifest.steps(run / "checkpoints")[0] == len(metrics(run))


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
        (["--coordinator", "auto"], "auto finds no others .*start this by SLURM"),
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


def test_who_waits_in_vain_says_what_to_do(tmp_path):
    program = (
        "import sys; from jaxgen import hosts; from jaxgen.cli import main; "
        "hosts.PATIENCE = 2; main.main(sys.argv[1:])"
    )
    command = training.command(recipe(), tmp_path / "run")
    group = [f"--coordinator=127.0.0.1:{free_port()}", "--processes=2", "--process=1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *command, *group],
        capture_output=True,
        text=True,
        env=training.environment(),
    )
    assert done.returncode == -signal.SIGABRT
    last = done.stderr.splitlines()[-1]
    assert last.startswith("jaxgen: process 1 ends early, as all do where one is lost or does not")
    assert last.endswith(
        "start all again, as many as there are, and they go on from the last saved step"
    )


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        group = [f"--coordinator=127.0.0.1:{taken.getsockname()[1]}", "--processes=2"]
        command = training.command(recipe(), tmp_path / "run")
        _, wrong = (process := training.begin(*command, *group, "--process=0")).communicate()
    assert process.returncode == 2, wrong
    assert re.fullmatch(r"jaxgen: port \d+ cannot be used .*give --coordinator another\n", wrong)


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
def test_the_others_are_found_as_schedulers_tell(tmp_path, told):
    done = subprocess.run(
        [*training.JAXGEN, *training.command(recipe(2), tmp_path / "run"), "--coordinator=auto"],
        capture_output=True,
        text=True,
        env=training.environment(**told, JAX_COORDINATOR_PORT=f"{free_port()}"),
    )
    assert done.returncode == 0, done.stderr
    assert "2 steps in" in done.stdout


def test_what_one_process_says_alone_is_what_all_say():
    assert hosts.texts("é") == ["é"]
    assert hosts.agree(15, 3, True) == (15, 3, True)
    with pytest.raises(UserError, match="mine"), hosts.told_to_all():
        raise UserError("mine")
    hosts.require_alike({"a": "b"})
    assert same(hosts.fetch({"a": np.arange(3)}), {"a": np.arange(3)})


@pytest.mark.parametrize("victim", [0, 1])
def test_who_is_left_says_how_to_go_on_where_nothing_watches_the_group(tmp_path, victim):
    """The first has the service of JAX, without which the runtime of the others aborts."""
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
    while both[0].poll() is None and not manifest.steps(run / "checkpoints"):
        time.sleep(0.05)
    both[victim].kill()
    both[victim].communicate()
    began = time.monotonic()
    _, wrong = both[1 - victim].communicate(timeout=60)
    assert time.monotonic() - began < 15
    assert both[1 - victim].returncode in (3, -signal.SIGABRT), wrong
    said = [line for line in wrong.splitlines() if line.startswith("jaxgen: ")]
    assert len(said) == 1 and said[0].endswith("and they go on from the last saved step")
    assert said[0].startswith(f"jaxgen: process {1 - victim} ")
    training.require_sound(run)
