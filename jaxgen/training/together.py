"""Runs of one shape, trained in one program: their states are stacked, and a step takes them all.

They may differ in their seeds and in numbers that only scale something, such as a rate or beta. On
an accelerator small networks leave most of it idle, and many at once take hardly longer than one.
(On CPUs nothing is gained so: see ``devices.workers``.)
"""

import contextlib
import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgen import config as configs
from jaxgen import data, devices, families, sampling
from jaxgen.config import Config
from jaxgen.data import batches
from jaxgen.training import checkpoint, loop, optimisers, seals, step
from jaxgen.training.console import Console
from jaxgen.training.folder import RunFolder
from jaxgen.training.interrupts import Interrupts
from jaxgen.training.log import Records
from jaxgen.training.watch import Watch

MOST = 64  # runs in one program, for the memory of a device


def groups(recipes: Sequence[Config]) -> list[list[int]]:
    """The places of recipes that can be trained together, group by group."""
    alike: dict[Any, list[int]] = {}
    for place, recipe in enumerate(recipes):
        alike.setdefault(static(recipe), []).append(place)
    found = []
    for places in alike.values():
        if _traceable([recipes[place] for place in places]):
            parts = [places]
        else:  # something asks for the value of such a number: seeds alone may differ
            equal: dict[Config, list[int]] = {}
            for place in places:
                equal.setdefault(_seedless(recipes[place]), []).append(place)
            parts = list(equal.values())
        found += [part[i : i + MOST] for part in parts for i in range(0, len(part), MOST)]
    return found


def train(recipes: Sequence[Config], folders: Sequence[Path]) -> list[str | None]:
    """Train recipes of one group, each in its folder, as ``loop.train_apart`` would one after the
    other; for each, why it failed, or None.

    Exits where training is interrupted; the same call goes on from there.
    """
    runs = [RunFolder(folder) for folder in folders]
    loop.check_batch(recipes[0].batch)
    with contextlib.ExitStack() as stack:
        for run, recipe in zip(runs, recipes, strict=True):
            stack.enter_context(run.lock())
            run.prepare_anew(recipe)
        return _train(recipes, runs)


def _train(recipes: Sequence[Config], runs: Sequence[RunFolder]) -> list[str | None]:
    source = data.load(recipes[0].data)
    seeds, numbers = _arguments(recipes)
    states, begun = _states(recipes, runs, seeds, numbers)
    for run in runs:
        run.learns_from(source)
        run.began(begun, devices.describe())
    advance = jax.jit(_advance(recipes[0]), donate_argnums=0)
    arrays = jax.device_put(tuple(source.train), devices.whole())
    failed: list[str | None] = [None] * len(runs)
    with contextlib.ExitStack() as stack, Interrupts() as interrupts:
        records = [
            stack.enter_context(Records(run.metrics, begun, recipe.log_every))
            for run, recipe in zip(runs, recipes, strict=True)
        ]
        at, size, last = begun, 2, recipes[0].steps
        while at < last and not interrupts.signal:
            stop = min(at + size, last)
            began = time.perf_counter()
            rows = _rows(recipes, at, stop, len(source.train.labels))
            states, metrics = advance(states, seeds, numbers, *arrays, rows, np.int32(stop - at))
            metrics = jax.device_get(metrics)
            seconds = (time.perf_counter() - began) / len(runs)
            for place, run in enumerate(runs):
                own = {name: values[place, : stop - at] for name, values in metrics.items()}
                records[place].add(at + 1, own, seconds)
                try:
                    loop.check_finite(own, at + 1, lambda run=run: seals.steps(run.checkpoints))
                except loop.Diverged as error:
                    failed[place] = failed[place] or str(error)
            size = int(np.clip(loop.SECONDS * (stop - at) / (seconds * len(runs)), 1, loop.BLOCK))
            at = stop
        for place, (recipe, run) in enumerate(zip(recipes, runs, strict=True)):
            if failed[place] is None and at > begun:
                own = jax.tree.map(lambda leaf, place=place: leaf[place], states)
                _finish(recipe, run, own, records[place], source)
        if interrupts.signal:
            raise SystemExit(interrupts.status)
    return failed


