"""Two hosts, as network namespaces of this machine with a cable between them that is cut."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxgen.training import seals
from tests.conftest import small
from tests.faults import training
from tests.runs import metrics

HOSTS = ("10.97.0.1", "10.97.0.2")
PORT = 4567


def ip(*args: str) -> None:
    done = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(args)}: {done.stderr.strip()}")


class Cable:
    """Two namespaces, a network device in each, and the names by which they find each other."""

    def __init__(self):
        self.names = [f"jaxgen{os.getpid()}{end}" for end in "ab"]

    def lay(self) -> None:
        for name in self.names:
            ip("netns", "add", name)
        one, other = self.names
        ip("link", "add", "end", "netns", one, "type", "veth", "peer", "end", "netns", other)
        for name, address in zip(self.names, HOSTS, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "end")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "end", "up")
            names = Path("/etc/netns") / name / "hosts"  # which the namespace has as /etc/hosts
            names.parent.mkdir(parents=True)
            told = "".join(f"{host} host{n}\n" for n, host in enumerate(HOSTS))
            names.write_text("127.0.0.1 localhost\n" + told)

    def set(self, state: str) -> None:
        """Cut the cable (down), or mend it (up)."""
        ip("-n", self.names[0], "link", "set", "end", state)

    def take_up(self) -> None:
        for name in self.names:
            with contextlib.suppress(OSError):
                ip("netns", "delete", name)
            shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)

    def begin(self, number: int, *args: str) -> subprocess.Popen:
        """A command of jaxgen as a process on one of the hosts."""
        train = [sys.executable, "-P", "-m", "jaxgen", *args]
        named = ["unshare", "--uts", "sh", "-c", f'hostname host{number}; exec "$@"', "sh", *train]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.names[number], *named],
            env=os.environ | {"PYTHONPATH": str(training.ROOT), "JAX_NUM_CPU_DEVICES": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def cable():
    cable = Cable()
    try:
        cable.lay()
    except OSError as error:  # no root, no ip, or a system without namespaces
        cable.take_up()
        pytest.skip(f"no hosts as network namespaces here: {error}")
    yield cable
    cable.take_up()


def test_a_cut_link_is_noticed_on_both_sides_and_training_goes_on_elsewhere(often, cable, tmp_path):
    run, checkpoints = tmp_path / "run", tmp_path / "run" / "checkpoints"
    config = small("vae", steps=10**6, save_every=4, sample_every=10**6, log_every=10**6)
    group = [f"--coordinator={HOSTS[0]}:{PORT}", "--processes=2"]
    both = [
        cable.begin(number, *training.command(config, run), *group, f"--process={number}")
        for number in (0, 1)
    ]

    def wait_for_saves(count: int) -> None:
        before = max(seals.steps(checkpoints), default=0)
        while all(one.poll() is None for one in both):
            if max(seals.steps(checkpoints), default=0) >= before + count * config.save_every:
                return
            time.sleep(0.1)
        pytest.fail("\n".join(one.communicate()[1] for one in both))

    wait_for_saves(1)
    if often(False, True):  # a short interruption is none
        cable.set("down")
        time.sleep(3)
        cable.set("up")
        wait_for_saves(3)
    cable.set("down")
    began = time.monotonic()
    for number, process in enumerate(both):
        _, wrong = process.communicate(timeout=60)
        assert time.monotonic() - began < 15
        assert process.returncode == 3
        said = [line for line in wrong.splitlines() if line.startswith("jaxgen: ")]
        assert len(said) == 1, wrong
        assert f"process {1 - number} is lost (nothing is heard of it for 9 s)" in said[0]
    training.require_sound(run)
    last = seals.steps(checkpoints)[0]
    training.finish(small("vae", steps=last + 4, save_every=4, log_every=4), run)
    assert [line["step"] for line in metrics(run)] == list(range(1, last + 5))
