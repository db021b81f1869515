"""Other projects that draw digits, measured by jaxgen's clock and judge on this machine.

A peer is a small program (``programs/``) that trains a model of another project and draws digits
as it learns. It runs in an environment of its own, made on demand with ``venv`` and pip; ``PEERS``
pins what is installed. Recipes of jaxgen are peers too (``recipe``), in jaxgen's own environment
and with empty caches. The clock is the same for all (``programs/clock.py``): it starts with the
process, counts compiling and fitting, and stops while digits are drawn. They are judged later.

Names say the settings: documented ones of the project, the best small ones that were found, or
jaxgen's own architecture (ours). ``recipe`` has settings of jaxgen that come near a peer's.
"""

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np

from jaxgen import config as configs
from jaxgen import data
from jaxgen.benchmark import recipe
from jaxgen.benchmark.results import Point, Result
from jaxgen.classes import ANY
from jaxgen.environment import cache
from jaxgen.errors import UserError
from jaxgen.evaluation import judge, reference
from jaxgen.evaluation.evaluate import evaluate

PROGRAMS = Path(__file__).with_name("programs")
FIRST_MARK = 4.0  # seconds of training
RATIO = 2**0.5  # of a mark to the one before
# A program may take this many times its seconds, and these seconds, for all it does, with drawing.
PATIENCE, GRACE = 6.0, 900.0

TORCH = ("torch==2.13.0", "numpy==2.4.6")
DIFFUSERS = (*TORCH, "diffusers==0.42.1")
PYTHAE = (*TORCH, "pythae==0.1.2")
# In an environment of its own: it brings torchvision, and where that wheel is of another build than
# PyTorch's, diffusers does not start.
DENOISING = (*TORCH, "torchvision==0.28.0", "denoising-diffusion-pytorch==2.3.4")
# The models and settings of ``programs/pythae_models.py``.
IN_PYTHAE = {
    "ae": ("documented", "mlp", "ours"),
    "vae": ("documented", "mlp", "ours"),
    "vqvae": ("documented", "ours"),
}


class Peer(NamedTuple):
    """A program and its settings."""

    name: str
    program: tuple[str, ...]  # what Python is to run: a path, or -m and a module
    settings: str
    requirements: tuple[str, ...] = ()  # for pip; () runs in jaxgen's own environment
    environment: str = "torch"  # peers of one name share an environment
    labelled: bool = True  # whether it draws the digits asked for
    at_most: int | None = None  # digits at a mark, where drawing takes long
    reads_sources: bool = False  # takes the name of a source, not a file of digits


def _peer(name: str, program: str, settings: str, *requirements: str, **options) -> Peer:
    return Peer(name, (f"{PROGRAMS / program}.py",), settings, requirements, **options)


def _peers() -> Iterator[Peer]:
    yield _peer("diffusers-documented", "diffusers_unet", "documented", *DIFFUSERS, at_most=1000)
    yield _peer("diffusers-small", "diffusers_unet", "small", *DIFFUSERS)
    for settings, at_most in (("documented", 200), ("small", None)):
        yield _peer(
            f"denoising-diffusion-{settings}",
            "denoising_diffusion",
            settings,
            *DENOISING,
            environment="torchvision",
            at_most=at_most,
        )
    for model, kinds in IN_PYTHAE.items():
        for kind in kinds:
            settings = f"{model}-{kind}"
            yield _peer(f"pythae-{settings}", "pythae_models", settings, *PYTHAE, labelled=False)
    for settings in ("dcgan", "ours"):
        yield _peer(f"torch-gan-{settings}", "gan", settings, *TORCH)
    for settings in ("ours", "compiled"):
        yield _peer(f"torch-unet-{settings}", "ours_unet", settings, *TORCH)
    for name in recipe.SETTINGS:
        yield Peer(f"jaxgen-{name}", ("-m", recipe.__name__), name, reads_sources=True)


PEERS: dict[str, Peer] = {peer.name: peer for peer in _peers()}


def measure(
    names: Sequence[str],
    seconds: float,
    count: int,
    say: Callable[[str], None] = print,
    *,
    source: str = "mnist",
    peers: Mapping[str, Peer] = PEERS,
) -> list[Result]:
    """Train the peers of these names one after the other, for ``seconds`` each, and judge ``count``
    digits at each of their marks against as many test digits of ``source``.

    The marks are ``marks(seconds)``. ``say(line)`` is called as each peer starts, and with the
    sentence of one that cannot be installed or fails; the others go on. Raises UserError for a name
    that is no peer's, or a count that the judge cannot take (65 to 10,000 for MNIST).
    """
    if seconds <= 0:
        raise UserError(f"--seconds {seconds:g} cannot be: it must be above 0")
    if unknown := [name for name in names if name not in peers]:
        hint = configs.suggest(unknown[0], peers)
        raise UserError(f"no peer is called {unknown[0]!r}: {hint}")
    chosen = [peers[name] for name in dict.fromkeys(names)]
    digits, by_judge = data.load(source), judge.load()
    counts = {min(count, peer.at_most or count) for peer in chosen}
    references = {n: reference.measure(by_judge, digits, n) for n in counts}
    results = []
    with tempfile.TemporaryDirectory() as folder:
        train = Path(folder) / "train.npz"
        np.savez(train, images=digits.train.images[..., 0], labels=digits.train.labels)
        for index, peer in enumerate(chosen):
            n = min(count, peer.at_most or count)
            few = f" of {n} digits at a mark" if n < count else ""
            say(f"{peer.name}: {seconds:g} s of training{few} ({index + 1} of {len(chosen)})")
            lines, failed = _lines(peer, seconds, n, Path(folder), source, train, say)
            result = _judged(peer, n, lines, failed, by_judge, references[n], source)
            results.append(result)
            if result.failed:
                say(f"{peer.name}: {result.failed}")
    return results


