"""What a recipe costs on this machine: the train step, the drawing, memory, arithmetic.

Machines differ and are shared, so every time is taken several times, and beside the train step
stands the speed of a matrix product that was taken in turns with it.
"""

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import data, devices, families, sampling
from jaxgen.arrays import IMAGE, Batch
from jaxgen.config import Config
from jaxgen.training import flops, optimisers
from jaxgen.training.console import Console
from jaxgen.training.stack import Block, Stack
from jaxgen.training.step import State, init

SIDE = 2048  # of the matrices whose product is timed
REPETITIONS = 6
STEPS = 10  # in each


class Training(NamedTuple):
    """The cost of one train step, all players having had their turns."""

    seconds: tuple[float, ...]  # of a step, in each repetition
    products: tuple[float, ...]  # operations a second of a matrix product beside it
    operations: int  # floating-point ones of its products and convolutions
    parameters: int
    memory: int  # bytes on each device: the program's arguments, results and what is between
    sent: float  # bytes that each device sends to the others


class Drawing(NamedTuple):
    """The cost of drawing so many images at once."""

    batch: int
    seconds: tuple[float, ...]  # of the whole batch, in each repetition


def fresh(config: Config, console: Console | None = None) -> tuple[State, Block]:
    """The state of a recipe before the first step, and the program that takes steps from there."""
    digits = data.load(config.data).train
    family = families.build(config)
    players = optimisers.players(config, family)
    key = jax.random.key(config.seed)
    state = jax.device_put(init(family, players, key), devices.whole())
    return state, Stack([config]).compile(state, digits, console or Console(quiet=True))


def training(config: Config, console: Console | None = None) -> Training:
    """Take some steps of the recipe from fresh weights."""
    family, key = families.build(config), jax.random.key(config.seed)
    state, block = fresh(config, console)
    state, _ = block(state, 0, 2)
    seconds, products = [], []
    for start in range(2, 2 + REPETITIONS * STEPS, STEPS):
        products.append(product_speed())
        began = time.perf_counter()
        state, _ = block(state, start, start + STEPS)
        seconds.append((time.perf_counter() - began) / STEPS)
    batch = Batch(jnp.zeros((config.batch, *IMAGE)), jnp.zeros(config.batch, jnp.int32))
    work = sum(flops.count(jax.grad(loss), own) for loss, own in _losses(family, state, batch, key))
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.variables.params))
    return Training(tuple(seconds), tuple(products), work, parameters, block.memory, block.sent)


def _losses(family, state, batch, key):
    """For each turn the loss as a function of the player's own params, and these."""
    for player in family.update_order:

        def loss(own, player=player):
            variables = state.variables.replace(params=state.variables.params | {player: own})
            return family.loss(variables, batch, key, player=player)[0]

        yield loss, state.variables.params[player]


def drawing(config: Config, batch: int, count: int | None = None) -> Drawing:
    """Draw ``count`` digits, ``batch`` of them unless given, with untrained weights, which takes as
    long as with trained ones."""
    family = families.build(config)
    variables = jax.device_put(family.init(jax.random.key(0)), devices.whole())
    labels = sampling.balanced(count or batch)
    for seed in range(2):
        sampling.draw(
            family, variables, labels, seed, chunk=batch
        )  # compiles, and wakes the device
    seconds = []
    for seed in range(REPETITIONS):
        began = time.perf_counter()
        sampling.draw(family, variables, labels, seed, chunk=batch)
        seconds.append(time.perf_counter() - began)
    return Drawing(batch, tuple(seconds))


def product_speed() -> float:
    """Floating-point operations a second of a large matrix product, which may use the whole
    machine."""
    product = jax.jit(lambda a: a @ a)
    matrix = jax.device_put(np.full((SIDE, SIDE), 1 / SIDE, np.float32), jax.devices()[0])
    product(matrix).block_until_ready()
    began = time.perf_counter()
    for _ in range(4):
        matrix = product(matrix)
    matrix.block_until_ready()
    return 4 * 2 * SIDE**3 / (time.perf_counter() - began)
