"""The train step, by turns, and many of them in one call of the device."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import lax

from jaxgen import devices
from jaxgen.arrays import Batch, Key, Params
from jaxgen.families.base import Family, Variables
from jaxgen.images import to_float
from jaxgen.training.optimisers import Optimisers


class State(struct.PyTreeNode):
    """Everything that training changes: arrays only, and all that a checkpoint holds."""

    step: jax.Array  # int32, steps done
    variables: Variables
    ema: dict[str, Params]  # average of the params, for sampling
    opt: dict[str, optax.OptState]  # by player

    @property
    def averaged(self) -> Variables:
        """What images are drawn with."""
        return self.variables.replace(params=self.ema)


def init(family: Family, optimisers: Optimisers, key: Key) -> State:
    """The state before the first step."""
    variables = family.init(key)
    opt = {player: optimisers[player].init(own) for player, own in variables.params.items()}
    # A copy: the params are donated, and a buffer cannot be given away twice.
    return State(jnp.int32(0), variables, jax.tree.map(jnp.copy, variables.params), opt)


def make_step(
    family: Family, optimisers: Optimisers, key: Key, ema: float, gather: bool = False
) -> Callable:
    """Build ``step(state, batch) -> (state, metrics)``, in which every player has its turn.

    With ``gather``, parameters that lie shared out over the devices are gathered for the loss, and
    again for its gradient: or the compiler would move activations instead, which are more.
    """

    def take_turn(state: State, batch: Batch, key: Key, player: str):
        own = state.variables.params[player]

        def loss_of(own):
            params = state.variables.params | {player: own}
            if gather:
                params = lax.with_sharding_constraint(params, devices.whole())
            return family.loss(state.variables.replace(params=params), batch, key, player=player)

        grads, (stats, metrics) = jax.grad(loss_of, has_aux=True)(own)
        updates, opt = optimisers[player].update(grads, state.opt[player], own)
        params = state.variables.params | {player: optax.apply_updates(own, updates)}
        name = "grad_norm" if len(state.opt) == 1 else f"{player}/grad_norm"
        metrics = metrics | {name: optax.tree.norm(grads)}
        return state.replace(
            variables=Variables(params, stats), opt=state.opt | {player: opt}
        ), metrics

    def step(state: State, batch: Batch):
        key_step = jax.random.fold_in(key, state.step)
        metrics = {}
        for turn, player in enumerate(family.update_order):
            state, logs = take_turn(state, batch, jax.random.fold_in(key_step, turn), player)
            metrics |= logs
        decay = jnp.minimum(
            ema, 1 - (1.0 + state.step) ** -0.75
        )  # short at first, or it averages the start
        averaged = optax.incremental_update(state.variables.params, state.ema, 1 - decay)
        return state.replace(step=state.step + 1, ema=averaged), metrics

    return step


def make_advance(step: Callable, places: Any = None) -> Callable:
    """Build ``advance(state, images, labels, indices, count) -> (state, metrics)``: ``count`` steps
    in one call.

    ``indices`` [k, b] are the batches of the next k steps; rows from ``count`` on are passed over,
    so that one compiled program takes any number of steps up to k, and where a block ends changes
    no number. ``places``, a tree of shardings, are where the state lies before and after.
    """

    def advance(state, images, labels, indices, count):
        def one(state, row):
            batch = Batch(to_float(images[row]), labels[row])
            return step(state, lax.with_sharding_constraint(batch, devices.split()))

        shapes = jax.eval_shape(one, state, indices[0])[1]

        def maybe(state, numbered):
            number, row = numbered

            def skip(state):
                return state, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

            return lax.cond(number < count, lambda state: one(state, row), skip, state)

        return lax.scan(maybe, state, (jnp.arange(len(indices)), indices))

    out = None if places is None else (places, devices.whole())
    return jax.jit(advance, donate_argnums=0, out_shardings=out)
