"""What a recipe costs on this machine: the train step, the drawing, memory, arithmetic, and what
devices send each other.

Machines differ and are shared, so every time is taken several times, and beside the train step
stands the speed of a matrix product that was taken in turns with it.
"""

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

MATRIX_SIDE = 2048  # of the matrices whose product is timed
REPETITIONS = 6
STEPS = 10  # in each

# The bytes that each of n devices sends, for one byte of the result, when they stand in a ring
# (Patarasuk and Yuan 2009).
_SENT: dict[str, Callable[[int], float]] = {
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "all-gather": lambda n: (n - 1) / n,
    "all-to-all": lambda n: (n - 1) / n,
    "reduce-scatter": lambda n: n - 1,
    "collective-permute": lambda n: 1,
}
_CALL = re.compile(rf"= (.*?) ({'|'.join(_SENT)})(?:-start)?\(")
_ARRAY = re.compile(r"\b[a-z]+(\d+)\[([\d,]*)\]")


class Training(NamedTuple):
    """The cost of one train step, all players having had their turns."""

    seconds: tuple[float, ...]  # of a step, in each repetition
    products: tuple[float, ...]  # operations a second of a matrix product beside it
    operations: int  # floating-point ones of its products and convolutions
    parameters: int
    memory: int  # bytes on each device: the program's arguments, results and what is between
    sent: float  # bytes that each device sends to the others


def fresh(config: Config, console: Console | None = None) -> tuple[State, Block]:
    """The state of a recipe before the first step, and the program that takes steps from there."""
    stack, digits = Stack([config]), data.load(config.data).train
    state = stack.init()
    return state, stack.compile(state, digits, console or Console(quiet=True))


def training(config: Config, console: Console | None = None) -> Training:
    """Take some steps of the recipe from fresh weights."""
    state, block = fresh(config, console)
    state, _ = block(state, 0, 2)
    seconds, products = [], []
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
    """The operations of all losses and their gradients in a step."""
    family, key = Trainer(config).family, jax.random.key(config.seed)
    batch = Batch(jnp.zeros((config.batch, *IMAGE)), jnp.zeros(config.batch, jnp.int32))

    def gradient(player, own):
        def loss(own):
            variables = state.variables.replace(params=state.variables.params | {player: own})
            return family.loss(variables, batch, key, player=player)[0]

        return jax.grad(loss)(own)

    return sum(
        operations(lambda own, player=player: gradient(player, own), state.variables.params[player])
        for player in family.update_order
    )


def drawing(config: Config, batch: int, count: int) -> tuple[float, ...]:
    """The seconds in which ``count`` digits are drawn, ``batch`` at once, in each repetition; with
    untrained weights, which takes as long as with trained ones."""
    family = families.build(config)
    variables = jax.device_put(family.init(jax.random.key(0)), devices.whole())
    labels = sampling.balanced(count)
    for seed in range(2):
        # It compiles, and wakes the device.
        sampling.draw(family, variables, labels, seed, chunk=batch)
    seconds = []
    for seed in range(REPETITIONS):
        began = time.perf_counter()
        sampling.draw(family, variables, labels, seed, chunk=batch)
        seconds.append(time.perf_counter() - began)
    return tuple(seconds)


def product_speed() -> float:
    """Floating-point operations a second of a large matrix product, which may use the whole
    machine."""
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


def operations(function: Callable, *args) -> int:
    """Floating-point operations of the matrix products and convolutions in one call of
    ``function(*args)``, counted from the shapes of its layers; a multiply and an add are two.

    Loops count once for each turn, both branches of a condition count, and all else (norms,
    activations, optimisers) counts as nothing. ``args`` may be shapes (``jax.eval_shape``).
    """
    return _count(jax.make_jaxpr(function)(*args).jaxpr)


def _count(jaxpr) -> int:
    total = 0
    for equation in jaxpr.eqns:
        out = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += 2 * out * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        elif equation.primitive.name == "conv_general_dilated":
            kernel = equation.invars[1].aval.shape
            features = kernel[equation.params["dimension_numbers"].rhs_spec[0]]
            total += 2 * out * math.prod(kernel) // features
        turns = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        inner = jaxprs_in_params(equation.params)  # of loops, branches and functions
        total += turns * sum(map(_count, inner))
    return total


def bytes_sent(program: str, devices: int) -> float:
    """The bytes that each device sends while each collective of a program is called once;
    ``program`` is its text in XLA's HLO, as ``Compiled.as_text()`` gives it."""
    calls = _CALL.findall(program)
    return sum(_SENT[name](devices) * _size(result) for result, name in calls)


def _size(result: str) -> float:
    """The bytes of one array, or of several in a tuple."""
    return sum(
        int(bits) / 8 * math.prod(int(length) for length in shape.split(",") if length)
        for bits, shape in _ARRAY.findall(result)
    )
