"""Several recipes of one shape in one program: their states are stacked, and a step trains all.

The recipes may differ in their seeds and in numbers that only scale something, such as the learning
rate or beta. Small networks use little of an accelerator, so many take hardly longer than one. (On
CPUs this is not faster: see ``devices.workers``.) A single recipe is not stacked.
"""

import copy
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgen import config as configs
from jaxgen import data, devices, distributed
from jaxgen.config import Config
from jaxgen.data.stream import Stream
from jaxgen.families.base import Variables
from jaxgen.families.capabilities import Prepares
from jaxgen.training import checkpoint, feeds
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.console import Console
from jaxgen.training.trainer import State, Trainer

BLOCK = 50  # steps that one call of the device can take
MAX_RUNS = 64  # runs in one program; more might not fit into the memory of a device

Metrics = dict[str, np.ndarray]  # one value per step


class Stack:
    """Recipes of one group (``groups``) and their trainers."""

    def __init__(self, recipes: Sequence[Config]):
        self.recipes = tuple(recipes)
        self.trainers = [Trainer(recipe) for recipe in recipes]
        self.is_alone = len(self.recipes) == 1

    def init(self, digits: data.Split, shard_params: bool = False) -> State:
        """The state before the first step of a training on these digits."""
        if self.is_alone:
            like = self.trainers[0].abstract(shard_params)
            state = jax.jit(self.trainers[0].init, out_shardings=shardings(like))()
        else:
            begin = jax.vmap(lambda numbers: Trainer(_with(self.recipes[0], numbers)).init())
            state = jax.jit(begin, out_shardings=devices.whole())(_numbers(self.recipes))
        return self._prepared(state, digits)

    def _prepared(self, state: State, digits: data.Split) -> State:
        family = self.trainers[0].family
        if not isinstance(family, Prepares):
            return state
        return with_stats(state, family.prepare(state.variables, digits).stats)

    def going_on(
        self, variables: Variables, digits: data.Split, shard_params: bool = False
    ) -> State:
        """The state of the only recipe before the first step of a training on these digits that
        goes on from ``variables``."""
        trainer = self.trainers[0]
        like = trainer.abstract(shard_params)
        fresh = jax.jit(trainer.init, out_shardings=shardings(like))()
        whole = fresh.replace(variables=variables, ema=variables.params)
        placed = jax.device_put(whole, shardings(like))
        copied = jax.tree.map(jnp.copy, placed)  # a step donates it, and each array once
        return self._prepared(copied, digits)

    def restore(
        self,
        checkpoints: Sequence[Checkpoints],
        digits: data.Split,
        console: Console,
        shard_params: bool = False,
        variables: Variables | None = None,
    ) -> State:
        """The newest sound checkpoints, if all are of the same step, else ``variables``, or fresh
        weights. Damaged checkpoints are moved to ``damaged/``."""
        states = []
        for trainer, saved in zip(self.trainers, checkpoints, strict=True):

            def damaged(step: int, reason: str, saved=saved) -> None:
                path = saved.set_aside(step)
                console.say(f"the checkpoint of step {step} is damaged ({reason}): moved to {path}")

            states.append(checkpoint.restore(saved.folder, trainer, damaged, shard_params))
        if all(states) and len({int(state.step) for state in states}) == 1:
            if self.is_alone:
                return states[0]
            return jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
        if variables is not None:
            return self.going_on(variables, digits, shard_params)
        return self.init(digits, shard_params)

    def of(self, state: State, index: int) -> State:
        """The state of one of the recipes."""
        if self.is_alone:
            return state
        return jax.device_put(jax.tree.map(lambda leaf: leaf[index], state), devices.whole())

    def compile(self, state: State, digits: data.Split | Stream, console: Console) -> "Block":
        """Compile the train steps for a state and training digits."""
        began = time.perf_counter()
        block = Block(self, state, digits)
        console.say(f"compiled in {time.perf_counter() - began:.1f} s")
        return block


