"""Start several processes on this machine that train as one, or that divide the digits to draw
among them, and watch them: where one fails, all end.

examples:
  bin/launch --processes 2 -- train --model ddpm --steps 1000
  bin/launch --processes 4 --devices 2 -- train --model vae      eight devices in all
  bin/launch --processes 2 -- sample --model gan --count 1000000 --out shards/

This does not start processes on other machines: start bin/train on each machine, with
--coordinator HOST:PORT of the first, --processes and --process."""

import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from jaxgen import environment
from jaxgen.cli import flags
from jaxgen.errors import LOST, UserError

ENDED = (LOST, -signal.SIGABRT)  # statuses of processes that end because another one ended
VERBS = ("train", "sample")  # that can be launched
POLL = 0.2  # seconds
GRACE = 10.0  # seconds for the others to end after one has failed


@dataclass(frozen=True)
class Launch:
    processes: int = 2
    """How many processes."""
    devices: int = 1
    """CPU devices of each process; this does not change how accelerators are divided."""


def main(args: list[str]) -> int:
    launch_args, command = _divided(args)
    launch = flags.parse(Launch(), "launch", __doc__, launch_args)
    if launch.processes < 1 or launch.devices < 1:
        raise UserError(
            f"--processes {launch.processes} and --devices {launch.devices} must be 1 or more"
        )
    if not command or command[0] not in VERBS:
        raise UserError("which command? bin/launch --processes 2 -- train --model ddpm")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = environment.with_cpu_devices(launch.devices)
    started = [
        _start(command, number, launch.processes, port, variables)
        for number in range(launch.processes)
    ]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the processes get it too, and save
    signal.signal(signal.SIGTERM, lambda number, _: _send(started, number))
    sentences: list[str] = []
    logs: list[list[str]] = [[] for _ in started]
    readers = [
        threading.Thread(target=_pass_on, args=(process, sentences, log), daemon=True)
        for process, log in zip(started, logs, strict=True)
    ]
    for reader in readers:
        reader.start()
    first = _watch(started)
    for reader in readers:
        reader.join(timeout=1)
    if first is None:
        return 0
    status = started[first].returncode
    if status < 0:
        raise UserError(
            f"process {first} was ended by {signal.Signals(-status).name}, and the others with it: "
            "the same command goes on from the last saved step, if one was saved"
        )
    if status == 1:  # an error of jaxgen: show its stack trace
        print("".join(logs[first]), end="", file=sys.stderr)
    return status


def _start(command, number, processes, port, variables) -> subprocess.Popen:
    group = [f"--processes={processes}", f"--process={number}"]
    if command[0] == "train":  # processes that draw do not communicate
        group.append(f"--coordinator=127.0.0.1:{port}")
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "jaxgen", *command, *group],
        env=variables,
        stdout=None if number == 0 else subprocess.DEVNULL,  # only the first one prints
        stderr=subprocess.PIPE,
        text=True,
    )


def _divided(args: list[str]) -> tuple[list[str], list[str]]:
    """The arguments of launch, and the command: after ``--``, or from its verb on."""
    start = next((i for i, arg in enumerate(args) if arg in ("--", *VERBS)), len(args))
    return args[:start], args[start + (args[start : start + 1] == ["--"]) :]


def _pass_on(process: subprocess.Popen, sentences: list[str], log: list[str]) -> None:
    """Add the errors of a process to ``log``, and print the sentences of jaxgen among them that are
    not in ``sentences`` yet."""
    assert process.stderr
    for line in process.stderr:
        log.append(line)
        if line.startswith("jaxgen: ") and line not in sentences:
            sentences.append(line)
            print(line, end="", file=sys.stderr)


def _send(started: list[subprocess.Popen], number: int) -> None:
    for process in started:
        process.send_signal(number)


def _watch(started: list[subprocess.Popen]) -> int | None:
    """Wait for all processes; GRACE seconds after one fails, kill the others. Returns the number of
    the first process that failed, or None."""
    first, since = None, 0.0
    try:
        while any(process.poll() is None for process in started):
            time.sleep(POLL)
            failed = [number for number, process in enumerate(started) if process.poll()]
            if failed and first is None:  # others may have ended too within a POLL
                first = min(failed, key=lambda n: (started[n].returncode in ENDED, n))
                since = time.monotonic()
            if first is not None and time.monotonic() - since > GRACE:
                _send(started, signal.SIGKILL)
    finally:
        _send(started, signal.SIGKILL)
    return first
