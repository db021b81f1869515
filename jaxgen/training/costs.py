"""The costs of a recipe on this machine: time of a train step and of drawing, memory, arithmetic,
and communication between devices.

Machines differ and are shared, so every time is measured several times, and the speed of a matrix
product is measured in turn with the train step, for comparison.
"""

import contextlib
import functools
import math
import re
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxprs_in_params

from jaxgen import data, devices, families, sampling
from jaxgen.arrays import IMAGE, Batch
from jaxgen.config import Config
from jaxgen.training.console import Console
from jaxgen.training.stack import Block, Stack
from jaxgen.training.trainer import State, Trainer

MATRIX_SIDE = 2048  # rows and columns of the matrices
REPETITIONS = 6
STEPS = 10  # in each repetition

# The bytes that each of n devices in a ring sends for one byte of the result (Patarasuk and Yuan
# 2009).
COLLECTIVES: dict[str, Callable[[int], float]] = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "all-to-all": lambda n: (n - 1) / n,
    "reduce-scatter": lambda n: n - 1,
    "collective-permute": lambda n: 1,
}
_CALL = re.compile(rf"= (.*?) ({'|'.join(COLLECTIVES)})(?:-start)?\(")
_ARRAY = re.compile(r"\b[a-z]+(\d+)\[([\d,]*)\]")


class Training(NamedTuple):
    """The cost of one train step with the turns of all players."""

    seconds: tuple[float, ...]  # per step, in each repetition
    products: tuple[float, ...]  # operations per second of a matrix product before it
    operations: int  # floating-point operations of matrix products and convolutions
    parameters: int
    memory: int  # bytes on each device: arguments, results and temporaries of the program
    sent: float  # bytes that each device sends to the others


def fresh(config: Config, console: Console | None = None) -> tuple[State, Block]:
    """The state of a recipe before the first step, and the program that takes train steps. Raises
    UserError if the devices do not divide its batch."""
    devices.check_batch(config.batch)
    stack, digits = Stack([data.with_classes(config)]), data.load(config.data)
    state = stack.init(digits.train)
    return state, stack.compile(state, digits.examples, console or Console(quiet=True))


def training(config: Config, console: Console | None = None) -> Training:
    """Measure some train steps of the recipe from fresh weights."""
    config = data.with_classes(config)
    state, block = fresh(config, console)
    seconds, products = [], []
    with contextlib.closing(block):
        state, _ = block(state, 0, 2)
        for start in range(2, 2 + REPETITIONS * STEPS, STEPS):
            products.append(product_speed())
            began = time.perf_counter()
            state, _ = block(state, start, start + STEPS)
            seconds.append((time.perf_counter() - began) / STEPS)
    sizes = block.program.memory_analysis()
    memory = sizes.argument_size_in_bytes - sizes.alias_size_in_bytes
    memory += sizes.output_size_in_bytes + sizes.temp_size_in_bytes
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    sent = bytes_sent(block.program.as_text(), devices.count())
    work = _operations(config, state)
    return Training(tuple(seconds), tuple(products), work, parameters, memory, sent)


def _operations(config: Config, state: State) -> int:
    """The operations of all losses and their gradients in a step, as a mean over steps."""
    family, key = Trainer(config).family, jax.random.key(config.seed)
    batch = Batch(jnp.zeros((config.batch, *IMAGE)), jnp.zeros(config.batch, jnp.int32))

    all_params = state.variables.params

    def loss(params, player):
        variables = state.variables.replace(params=all_params | params)
        return family.loss(variables, batch, key, player=player)[0]

    def of(player, params):
        gradient = jax.grad(functools.partial(loss, player=player))
        return operations(gradient, params, condition_rate=family.condition_rate)

    if family.learns_at_once:
        return of(None, all_params)
    return sum(of(player, {player: all_params[player]}) for player in family.update_order)


def drawing(config: Config, batch: int, count: int) -> tuple[float, ...]:
    """The seconds to draw ``count`` digits, ``batch`` at once, in each repetition. The weights are
    untrained, which takes the same time."""
    family = families.build(data.with_classes(config))
    variables = jax.device_put(family.init(jax.random.key(0)), devices.whole())
    labels = sampling.balanced(count)
    for seed in range(2):  # compiles, and wakes the device
        sampling.draw(family, variables, labels, seed, chunk=batch)
    seconds = []
    for seed in range(REPETITIONS):
        began = time.perf_counter()
        sampling.draw(family, variables, labels, seed, chunk=batch)
        seconds.append(time.perf_counter() - began)
    return tuple(seconds)


def product_speed() -> float:
    """Floating-point operations per second of a large matrix product, which may use all cores."""
    product = jax.jit(lambda a: a @ a)
    matrix = jax.device_put(
        np.full((MATRIX_SIDE, MATRIX_SIDE), 1 / MATRIX_SIDE, np.float32), jax.devices()[0]
    )
    product(matrix).block_until_ready()
    began = time.perf_counter()
    for _ in range(4):
        matrix = product(matrix)
    matrix.block_until_ready()
    return 4 * 2 * MATRIX_SIDE**3 / (time.perf_counter() - began)


def operations(function: Callable, *args, condition_rate: float = 1.0) -> int:
    """Floating-point operations of the matrix products and convolutions in one call of
    ``function(*args)``, from the shapes of its layers; a multiplication and an addition are two.

    A loop counts once for each turn, a condition with both branches times ``condition_rate``, and
    other operations (norms, activations, optimisers) do not count. ``args`` may be shapes
    (``jax.eval_shape``).
    """
    return round(_count(jax.make_jaxpr(function)(*args).jaxpr, condition_rate))


def _count(jaxpr, condition_rate: float) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        out = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += 2 * out * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            features = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
            total += 2 * out * math.prod(kernel) // features
        turns = {"scan": equation.params.get("length"), "cond": condition_rate}
        inner = jaxprs_in_params(equation.params)  # of loops, branches and functions
        within = sum(_count(jaxpr, condition_rate) for jaxpr in inner)
        total += turns.get(equation.primitive.name, 1) * within
    return total


def bytes_sent(program: str, devices: int) -> float:
    """The bytes that each device sends if each collective of a program runs once. ``program`` is
    the HLO text of XLA that ``Compiled.as_text()`` returns."""
    calls = _CALL.findall(program)
    return sum(COLLECTIVES[name](devices) * _size(result) for result, name in calls)


def _size(result: str) -> float:
    """The bytes of one array, or of a tuple of arrays."""
    return sum(
        int(bits) / 8 * math.prod(int(length) for length in shape.split(",") if length)
        for bits, shape in _ARRAY.findall(result)
    )
