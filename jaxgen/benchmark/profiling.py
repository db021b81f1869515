"""Where the time of a train step goes, by kind of operation and by layer.

The profiler of JAX notes when each instruction of the compiled program begins and ends. The text of
the program says what the instruction computes, and for which layer.
"""

import itertools
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgen import devices
from jaxgen.config import Config
from jaxgen.training import costs

STEPS = 10  # that are measured

MATRIX = "matrix products and convolutions"
EXCHANGE = "exchange between devices, waiting included"
REDUCTION = "sums, maxima and other reductions"
INDEXING = "gathering, scattering and sorting"
RANDOM = "random numbers"
LAYOUT = "copies, transposes and padding"
ELEMENTWISE = "element-wise operations"
REST = "waiting, and what the profiler does not see"

# The opcodes of HLO by kind. A fusion is of the first kind that one of its instructions has.
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    (MATRIX, frozenset({"dot", "convolution", "ragged-dot", "cholesky", "triangular-solve"})),
    (EXCHANGE, frozenset(costs.COLLECTIVES)),
    (INDEXING, frozenset({"gather", "scatter", "sort", "topk"})),
    (REDUCTION, frozenset({"reduce", "reduce-window", "select-and-scatter"})),
)
_LAYOUTS = frozenset(
    {"bitcast", "broadcast", "call", "concatenate", "constant", "copy", "copy-done", "copy-start"}
    | {"dynamic-slice", "dynamic-update-slice", "fusion", "get-tuple-element", "iota", "pad"}
    | {"parameter", "reshape", "reverse", "slice", "transpose", "tuple"}
)
_CONTROL = frozenset({"while", "conditional", "call"})  # their instructions are measured themselves