def marks(seconds: float) -> list[float]:
    """The seconds of training after which digits are drawn: the last, and each before it shorter by
    ``RATIO``, down to ``FIRST_MARK``."""
    steps = max(math.floor(math.log(max(seconds / FIRST_MARK, 1), RATIO)), 0)
    return [seconds / RATIO**k for k in range(steps, -1, -1)]


def environment(peer: Peer, say: Callable[[str], None] = print) -> str:
    """The Python of the peer's environment, which is made if it is missing.

    Environments are folders in the user's cache, and keep what other peers have installed there. A
    file notes what is installed for a peer; if its requirements change, pip installs again. Raises
    UserError with the last line of pip.
    """
    if not peer.requirements:
        return sys.executable
    version = "{}.{}".format(*sys.version_info)
    folder = cache() / f"peers-{peer.environment}-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted, note = "\n".join(peer.requirements), folder / "installed" / peer.name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{folder}.lock"):
            if not python.exists():
                _command("venv", [sys.executable, "-m", "venv", f"{folder}"])
            if not note.exists() or note.read_text() != wanted:
                say(f"{peer.name}: installing {' '.join(peer.requirements)}")
                quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
                pip = [f"{python}", "-m", "pip", "install", *quiet, *peer.requirements]
                _command("pip", pip)
                note.parent.mkdir(exist_ok=True)
                note.write_text(wanted)
    except OSError as error:
        raise UserError(f"cannot be installed in {folder}: {error.strerror or error}") from None
    return f"{python}"


def _command(what: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=_variables(alone=True))
    if done.returncode:
        raise UserError(f"cannot be installed: {what} says '{_last(done.stderr or done.stdout)}'")


def _last(text: str) -> str:
    """The last line that says something; pip's errors rather than its notices."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["nothing"])[-1]


def _variables(alone: bool) -> dict[str, str]:
    """The environment variables of a process; ``alone``: without jaxgen on its path."""
    hidden = {"JAX_COMPILATION_CACHE_DIR", *(("PYTHONPATH", "PIP_USER") if alone else ())}
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _lines(
    peer: Peer,
    seconds: float,
    count: int,
    folder: Path,
    source: str,
    train: Path,
    say: Callable[[str], None],
) -> tuple[list[dict], str | None]:
    """The lines that the peer's program prints, and why it ended early, if it did."""
    try:
        python = environment(peer, say)
    except UserError as error:
        return [], f"{error}"
    home = folder / peer.name
    home.mkdir()
    variables = _variables(alone=bool(peer.requirements))
    # Compiled programs of earlier runs would make the start faster.
    variables |= {"XDG_CACHE_HOME": f"{home}", "TORCHINDUCTOR_CACHE_DIR": f"{home / 'inductor'}"}
    command = [python, *peer.program, "--settings", peer.settings]
    command += ["--digits", source if peer.reads_sources else f"{train}", "--folder", f"{home}"]
    command += ["--seconds", f"{seconds}", "--marks", *map(str, marks(seconds))]
    command += ["--count", f"{count}", "--started"]
    out, err = home / "out", home / "err"
    limit = PATIENCE * seconds + GRACE
    with out.open("wb") as output, err.open("wb") as errors:
        process = subprocess.Popen(
            [*command, f"{time.time()}"], stdout=output, stderr=errors, env=variables
        )
        try:
            status, failed = process.wait(limit), None
        except subprocess.TimeoutExpired:
            status, failed = 0, f"was stopped after {limit:.0f} s, most of them for drawing"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    lines = list(_parsed(out.read_text(errors="replace")))
    if status:
        failed = f"ended with status {status}: '{_last(err.read_text(errors='replace'))}'"
    elif not lines and not failed:
        failed = "ended without a line about its training"
    return lines, failed


def _parsed(text: str) -> Iterator[dict]:
    """The lines of JSON among all lines: libraries print too."""
    for line in text.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            if isinstance(values := json.loads(line), dict) and "seconds" in values:
                yield values


def _judged(peer, count, lines, failed, by_judge, reference, source) -> Result:
    points, paces = [], []
    for line in lines:
        if line.get("digits") is None:
            continue
        try:
            with np.load(line["digits"]) as file:
                images, labels = file["images"], file["labels"].astype(np.int32)
            if images.dtype != np.uint8 or len(images) != count:
                raise ValueError(f"{len(images)} images of type {images.dtype}")
            asked = labels if peer.labelled else np.full_like(labels, ANY)
            report = evaluate(images, asked, source, by_judge, reference=reference)
        except (OSError, KeyError, ValueError, UserError) as error:
            failed = failed or f"drew what cannot be judged: {error}"
            break
        known = report.generated.recognised
        points.append(
            Point(
                line["seconds"],
                line["images"],
                known and known.value,
                report.generated.frechet / report.unit,
                report.generated.prdc.coverage,
            )
        )
        paces.append(line["draw_seconds"] * 1000 / count)
    last = lines[-1] if lines else {}
    return Result(
        peer.name,
        count,
        tuple(points),
        last.get("step_seconds"),
        statistics.median(paces) if paces else None,
        last.get("parameters"),
        failed,
    )