def _finish(recipe: Config, run: RunFolder, state: step.State, records: Records, source):
    """What the loop does when it saves, for one of the runs."""
    state = jax.device_put(state, devices.whole())
    family = families.build(recipe)
    state = loop.fitted(family, state, source.train)
    records.flush()
    with checkpoint.Checkpoints(run.checkpoints, recipe) as checkpoints:
        checkpoints.save(state)
    drawer = sampling.Drawer(family)
    at = int(state.step)
    records.picture(at, loop.picture_taker(recipe, drawer, run, source.learned)(state))
    if family.may_collapse:
        seen = Watch(source).see(loop.any_digits(recipe, drawer, state))
        records.watch(at, *seen)


def _states(recipes, runs, seeds, numbers) -> tuple[step.State, int]:
    """The stacked states that all runs have saved at one step, or else fresh ones; and the step."""
    saved = [max(seals.steps(run.checkpoints), default=0) for run in runs]
    quiet = Console(quiet=True)
    if len(set(saved)) == 1 and saved[0]:
        found = []
        for recipe, run in zip(recipes, runs, strict=True):
            family = families.build(recipe)
            players = optimisers.players(recipe, family)
            key = jax.random.key(recipe.seed)
            with checkpoint.Checkpoints(run.checkpoints, recipe) as checkpoints:
                found.append(loop.first_state(family, players, key, checkpoints, quiet))
        if all(int(state.step) == saved[0] for state in found):
            return jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *found), saved[0]
    begin = jax.vmap(lambda seed, numbers: _begin(recipes[0], seed, numbers))
    return jax.jit(begin, out_shardings=devices.whole())(seeds, numbers), 0


def _parts(recipe: Config, seed, numbers):
    """Family, optimisers and key of a recipe in which a seed and numbers are JAX's own."""
    recipe = _with(recipe, numbers)
    family = families.build(recipe)
    return recipe, family, optimisers.players(recipe, family), jax.random.key(seed)


def _begin(recipe, seed, numbers) -> step.State:
    _, family, players, key = _parts(recipe, seed, numbers)
    return step.init(family, players, jax.random.fold_in(key, loop.INIT))


def _advance(recipe):
    """Many steps of all runs: ``advance(states, seeds, numbers, images, labels, rows, count)``."""

    def one(state, seed, numbers, images, labels, rows, count):
        own, family, players, key = _parts(recipe, seed, numbers)
        advance = step.make_advance(step.make_step(family, players, key, own.optim.ema))
        return advance(state, images, labels, rows, count)

    return jax.vmap(one, in_axes=(0, 0, 0, None, None, 0, None))


def _rows(recipes, start, stop, count) -> np.ndarray:
    """The digits of the next steps of each run: int32 [r, k, b]."""
    rows = np.zeros((len(recipes), loop.BLOCK, recipes[0].batch), np.int32)
    for place, recipe in enumerate(recipes):
        rows[place, : stop - start] = batches.indices(recipe.seed, start, stop, recipe.batch, count)
    return rows


def _arguments(recipes) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Seeds [r], and the numbers that the recipes differ in, each [r]."""
    settings = [dict(configs.flat(recipe)) for recipe in recipes]
    names = [name for name in settings[0] if len({own[name] for own in settings}) > 1]
    numbers = {
        name: np.array([own[name] for own in settings], np.float32)
        for name in names
        if name != "seed"
    }
    return np.array([recipe.seed for recipe in recipes], np.uint32), numbers


def _traceable(recipes) -> bool:
    """Whether a step can be made of numbers that are not known beforehand."""
    seeds, numbers = _arguments(recipes)
    if not numbers:
        return True
    images = jax.ShapeDtypeStruct((1, 28, 28, 1), np.uint8)
    labels = jax.ShapeDtypeStruct((1,), np.int32)
    rows = jax.ShapeDtypeStruct((len(recipes), 1, recipes[0].batch), np.int32)
    count = jax.ShapeDtypeStruct((), np.int32)
    begin = jax.vmap(lambda seed, numbers: _begin(recipes[0], seed, numbers))
    try:
        states = jax.eval_shape(begin, seeds, numbers)
        advance = _advance(recipes[0])
        jax.eval_shape(advance, states, seeds, numbers, images, labels, rows, count)
    except (jax.errors.ConcretizationTypeError, TypeError):  # a branch, or a use in Python
        return False
    return True


def static(recipe: Config) -> tuple:
    """What a program depends on: all but the seed and numbers that only scale something."""
    return tuple(
        (name, value)
        for name, value in configs.flat(recipe)
        if name != "seed" and not isinstance(value, float)
    )


def _seedless(recipe: Config) -> Config:
    return _with(recipe, {"seed": 0})


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
