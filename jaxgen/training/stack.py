"""Recipes of one shape, trained in one program: their states are stacked, and a step takes all.

They may differ in their seeds and in numbers that only scale something, such as a rate or beta. On
an accelerator small networks leave most of it idle, and many at once take hardly longer than one.
(On CPUs nothing is gained so: see ``devices.workers``.) A recipe that is alone is not stacked.
"""

import copy
import functools
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxgen import config as configs
from jaxgen import data, devices, families
from jaxgen.config import Config
from jaxgen.data import batches
from jaxgen.training import checkpoint, optimisers, step, traffic
from jaxgen.training.checkpoint import Checkpoints
from jaxgen.training.console import Console
from jaxgen.training.step import State

BLOCK = 50  # steps that one call of the device can take
MOST = 64  # runs in one program, for the memory of a device
INIT = 2**32 - 1  # what the key is folded with for the first weights; steps fold in their number

Metrics = dict[str, np.ndarray]  # one value a step


class Stack:
    """Recipes of one group (``groups``), and their families."""

    def __init__(self, recipes: Sequence[Config]):
        self.recipes = tuple(recipes)
        self.families = [families.build(recipe) for recipe in recipes]
        self.is_alone = len(self.recipes) == 1
        self._given = () if self.is_alone else _arguments(recipes)

    def restore(
        self, checkpoints: Sequence[Checkpoints], console: Console, shard_params: bool = False
    ) -> State:
        """The newest sound checkpoints, if all are of one step, or else fresh weights. Damaged
        checkpoints are set aside."""
        found = []
        for recipe, own in zip(self.recipes, checkpoints, strict=True):

            def damaged(step: int, reason: str, own=own) -> None:
                aside = own.set_aside(step)
                console.say(
                    f"the checkpoint of step {step} is damaged ({reason}): moved to {aside}"
                )

            fresh = functools.partial(_begin, recipe, recipe.seed, {})
            like = checkpoint.abstract(fresh, devices.shared if shard_params else None)
            found.append(checkpoint.restore(own.folder, own.config, like, damaged))
            if self.is_alone:
                return found[0] or jax.jit(fresh, out_shardings=places(like))()
        if all(found) and len({int(state.step) for state in found}) == 1:
            return jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *found)
        begin = jax.vmap(functools.partial(_begin, self.recipes[0]))
        return jax.jit(begin, out_shardings=devices.whole())(*self._given)

    def of(self, state: State, place: int) -> State:
        """The state of one of the recipes."""
        if self.is_alone:
            return state
        own = jax.tree.map(lambda leaf: leaf[place], state)
        return jax.device_put(own, devices.whole())

    def compile(self, state: State, digits: data.Split, console: Console) -> "Block":
        """Compile the train steps for the arrays at hand."""
        began = time.perf_counter()
        if self.is_alone:
            leaves = jax.tree.leaves(state)
            gather = not all(leaf.sharding.is_fully_replicated for leaf in leaves)
            advance = _advance(self.recipes[0], self.recipes[0].seed, {}, gather, places(state))
        else:

            def one(state, seed, numbers, *rest):
                return _advance(self.recipes[0], seed, numbers)(state, *rest)

            several = jax.vmap(one, in_axes=(0, 0, 0, None, None, 0, None))
            advance = jax.jit(several, donate_argnums=0)
        arrays = jax.device_put(tuple(digits), devices.whole())
        block = Block(self.recipes, advance, state, (*self._given, *arrays), len(digits.labels))
        console.say(f"compiled in {time.perf_counter() - began:.1f} s")
        return block


class Block:
    """The compiled program that takes steps."""

    def __init__(
        self, recipes: Sequence[Config], advance: Any, state: State, arrays: tuple, count: int
    ):
        self._recipes, self._arrays, self._count = recipes, arrays, count
        self._compiled = advance.lower(state, *arrays, *self._rows(0, 1)).compile()

    def __call__(self, state: State, step: int, stop: int) -> tuple[State, list[Metrics]]:
        """Take the steps from ``step`` to ``stop``; the metrics of each run are on the host."""
        state, metrics = self._compiled(state, *self._arrays, *self._rows(step, stop))
        rows = {
            name: np.reshape(values, (len(self._recipes), BLOCK))[:, : stop - step]
            for name, values in jax.device_get(metrics).items()
        }
        runs = range(len(self._recipes))
        return state, [{name: values[run] for name, values in rows.items()} for run in runs]

    def _rows(self, step: int, stop: int):
        """The digits of the next steps [k, b], or of each run [r, k, b]; and how many steps."""
        rows = np.zeros((len(self._recipes), BLOCK, self._recipes[0].batch), np.int32)
        for own, recipe in zip(rows, self._recipes, strict=True):
            own[: stop - step] = batches.indices(recipe.seed, step, stop, recipe.batch, self._count)
        rows = rows[0] if len(rows) == 1 else rows
        count = jax.device_put(np.int32(stop - step), devices.whole())
        return jax.device_put(rows, devices.split(rows.ndim - 1)), count

    @property
    def memory(self) -> int:
        """Bytes on each device: arguments, results, and what is between."""
        sizes = self._compiled.memory_analysis()
        given = sizes.argument_size_in_bytes - sizes.alias_size_in_bytes
        return given + sizes.output_size_in_bytes + sizes.temp_size_in_bytes

    @property
    def sent(self) -> float:
        """Bytes that each device sends to others in a step, by its program."""
        return traffic.sent(self._compiled.as_text(), devices.count())