_COMPUTATION = re.compile(r"(?:ENTRY )?%?([\w.-]+) \(.*\{$")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.-]+) = (?:\(.*?\)|\S+) ([a-z][\w-]*)\((.*)$")
_CALLED = re.compile(r"(?:calls|to_apply)=%?([\w.-]+)")
_MODULES = re.compile(r"jvp\(([\w.]*)\)+/?(.*)$")
_TRANSFORMS = frozenset({"while", "body", "cond", "closed_call", "scan", "checkpoint", "remat"})
_NAME = re.compile(r'op_name="([^"]*)"')


class Instruction(NamedTuple):
    """An instruction of a compiled program."""

    kind: str
    stage: str  # forward pass, gradient or update
    layer: str  # the modules from the outermost on, joined by /; empty outside of networks


class Part(NamedTuple):
    """An instruction, and its time in one step on one device."""

    instruction: Instruction
    seconds: float
    calls: float


class Profile(NamedTuple):
    """The time of a train step, and of its parts."""

    seconds: float  # of a step
    measured: float  # of a step under the profiler, which takes time itself
    product_share: float  # the speed within MATRIX, as a fraction of a large matrix product's
    parts: list[Part]

    def table(self, layers: int = 15) -> str:
        """The time by kind, by stage, and of the ``layers`` that take longest."""
        every = sum(part.seconds for part in self.parts)
        rest = Part(Instruction(REST, REST, ""), max(self.measured - every, 0.0), 0)
        lines = [
            f"a train step: {self.seconds * 1e3:.3g} ms, and {self.measured * 1e3:.3g} ms while "
            "it is measured; the times are of one device"
        ]
        lines += self._rows("kind of operation", lambda part: part.instruction.kind, rest)
        lines += [f"matrix products reach {self.product_share:.0%} of the speed of a large one"]
        lines += self._rows("part of the step", lambda part: part.instruction.stage, rest)
        named = [part for part in self.parts if part.instruction.layer]
        within = self._replace(parts=named)
        lines += within._rows("layer", lambda part: part.instruction.layer, None, layers)
        return "\n".join(lines)

    def _rows(
        self, title: str, key: Callable[[Part], str], rest: Part | None, most: int = 99
    ) -> Iterator[str]:
        """Lines of the sums by ``key(part)``, the largest first."""
        seconds: dict[str, float] = defaultdict(float)
        calls: dict[str, float] = defaultdict(float)
        for part in self.parts:
            seconds[key(part)] += part.seconds
            calls[key(part)] += part.calls
        order = sorted(seconds, key=lambda name: -seconds[name])[:most]
        yield ""
        yield f"{title:<48}{'ms':>8}{'share':>8}{'calls':>8}"
        for name in order:
            share = seconds[name] / self.measured
            yield f"{name:<48}{seconds[name] * 1e3:8.2f}{share:8.1%}{calls[name]:8.0f}"
        if rest:
            yield f"{REST:<48}{rest.seconds * 1e3:8.2f}{rest.seconds / self.measured:8.1%}"


def profile(config: Config) -> Profile:
    """Profile some train steps of a recipe, from fresh weights."""
    cost = costs.training(config)
    state, block = costs.fresh(config)
    state, _ = block(state, 0, 2)
    program = instructions(block.program.as_text())
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0  # else it notes every call of Python
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            began = time.perf_counter()
            block(state, 2, 2 + STEPS)
            measured = (time.perf_counter() - began) / STEPS
        (trace,) = Path(folder).rglob("*.xplane.pb")
        times = durations(jax.profiler.ProfileData.from_file(str(trace)))
    scale = 1 / STEPS / devices.count()
    parts = [
        Part(program[name], scale * sum(seconds), scale * len(seconds))
        for name, seconds in times.items()
        if name in program
    ]
    within = sum(part.seconds for part in parts if part.instruction.kind == MATRIX)
    speed = cost.operations / within if within else 0.0
    share = speed / float(np.median(cost.products))
    return Profile(float(np.median(cost.seconds)), measured, share, parts)


def durations(data: Any) -> dict[str, list[float]]:
    """The seconds of each call of each instruction, by its name, on all devices, from the
    ``jax.profiler.ProfileData`` of a trace. Other events of the profiler are in it too."""
    times = defaultdict(list)
    for plane in data.planes:
        for line in plane.lines:
            # The planes of accelerators show an instruction again on other lines, as kernels.
            if plane.name.startswith("/device:") and line.name != "XLA Ops":
                continue
            for event in line.events:
                times[event.name.lstrip("%")].append(event.duration_ns / 1e9)
    return times


def instructions(program: str) -> dict[str, Instruction]:
    """The instructions of a compiled program by name, without loops and branches. ``program`` is
    the HLO text of XLA that ``Compiled.as_text()`` returns."""
    bodies: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    body = ""
    for line in program.splitlines():
        if match := _COMPUTATION.match(line):
            body = match[1]
        elif match := _INSTRUCTION.match(line):
            bodies[body].append((match[1], match[2], match[3]))

    def opcodes(opcode: str, rest: str) -> set[str]:
        inner = bodies.get(called[1], []) if (called := _CALLED.search(rest)) else []
        if opcode not in ("fusion", "call"):  # the function of a reduction says nothing
            inner = []
        return {opcode}.union(*(opcodes(code, more) for _, code, more in inner))

    return {
        name: _instruction(opcodes(opcode, rest), match[1] if (match := _NAME.search(rest)) else "")
        for lines in bodies.values()
        for name, opcode, rest in lines
        if opcode not in _CONTROL
    }


def _instruction(opcodes: set[str], name: str) -> Instruction:
    """An instruction with these opcodes, for the operation of JAX with this name."""
    kind = next((kind for kind, codes in _KINDS if opcodes & codes), None)
    kind = kind or next((EXCHANGE for code in opcodes if code.endswith("-done")), None)
    if kind is None and re.search("threefry|random_bits|shift_right", name):
        kind = RANDOM
    if kind is None:
        kind = LAYOUT if opcodes <= _LAYOUTS else ELEMENTWISE
    stage = "update of the weights, and the rest"
    if "transpose(" in name:
        stage = "gradient"
    elif "jvp(" in name:
        stage = "forward pass"
    return Instruction(kind, stage, "" if kind == EXCHANGE else layer(name))


def layer(name: str) -> str:
    """The modules of Flax in the name of an operation: ``Critic/Conv_1`` in
    ``while/body/transpose(jvp(Critic))/Conv_1/dot_general``. Empty outside of modules."""
    match = _MODULES.search(name.split(":")[0])
    if not match:
        return ""
    modules = [segment.split(".")[0] for segment in (match[1], *match[2].split("/")[:-1])]
    modules = [name for name in modules if name.isidentifier() and name not in _TRANSFORMS]
    return "/".join(name for name, _ in itertools.groupby(modules))