class Block:
    """The compiled program that takes train steps."""

    def __init__(self, stack: Stack, state: State, digits: data.Split | Stream):
        self._recipes, self._numbers = stack.recipes, ()
        self._feed = feeds.feed(stack.recipes, digits, BLOCK)
        advance = stack.trainers[0].advance
        if not stack.is_alone:

            def advance_one(state, numbers, *rest):
                return Trainer(_with(stack.recipes[0], numbers)).advance(state, *rest)

            advance = jax.vmap(advance_one, in_axes=(0, 0, None, None, 0, None))
            self._numbers = (_numbers(stack.recipes),)
        out_shardings = (shardings(state), devices.whole())
        jitted = jax.jit(advance, donate_argnums=0, out_shardings=out_shardings)
        self.program: Any = jitted.lower(state, *self._numbers, *self._fed(0, 0)).compile()

    def __call__(self, state: State, step: int, stop: int) -> tuple[State, list[Metrics]]:
        """Take the steps from ``step`` to ``stop``; the metrics of each run are on the host."""
        state, metrics = self.program(state, *self._numbers, *self._fed(step, stop))
        rows = {
            name: np.reshape(values, (len(self._recipes), BLOCK))[:, : stop - step]
            for name, values in jax.device_get(metrics).items()
        }
        runs = range(len(self._recipes))
        return state, [{name: values[run] for name, values in rows.items()} for run in runs]

    def close(self) -> None:
        """Stop reading the digits of the next steps."""
        self._feed.close()

    def _fed(self, step: int, stop: int) -> tuple:
        """The digits of the next steps, their indices, and the number of steps."""
        count = jax.device_put(np.int32(stop - step), devices.whole())
        return *self._feed(step, stop), count


def shardings(state: State) -> Any:
    """The sharding of each array of a state, as a tree of the same form."""
    return jax.tree.map(lambda leaf: leaf.sharding, state)


def with_stats(state: State, stats: Any) -> State:
    """The state with other stats of its form, placed as its own are; stacked runs all get them."""
    placed = jax.tree.map(
        lambda own, like: jax.device_put(np.broadcast_to(own, like.shape), like.sharding),
        distributed.fetch(stats),
        state.variables.stats,
    )
    return state.replace(variables=state.variables.replace(stats=placed))


def groups(recipes: Sequence[Config]) -> list[list[int]]:
    """Divide recipes into groups that one program can train; each group is a list of indices."""
    alike: dict[Any, list[int]] = {}
    for index, recipe in enumerate(recipes):
        alike.setdefault(shape(recipe), []).append(index)
    divided = []
    for indices in alike.values():
        if _is_traceable([recipes[index] for index in indices]):
            parts = [indices]
        else:  # the code of a step depends on the value of a number: only seeds may differ
            equal: dict[Config, list[int]] = {}
            for index in indices:
                equal.setdefault(_with(recipes[index], {"seed": 0}), []).append(index)
            parts = list(equal.values())
        divided += [part[i : i + MAX_RUNS] for part in parts for i in range(0, len(part), MAX_RUNS)]
    return divided


def shape(recipe: Config) -> tuple:
    """The settings that a program depends on: all except the seed and floats, which only scale."""
    return tuple(
        (name, value)
        for name, value in configs.flat(recipe)
        if name != "seed" and not isinstance(value, float)
    )


def _numbers(recipes: Sequence[Config]) -> dict[str, np.ndarray]:
    """The seeds, and the numbers that the recipes differ in, each [r]."""
    settings = [dict(configs.flat(recipe)) for recipe in recipes]
    names = [name for name in settings[0] if len({values[name] for values in settings}) > 1]
    numbers = {name: np.array([values[name] for values in settings], np.float32) for name in names}
    return numbers | {"seed": np.array([recipe.seed for recipe in recipes], np.uint32)}


def _is_traceable(recipes: Sequence[Config]) -> bool:
    """Whether JAX can trace a step with the differing numbers as arguments."""
    numbers = _numbers(recipes)
    if len(numbers) == 1:  # only seeds
        return True
    images = jax.ShapeDtypeStruct((1, 28, 28, 1), np.uint8)
    labels = jax.ShapeDtypeStruct((1,), np.int32)
    rows = jax.ShapeDtypeStruct((1, recipes[0].batch), np.int32)
    count = jax.ShapeDtypeStruct((), np.int32)

    def trained(numbers, *rest):
        trainer = Trainer(_with(recipes[0], numbers))
        return trainer.advance(trainer.init(), *rest)

    first = {name: values[0] for name, values in numbers.items()}
    try:
        jax.eval_shape(trained, first, images, labels, rows, count)
    except (jax.errors.ConcretizationTypeError, TypeError):  # a use in Python
        return False
    return True


def _with(recipe: Config, numbers: dict[str, Any]) -> Config:
    """The recipe with other numbers, without the checks of settings: JAX may trace them."""
    parts = {"": copy.copy(recipe)}
    for name, value in numbers.items():
        part, _, field = name.replace("-", "_").rpartition(".")
        if part not in parts:
            parts[part] = copy.copy(getattr(recipe, part))
            object.__setattr__(parts[""], part, parts[part])
        object.__setattr__(parts[part], field, value)
    return parts[""]