def places(state: State) -> Any:
    """Where the arrays of a state lie, as a tree of the same form."""
    return jax.tree.map(lambda leaf: leaf.sharding, state)


def groups(recipes: Sequence[Config]) -> list[list[int]]:
    """The places of recipes that can be trained in one program, group by group."""
    alike: dict[Any, list[int]] = {}
    for place, recipe in enumerate(recipes):
        alike.setdefault(shape(recipe), []).append(place)
    found = []
    for rows in alike.values():
        if _is_traceable([recipes[place] for place in rows]):
            parts = [rows]
        else:  # something asks for the value of such a number: seeds alone may differ
            equal: dict[Config, list[int]] = {}
            for place in rows:
                equal.setdefault(_with(recipes[place], {"seed": 0}), []).append(place)
            parts = list(equal.values())
        found += [part[i : i + MOST] for part in parts for i in range(0, len(part), MOST)]
    return found


def shape(recipe: Config) -> tuple:
    """What a program depends on: all but the seed and numbers that only scale something."""
    return tuple(
        (name, value)
        for name, value in configs.flat(recipe)
        if name != "seed" and not isinstance(value, float)
    )


def _parts(recipe: Config, seed: Any, numbers: dict[str, Any]):
    """Recipe, family, optimisers and key, in which the seed and numbers may be JAX's own."""
    recipe = _with(recipe, numbers)
    family = families.build(recipe)
    return recipe, family, optimisers.players(recipe, family), jax.random.key(seed)


def _begin(recipe: Config, seed: Any, numbers: dict[str, Any]) -> State:
    _, family, players, key = _parts(recipe, seed, numbers)
    return step.init(family, players, jax.random.fold_in(key, INIT))


def _advance(recipe: Config, seed: Any, numbers: dict[str, Any], gather=False, places=None):
    recipe, family, players, key = _parts(recipe, seed, numbers)
    return step.make_advance(step.make_step(family, players, key, recipe.optim.ema, gather), places)


def _arguments(recipes: Sequence[Config]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Seeds [r], and the numbers that the recipes differ in, each [r]."""
    settings = [dict(configs.flat(recipe)) for recipe in recipes]
    names = [name for name in settings[0] if len({own[name] for own in settings}) > 1]
    numbers = {
        name: np.array([own[name] for own in settings], np.float32)
        for name in names
        if name != "seed"
    }
    return np.array([recipe.seed for recipe in recipes], np.uint32), numbers


def _is_traceable(recipes: Sequence[Config]) -> bool:
    """Whether a step can be made of numbers that are not known beforehand."""
    seeds, numbers = _arguments(recipes)
    if not numbers:
        return True
    images = jax.ShapeDtypeStruct((1, 28, 28, 1), np.uint8)
    labels = jax.ShapeDtypeStruct((1,), np.int32)
    rows = jax.ShapeDtypeStruct((1, recipes[0].batch), np.int32)
    count = jax.ShapeDtypeStruct((), np.int32)

    def trained(seed, numbers, *rest):
        state = _begin(recipes[0], seed, numbers)
        return _advance(recipes[0], seed, numbers)(state, *rest)

    first = {name: own[0] for name, own in numbers.items()}
    try:
        jax.eval_shape(trained, seeds[0], first, images, labels, rows, count)
    except (jax.errors.ConcretizationTypeError, TypeError):  # a branch, or a use in Python
        return False
    return True


def _with(recipe: Config, numbers: dict[str, Any]) -> Config:
    """The recipe with other numbers, which are not checked: they may be JAX's own."""
    parts = {"": copy.copy(recipe)}
    for name, value in numbers.items():
        part, _, field = name.replace("-", "_").rpartition(".")
        if part not in parts:
            parts[part] = copy.copy(getattr(recipe, part))
            object.__setattr__(parts[""], part, parts[part])
        object.__setattr__(parts[part], field, value)
    return parts[""]
