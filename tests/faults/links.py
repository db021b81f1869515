"""Two hosts, as network namespaces of this machine with a cable between them."""

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.faults import training

HOSTS = ("10.97.0.1", "10.97.0.2")
ETC = Path("/etc/netns")  # NAME/hosts there is what the namespace NAME has as /etc/hosts


def ip(*args: str) -> None:
    done = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(args)}: {done.stderr.strip()}")


class Cable:
    """Two namespaces, a network device in each, and the names by which they find each other."""

    def __init__(self):
        self.names = [f"jaxgen{os.getpid()}{end}" for end in "ab"]
        self.hosts: list[str] = []

    def lay(self) -> None:
        for name in self.names:
            ip("netns", "add", name)
        one, other = self.names
        ip("link", "add", "end", "netns", one, "type", "veth", "peer", "end", "netns", other)
        for name, address in zip(self.names, HOSTS, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "end")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "end", "up")
            (ETC / name).mkdir(parents=True)
        self.call("host0", "host1")

    def call(self, *hosts: str, domain: str = "") -> None:
        """Give the hosts names, by which they find each other with ``domain`` behind them."""
        self.hosts = list(hosts)
        pairs = zip(HOSTS, hosts, strict=True)
        told = "".join(f"{address} {host}{domain} {host}\n" for address, host in pairs)
        for name in self.names:
            (ETC / name / "hosts").write_text("127.0.0.1 localhost\n" + told)

    def set(self, state: str) -> None:
        """Cut the cable (down), or mend it (up)."""
        ip("-n", self.names[0], "link", "set", "end", state)

    def take_up(self) -> None:
        for name in self.names:
            with contextlib.suppress(OSError):
                ip("netns", "delete", name)
            shutil.rmtree(ETC / name, ignore_errors=True)

    def begin(self, number: int, *command: str, **told: str) -> subprocess.Popen:
        """A process on one of the hosts, told more by its environment; whose output is heard."""
        named = f'hostname {self.hosts[number]}; exec "$@"'
        return subprocess.Popen(
            [
                *("ip", "netns", "exec", self.names[number]),
                *("unshare", "--uts", "sh", "-c", named, "sh", *command),
            ],
            env=training.environment(JAX_NUM_CPU_DEVICES="1", **told),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
